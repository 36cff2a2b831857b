//! Lists, in pages.
//!
//! Invariant: a continue token is the version of the first page and the last key that was sent, so
//! that no object is skipped because another went.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::json;

use super::call::Call;
use super::object::{Key, Object};
use super::reply::{self, Chunks, refusal, refuse};
use super::store::{State, Table};

pub(super) fn list(call: &Call, state: &mut State) -> Response<Chunks> {
    let version = state.version;
    let table = state.table(call.resource);
    let number = table.faults.lists;
    table.faults.lists += 1;
    if let Some(refusal) = refusal(call, table) {
        return refusal;
    }
    if table.faults.failing_lists.contains(&number) {
        let code = StatusCode::INTERNAL_SERVER_ERROR;
        return refuse(code, "InternalError", "etcdserver: timeout");
    }
    let body = if table.faults.empty_lists.contains(&number) {
        joined(
            call,
            &json!({"resourceVersion": version.to_string()}).to_string(),
            &[],
        )
    } else {
        page(call, table, version)
    };
    table.faults.sent += body.len() as u64;
    match table.faults.pace {
        0 => reply::ok(body),
        pace => reply::dripping(body, pace),
    }
}

fn page(call: &Call, table: &Table, version: u64) -> Bytes {
    let token = call.query.get("continue").and_then(|token| behind(token));
    let (version, from) = match token {
        Some((version, key)) => (version, Bound::Excluded(key)),
        None => (version, first(call)),
    };
    let limit = call
        .number("limit")
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
    let ours = |object: &&Arc<Object>| {
        let namespace = call.namespace.as_ref();
        namespace.is_none_or(|namespace| *namespace == object.key.namespace)
    };
    let from_there = table.objects.range((from, Bound::Unbounded));
    let mut rest = from_there
        .map(|(_, object)| object)
        .take_while(ours)
        .filter(|object| call.selects(object));
    let items: Vec<&Arc<Object>> = rest.by_ref().take(limit).collect();
    let more = rest.next().and(items.last());
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if let Some(last) = more {
        let (namespace, name) = (&last.key.namespace, &last.key.name);
        metadata["continue"] = json!(format!("{version}|{namespace}|{name}"));
    }
    let metadata = metadata.to_string();
    joined(call, &metadata, &items)
}

fn first(call: &Call) -> Bound<Key> {
    match &call.namespace {
        Some(namespace) => Bound::Included(Key {
            namespace: namespace.clone(),
            name: String::new(),
        }),
        None => Bound::Unbounded,
    }
}

fn behind(token: &str) -> Option<(u64, Key)> {
    let (version, key) = token.split_once('|')?;
    let (namespace, name) = key.split_once('|')?;
    let key = Key {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    Some((version.parse().ok()?, key))
}

fn joined(call: &Call, metadata: &str, items: &[&Arc<Object>]) -> Bytes {
    let (api, kind) = if call.metadata_only {
        (
            "meta.k8s.io/v1".to_owned(),
            "PartialObjectMetadataList".to_owned(),
        )
    } else {
        (call.api(), format!("{}List", call.resource.kind()))
    };
    let head = format!(
        "{{\"apiVersion\":\"{api}\",\"kind\":\"{kind}\",\"metadata\":{metadata},\"items\":["
    );
    let mut body = head.into_bytes();
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        if call.metadata_only {
            body.extend_from_slice(&item.metadata());
        } else if call.resource.is_custom() {
            body.extend_from_slice(&item.full(&call.api()));
        } else {
            item.push_bare(&mut body);
        }
    }
    body.extend_from_slice(b"]}");
    Bytes::from(body)
}

//! Creating, changing and deleting.
//!
//! Invariant: what is equal to before leaves no trace; a write that names a version other than the
//! present one is refused with 409.
//! Deliberately absent: field ownership, but for who wrote a status last. An apply patch replaces
//! the object.

use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::call::Call;
use super::object::{Key, Object};
use super::reply::{self, Chunks, not_found, refuse, write_refusal};
use super::resource::Resource;
use super::store::State;

/// How the body of a write is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Create,
    Replace,
    Apply,
    Merge,
}

impl Mode {
    pub(super) fn of(method: &Method, content_type: &[u8]) -> Option<Self> {
        match *method {
            Method::POST => Some(Self::Create),
            Method::PUT => Some(Self::Replace),
            Method::PATCH if content_type.starts_with(b"application/apply-patch") => {
                Some(Self::Apply)
            }
            Method::PATCH => Some(Self::Merge),
            _ => None,
        }
    }
}

pub(super) fn delete(call: &Call, state: &mut State) -> Response<Chunks> {
    if let Some(refusal) = write_refusal(call, state.table(call.resource)) {
        return refusal;
    }
    let gone = call.key().and_then(|key| state.delete(call.resource, &key));
    gone.map_or_else(
        || not_found("not found"),
        |object| reply::ok(object.full(&call.api())),
    )
}

pub(super) fn write(call: &Call, state: &mut State, body: &[u8], mode: Mode) -> Response<Chunks> {
    let Ok(mut object) = serde_json::from_slice::<Value>(body) else {
        return refuse(StatusCode::BAD_REQUEST, "BadRequest", "not JSON");
    };
    if let Some(refusal) = write_refusal(call, state.table(call.resource)) {
        return refusal;
    }
    let Some(name) = name(call, &object, state.version) else {
        let code = StatusCode::UNPROCESSABLE_ENTITY;
        return refuse(code, "Invalid", "metadata.name: required");
    };
    let namespace = call.namespace.clone().unwrap_or_default();
    let key = Key { namespace, name };
    let held = state.table(call.resource).objects.get(&key);
    let before = held.map(|held| held.value());
    if let Some(refusal) = conflict(before.as_ref(), &object, mode, call.status) {
        return refusal;
    }
    if let (Mode::Merge, Some(before)) = (mode, &before) {
        let patch = std::mem::replace(&mut object, before.clone());
        merge_patch(&mut object, patch);
    }
    let object = merged_status(call, object, before.as_ref());
    if call.query.get("dryRun").is_some_and(|run| run == "All") {
        return reply::json(&object);
    }
    let object = put(state, call.resource, key, object);
    let code = if mode == Mode::Create {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    reply::reply(code, object.full(&call.api()))
}

/// Creates or replaces an object.
pub(super) fn put(
    state: &mut State,
    resource: Resource,
    key: Key,
    mut object: Value,
) -> std::sync::Arc<Object> {
    let version = state.version + 1;
    let table = state.table(resource);
    let storage = table.versions.first().copied().unwrap_or("v1");
    let held = table.objects.get(&key);
    let before = held.map(|held| held.value());
    object["apiVersion"] = match resource.group() {
        "" => json!(storage),
        group => json!(format!("{group}/{storage}")),
    };
    object["kind"] = json!(resource.kind());
    complete(&key, &mut object, before.as_ref(), version);
    if let (true, Some(held)) = (before.as_ref() == Some(&object), held) {
        return std::sync::Arc::clone(held);
    }
    state.insert(resource, |version| {
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        Object::new(key, &object)
    })
}

fn name(call: &Call, object: &Value, version: u64) -> Option<String> {
    let metadata = &object["metadata"];
    let written = call.name.as_deref().or_else(|| metadata["name"].as_str());
    let generated = || Some(format!("{}{version}", metadata["generateName"].as_str()?));
    written.map(str::to_owned).or_else(generated)
}

fn conflict(
    before: Option<&Value>,
    object: &Value,
    mode: Mode,
    status: bool,
) -> Option<Response<Chunks>> {
    let Some(before) = before else {
        let must_be_there = status || mode == Mode::Replace;
        return must_be_there.then(|| not_found("not found"));
    };
    if mode == Mode::Create {
        return Some(refuse(
            StatusCode::CONFLICT,
            "AlreadyExists",
            "already exists",
        ));
    }
    let named = &object["metadata"]["resourceVersion"];
    let stale = named.is_string() && *named != before["metadata"]["resourceVersion"];
    let message = "the object has been modified; please apply your changes to the latest version";
    stale.then(|| refuse(StatusCode::CONFLICT, "Conflict", message))
}

/// `status` is written through its own path alone, and nothing else is.
fn merged_status(call: &Call, mut object: Value, before: Option<&Value>) -> Value {
    if !call.resource.shape().status {
        return object;
    }
    if call.status {
        let mut kept = before.cloned().unwrap_or_default();
        kept["status"] = object["status"].take();
        if let Some(manager) = call.query.get("fieldManager") {
            kept["metadata"]["managedFields"] = json!([{
                "manager": manager, "operation": "Update", "subresource": "status",
                "apiVersion": call.api(), "fieldsType": "FieldsV1", "fieldsV1": {},
            }]);
        }
        return kept;
    }
    let fields = object.as_object_mut();
    if let Some(fields) = fields {
        fields.remove("status");
        let status = before.and_then(|before| before.get("status"));
        fields.extend(status.map(|status| ("status".to_owned(), status.clone())));
    }
    object
}

/// Fills in what the server sets; the version stays as before so that equal objects are equal.
fn complete(key: &Key, object: &mut Value, before: Option<&Value>, version: u64) {
    let changed = before.is_none_or(|before| before["spec"] != object["spec"]);
    let metadata = &mut object["metadata"];
    metadata["name"] = json!(key.name);
    if !key.namespace.is_empty() {
        metadata["namespace"] = json!(key.namespace);
    }
    let before = before.map(|object| &object["metadata"]);
    let generation = before.and_then(|before| before["generation"].as_u64());
    metadata["generation"] = json!(generation.unwrap_or(0) + u64::from(changed));
    metadata["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    let uid = || json!(format!("00000000-0000-4000-8000-{version:012}"));
    metadata["uid"] = before.map_or_else(uid, |before| before["uid"].clone());
    metadata["resourceVersion"] = before.map_or(Value::Null, |b| b["resourceVersion"].clone());
    let managed = before.and_then(|before| before.get("managedFields"));
    if let (Some(managed), None) = (managed, metadata.get("managedFields")) {
        metadata["managedFields"] = managed.clone();
    }
}

/// RFC 7386.
fn merge_patch(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(&name);
        } else {
            merge_patch(&mut target[name], value);
        }
    }
}

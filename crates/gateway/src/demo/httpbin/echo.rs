//! A request as httpbin.org shows it in JSON: `args`, `headers`, `origin`, `url`, and the body's parts.
//!
//! Invariant: keys are sorted, so the same request gives the same bytes.
//! Deliberately absent: multipart forms; they come back under `data`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use serde_json::{Map, Value, json};

/// The four keys every echo has.
pub(super) fn request(parts: &Parts, peer: IpAddr) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert(
        "args".into(),
        pairs(parts.uri.query().unwrap_or_default().as_bytes()),
    );
    object.insert("headers".into(), headers(parts));
    object.insert("origin".into(), origin(&parts.headers, peer));
    object.insert("url".into(), url(parts).into());
    object
}

/// `data`, `files`, `form` and `json`, as `/post` and `/anything` show a body.
pub(super) fn add_body(object: &mut Map<String, Value>, parts: &Parts, body: &[u8]) {
    let is_form = media_type(&parts.headers) == Some("application/x-www-form-urlencoded");
    let (form, data) = if is_form {
        (pairs(body), "".into())
    } else {
        (json!({}), text(body))
    };
    object.insert("data".into(), data);
    object.insert("files".into(), json!({}));
    object.insert("form".into(), form);
    let json = if is_form {
        None
    } else {
        serde_json::from_slice(body).ok()
    };
    object.insert("json".into(), json.unwrap_or(Value::Null));
}

/// The headers under Title-Case names; a repeated one is joined with commas. HTTP/2 has `:authority`
/// in the place of `Host` (RFC 9113 section 8.3.1) and is shown as if it had sent that.
pub(super) fn headers(parts: &Parts) -> Value {
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        shown
            .entry(title_case(name))
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    if let Some(authority) = parts.uri.authority() {
        shown
            .entry("Host".into())
            .or_insert_with(|| authority.as_str().into());
    }
    json!(shown)
}

/// Who asks: `X-Forwarded-For` when there is one, as httpbin.org does, else the peer.
pub(super) fn origin(headers: &HeaderMap, peer: IpAddr) -> Value {
    headers
        .get("x-forwarded-for")
        .map_or_else(|| peer.to_string().into(), |value| text(value.as_bytes()))
}

/// The `User-Agent`, or null.
pub(super) fn user_agent(headers: &HeaderMap) -> Value {
    headers
        .get(header::USER_AGENT)
        .map_or(Value::Null, |value| text(value.as_bytes()))
}

fn url(parts: &Parts) -> String {
    let scheme = header_text(parts.headers.get("x-forwarded-proto")).unwrap_or("http");
    let host = match parts.uri.authority() {
        Some(authority) => authority.as_str(),
        None => header_text(parts.headers.get(header::HOST)).unwrap_or_default(),
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    format!("{scheme}://{host}{path}")
}

/// Decoded `key=value&…`; a repeated key becomes a list.
fn pairs(encoded: &[u8]) -> Value {
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in form_urlencoded::parse(encoded) {
        shown
            .entry(key.into_owned())
            .or_default()
            .push(value.into_owned());
    }
    let shown = shown
        .into_iter()
        .map(|(key, mut values)| match values.pop() {
            Some(only) if values.is_empty() => (key, Value::from(only)),
            last => {
                values.extend(last);
                (key, Value::from(values))
            }
        });
    Value::Object(shown.collect())
}

fn title_case(name: &HeaderName) -> String {
    let mut at_start = true;
    let shown = name.as_str().chars().map(|c| {
        let shown = if at_start { c.to_ascii_uppercase() } else { c };
        at_start = c == '-';
        shown
    });
    shown.collect()
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = header_text(headers.get(header::CONTENT_TYPE))?;
    value.split(';').next().map(str::trim)
}

fn header_text(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok())
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into()
}

//! `envoy_log_type`, `envoy_log_format` and `envoy_log_path`.

use crate::fields::{Fields, Line};
use crate::format;
use crate::module::{AccessLogFormat, AccessLogOptions};
use crate::yaml::Entry;
use crate::{Format, Piece};

pub(super) fn read(fields: &mut Fields<'_, '_>) -> AccessLogOptions {
    let log_type = fields.read(
        "envoy_log_type",
        "`text`, `json` or `typed_json`",
        LogType::read,
    );
    let path = fields.parsed_by("envoy_log_path", |text| match text {
        "" => Err("is no file"),
        _ if text.contains('\0') => Err("is no file"),
        _ => Ok(text.into()),
    });
    AccessLogOptions {
        format: log_format(fields, log_type.unwrap_or(LogType::Text)),
        path,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LogType {
    Text,
    Json,
    TypedJson,
}

impl LogType {
    fn read(entry: &Entry<'_>) -> Option<Self> {
        Some(match entry.value.text()?.to_ascii_lowercase().as_str() {
            "text" => Self::Text,
            "json" => Self::Json,
            "typed_json" => Self::TypedJson,
            _ => return None,
        })
    }
}

fn log_format(fields: &mut Fields<'_, '_>, log_type: LogType) -> Option<AccessLogFormat> {
    let entry = fields
        .entry("envoy_log_format")
        .filter(|entry| !entry.value.is_empty());
    let typed = log_type == LogType::TypedJson;
    match (entry, log_type) {
        (None, LogType::Text) => None,
        (None, LogType::Json | LogType::TypedJson) => Some(AccessLogFormat::Json {
            fields: default_fields(),
            typed,
        }),
        (Some(entry), LogType::Text) => text(fields, entry).map(AccessLogFormat::Text),
        (Some(entry), LogType::Json | LogType::TypedJson) => {
            if entry.value.entries().is_none() {
                fields.wrong_type(entry, "a mapping, as `envoy_log_type` is JSON");
                return None;
            }
            let fields = format::read_fields(fields, "envoy_log_format")?;
            Some(AccessLogFormat::Json { fields, typed })
        }
    }
}

/// As in Emissary, the format is the line without its end.
fn text(fields: &mut Fields<'_, '_>, entry: &Entry<'_>) -> Option<Format> {
    let Some(text) = entry.value.text() else {
        fields.wrong_type(entry, "text, as `envoy_log_type` is `text`");
        return None;
    };
    let line = Line {
        text,
        line: entry.line,
    };
    let mut pieces = format::read(fields, "`envoy_log_format`", line)?
        .0
        .into_vec();
    pieces.push(Piece::Text("\n".into()));
    Some(Format(pieces.into()))
}

/// Emissary's fields, without those about what the gateway does not have.
fn default_fields() -> Box<[(Box<str>, Format)]> {
    let formats = DEFAULT_FIELDS
        .iter()
        .filter_map(|(key, format)| Some(((*key).into(), format.parse().ok()?)));
    formats.collect()
}

const DEFAULT_FIELDS: [(&str, &str); 20] = [
    ("start_time", "%START_TIME%"),
    ("method", "%REQ(:METHOD)%"),
    ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
    ("protocol", "%PROTOCOL%"),
    ("response_code", "%RESPONSE_CODE%"),
    ("response_flags", "%RESPONSE_FLAGS%"),
    ("bytes_received", "%BYTES_RECEIVED%"),
    ("bytes_sent", "%BYTES_SENT%"),
    ("duration", "%DURATION%"),
    (
        "upstream_service_time",
        "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    ),
    ("x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"),
    ("user_agent", "%REQ(USER-AGENT)%"),
    ("request_id", "%REQ(X-REQUEST-ID)%"),
    ("authority", "%REQ(:AUTHORITY)%"),
    ("upstream_host", "%UPSTREAM_HOST%"),
    ("upstream_cluster", "%UPSTREAM_CLUSTER%"),
    ("upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"),
    ("downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"),
    ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
    (
        "upstream_transport_failure_reason",
        "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    ),
];

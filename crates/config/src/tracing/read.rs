//! Reads a TracingService from its keys.

use http::HeaderName;
use http::uri::Authority;

use super::{
    CollectorVersion, CustomTag, Percent, Propagation, TagValue, TraceSampling, TracingDriver,
    TracingService,
};
use crate::Service;
use crate::fields::Fields;
use crate::mapping::keys;
use crate::quote::quoted;
use crate::service;

/// The TracingService; `None` when something in it was an error.
pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<TracingService> {
    const KNOWN: [&str; 7] = [
        "driver",
        "service",
        "sampling",
        "tag_headers",
        "custom_tags",
        "config",
        "stats_name",
    ];
    keys::review_kind(fields, &KNOWN);
    fields.in_vain("stats_name", ": the collector has no cluster statistics");
    fields.require(&["driver", "service"]);
    let driver = driver(fields);
    let service = collector(fields);
    let sampling = fields.section("sampling", sampling);
    let tags = tags(fields);
    let config = match (driver, fields.entry("config")) {
        (Some(driver), Some(_)) => fields.section("config", |config| self::config(config, driver)),
        (None, _) | (_, None) => Some(Config::default()),
    };
    if fields.failed() {
        return None;
    }
    let config = config?;
    Some(TracingService {
        driver: driver?,
        service: service?,
        sampling: sampling.unwrap_or_default(),
        tags,
        collector_endpoint: config.endpoint,
        collector_endpoint_version: config.version,
        collector_hostname: config.hostname,
        trace_id_128bit: config.wide_ids,
        service_name: config.service_name,
        propagation_modes: config.propagation,
    })
}

fn driver(fields: &mut Fields<'_, '_>) -> Option<TracingDriver> {
    let entry = fields.entry("driver")?;
    let written = fields.text("driver")?;
    Some(match written {
        "zipkin" => TracingDriver::Zipkin,
        "opentelemetry" => TracingDriver::OpenTelemetry,
        "datadog" => TracingDriver::Datadog,
        "lightstep" => {
            let reason = "`driver`: lightstep went away with Emissary 3.4; its collectors take \
                          opentelemetry";
            fields.error(entry.line, reason);
            return None;
        }
        _ => {
            fields.wrong_type(entry, "`zipkin`, `opentelemetry` or `datadog`");
            return None;
        }
    })
}

fn collector(fields: &mut Fields<'_, '_>) -> Option<Service> {
    let (service, path) = fields.parsed_by("service", service::parse)?;
    let line = fields.line_of("service");
    if let Some(path) = path {
        let reason = format!("`service`: the path {} is ignored", quoted(path));
        fields.warning(line, reason);
    }
    if service.tls {
        let reason = "`service`: TLS is not spoken with collectors yet";
        fields.error(line, reason);
        return None;
    }
    Some(service)
}

fn sampling(fields: &mut Fields<'_, '_>) -> TraceSampling {
    fields.review(&["client", "random", "overall"]);
    let mut share = |key| {
        fields.read(
            key,
            "a percentage from 0 to 100, of two decimals at most",
            |entry| percent(entry.value.text()?),
        )
    };
    TraceSampling {
        client: share("client"),
        random: share("random"),
        overall: share("overall"),
    }
}

fn percent(text: &str) -> Option<Percent> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let significant = fraction.trim_end_matches('0');
    if !are_digits(whole) || !are_digits(fraction) || whole.len() > 3 || significant.len() > 2 {
        return None;
    }
    let hundredths: u32 = format!("{significant:0<2}").parse().ok()?;
    let share = whole.parse::<u32>().ok()? * 100 + hundredths;
    Percent::new(u16::try_from(share).ok()?)
}

fn tags(fields: &mut Fields<'_, '_>) -> Box<[CustomTag]> {
    let mut tags = Vec::new();
    if fields.entry("tag_headers").is_some() {
        for line in fields.texts("tag_headers").unwrap_or_default() {
            let Ok(name) = HeaderName::from_bytes(line.text.as_bytes()) else {
                let reason = format!("`tag_headers`: {} is no header", quoted(line.text));
                fields.error(line.line, reason);
                continue;
            };
            let tag = line.text.into();
            let default = None;
            let value = TagValue::RequestHeader { name, default };
            tags.push(CustomTag { tag, value });
        }
    }
    if fields.entry("custom_tags").is_some() {
        tags.extend(fields.list("custom_tags", custom_tag).unwrap_or_default());
    }
    tags.into()
}

fn custom_tag(fields: &mut Fields<'_, '_>) -> Option<CustomTag> {
    fields.review(&["tag", "literal", "environment", "request_header"]);
    fields.require(&["tag"]);
    let tag = fields.parsed_by("tag", |text| match text {
        "" => Err("is no name"),
        _ => Ok(text.into()),
    });
    let literal = fields.section("literal", literal);
    let environment = fields.section("environment", environment);
    let header = fields.section("request_header", request_header);
    let written = ["literal", "environment", "request_header"];
    let count = written.iter().filter(|key| fields.entry(key).is_some());
    if count.count() != 1 {
        fields.error_here("needs one of literal, environment and request_header");
    }
    let values = [literal, environment, header].into_iter().flatten();
    let value = values.flatten().next();
    Some(CustomTag {
        tag: tag?,
        value: value?,
    })
}

fn literal(fields: &mut Fields<'_, '_>) -> Option<TagValue> {
    fields.review(&["value"]);
    fields.require(&["value"]);
    let text = fields.text("value");
    text.map(|text| TagValue::Literal(text.into()))
}

fn environment(fields: &mut Fields<'_, '_>) -> Option<TagValue> {
    fields.review(&["name", "default_value"]);
    fields.require(&["name"]);
    let default = fields.text("default_value").map(Box::from);
    let name = fields.text("name").map(Box::from);
    name.map(|name| TagValue::Environment { name, default })
}

fn request_header(fields: &mut Fields<'_, '_>) -> Option<TagValue> {
    fields.review(&["name", "default_value"]);
    fields.require(&["name"]);
    let default = fields.text("default_value").map(Box::from);
    let name = fields.parsed_by("name", |text| {
        HeaderName::from_bytes(text.as_bytes()).map_err(|_| "is no header")
    });
    name.map(|name| TagValue::RequestHeader { name, default })
}

#[derive(Default)]
struct Config {
    endpoint: Option<Box<str>>,
    version: Option<CollectorVersion>,
    hostname: Option<Box<str>>,
    wide_ids: Option<bool>,
    service_name: Option<Box<str>>,
    propagation: Option<Box<[Propagation]>>,
}

fn config(fields: &mut Fields<'_, '_>, driver: TracingDriver) -> Config {
    fields.review(&[
        "access_token_file",
        "collector_cluster",
        "collector_endpoint",
        "collector_endpoint_version",
        "collector_hostname",
        "propagation_modes",
        "service_name",
        "shared_span_context",
        "trace_id_128bit",
    ]);
    fields.in_vain("access_token_file", ": it was lightstep's");
    fields.in_vain("collector_cluster", ": the collector is `service`");
    if driver == TracingDriver::Datadog {
        let why = " with the driver datadog";
        fields.in_vain("collector_endpoint", why);
        fields.in_vain("collector_endpoint_version", why);
    }
    Config {
        endpoint: fields.parsed_by("collector_endpoint", |text| {
            let is_path = text.starts_with('/') && text.bytes().all(|b| b.is_ascii_graphic());
            is_path.then(|| text.into()).ok_or("is no path")
        }),
        version: version(fields, driver),
        hostname: fields.parsed_by("collector_hostname", hostname),
        wide_ids: wide_ids(fields),
        service_name: fields.text("service_name").map(Box::from),
        propagation: propagation(fields),
    }
}

fn hostname(text: &str) -> Result<Box<str>, &'static str> {
    let authority = text.parse::<Authority>().ok();
    // Credentials are no part of a `Host`.
    let is_host = authority.is_some_and(|host| !host.as_str().contains('@'));
    is_host.then(|| text.into()).ok_or("is no host")
}

/// `shared_span_context` is only checked: Envoy shares a span's id with servers, and the gateway of
/// Ambassador is a client in its spans.
fn wide_ids(fields: &mut Fields<'_, '_>) -> Option<bool> {
    fields.boolean("shared_span_context");
    fields.boolean("trace_id_128bit")
}

fn version(fields: &mut Fields<'_, '_>, driver: TracingDriver) -> Option<CollectorVersion> {
    let entry = fields.entry("collector_endpoint_version")?;
    let text = fields.text("collector_endpoint_version")?;
    match (text, driver) {
        ("HTTP_JSON", TracingDriver::OpenTelemetry) => {
            let reason = "`config.collector_endpoint_version`: spans are sent as HTTP_PROTO";
            fields.warning(entry.line, reason);
            Some(CollectorVersion::Proto)
        }
        ("HTTP_JSON", _) => Some(CollectorVersion::Json),
        ("HTTP_PROTO", _) => Some(CollectorVersion::Proto),
        _ => {
            fields.wrong_type(entry, "`HTTP_JSON` or `HTTP_PROTO`");
            None
        }
    }
}

fn propagation(fields: &mut Fields<'_, '_>) -> Option<Box<[Propagation]>> {
    fields.entry("propagation_modes")?;
    let mut modes = Vec::new();
    for line in fields.texts("propagation_modes")? {
        let mode = match line.text {
            "B3" => Propagation::B3,
            "TRACE_CONTEXT" => Propagation::TraceContext,
            "ENVOY" | "LIGHTSTEP" => {
                let mode = quoted(line.text);
                let reason =
                    format!("`config.propagation_modes`: {mode} has no effect: it was lightstep's");
                fields.warning(line.line, reason);
                continue;
            }
            other => {
                let reason = format!(
                    "`config.propagation_modes`: expected `B3` or `TRACE_CONTEXT`, found {}",
                    quoted(other)
                );
                fields.error(line.line, reason);
                continue;
            }
        };
        if !modes.contains(&mode) {
            modes.push(mode);
        }
    }
    (!modes.is_empty()).then(|| modes.into())
}

#[cfg(test)]
mod tests {
    use super::{hostname, percent};

    #[test]
    fn a_hostname_is_what_requests_can_be_sent_to() {
        for text in ["spans.example", "spans.example:9411", "[::1]:9411"] {
            assert_eq!(hostname(text).as_deref(), Ok(text));
        }
        for text in ["", "a b", "a/b", "http://a", "me@a", "[a", "ä"] {
            assert!(hostname(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_are_told_apart_by_the_hundredth_of_a_percent() {
        for (text, share) in [
            ("0", 0),
            ("100", 10_000),
            ("12.5", 1250),
            ("0.01", 1),
            ("7.00", 700),
        ] {
            let read = percent(text).map(|share| share.of_ten_thousand());
            assert_eq!(read, Some(share), "{text}");
        }
        for text in [
            "", "-1", "100.01", "101", "655.50", "656", "999", "1e2", "0.001", ".5", "5.", "1000",
            "x",
        ] {
            assert_eq!(percent(text), None, "{text}");
        }
    }
}

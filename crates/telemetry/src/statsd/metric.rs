//! One metric as a line in either form.

use super::form::{Form, Wire, wire_name};
use crate::text;

/// One number to be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metric<'a> {
    pub(super) wire: &'a Wire,
    /// Envoy's own name of the statistic, with dots.
    pub(super) stat: &'a str,
    pub(super) which: Which<'a>,
    pub(super) value: u64,
    pub(super) kind: &'static str,
}

/// Which of several numbers of one statistic: in the name, or the first tag.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which<'a> {
    Only,
    /// `…_2xx` of a statistic that ends in `_xx`.
    Class(u16),
    /// `…_200`
    Code(u16),
    /// `ssl.certificate.<name>.…` of a statistic that begins with `ssl.certificate.`
    Certificate(&'a str),
}

/// Writes metrics.
#[derive(Debug)]
pub(super) struct Writer {
    is_plain: bool,
    common_tags: String,
}

impl Writer {
    pub(super) fn of(form: &Form) -> Self {
        Self {
            is_plain: *form == Form::Plain,
            common_tags: form.common_tags(),
        }
    }

    /// Appends a line without its end.
    pub(super) fn write(&self, metric: &Metric<'_>, out: &mut Vec<u8>) {
        let (prefix, tags) = metric.wire.parts();
        out.extend_from_slice(prefix.as_bytes());
        if self.is_plain {
            plain_name(metric, out);
        } else {
            out.extend_from_slice(metric.stat.as_bytes());
        }
        out.push(b':');
        text::integer(out, metric.value);
        out.extend_from_slice(metric.kind.as_bytes());
        if !self.is_plain {
            self.tags(metric.which, tags, out);
        }
    }

    /// In Envoy's order: what the number is of, the tags of all, those of the handle.
    fn tags(&self, which: Which<'_>, tags: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"|#");
        let start = out.len();
        match which {
            Which::Only => {}
            Which::Class(digit) => {
                out.extend_from_slice(b"envoy.response_code_class:");
                text::integer(out, u64::from(digit));
            }
            Which::Code(code) => {
                out.extend_from_slice(b"envoy.response_code:");
                text::integer(out, u64::from(code));
            }
            Which::Certificate(name) => {
                out.extend_from_slice(b"envoy.tls_certificate:");
                out.extend_from_slice(wire_name(name).as_bytes());
            }
        }
        for more in [self.common_tags.as_str(), tags] {
            if more.is_empty() {
                continue;
            }
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(more.as_bytes());
        }
        if out.len() == start {
            out.truncate(start - 2);
        }
    }
}

fn plain_name(metric: &Metric<'_>, out: &mut Vec<u8>) {
    let stat = metric.stat;
    match metric.which {
        Which::Only => out.extend_from_slice(stat.as_bytes()),
        Which::Class(digit) => {
            out.extend_from_slice(stat.trim_end_matches("xx").as_bytes());
            text::integer(out, u64::from(digit));
            out.extend_from_slice(b"xx");
        }
        Which::Code(code) => {
            out.extend_from_slice(stat.as_bytes());
            out.push(b'_');
            text::integer(out, u64::from(code));
        }
        Which::Certificate(name) => {
            let (scope, last) = stat.rsplit_once('.').unwrap_or(("", stat));
            for part in [scope, ".", &wire_name(name), ".", last] {
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statsd::Scoped;

    fn line(form: &Form, stat: &str, which: Which<'_>) -> String {
        let scope = Scoped {
            full: "envoy.listener.[__1]_80.",
            bare: "envoy.listener.",
        };
        let wire = &form.wire(scope, &[("envoy_listener_address", "[__1]_80")]);
        let metric = Metric {
            wire,
            stat,
            which,
            value: 7,
            kind: "|c",
        };
        let mut out = Vec::new();
        Writer::of(form).write(&metric, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn plain_names_say_everything() {
        let line = |stat, which| line(&Form::Plain, stat, which);
        let prefix = "envoy.listener.[__1]_80.";
        for (stat, which, rest) in [
            ("cx_total", Which::Only, "cx_total"),
            ("http.rq_xx", Which::Class(2), "http.rq_2xx"),
            ("rq", Which::Code(200), "rq_200"),
            (
                "ssl.certificate.expiration",
                Which::Certificate("a:b"),
                "ssl.certificate.a_b.expiration",
            ),
        ] {
            assert_eq!(line(stat, which), format!("{prefix}{rest}:7|c"));
        }
    }

    #[test]
    fn tags_are_in_envoys_order() {
        let entity = Some("uid".into());
        let line = |stat, which| {
            line(
                &Form::Dog {
                    entity: entity.clone(),
                },
                stat,
                which,
            )
        };
        let rest = "dd.internal.entity_id:uid,envoy.listener_address:[__1]_80";
        for (stat, which, first) in [
            ("cx_total", Which::Only, ""),
            ("rq_xx", Which::Class(2), "envoy.response_code_class:2,"),
            ("rq", Which::Code(200), "envoy.response_code:200,"),
            (
                "ssl.certificate.expiration",
                Which::Certificate("a"),
                "envoy.tls_certificate:a,",
            ),
        ] {
            assert_eq!(
                line(stat, which),
                format!("envoy.listener.{stat}:7|c|#{first}{rest}")
            );
        }
    }

    #[test]
    fn without_tags_there_is_no_mark_of_them() {
        let form = Form::Dog { entity: None };
        let scope = Scoped {
            full: "envoy.",
            bare: "envoy.",
        };
        let metric = Metric {
            wire: &form.wire(scope, &[]),
            stat: "server.live",
            which: Which::Only,
            value: 1,
            kind: "|g",
        };
        let mut out = Vec::new();
        Writer::of(&form).write(&metric, &mut out);
        assert_eq!(out, b"envoy.server.live:1|g");
    }
}

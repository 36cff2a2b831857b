//! One metric as a line in either form.

use super::form::Form;
use crate::series::{Wire, wire_name};
use crate::text;

/// One number to be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metric<'a> {
    pub(super) wire: Wire<'a>,
    /// Envoy's own name of the statistic, with dots.
    pub(super) stat: &'a str,
    pub(super) which: Which<'a>,
    pub(super) value: u64,
    pub(super) kind: &'static str,
}

/// Which of several numbers of one statistic: in the name, or the first tag.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which<'a> {
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
        if self.is_plain {
            dotted(metric.wire, metric.stat, metric.which, out);
        } else {
            for part in [metric.wire.bare, metric.stat] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        out.push(b':');
        text::integer(out, metric.value);
        out.extend_from_slice(metric.kind.as_bytes());
        if !self.is_plain {
            self.tags(metric, out);
        }
    }

    /// In Envoy's order: what the number is of, the tags of all, those of the handle.
    fn tags(&self, metric: &Metric<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"|#");
        let start = out.len();
        match metric.which {
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
        for more in [[&self.common_tags, "", ""], metric.wire.tags] {
            if more == [""; 3] {
                continue;
            }
            if out.len() > start {
                out.push(b',');
            }
            for piece in more {
                out.extend_from_slice(piece.as_bytes());
            }
        }
        if out.len() == start {
            out.truncate(start - 2);
        }
    }
}

/// Appends the name in which everything is said.
pub(crate) fn dotted(wire: Wire<'_>, stat: &str, which: Which<'_>, out: &mut Vec<u8>) {
    for piece in wire.full {
        out.extend_from_slice(piece.as_bytes());
    }
    match which {
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

    const WIRE: Wire<'_> = Wire {
        full: ["envoy.listener.[__1]_80.", "", ""],
        bare: "envoy.listener.",
        tags: ["envoy.listener_address:", "[__1]_80", ""],
    };

    fn line(form: &Form, wire: Wire<'_>, stat: &str, which: Which<'_>) -> String {
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
            let line = line(&Form::Plain, WIRE, stat, which);
            assert_eq!(line, format!("{prefix}{rest}:7|c"));
        }
    }

    #[test]
    fn tags_are_in_envoys_order() {
        let form = Form::Dog {
            entity: Some("uid".into()),
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
            let line = line(&form, WIRE, stat, which);
            assert_eq!(line, format!("envoy.listener.{stat}:7|c|#{first}{rest}"));
        }
    }

    #[test]
    fn without_tags_there_is_no_mark_of_them() {
        let wire = Wire {
            full: ["envoy.", "", ""],
            bare: "envoy.",
            tags: [""; 3],
        };
        let form = Form::Dog { entity: None };
        let line = line(&form, wire, "server.live", Which::Only);
        assert_eq!(line, "envoy.server.live:7|c");
    }
}

//! What a scraper would rather read.
//!
//! Invariant: nonsense is not preferred.

use http::HeaderMap;
use http::header::ACCEPT;

/// Whether delimited `MetricFamily` messages are wanted at least as much as OpenMetrics (RFC 9110
/// section 12.5.1). Prometheus asks for them when it stores native histograms.
pub(crate) fn prefers_protobuf(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter();
    let ranges = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let (mut protobuf, mut openmetrics) = (0, 0);
    for range in ranges {
        let quality = quality(range);
        let kind = range.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/openmetrics-text") {
            openmetrics = quality.max(openmetrics);
        } else if is_metric_family(range, kind) {
            protobuf = quality.max(protobuf);
        }
    }
    protobuf > 0 && protobuf >= openmetrics
}

fn is_metric_family(range: &str, kind: &str) -> bool {
    let has = |name, value| parameter(range, name).is_some_and(|one| one == value);
    kind.eq_ignore_ascii_case("application/vnd.google.protobuf")
        && has("proto", "io.prometheus.client.MetricFamily")
        && has("encoding", "delimited")
}

/// In thousandths.
fn quality(range: &str) -> u16 {
    let Some(written) = parameter(range, "q") else {
        return 1_000;
    };
    let quality: f32 = written.parse().unwrap_or(0.0);
    // Saturates, and what is no number becomes 0.
    (quality.clamp(0.0, 1.0) * 1_000.0) as u16
}

fn parameter<'r>(range: &'r str, name: &str) -> Option<&'r str> {
    let parameters = range.split(';').skip(1);
    let mut pairs = parameters.filter_map(|parameter| parameter.trim().split_once('='));
    let (_, value) = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTOBUF: &str = "application/vnd.google.protobuf;\
                            proto=io.prometheus.client.MetricFamily;encoding=delimited";

    fn prefers(accept: &str) -> bool {
        prefers_protobuf(&HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]))
    }

    #[test]
    fn prometheus_prefers_what_it_names_first_or_with_the_greater_weight() {
        let others = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4,*/*;q=0.1";
        assert!(prefers(&format!("{PROTOBUF},{others}")));
        assert!(prefers(&format!("{PROTOBUF};q=0.6,{others}")));
        assert!(!prefers(&format!("{PROTOBUF};q=0.3,{others}")));
        assert!(!prefers(others));
    }

    #[test]
    fn only_messages_that_we_write_are_meant() {
        assert!(!prefers("application/vnd.google.protobuf"));
        assert!(!prefers(&PROTOBUF.replace("delimited", "text")));
        assert!(!prefers(&format!("{PROTOBUF};q=0")));
        assert!(!prefers(&format!("{PROTOBUF};q=much")));
        assert!(!prefers_protobuf(&HeaderMap::new()));
    }
}

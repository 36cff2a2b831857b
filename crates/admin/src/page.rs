//! Which page a request asks for.
//!
//! Deliberately absent: what the pages say.

use http::{HeaderMap, Method, Uri};
use nuncio_routing::Probe;

use crate::{AdminRoutes, accept};

/// Where our own families are in OpenMetrics. Not where Prometheus looks unless it is told to: it
/// would prefer this form, and series of Envoy would change their names.
const OPEN_METRICS: &str = "/metrics/openmetrics";

/// Something that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Probe(Probe),
    Metrics,
    /// Our own families only, with exemplars.
    Ours(Exposition),
    Diagnostics(Format),
    /// The diagnostics' address without its last slash.
    DiagnosticsMoved,
    /// What happens to a request, as `nuncio explain` asks.
    Explain,
    /// A pointer to the metrics, where nothing else is.
    Index,
}

/// How our own families are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposition {
    OpenMetrics,
    /// With native histograms.
    Protobuf,
}

/// How diagnostics are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Html,
}

/// A request that gets no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    NotFound,
    MethodNotAllowed,
}

impl Page {
    /// The page of a request. A page that exists is only for GET and HEAD.
    pub(crate) fn of(routes: AdminRoutes, method: &Method, uri: &Uri) -> Result<Self, Refused> {
        let query = uri.query().unwrap_or_default();
        let page = match routes {
            AdminRoutes::Full => Self::full(uri.path(), query),
            AdminRoutes::MetricsOnly => Self::metrics_only(uri.path()),
        };
        let page = page.ok_or(Refused::NotFound)?;
        match *method {
            Method::GET | Method::HEAD => Ok(page),
            _ => Err(Refused::MethodNotAllowed),
        }
    }

    /// The same page in the form that whoever asks likes best.
    pub(crate) fn as_accepted(self, headers: &HeaderMap) -> Self {
        match self {
            Self::Ours(_) if accept::prefers_protobuf(headers) => Self::Ours(Exposition::Protobuf),
            Self::Ours(_)
            | Self::Probe(_)
            | Self::Metrics
            | Self::Diagnostics(_)
            | Self::DiagnosticsMoved
            | Self::Explain
            | Self::Index => self,
        }
    }

    fn full(path: &str, query: &str) -> Option<Self> {
        match path {
            "/ambassador/v0/check_alive" => Some(Self::Probe(Probe::Alive)),
            "/ambassador/v0/check_ready" => Some(Self::Probe(Probe::Ready)),
            "/metrics" | "/stats/prometheus" => Some(Self::Metrics),
            OPEN_METRICS => Some(Self::Ours(Exposition::OpenMetrics)),
            // Envoy's `/stats` has other formats; scrapers ask for this one.
            "/stats" if value(query, "format") == Some("prometheus") => Some(Self::Metrics),
            // Ambassador 0.21 takes any text here, so `json=false` is JSON as well.
            "/ambassador/v0/diag/" => Some(Self::Diagnostics(match value(query, "json") {
                None | Some("") => Format::Html,
                Some(_) => Format::Json,
            })),
            "/ambassador/v0/diag" => Some(Self::DiagnosticsMoved),
            "/explain" => Some(Self::Explain),
            _ => None,
        }
    }

    fn metrics_only(path: &str) -> Option<Self> {
        match path {
            "/metrics" => Some(Self::Metrics),
            OPEN_METRICS => Some(Self::Ours(Exposition::OpenMetrics)),
            "/" => Some(Self::Index),
            _ => None,
        }
    }
}

/// The first value of a query parameter, undecoded.
fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(target: &'static str) -> Result<Page, Refused> {
        Page::of(AdminRoutes::Full, &Method::GET, &Uri::from_static(target))
    }

    #[test]
    fn json_is_asked_for_with_any_text() {
        let json = Ok(Page::Diagnostics(Format::Json));
        let html = Ok(Page::Diagnostics(Format::Html));
        assert_eq!(full("/ambassador/v0/diag/?json=true"), json);
        assert_eq!(full("/ambassador/v0/diag/?loglevel=debug&json=0"), json);
        assert_eq!(full("/ambassador/v0/diag/?json="), html);
        assert_eq!(full("/ambassador/v0/diag/?json"), html);
        assert_eq!(full("/ambassador/v0/diag/?xjson=true"), html);
        assert_eq!(full("/ambassador/v0/diag/"), html);
    }

    #[test]
    fn metrics_have_envoys_addresses_too() {
        for target in [
            "/metrics",
            "/metrics?x",
            "/stats/prometheus",
            "/stats?format=prometheus",
        ] {
            assert_eq!(full(target), Ok(Page::Metrics), "{target}");
        }
        assert_eq!(full("/stats?format=json"), Err(Refused::NotFound));
        assert_eq!(full("/stats"), Err(Refused::NotFound));
    }

    #[test]
    fn the_metrics_port_has_nothing_but_metrics() {
        let metrics_only = |target: &'static str| {
            Page::of(
                AdminRoutes::MetricsOnly,
                &Method::HEAD,
                &Uri::from_static(target),
            )
        };
        assert_eq!(metrics_only("/metrics"), Ok(Page::Metrics));
        assert_eq!(metrics_only("/"), Ok(Page::Index));
        for target in [
            "/ambassador/v0/check_ready",
            "/ambassador/v0/diag/",
            "/stats/prometheus",
            "/explain",
        ] {
            assert_eq!(metrics_only(target), Err(Refused::NotFound), "{target}");
        }
    }

    #[test]
    fn a_page_that_does_not_exist_is_not_found_by_any_method() {
        let post = |target| Page::of(AdminRoutes::Full, &Method::POST, &Uri::from_static(target));
        assert_eq!(post("/metrics"), Err(Refused::MethodNotAllowed));
        assert_eq!(post("/"), Err(Refused::NotFound));
        assert_eq!(post("/metrics/"), Err(Refused::NotFound));
    }
}

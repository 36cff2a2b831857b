//! Which header fields end at the gateway.
//!
//! Invariant: a field that describes one connection never crosses to the next (RFC 9110 section
//! 7.6.1), and a client cannot use `Connection` to take away a field that others rely on.
//!
//! Deliberately absent: what the gateway adds.

use http::header::{CONNECTION, HeaderMap, HeaderName};

/// The fields a message's `Connection` nominates besides the standard ones.
#[derive(Debug, Default)]
pub(super) struct Nominated {
    names: Vec<HeaderName>,
    closes: bool,
}

/// `Connection` nominates what it must not: a malformed name, a pseudo header, a field that
/// routing and the upstream rely on, or more than [`MAX_NOMINATIONS`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ForbiddenNomination;

/// More than anybody needs; the bound keeps a hostile `Connection` cheap.
const MAX_NOMINATIONS: usize = 10;

impl Nominated {
    pub(super) fn by(headers: &HeaderMap) -> Result<Self, ForbiddenNomination> {
        let tokens = tokens(headers);
        let mut nominated = Self::default();
        for (n, token) in tokens.enumerate() {
            let name = HeaderName::from_bytes(token).map_err(|_| ForbiddenNomination)?;
            if n == MAX_NOMINATIONS || is_protected(&name) {
                return Err(ForbiddenNomination);
            }
            if name == "close" {
                nominated.closes = true;
            } else if !is_hop_by_hop(&name) {
                nominated.names.push(name);
            }
        }
        Ok(nominated)
    }

    /// Those of an upstream's answer that has such fields. What is no name nominates nothing; how long
    /// the answer is stays with the gateway.
    pub(super) fn by_upstream(headers: &HeaderMap) -> Self {
        let mut nominated = Self::default();
        for token in tokens(headers) {
            if let Ok(name) = HeaderName::from_bytes(token)
                && headers.contains_key(&name)
                && !nominated.contains(&name)
            {
                nominated.names.push(name);
            }
        }
        nominated
    }

    /// Whether the connection ends with this message, in whichever line it says so.
    pub(super) fn closes(&self) -> bool {
        self.closes
    }

    pub(super) fn contains(&self, name: &HeaderName) -> bool {
        self.names.contains(name)
    }
}

/// What `Connection` lists, in all its lines.
fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}

/// Fields whose removal by a client would change who is believed or what is served.
fn is_protected(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, "host" | "content-length" | "cookie" | "authorization")
        || name.starts_with("x-forwarded-")
        || name.starts_with("x-envoy-")
}

/// Fields of one connection only. Trailers do not cross either, so neither do their announcement
/// (`trailer`) and their request (`te`).
pub(super) fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "http2-settings"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Fields that only a gateway may set: clients that send them are impersonating one. (How else they may
/// be spelled, [`super::aliases`] knows.)
///
/// Envoy removes its control headers from requests of external clients
/// (`ConnectionManagerUtility::cleanInternalHeaders`); the whole `x-envoy-` family goes here.
pub(super) fn is_gateways_own(name: &HeaderName) -> bool {
    let Some(rest) = name.as_str().strip_prefix("x-") else {
        return false;
    };
    rest.starts_with("envoy-")
        || matches!(
            rest,
            "ambassador-diag-ip" | "forwarded-client-cert" | "request-id"
        )
}

/// Fields of the `x-envoy-` family that the proxy at the edge sets, so that those behind it keep them.
pub(super) fn is_told_by_edge(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "x-envoy-external-address"
            | "x-envoy-original-host"
            | "x-envoy-original-path"
            | "x-envoy-downstream-service-cluster"
            | "x-envoy-downstream-service-node"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONNECTION, http::HeaderValue::from_static(value))])
    }

    fn name(text: &'static str) -> HeaderName {
        HeaderName::from_static(text)
    }

    #[test]
    fn a_nominated_field_stays_on_its_connection() {
        let nominated = Nominated::by(&connection("close, X-Secret")).unwrap();
        assert!(nominated.contains(&name("x-secret")));
        assert!(!nominated.contains(&name("x-other")));
    }

    #[test]
    fn forwarding_fields_and_pseudo_headers_cannot_be_nominated_away() {
        for value in [
            "x-forwarded-for",
            "Host",
            ":authority",
            "\"x-forwarded-for\"",
            "a b",
        ] {
            assert_eq!(
                Nominated::by(&connection(value)).unwrap_err(),
                ForbiddenNomination
            );
        }
    }

    #[test]
    fn the_number_of_nominations_is_bounded() {
        assert!(Nominated::by(&connection("a,b,c,d,e,f,g,h,i,j")).is_ok());
        assert!(Nominated::by(&connection("a,b,c,d,e,f,g,h,i,j,k")).is_err());
    }

    #[test]
    fn impersonated_gateway_fields_are_recognised() {
        for ours in [
            "x-envoy-internal",
            "x-request-id",
            "x-forwarded-client-cert",
        ] {
            assert!(is_gateways_own(&name(ours)), "{ours}");
        }
        for theirs in ["x-forwarded-for", "x-forwarded-host", "x-env", "xenvoy-a"] {
            assert!(!is_gateways_own(&name(theirs)), "{theirs}");
        }
    }
}

//! Whose request it is, and what the upstream is told of that.
//!
//! Invariant: what a client says of itself is believed only as far as the Module says
//! (`use_remote_address`, `xff_num_trusted_hops`) or its Listener (`l7Depth`), and to the same degree by
//! routing, by the upstream and by logs. The rules are Envoy's (`ConnectionManagerUtility::mutateRequestHeaders`), which takes
//! no address for an internal one unless it is told which are.
//!
//! Deliberately absent: what becomes of requests that are not secure.

use std::net::{IpAddr, SocketAddr};

use bytes::BytesMut;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use nuncio_routing::{ConnectionSettings, Listener};
use pingora_http::RequestHeader;

use super::client_certificate::{self, X_FORWARDED_CLIENT_CERT};
use super::fields::{is_gateways_own, is_told_by_edge};
use crate::downstream::Connection;

/// Where a request comes from.
pub(crate) struct Forwarding {
    /// Whose it is; port 0 when `x-forwarded-for` says so.
    pub(super) client: SocketAddr,
    /// How the client spoke to the first of the proxies that are believed.
    pub(super) scheme: Scheme,
    /// Whether nobody stands before the gateway.
    edge: bool,
    /// `None` = as it came.
    forwarded_for: Option<HeaderValue>,
    forwarded_proto: Option<HeaderValue>,
    request_id: Option<HeaderValue>,
    external_address: Option<HeaderValue>,
    client_cert: Option<HeaderValue>,
}

/// How far clients are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trust {
    /// Whether nobody stands before the gateway but proxies that are counted.
    edge: bool,
    /// How many proxies are believed.
    hops: u32,
}

/// What a URI of the request would begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(super) const X_ENVOY_EXTERNAL_ADDRESS: HeaderName =
    HeaderName::from_static("x-envoy-external-address");

impl Trust {
    /// A Listener that counts proxies does so in the place of the Module.
    pub(super) fn of(settings: &ConnectionSettings, listener: &Listener) -> Self {
        Self {
            edge: settings.use_remote_address,
            hops: match listener.trusted_hops {
                0 => settings.trusted_hops,
                counted => counted,
            },
        }
    }

    /// Whether anybody is believed.
    pub(super) fn is_any(self) -> bool {
        !self.edge || self.hops > 0
    }
}

impl Scheme {
    /// How the client speaks to the gateway.
    pub(super) fn of(connection: &Connection) -> Self {
        match connection.is_secure() {
            true => Self::Https,
            false => Self::Http,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Forwarding {
    /// Of a request whose head was not read.
    pub(super) fn unread(peer: SocketAddr, scheme: Scheme) -> Self {
        Self {
            client: peer,
            scheme,
            edge: true,
            forwarded_for: None,
            forwarded_proto: None,
            request_id: None,
            external_address: None,
            client_cert: None,
        }
    }

    /// What `received` says, as far as it is believed.
    pub(super) fn read(
        received: &HeaderMap,
        connection: &Connection,
        settings: &ConnectionSettings,
        trust: Trust,
    ) -> Self {
        let edge = trust.edge;
        let named = trusted_address(received, trust);
        let client = named.map_or(connection.peer(), |address| SocketAddr::new(address, 0));
        let proto = believed_proto(received, trust);
        let scheme = match &proto {
            Some(proto) if proto.as_bytes().eq_ignore_ascii_case(b"https") => Scheme::Https,
            Some(_) => Scheme::Http,
            None => Scheme::of(connection),
        };
        let told = proto.unwrap_or_else(|| HeaderValue::from_static(scheme.as_str()));
        let keeps_id = settings.preserve_external_request_id || !edge;
        let known_id = received
            .get(X_REQUEST_ID)
            .filter(|id| keeps_id && !id.is_empty());
        let peer = connection.tls().and_then(|tls| tls.peer.as_ref());
        Self {
            client_cert: client_certificate::forwarded(received, settings, peer),
            client,
            scheme,
            edge,
            forwarded_for: edge.then(|| appended(received, &X_FORWARDED_FOR, connection.client())),
            forwarded_proto: Some(told),
            request_id: Some(known_id.cloned().unwrap_or_else(request_id)),
            external_address: edge.then(|| match named {
                Some(address) => text(address),
                None => connection.client().clone(),
            }),
        }
    }

    /// Puts what is believed in the place of what the client said, so that nothing else is matched.
    ///
    /// What the client said nothing of is added only if `watched`: when Routes look at it.
    pub(super) fn impose(&self, head: &mut RequestHeader, watched: bool) {
        let own: Vec<_> = head
            .headers
            .keys()
            .filter(|name| self.is_ours(name))
            .cloned()
            .collect();
        for name in &own {
            head.remove_header(name);
        }
        for (name, value) in self.told() {
            if watched || own.contains(&name) {
                // Its size was checked, and shrinks at that.
                drop(head.insert_header(name, value.clone()));
            }
        }
    }

    /// The fields that say where a request comes from.
    pub(super) fn told(&self) -> impl Iterator<Item = (HeaderName, &HeaderValue)> {
        [
            (X_FORWARDED_FOR, &self.forwarded_for),
            (X_FORWARDED_PROTO, &self.forwarded_proto),
            (X_REQUEST_ID, &self.request_id),
            (X_FORWARDED_CLIENT_CERT, &self.client_cert),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)))
    }

    /// `x-request-id`, as it goes on.
    pub(super) fn request_id(&self) -> &[u8] {
        let id = self.request_id.as_ref();
        id.map(HeaderValue::as_bytes).unwrap_or_default()
    }

    /// Has `x-request-id` say what was decided of its trace, if it does not yet.
    pub(super) fn say_in_request_id(&mut self, saying: Option<HeaderValue>) {
        if saying.is_some() {
            self.request_id = saying;
        }
    }

    /// The client's address, if the gateway is the first to see it.
    pub(super) fn external_address(&self) -> Option<&HeaderValue> {
        self.external_address.as_ref()
    }

    /// Whether a field of a request is the gateway's to set, so that it does not go on as it came.
    pub(super) fn is_ours(&self, name: &HeaderName) -> bool {
        match name.as_str() {
            "x-forwarded-for" => self.forwarded_for.is_some(),
            "x-forwarded-proto" => self.forwarded_proto.is_some(),
            _ => is_gateways_own(name) && (self.edge || !is_told_by_edge(name)),
        }
    }

    /// What the request says of this field when it goes on, if the gateway says it.
    pub(super) fn field(&self, name: &HeaderName) -> Option<&HeaderValue> {
        match name.as_str() {
            "x-forwarded-for" => self.forwarded_for.as_ref(),
            "x-forwarded-proto" => self.forwarded_proto.as_ref(),
            "x-request-id" => self.request_id.as_ref(),
            "x-envoy-external-address" => self.external_address.as_ref(),
            "x-forwarded-client-cert" => self.client_cert.as_ref(),
            _ => None,
        }
    }
}

/// The address that `x-forwarded-for` says, if it is believed at all: as many from the right as
/// there are proxies. The peer is the last of them, and stands there only if it was added already.
fn trusted_address(headers: &HeaderMap, trust: Trust) -> Option<IpAddr> {
    let hops = usize::try_from(trust.hops).unwrap_or(usize::MAX);
    let skipped = match trust.edge {
        true => hops.checked_sub(1)?,
        false => hops,
    };
    let named = headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
        .nth(skipped)?;
    let address: IpAddr = std::str::from_utf8(named).ok()?.trim().parse().ok()?;
    Some(address.to_canonical())
}

/// `x-forwarded-proto`, unless nobody is trusted to say so. Said twice, it is not known by whom.
fn believed_proto(headers: &HeaderMap, trust: Trust) -> Option<HeaderValue> {
    if !trust.is_any() {
        return None;
    }
    let mut said = headers.get_all(X_FORWARDED_PROTO).iter();
    match (said.next(), said.next()) {
        (Some(one), None) if !one.is_empty() => Some(one.clone()),
        _ => None,
    }
}

/// The values of `name` followed by `last`, comma-separated as Envoy does.
fn appended(headers: &HeaderMap, name: &HeaderName, last: &HeaderValue) -> HeaderValue {
    let mut values = headers
        .get_all(name)
        .iter()
        .filter(|value| !value.is_empty())
        .peekable();
    if values.peek().is_none() {
        return last.clone();
    }
    let mut all = BytesMut::new();
    for value in values {
        all.extend_from_slice(value.as_bytes());
        all.extend_from_slice(b",");
    }
    all.extend_from_slice(last.as_bytes());
    HeaderValue::from_maybe_shared(all.freeze()).unwrap_or_else(|_| last.clone())
}

/// An address is always a header value.
fn text(address: IpAddr) -> HeaderValue {
    HeaderValue::try_from(address.to_string())
        .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

/// A random (version 4) UUID: RFC 9562 section 5.4.
fn request_id() -> HeaderValue {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bits = fastrand::u128(..) & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let mut text = [b'-'; 36];
    let digits = text.iter_mut().enumerate();
    let digits = digits.filter(|(at, _)| !matches!(at, 8 | 13 | 18 | 23));
    for (nth, (_, digit)) in digits.enumerate() {
        let nibble = usize::try_from(bits >> (124 - nth * 4) & 0xf).unwrap_or(0);
        *digit = HEX.get(nibble).copied().unwrap_or(b'0');
    }
    HeaderValue::from_bytes(&text)
        .unwrap_or_else(|_| HeaderValue::from_static("00000000-0000-4000-8000-000000000000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(lines: &[&'static str], edge: bool, hops: u32) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_static(line));
        }
        trusted_address(&headers, Trust { edge, hops }).map(|address| address.to_string())
    }

    #[test]
    fn nobody_is_believed_unless_a_proxy_stands_before_the_gateway() {
        assert_eq!(named(&["1.1.1.1"], true, 0), None);
    }

    #[test]
    fn each_trusted_proxy_is_one_more_from_the_right() {
        let lines = ["9.9.9.9, 3.3.3.3", "2.2.2.2,1.1.1.1"];
        for (edge, hops, expected) in [
            (true, 1, Some("1.1.1.1")),
            (true, 2, Some("2.2.2.2")),
            (true, 4, Some("9.9.9.9")),
            (true, 5, None),
            (false, 0, Some("1.1.1.1")),
            (false, 1, Some("2.2.2.2")),
            (false, 3, Some("9.9.9.9")),
            (false, 4, None),
            (false, u32::MAX, None),
        ] {
            let address = named(&lines, edge, hops);
            assert_eq!(address.as_deref(), expected, "{edge} {hops}");
        }
    }

    #[test]
    fn what_is_no_address_is_nobody() {
        for odd in [
            "unknown",
            "1.1.1.1:80",
            "[::1]",
            "",
            "1.1.1.1,",
            "1.1.1",
            "１.1.1.1",
        ] {
            let value = HeaderValue::from_bytes(odd.as_bytes()).unwrap();
            let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, value)]);
            assert_eq!(
                trusted_address(
                    &headers,
                    Trust {
                        edge: false,
                        hops: 0
                    }
                ),
                None,
                "{odd}"
            );
        }
        assert_eq!(named(&["::ffff:1.2.3.4"], false, 0).unwrap(), "1.2.3.4");
        assert_eq!(named(&["2001:db8::1"], false, 0).unwrap(), "2001:db8::1");
    }

    #[test]
    fn the_scheme_is_believed_only_of_those_who_are_trusted() {
        let headers =
            HeaderMap::from_iter([(X_FORWARDED_PROTO, HeaderValue::from_static("https"))]);
        assert_eq!(
            believed_proto(
                &headers,
                Trust {
                    edge: true,
                    hops: 0
                }
            ),
            None
        );
        assert_eq!(
            believed_proto(
                &headers,
                Trust {
                    edge: true,
                    hops: 1
                }
            )
            .unwrap(),
            "https"
        );
        assert_eq!(
            believed_proto(
                &headers,
                Trust {
                    edge: false,
                    hops: 0
                }
            )
            .unwrap(),
            "https"
        );
        let mut twice = headers;
        twice.append(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
        assert_eq!(
            believed_proto(
                &twice,
                Trust {
                    edge: false,
                    hops: 0
                }
            ),
            None
        );
    }

    #[test]
    fn a_request_id_is_a_random_uuid() {
        let (one, other) = (request_id(), request_id());
        let text = one.to_str().unwrap();
        assert_eq!(text.len(), 36);
        assert_eq!(
            text.split('-').map(str::len).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        assert_eq!(text.as_bytes()[14], b'4');
        assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert_ne!(one, other);
    }

    #[test]
    fn the_client_is_appended_to_what_came_in_any_number_of_lines() {
        let client = HeaderValue::from_static("10.0.0.1");
        let mut headers = HeaderMap::new();
        assert_eq!(appended(&headers, &X_FORWARDED_FOR, &client), "10.0.0.1");
        headers.append(
            X_FORWARDED_FOR,
            HeaderValue::from_static("1.1.1.1, 2.2.2.2"),
        );
        headers.append(X_FORWARDED_FOR, HeaderValue::from_static("3.3.3.3"));
        let all = appended(&headers, &X_FORWARDED_FOR, &client);
        assert_eq!(all, "1.1.1.1, 2.2.2.2,3.3.3.3,10.0.0.1");
    }
}

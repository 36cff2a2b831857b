//! The way to an authority: HTTP/1.1 over TLS, one connection for each request.
//!
//! Invariant: nobody is asked but the host that the authority is named by, whatever its answers name, over
//! TLS by a certificate that is trusted for the name, or at a loopback address that is named as such; no
//! answer is larger or slower than its bound; no redirect is followed. No name leads to an address of this
//! machine or this link, nor to a private one without certificates of one's own (`--acme-ca`).
//! Deliberately absent: what is asked. HTTP proxies, as on the way to the API server.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long one request may take on a connection.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long one address of an authority may take, and how many of them are tried.
const PATIENCE_TO_CONNECT: Duration = Duration::from_secs(5);
const MOST_ADDRESSES: usize = 6;

/// Nobody is believed who wants to be asked again later than this.
const LATEST: Duration = Duration::from_hours(7 * 24);

/// A chain of certificates has a few kilobytes.
const LARGEST: usize = 256 * 1024;

/// There is no way to ask any authority.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoWay {
    #[error("the certificates of {path} (--acme-ca) cannot be read: {why}")]
    Trusted { path: Box<Path>, why: String },
    #[error("TLS cannot be spoken: {0}")]
    Tls(#[from] rustls::Error),
}

/// An authority was asked and did not answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("{0} is neither https nor a loopback address")]
    Unprotected(Box<str>),
    #[error("the authority at {authority} names {url}, which is elsewhere")]
    Elsewhere { authority: Box<str>, url: Box<str> },
    #[error("no connection to {host}: {source}")]
    Connection { host: Box<str>, source: io::Error },
    #[error("no answer of {host}: {source}")]
    Http {
        host: Box<str>,
        source: hyper::Error,
    },
    #[error("the answer of {host} cannot be read: {why}")]
    Body { host: Box<str>, why: String },
    #[error("no answer in time")]
    Silence,
}

/// Asks authorities.
#[derive(Clone)]
pub(super) struct Way {
    tls: TlsConnector,
    /// The host that may be asked.
    authority: Box<str>,
    /// Whether authorities of one's own are trusted.
    private: bool,
    /// When the last one that said no wants to be asked again.
    after: Arc<Mutex<Option<Duration>>>,
}

impl Way {
    /// To `authority`, by the certificates of the system, and those in the file.
    pub(super) fn new(trusted: Option<&Path>, authority: &str) -> Result<Self, NoWay> {
        let mut roots = RootCertStore::empty();
        // A system without any trusts nobody; then TLS says so.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = trusted {
            let unread = |why: String| NoWay::Trusted {
                path: path.into(),
                why,
            };
            let text = std::fs::read(path).map_err(|error| unread(error.to_string()))?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                let certificate = certificate.map_err(|error| unread(error.to_string()))?;
                let added = roots.add(certificate);
                added.map_err(|error| unread(error.to_string()))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
            authority: host_of(&authority.parse().unwrap_or_default()).into(),
            private: trusted.is_some(),
            after: Arc::default(),
        })
    }

    /// When the authority wants to be asked again, if it has said so with a refusal.
    pub(super) fn after(&self) -> Option<Duration> {
        *self.after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Full<Bytes>>, Unanswered> {
        let place = self.place(request.uri())?;
        let connection = |source| Unanswered::Connection {
            host: place.host.clone(),
            source,
        };
        let socket = self.connected(&place).await.map_err(connection)?;
        let asked = timeout(PATIENCE, self.exchanged(request, (socket, &place))).await;
        let mut answer = asked.unwrap_or(Err(Unanswered::Silence))?;
        let after = bound_retry_after(answer.headers_mut(), SystemTime::now());
        if !answer.status().is_success() {
            *self.after.lock().unwrap_or_else(PoisonError::into_inner) = after;
        }
        Ok(answer)
    }

    /// Who is to be asked for a URL: nobody but the authority.
    fn place(&self, uri: &Uri) -> Result<Place, Unanswered> {
        let place = Place::of(uri)?;
        if !place.host.eq_ignore_ascii_case(&self.authority) {
            return Err(Unanswered::Elsewhere {
                authority: self.authority.clone(),
                url: uri.to_string().into(),
            });
        }
        Ok(place)
    }

    /// A connection to the first of its addresses that takes one.
    async fn connected(&self, place: &Place) -> io::Result<TcpStream> {
        let found = lookup_host((&*place.host, place.port));
        let found = timeout(PATIENCE, found).await??;
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        for address in found.take(MOST_ADDRESSES) {
            if !place.may_be_at(address.ip(), self.private) {
                let why = format!("{} is no address of an authority", address.ip());
                failed = io::Error::new(io::ErrorKind::PermissionDenied, why);
                continue;
            }
            match timeout(PATIENCE_TO_CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(socket)) => return Ok(socket),
                Ok(Err(error)) => failed = error,
                Err(late) => failed = late.into(),
            }
        }
        Err(failed)
    }

    async fn exchanged(
        &self,
        request: Request<Full<Bytes>>,
        (socket, place): (TcpStream, &Place),
    ) -> Result<Response<Full<Bytes>>, Unanswered> {
        let connection = |source| Unanswered::Connection {
            host: place.host.clone(),
            source,
        };
        match &place.name {
            Some(name) => {
                let stream = self.tls.connect(name.clone(), socket).await;
                exchange(stream.map_err(connection)?, request, place).await
            }
            None => exchange(socket, request, place).await,
        }
    }
}

impl HttpClient for Way {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let way = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes);
            let request = Request::from_parts(head, Full::new(body.unwrap_or_default()));
            way.ask(request)
                .await
                .map(BytesResponse::from)
                .map_err(|error| Error::Other(Box::new(error)))
        })
    }
}

/// Who is to be connected to.
struct Place {
    host: Box<str>,
    port: u16,
    /// `None` = without TLS.
    name: Option<ServerName<'static>>,
}

impl Place {
    fn of(uri: &Uri) -> Result<Self, Unanswered> {
        let unprotected = || Unanswered::Unprotected(uri.to_string().into());
        let host = host_of(uri);
        let is_loopback = || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let name = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => {
                Some(ServerName::try_from(host.to_owned()).map_err(|_invalid| unprotected())?)
            }
            Some(scheme) if *scheme == Scheme::HTTP && is_loopback() => None,
            Some(_) | None => return Err(unprotected()),
        };
        let usual = if name.is_some() { 443 } else { 80 };
        Ok(Self {
            host: host.into(),
            port: uri.port_u16().unwrap_or(usual),
            name,
        })
    }

    /// Whether it may be asked there. Whoever names a machine means it; a name may lead anywhere.
    fn may_be_at(&self, ip: IpAddr, private: bool) -> bool {
        let ip = ip.to_canonical();
        let is_said = self.host.parse() == Ok(ip) || &*self.host == "localhost";
        if is_said && ip.is_loopback() {
            return true;
        }
        let (is_local, is_private) = match ip {
            IpAddr::V4(v4) => (
                v4.is_loopback() || v4.is_link_local() || v4.is_broadcast(),
                v4.is_private() || v4.octets()[0] == 0 || is_shared(v4),
            ),
            IpAddr::V6(v6) => (
                v6.is_loopback() || v6.is_unicast_link_local(),
                v6.is_unique_local(),
            ),
        };
        let is_nowhere = is_local || ip.is_unspecified() || ip.is_multicast();
        !is_nowhere && (private || !is_private)
    }
}

/// RFC 6598: between a provider and its customers, and in clusters.
fn is_shared(ip: Ipv4Addr) -> bool {
    matches!(ip.octets(), [100, 64..=127, ..])
}

/// The host of a URL, an address of IPv6 without its brackets.
fn host_of(uri: &Uri) -> &str {
    let host = uri.host().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Sends one request, and reads all of its answer.
async fn exchange<S>(
    stream: S,
    mut request: Request<Full<Bytes>>,
    place: &Place,
) -> Result<Response<Full<Bytes>>, Unanswered>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let failed = |source| Unanswered::Http {
        host: place.host.clone(),
        source,
    };
    address(&mut request);
    let begun = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = begun.map_err(failed)?;
    // Ends with this function.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let answer = sender.send_request(request).await.map_err(failed)?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, LARGEST).collect().await;
    let body = body.map_err(|error| Unanswered::Body {
        host: place.host.clone(),
        why: error.to_string(),
    })?;
    Ok(Response::from_parts(head, Full::new(body.to_bytes())))
}

/// Names the host in its field and the path alone in the target, as servers want it.
fn address(request: &mut Request<Full<Bytes>>) {
    let uri = request.uri();
    let host = uri.authority().map(|authority| authority.as_str());
    let host = host.and_then(|host| HeaderValue::from_str(host).ok());
    let path = uri.path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
}

/// Whoever reads the field next adds what it says to a time, which has to have such a time.
fn bound_retry_after(fields: &mut HeaderMap, now: SystemTime) -> Option<Duration> {
    let after = retry_after(fields, now).map(|after| after.min(LATEST));
    match after {
        Some(after) => drop(fields.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()))),
        None => drop(fields.remove(RETRY_AFTER)),
    }
    after
}

/// RFC 9110 section 10.2.3: seconds, or a date.
fn retry_after(fields: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = fields.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_without_protection() {
        let place = |text: &'static str| Place::of(&Uri::from_static(text));
        let safe = place("https://acme.test:14000/dir").unwrap();
        assert_eq!((&*safe.host, safe.port), ("acme.test", 14000));
        assert!(safe.name.is_some());
        assert!(place("http://127.0.0.1/dir").unwrap().name.is_none());
        assert_eq!(&*place("http://[::1]:80/dir").unwrap().host, "::1");
        for other in [
            "http://acme.test/",
            "http://10.0.0.1/",
            "ftp://127.0.0.1/",
            "/dir",
        ] {
            assert!(place(other).is_err(), "{other}");
        }
    }

    #[test]
    fn nobody_is_asked_but_the_authority() {
        let way = Way::new(None, "https://acme.test:14000/dir").unwrap();
        assert!(
            way.place(&Uri::from_static("https://ACME.test/order/1"))
                .is_ok()
        );
        for elsewhere in [
            "https://other.test/order/1",
            "https://127.0.0.1:8877/",
            "http://127.0.0.1:8877/",
            "https://kubernetes.default.svc/api",
        ] {
            let place = way.place(&Uri::from_static(elsewhere));
            assert!(place.is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn no_name_leads_inside() {
        let place = |text: &'static str| Place::of(&Uri::from_static(text)).unwrap();
        let named = place("https://acme.test/");
        for inside in [
            "10.0.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "fd00::1",
            "::ffff:10.0.0.1",
        ] {
            let ip = inside.parse().unwrap();
            assert!(!named.may_be_at(ip, false), "{inside}");
            assert!(named.may_be_at(ip, true), "{inside}");
        }
        for never in [
            "127.0.0.1",
            "169.254.169.254",
            "::1",
            "fe80::1",
            "::",
            "224.0.0.1",
        ] {
            assert!(!named.may_be_at(never.parse().unwrap(), true), "{never}");
        }
        assert!(named.may_be_at("93.184.216.34".parse().unwrap(), false));
        let here = place("http://127.0.0.1/dir");
        assert!(here.may_be_at("127.0.0.1".parse().unwrap(), false));
        let here = place("https://localhost/dir");
        assert!(here.may_be_at("127.0.0.1".parse().unwrap(), false));
        assert!(here.may_be_at("::1".parse().unwrap(), false));
        assert!(!here.may_be_at("169.254.169.254".parse().unwrap(), true));
    }

    #[test]
    fn an_authority_may_say_when_to_come_again() {
        let now = SystemTime::UNIX_EPOCH;
        let after = |text: &'static str| {
            let value = HeaderValue::from_static(text);
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]), now)
        };
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        let date = after("Thu, 01 Jan 1970 00:01:00 GMT");
        assert_eq!(date, Some(Duration::from_secs(60)));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn no_authority_puts_off_beyond_what_clocks_can_say() {
        let bounded = |text: &'static str| {
            let value = HeaderValue::from_static(text);
            let mut fields = HeaderMap::from_iter([(RETRY_AFTER, value)]);
            bound_retry_after(&mut fields, SystemTime::now());
            let value = fields.get(RETRY_AFTER);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        for late in ["18446744073709551615", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(bounded(late).as_deref(), Some("604800"), "{late}");
        }
        assert_eq!(bounded("3").as_deref(), Some("3"));
        for none in ["18446744073709551616", "-1", ""] {
            assert_eq!(bounded(none), None, "{none}");
        }
    }
}

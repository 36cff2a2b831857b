//! Names what a path asks for.
//!
//! Deliberately absent: answers; a number here is checked for its form and range, nothing more.

use std::time::Duration;

use hyper::{Method, StatusCode};

/// One of the things this httpbin does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Endpoint {
    Index,
    Get,
    Headers,
    Ip,
    UserAgent,
    Anything,
    Post,
    Status(StatusCode),
    Delay(Duration),
    Stream(u32),
}

/// Why a path has no [`Endpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoEndpoint {
    /// Nothing lives there.
    Unknown,
    /// A number is missing or out of range; the text says which.
    Invalid(&'static str),
}

impl Endpoint {
    /// Finds the endpoint of a path, given without its query.
    pub(super) fn of(path: &str) -> Result<Self, NoEndpoint> {
        let rest = path.strip_prefix('/').ok_or(NoEndpoint::Unknown)?;
        match rest.split_once('/') {
            None => Self::plain(rest),
            Some(("anything", _)) => Ok(Self::Anything),
            Some(("status", number)) => status(number),
            Some(("delay", number)) => delay(number),
            Some(("stream", number)) => stream(number),
            Some(_) => Err(NoEndpoint::Unknown),
        }
    }

    fn plain(name: &str) -> Result<Self, NoEndpoint> {
        match name {
            "" => Ok(Self::Index),
            "get" => Ok(Self::Get),
            "headers" => Ok(Self::Headers),
            "ip" => Ok(Self::Ip),
            "user-agent" => Ok(Self::UserAgent),
            "anything" => Ok(Self::Anything),
            "post" => Ok(Self::Post),
            _ => Err(NoEndpoint::Unknown),
        }
    }

    /// The `Allow` value when `method` is not for this endpoint.
    pub(super) fn refuses(self, method: &Method) -> Option<&'static str> {
        match self {
            Self::Anything | Self::Status(_) | Self::Delay(_) => None,
            Self::Post => (method != Method::POST).then_some("POST"),
            Self::Index
            | Self::Get
            | Self::Headers
            | Self::Ip
            | Self::UserAgent
            | Self::Stream(_) => {
                (method != Method::GET && method != Method::HEAD).then_some("GET, HEAD")
            }
        }
    }
}

/// 1xx is refused: an interim response is never the whole answer (RFC 9110 section 15.2).
fn status(number: &str) -> Result<Endpoint, NoEndpoint> {
    number
        .parse()
        .ok()
        .filter(|code| (200..=599).contains(code))
        .and_then(|code: u16| StatusCode::from_u16(code).ok())
        .map(Endpoint::Status)
        .ok_or(NoEndpoint::Invalid(
            "a status is a number from 200 to 599\n",
        ))
}

fn delay(number: &str) -> Result<Endpoint, NoEndpoint> {
    number
        .parse::<f64>()
        .ok()
        .filter(|seconds| *seconds >= 0.0)
        .map(|seconds| Duration::from_secs_f64(seconds.min(MAX_DELAY_SECONDS)))
        .map(Endpoint::Delay)
        .ok_or(NoEndpoint::Invalid(
            "a delay is a number of seconds, 0 or more\n",
        ))
}

fn stream(number: &str) -> Result<Endpoint, NoEndpoint> {
    number
        .parse::<u32>()
        .map(|lines| Endpoint::Stream(lines.min(MAX_LINES)))
        .map_err(|_| NoEndpoint::Invalid("a stream has a whole number of lines\n"))
}

const MAX_DELAY_SECONDS: f64 = 10.0;
const MAX_LINES: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_and_streams_are_capped_and_may_be_fractional() {
        assert_eq!(
            Endpoint::of("/delay/0.25"),
            Ok(Endpoint::Delay(Duration::from_millis(250)))
        );
        assert_eq!(
            Endpoint::of("/delay/inf"),
            Ok(Endpoint::Delay(Duration::from_secs(10)))
        );
        assert_eq!(Endpoint::of("/stream/1000000"), Ok(Endpoint::Stream(100)));
    }

    #[test]
    fn numbers_out_of_range_are_invalid() {
        for path in [
            "/status/99",
            "/status/100",
            "/status/600",
            "/status/-1",
            "/status/",
            "/status/ok",
            "/delay/-1",
            "/delay/NaN",
            "/delay/",
            "/stream/-1",
            "/stream/1.5",
            "/stream/1/2",
        ] {
            assert!(
                matches!(Endpoint::of(path), Err(NoEndpoint::Invalid(_))),
                "{path}"
            );
        }
    }

    #[test]
    fn other_paths_are_unknown() {
        for path in ["/nothing", "/get/", "/anythingelse", "*", ""] {
            assert_eq!(Endpoint::of(path), Err(NoEndpoint::Unknown), "{path}");
        }
    }
}

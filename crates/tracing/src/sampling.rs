//! Which requests are traced: Envoy's decision (`ConnectionManagerUtility::mutateTracingRequestHeader`),
//! which is made from `x-request-id`, so that all proxies on a request's way decide alike.
//!
//! Invariant: a request whose id is no UUID is not traced, unless who sent it says so.
//! Deliberately absent: what who sent it has decided, which counts more.

use bytes::BytesMut;
use http::HeaderValue;
use nuncio_config::Percent;
use nuncio_routing::Sampling;

use crate::id::from_hex;

/// What was decided for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) is_traced: bool,
    /// The request's id, which says so to those who get it; `None` when it already does.
    pub(crate) request_id: Option<HeaderValue>,
}

/// Where a UUID says whether and why the request is traced: the digit of its version.
const PLACE: usize = 14;

const NOT_TRACED: u8 = b'4';
const SAMPLED: u8 = b'a';
const CLIENT_FORCED: u8 = b'b';
const SERVICE_FORCED: u8 = b'9';

/// Decides by the request's id, and by whether its client has named a trace of its own.
pub(crate) fn decide(sampling: &Sampling, request_id: &[u8], has_client_trace: bool) -> Decision {
    let (Some(number), Some(&before)) = (number(request_id), request_id.get(PLACE)) else {
        return Decision {
            is_traced: false,
            request_id: None,
        };
    };
    let is_in = |share: Percent| number % 10_000 < u128::from(share.of_ten_thousand());
    let mut reason = match before {
        SAMPLED | CLIENT_FORCED | SERVICE_FORCED => before,
        _ if has_client_trace && drawn(sampling.client) => CLIENT_FORCED,
        _ if is_in(sampling.random) => SAMPLED,
        _ => NOT_TRACED,
    };
    if !is_in(sampling.overall) {
        reason = NOT_TRACED;
    }
    let is_traced = reason != NOT_TRACED;
    let is_said = reason == before || (!is_traced && !is_reason(before));
    Decision {
        is_traced,
        request_id: if is_said {
            None
        } else {
            saying(request_id, reason)
        },
    }
}

fn is_reason(digit: u8) -> bool {
    matches!(digit, SAMPLED | CLIENT_FORCED | SERVICE_FORCED)
}

/// The first eight digits of a UUID.
fn number(request_id: &[u8]) -> Option<u128> {
    if request_id.len() != 36 {
        return None;
    }
    from_hex(request_id.get(..8)?)
}

fn drawn(share: Percent) -> bool {
    fastrand::u16(..10_000) < share.of_ten_thousand()
}

fn saying(request_id: &[u8], reason: u8) -> Option<HeaderValue> {
    let mut text = BytesMut::from(request_id);
    *text.get_mut(PLACE)? = reason;
    HeaderValue::from_maybe_shared(text.freeze()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0x2710 is 10000: a remainder of zero.
    const FIRST: &[u8] = b"00002710-0000-4000-8000-000000000000";
    /// 9999.
    const LAST: &[u8] = b"0000270f-0000-4000-8000-000000000000";

    fn share(hundredths: u16) -> Percent {
        Percent::new(hundredths).unwrap()
    }

    fn sampling(client: u16, random: u16, overall: u16) -> Sampling {
        Sampling {
            client: share(client),
            random: share(random),
            overall: share(overall),
        }
    }

    #[test]
    fn the_id_decides_and_says_so() {
        let half = sampling(10_000, 5_000, 10_000);
        let decision = decide(&half, FIRST, false);
        assert!(decision.is_traced);
        assert_eq!(
            decision.request_id.unwrap(),
            "00002710-0000-a000-8000-000000000000"
        );
        let decision = decide(&half, LAST, false);
        assert!(!decision.is_traced);
        assert_eq!(decision.request_id, None);
    }

    #[test]
    fn all_and_none_are_all_and_none() {
        for id in [FIRST, LAST] {
            assert!(decide(&sampling(0, 10_000, 10_000), id, false).is_traced);
            assert!(!decide(&sampling(0, 0, 10_000), id, false).is_traced);
            assert!(!decide(&sampling(10_000, 10_000, 0), id, true).is_traced);
        }
    }

    #[test]
    fn clients_may_ask_for_a_trace() {
        let by_client = sampling(10_000, 0, 10_000);
        let decision = decide(&by_client, FIRST, true);
        assert!(decision.is_traced);
        assert_eq!(
            decision.request_id.unwrap(),
            "00002710-0000-b000-8000-000000000000"
        );
        assert!(!decide(&by_client, FIRST, false).is_traced);
        assert!(!decide(&sampling(0, 0, 10_000), FIRST, true).is_traced);
    }

    #[test]
    fn what_a_proxy_before_has_decided_stands_but_for_the_overall_share() {
        let traced = b"00002710-0000-9000-8000-000000000000";
        let decision = decide(&sampling(0, 0, 10_000), traced, false);
        assert_eq!((decision.is_traced, decision.request_id), (true, None));
        let decision = decide(&sampling(0, 10_000, 0), traced, false);
        assert!(!decision.is_traced);
        assert_eq!(decision.request_id.unwrap().as_bytes(), FIRST);
    }

    #[test]
    fn what_is_no_uuid_is_not_traced() {
        for odd in [&b""[..], b"abc", b"zzzzzzzz-0000-4000-8000-000000000000"] {
            let decision = decide(&sampling(10_000, 10_000, 10_000), odd, true);
            assert_eq!((decision.is_traced, decision.request_id), (false, None));
        }
    }
}

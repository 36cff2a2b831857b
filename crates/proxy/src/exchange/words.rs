//! How a request ended, in Envoy's words: `%RESPONSE_FLAGS%` and `%RESPONSE_CODE_DETAILS%`.

use nuncio_telemetry::{Ending, Outcome, Reset};

/// The short flags; empty when there are none.
pub(super) fn flags(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Upstream { ending, .. } => match ending {
            Ending::Complete => "",
            Ending::ClientLeft => "DC",
            Ending::UpstreamReset(Reset::Connection) => "UC",
            Ending::UpstreamReset(Reset::Stream) => "UR",
            Ending::RouteTimeout => "UT",
            Ending::IdleTimeout => "SI",
        },
        Outcome::ClientLeft => "DC",
        Outcome::NoRoute => "NR",
        Outcome::NoCluster => "NC",
        // A version that is too old is no mistake of the protocol.
        Outcome::Malformed { status: 426 } => "",
        Outcome::Malformed { .. } => "DPE",
        Outcome::Filter { .. } => "UAEX",
        Outcome::IdleTimeout { .. } => "SI",
        Outcome::ConnectFailed => "UF",
        Outcome::NoHealthyHost => "UH",
        Outcome::Overflow => "UO",
        Outcome::RouteTimeout | Outcome::AttemptTimeout => "UT",
        Outcome::UpstreamReset(Reset::Connection) => "UC",
        Outcome::UpstreamReset(Reset::Stream) => "UR",
        Outcome::UpstreamMalformed => "UPE",
        Outcome::Shed => "OM",
        Outcome::Refused { .. }
        | Outcome::Direct { .. }
        | Outcome::TooLarge
        | Outcome::Panicked => "",
    }
}

/// The short flags in words.
pub(super) fn long_flags(flags: &str) -> String {
    let words = flags.split(',').map(|flag| match flag {
        "" => "-",
        "DC" => "DownstreamConnectionTermination",
        "DPE" => "DownstreamProtocolError",
        "NC" => "NoClusterFound",
        "NR" => "NoRouteFound",
        "OM" => "OverloadManagerTerminated",
        "SI" => "StreamIdleTimeout",
        "UAEX" => "UnauthorizedExternalService",
        "UC" => "UpstreamConnectionTermination",
        "UF" => "UpstreamConnectionFailure",
        "UH" => "NoHealthyUpstream",
        "UO" => "UpstreamOverflow",
        "UPE" => "UpstreamProtocolError",
        "UR" => "UpstreamRemoteReset",
        "URX" => "UpstreamRetryLimitExceeded",
        "UT" => "UpstreamRequestTimeout",
        other => other,
    });
    words.collect::<Vec<_>>().join(",")
}

/// Who decided on the status, and why; `None` where Envoy has more words than the gateway.
pub(super) fn details(outcome: Outcome) -> Option<&'static str> {
    Some(match outcome {
        Outcome::Upstream { .. } => "via_upstream",
        Outcome::ClientLeft => "downstream_remote_disconnect",
        Outcome::NoRoute => "route_not_found",
        Outcome::NoCluster => "cluster_not_found",
        Outcome::Direct { .. } => "direct_response",
        Outcome::TooLarge => "request_payload_too_large",
        Outcome::Shed => "overload",
        Outcome::Panicked => "internal_error",
        Outcome::IdleTimeout { .. } => "stream_idle_timeout",
        Outcome::ConnectFailed => "upstream_reset_before_response_started{connection_failure}",
        Outcome::NoHealthyHost => "no_healthy_upstream",
        Outcome::Overflow => "upstream_reset_before_response_started{overflow}",
        Outcome::RouteTimeout => "response_timeout",
        Outcome::AttemptTimeout => "upstream_per_try_timeout",
        Outcome::UpstreamReset(Reset::Connection) => {
            "upstream_reset_before_response_started{connection_termination}"
        }
        Outcome::UpstreamReset(Reset::Stream) => {
            "upstream_reset_before_response_started{remote_reset}"
        }
        Outcome::UpstreamMalformed => "upstream_reset_before_response_started{protocol_error}",
        Outcome::Malformed { status: 400 } => "http1.codec_error",
        Outcome::Malformed { status: 426 } => "low_version",
        Outcome::Malformed { status: 431 } => "http1.headers_too_large",
        Outcome::Malformed { .. } | Outcome::Refused { .. } | Outcome::Filter { .. } => {
            return None;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_well_has_no_flags() {
        let status = 200;
        let ending = Ending::Complete;
        for well in [
            Outcome::Upstream { status, ending },
            Outcome::Direct { status },
            Outcome::Refused { status },
        ] {
            assert_eq!(flags(well), "", "{well:?}");
        }
        assert_eq!(flags(Outcome::NoRoute), "NR");
        assert_eq!(long_flags(""), "-");
        let both = "UpstreamConnectionFailure,UpstreamRetryLimitExceeded";
        assert_eq!(long_flags("UF,URX"), both);
        assert_eq!(details(Outcome::NoRoute), Some("route_not_found"));
    }
}

//! Every annotation of ingress-nginx that is known, and what becomes of it.

use serde::Serialize;

/// Whether an annotation has a counterpart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It does.
    Works,
    /// Nearly: what is different is said.
    Differs,
    /// It has none, and is listed.
    Cannot,
}

/// One annotation, without `nginx.ingress.kubernetes.io/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Its name.
    pub name: &'static str,
    /// Whether it has a counterpart.
    pub fate: Fate,
    /// What it becomes, or why it cannot.
    pub becomes: &'static str,
}

const fn works(name: &'static str, becomes: &'static str) -> Annotation {
    let fate = Fate::Works;
    Annotation {
        name,
        fate,
        becomes,
    }
}

const fn differs(name: &'static str, becomes: &'static str) -> Annotation {
    let fate = Fate::Differs;
    Annotation {
        name,
        fate,
        becomes,
    }
}

const fn cannot(name: &'static str, becomes: &'static str) -> Annotation {
    let fate = Fate::Cannot;
    Annotation {
        name,
        fate,
        becomes,
    }
}

const IP: &str =
    "clients are let in by the Module's `ip_allow` and `ip_deny`, which hold for all hosts";
const LIMITED: &str = "a rate limit service would have to count requests; the gateway counts none";
const STREAMED: &str = "bodies are passed on as they come, so there is nothing to set";
const AUTH: &str = "an AuthService asks for all requests at once, and this gateway asks none yet";
const BASIC: &str = "the gateway knows no users; put a service that does in front of the backend";
const COOKIE: &str = "the gateway's cookie has a name, a path and a life, nothing else";
const ORIGINATION: &str = "write a TLSContext for the backend and name it by the Mapping's `tls`";

/// All of them.
pub const ANNOTATIONS: &[Annotation] = &[
    works("rewrite-target", "`regex_rewrite`, groups and all"),
    works("use-regex", "`prefix_regex`"),
    works(
        "ssl-redirect",
        "`requestPolicy.insecure.action` of the Host: `Redirect` or `Route`",
    ),
    differs(
        "force-ssl-redirect",
        "a Host that redirects what is not secure, judged by `x-forwarded-proto`",
    ),
    differs(
        "permanent-redirect",
        "`host_redirect` with `path_redirect`; the scheme stays that of the request",
    ),
    works("permanent-redirect-code", "`redirect_response_code`"),
    differs(
        "temporal-redirect",
        "`host_redirect` with `path_redirect`, 302; the scheme stays that of the request",
    ),
    works("temporal-redirect-code", "`redirect_response_code`"),
    works(
        "app-root",
        "a Mapping for `/` alone with `path_redirect`, 302",
    ),
    works(
        "from-to-www-redirect",
        "a Mapping for the other name with `host_redirect`, 308",
    ),
    works("server-alias", "the same Mappings for each alias"),
    works("backend-protocol", "`https://` in `service`, `grpc`"),
    works("proxy-connect-timeout", "`connect_timeout_ms`"),
    differs(
        "proxy-read-timeout",
        "`idle_timeout_ms`, the longer one of read and send: silence in both directions",
    ),
    differs(
        "proxy-send-timeout",
        "`idle_timeout_ms`, the longer one of read and send: silence in both directions",
    ),
    differs(
        "proxy-next-upstream",
        "`retry_policy.retry_on`, the nearest of Envoy's conditions",
    ),
    works(
        "proxy-next-upstream-tries",
        "`retry_policy.num_retries`, one less",
    ),
    differs(
        "proxy-next-upstream-timeout",
        "`retry_policy.per_try_timeout`: of each try, not of all",
    ),
    cannot(
        "proxy-body-size",
        "the Module's `buffer: {max_request_bytes}` limits bodies, for all hosts",
    ),
    cannot("proxy-buffer-size", STREAMED),
    cannot("proxy-buffering", STREAMED),
    cannot("proxy-buffers-number", STREAMED),
    cannot("proxy-request-buffering", STREAMED),
    cannot("proxy-max-temp-file-size", STREAMED),
    cannot("client-body-buffer-size", STREAMED),
    cannot("proxy-http-version", "1.1, or 2 with `grpc`"),
    cannot(
        "proxy-cookie-domain",
        "cookies of answers are passed on as they are",
    ),
    cannot(
        "proxy-cookie-path",
        "cookies of answers are passed on as they are",
    ),
    cannot(
        "proxy-redirect-from",
        "`location` of answers is passed on as it is",
    ),
    cannot(
        "proxy-redirect-to",
        "`location` of answers is passed on as it is",
    ),
    cannot("proxy-ssl-secret", ORIGINATION),
    cannot("proxy-ssl-name", ORIGINATION),
    cannot("proxy-ssl-server-name", ORIGINATION),
    cannot("proxy-ssl-verify", ORIGINATION),
    works("enable-cors", "`cors`"),
    differs(
        "cors-allow-origin",
        "`cors.origins`; origins with a `*` within are left out",
    ),
    works("cors-allow-methods", "`cors.methods`"),
    works("cors-allow-headers", "`cors.headers`"),
    works("cors-allow-credentials", "`cors.credentials`"),
    works("cors-expose-headers", "`cors.exposed_headers`"),
    works("cors-max-age", "`cors.max_age`"),
    works("canary", "a Mapping in the group of the one that is there"),
    works("canary-weight", "`weight`"),
    cannot(
        "canary-weight-total",
        "weights are percent; other totals are not converted",
    ),
    differs(
        "canary-by-header",
        "a Mapping with `headers: {name: always}`; `never` is not honoured beside a weight",
    ),
    works("canary-by-header-value", "`headers`"),
    works("canary-by-header-pattern", "`regex_headers`"),
    differs(
        "canary-by-cookie",
        "`regex_headers` on `cookie`; `never` is not honoured beside a weight",
    ),
    differs(
        "affinity",
        "`load_balancer` with `ring_hash` on the cookie, `resolver: endpoint`",
    ),
    works("session-cookie-name", "`load_balancer.cookie.name`"),
    works("session-cookie-path", "`load_balancer.cookie.path`"),
    works("session-cookie-max-age", "`load_balancer.cookie.ttl`"),
    cannot("session-cookie-expires", "write `session-cookie-max-age`"),
    cannot("session-cookie-secure", COOKIE),
    cannot("session-cookie-samesite", COOKIE),
    cannot("session-cookie-domain", COOKIE),
    cannot(
        "session-cookie-change-on-failure",
        "who fails is left out only as an outlier",
    ),
    cannot(
        "affinity-mode",
        "a ring moves few clients when endpoints change, and does not hold on to any",
    ),
    cannot(
        "affinity-canary-behavior",
        "shares are drawn for each request",
    ),
    works(
        "upstream-hash-by",
        "`load_balancer` with `ring_hash` on a header, a cookie or the client's address; other variables cannot",
    ),
    differs(
        "load-balance",
        "`round_robin` is the default; `ewma` becomes `least_request`",
    ),
    works("upstream-vhost", "`host_rewrite`"),
    works("x-forwarded-prefix", "`add_request_headers`"),
    differs(
        "configuration-snippet",
        "`more_set_headers`, `add_header`, `more_clear_headers` and `proxy_set_header` with plain values become headers; other lines are listed",
    ),
    cannot("server-snippet", "it is nginx's own language"),
    cannot("stream-snippet", "it is nginx's own language"),
    cannot("auth-url", AUTH),
    cannot("auth-signin", AUTH),
    cannot("auth-method", AUTH),
    cannot("auth-response-headers", AUTH),
    cannot("auth-request-redirect", AUTH),
    cannot("auth-snippet", AUTH),
    cannot("auth-cache-key", AUTH),
    cannot("enable-global-auth", AUTH),
    cannot("auth-type", BASIC),
    cannot("auth-secret", BASIC),
    cannot("auth-secret-type", BASIC),
    cannot("auth-realm", BASIC),
    differs("auth-tls-secret", "`tls.ca_secret` of the Host"),
    differs(
        "auth-tls-verify-client",
        "`tls.cert_required` of the Host: `on`; `optional` asks and lets in",
    ),
    cannot(
        "auth-tls-verify-depth",
        "chains are verified whatever their length",
    ),
    cannot(
        "auth-tls-pass-certificate-to-upstream",
        "the Module's `forward_client_cert_details` says it, for all hosts",
    ),
    cannot("auth-tls-error-page", "a handshake that fails has no page"),
    cannot("whitelist-source-range", IP),
    cannot("allowlist-source-range", IP),
    cannot("denylist-source-range", IP),
    cannot("satisfy", AUTH),
    cannot("limit-rps", LIMITED),
    cannot("limit-rpm", LIMITED),
    cannot("limit-connections", LIMITED),
    cannot("limit-burst-multiplier", LIMITED),
    cannot("limit-whitelist", LIMITED),
    cannot("limit-rate", LIMITED),
    cannot("limit-rate-after", LIMITED),
    cannot(
        "ssl-passthrough",
        "a TCPMapping with `host` terminates TLS; one without has a port of its own",
    ),
    cannot("ssl-ciphers", "write `tls.cipher_suites` of the Host"),
    cannot(
        "custom-http-errors",
        "`error_response_overrides` has bodies of its own, no backend for them",
    ),
    cannot(
        "custom-headers",
        "it names a ConfigMap; write `add_response_headers`",
    ),
    cannot(
        "default-backend",
        "a Mapping without endpoints answers 503 itself",
    ),
    works(
        "service-upstream",
        "nothing: a Service is asked by its own address anyway",
    ),
    cannot("http2-push-preload", "browsers have given server push up"),
    works(
        "websocket-services",
        "nothing: every Mapping has `allow_upgrade: [websocket]`, as nginx does without being asked",
    ),
    differs(
        "mirror-target",
        "a Mapping with `shadow`; the path is the request's own",
    ),
    cannot("mirror-request-body", "bodies are always copied"),
    cannot("mirror-host", "the host of a copy has `-shadow` at its end"),
    cannot("enable-modsecurity", "there is no such filter"),
    cannot("modsecurity-snippet", "there is no such filter"),
    cannot("enable-owasp-core-rules", "there is no such filter"),
    cannot("enable-access-log", "the log is the whole gateway's"),
    cannot("enable-rewrite-log", "there is none"),
    cannot(
        "enable-opentelemetry",
        "a TracingService says it, for all hosts",
    ),
    cannot(
        "preserve-trailing-slash",
        "paths are redirected as they are",
    ),
];

/// The one of this name.
pub(super) fn known(name: &str) -> Option<&'static Annotation> {
    ANNOTATIONS.iter().find(|it| it.name == name)
}

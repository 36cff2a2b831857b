"""What the kinds of getambassador.io look like: key by key where Ambassador and Emissary agree on one
shape over the years, open where they do not."""

from dataclasses import dataclass, field

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}
FLAG = {"type": "boolean"}
# Texts, lists, booleans: a key that was one and became another, as `ambassador_id` and `tls`.
ANY = {"x-kubernetes-preserve-unknown-fields": True}
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
TEXTS = {"type": "array", "items": TEXT}
ITEMS = {"type": "array", "items": OPEN}
MAP = {"type": "object", "additionalProperties": TEXT}


@dataclass(frozen=True)
class Kind:
    """One kind: what it is for, the keys of its spec, and what `kubectl get` shows of it."""

    name: str
    plural: str
    description: str
    keys: dict
    required: tuple = ()
    columns: dict = field(default_factory=dict)


def _keys(**shapes):
    """Shapes by the names of keys; a name in the values of several shapes is the last one's."""
    known = {"ambassador_id": ANY, "ambassadorId": ANY}
    for shape, names in shapes.items():
        known |= {name: globals()[shape] for name in names.split()}
    return dict(sorted(known.items()))


_RESOLVED = "service resolver cluster_tag stats_name v3StatsName"

_TLS = _keys(
    TEXT="secret cert_chain_file private_key_file cacert_chain_file ca_secret crl_secret sni "
    "alpn_protocols min_tls_version max_tls_version",
    NUMBER="redirect_cleartext_from",
    FLAG="cert_required secret_namespacing",
    TEXTS="hosts cipher_suites ecdh_curves",
)

_MAPPING = _keys(
    TEXT=_RESOLVED + " prefix rewrite method host hostname host_rewrite path_redirect "
    "prefix_redirect dns_type priority",
    NUMBER="precedence weight redirect_response_code timeout_ms idle_timeout_ms "
    "connect_timeout_ms cluster_idle_timeout_ms cluster_max_connection_lifetime_ms",
    FLAG="prefix_regex prefix_exact case_sensitive method_regex host_regex grpc shadow "
    "auto_host_rewrite use_websocket add_linkerd_headers bypass_auth respect_dns_ttl "
    "bypass_error_response_overrides enable_ipv4 enable_ipv6",
    ANY="tls host_redirect remove_request_headers remove_response_headers v2ExplicitTLS",
    OPEN="headers query_parameters add_request_headers add_response_headers cors labels docs "
    "load_balancer keepalive retry_policy regex_rewrite regex_redirect envoy_override",
    MAP="regex_headers regex_query_parameters auth_context_extensions",
    TEXTS="allow_upgrade v2BoolHeaders v2BoolQueryParameters",
    ITEMS="circuit_breakers error_response_overrides health_checks v3health_checks",
)

_TCP_MAPPING = _keys(
    TEXT=_RESOLVED + " address host",
    NUMBER="port weight",
    FLAG="enable_ipv4 enable_ipv6",
    ANY="tls idle_timeout_ms v2ExplicitTLS",
    ITEMS="circuit_breakers",
)

_STATE = {"State": ".status.state", "Reason": ".status.reason"}

KINDS = [
    Kind(
        "AuthService",
        "authservices",
        "Who is asked whether a request may pass.",
        _keys(
            TEXT="auth_service path_prefix proto protocol_version stats_name",
            NUMBER="timeout_ms",
            FLAG="allow_request_body failure_mode_allow add_linkerd_headers",
            ANY="tls v2ExplicitTLS allowed_headers allowed_request_headers "
            "allowed_authorization_headers",
            OPEN="add_auth_headers include_body status_on_error",
            ITEMS="circuit_breakers",
        ),
    ),
    Kind(
        "ConsulResolver",
        "consulresolvers",
        "Finds the endpoints of services in Consul.",
        _keys(TEXT="address datacenter"),
    ),
    Kind(
        "DevPortal",
        "devportals",
        "Documentation of APIs, in Ambassador's commercial edition.",
        _keys(TEXT="naming_scheme", FLAG="default preserve_servers", OPEN="content selector search"),
    ),
    Kind(
        "Host",
        "hosts",
        "A host name that is served, its certificate, and what becomes of requests without TLS.",
        _keys(
            TEXT="hostname",
            OPEN="acmeProvider mappingSelector selector previewUrl requestPolicy tlsContext "
            "tlsSecret",
        )
        | {"tls": OPEN | {"properties": _TLS}},
        columns={"Hostname": ".spec.hostname", **_STATE},
    ),
    Kind(
        "KubernetesEndpointResolver",
        "kubernetesendpointresolvers",
        "Sends requests to the pods of a Service.",
        _keys(),
    ),
    Kind(
        "KubernetesServiceResolver",
        "kubernetesserviceresolvers",
        "Sends requests to a Service by its name.",
        _keys(),
    ),
    Kind(
        "Listener",
        "listeners",
        "A port that is listened on, and the Hosts that are served there.",
        _keys(
            TEXT="protocol securityModel statsPrefix",
            NUMBER="port l7Depth http2MaxConcurrentStreams",
            TEXTS="protocolStack",
            OPEN="hostBinding",
        ),
        required=("port",),
        columns={"Port": ".spec.port", "Protocol": ".spec.protocol", **_STATE},
    ),
    Kind(
        "LogService",
        "logservices",
        "Who is told of each request.",
        _keys(
            TEXT="service driver protocol_version stats_name",
            NUMBER="flush_interval_time flush_interval_byte_size",
            FLAG="grpc",
            OPEN="driver_config",
        ),
    ),
    Kind(
        "Mapping",
        "mappings",
        "Which requests go where, and what is done to them on the way.",
        _MAPPING,
        required=("prefix", "service"),
        columns={
            "Host": ".spec.hostname",
            "Prefix": ".spec.prefix",
            "Service": ".spec.service",
            **_STATE,
        },
    ),
    Kind(
        "Module",
        "modules",
        "What holds for the whole gateway (`ambassador`), or for its TLS (`tls`).",
        _keys(OPEN="config"),
        columns=_STATE,
    ),
    Kind(
        "RateLimitService",
        "ratelimitservices",
        "Who is asked whether a request is one too many.",
        _keys(
            TEXT="service domain protocol_version stats_name",
            NUMBER="timeout_ms",
            FLAG="failure_mode_deny",
            ANY="tls v2ExplicitTLS",
            OPEN="grpc",
        ),
    ),
    Kind(
        "TCPMapping",
        "tcpmappings",
        "Which connections go where.",
        _TCP_MAPPING,
        required=("port", "service"),
        columns={"Port": ".spec.port", "Host": ".spec.host", "Service": ".spec.service", **_STATE},
    ),
    Kind(
        "TLSContext",
        "tlscontexts",
        "A certificate and how TLS is spoken with it, to clients or to upstreams.",
        _TLS,
        columns={"Secret": ".spec.secret", **_STATE},
    ),
    Kind(
        "TracingService",
        "tracingservices",
        "Who is told of spans.",
        _keys(
            TEXT="service driver stats_name",
            TEXTS="tag_headers v3propagation_modes propagation_modes",
            OPEN="config sampling",
            ITEMS="custom_tags",
        ),
        columns={"Driver": ".spec.driver", "Service": ".spec.service", **_STATE},
    ),
]

"""Envoy, as Emissary configures it by default, and as its own guide advises for an edge."""

import json

# Of benches/peers.
import proxies as peers

_MANAGER = "filters.network.http_connection_manager.v3.HttpConnectionManager"


def emissary(ports, upstreams, settings, directory):
    """Writes the configuration; the command."""
    manager = {
        "stream_idle_timeout": f"{settings.body_timeout}s",
        "http_protocol_options": {"accept_http_10": True},
    }
    return _command(_bootstrap(ports, upstreams, settings, manager), settings, directory)


def edge_guide(ports, upstreams, settings, directory):
    """Writes the configuration; the command."""
    manager = {
        "stream_idle_timeout": f"{settings.body_timeout}s",
        "request_headers_timeout": f"{settings.header_timeout}s",
        "request_timeout": "300s",
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
        "common_http_protocol_options": {
            "idle_timeout": "3600s",
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http_protocol_options": {"accept_http_10": True},
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": 1048576,
        },
    }
    bootstrap = _bootstrap(ports, upstreams, settings, manager)
    for part in ("listeners", "clusters"):
        for one in bootstrap["static_resources"][part]:
            one["per_connection_buffer_limit_bytes"] = 32768
    return _command(bootstrap, settings, directory)


def _command(bootstrap, settings, directory):
    config = directory / "envoy.json"
    config.write_text(json.dumps(bootstrap), encoding="utf-8")
    return [
        *(settings.envoy, "-c", config, "--concurrency", "1", "-l", "error"),
        "--use-dynamic-base-id",
    ]


def _bootstrap(ports, upstreams, settings, manager):
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": peers.envoy_type("filters.http.router.v3.Router")},
    }
    host = {
        "name": "all",
        "domains": ["*"],
        "routes": _routes(),
        "request_headers_to_add": [
            {
                "header": {"key": "x-edge", "value": "yes"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }
    manager = {
        "@type": peers.envoy_type(_MANAGER),
        "stat_prefix": "edge",
        "use_remote_address": True,
        "normalize_path": True,
        # A second by default, in which a client may read what a refusal says.
        "delayed_close_timeout": "0.2s",
        "route_config": {"virtual_hosts": [host]},
        "http_filters": [router],
        **manager,
    }
    chain = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
        ]
    }
    listeners = [{"address": peers.envoy_address(ports.http), "filter_chains": [chain]}]
    if settings.identity:
        secured = {**chain, "transport_socket": peers.envoy_tls(settings.identity)}
        listeners.append({"address": peers.envoy_address(ports.tls), "filter_chains": [secured]})
    clusters = [_cluster("open", upstreams.open), _cluster("private", upstreams.private)]
    return {
        "static_resources": {"listeners": listeners, "clusters": clusters},
        "admin": {"address": peers.envoy_address(ports.admin)},
    }


def _routes():
    websocket = [{"upgrade_type": "websocket"}]
    return [
        {
            "match": {"prefix": "/moved"},
            "redirect": {"host_redirect": "elsewhere.test"},
        },
        {
            "match": {"prefix": "/ws"},
            "route": {"cluster": "open", "timeout": "3s", "upgrade_configs": websocket},
        },
        {"match": {"prefix": "/private"}, "route": {"cluster": "private", "timeout": "3s"}},
        {"match": {"prefix": "/"}, "route": {"cluster": "open", "timeout": "3s"}},
    ]


def _cluster(name, port):
    endpoint = {"endpoint": {"address": peers.envoy_address(port)}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "3s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }

"""A gateway with many clusters, each at an address of its own in 127/8, behind one route each."""

import json
from pathlib import Path

import proxies


def route(number):
    return f"/service-{number:05}/"


def cluster(number):
    return f"service_{number:04}"


def _address(number):
    return f"127.1.{number // 250}.{number % 250 + 1}"


def nuncio(binary, ports, backend, count, directory):
    """`ports`: for data, admin and metrics."""
    config = Path(directory) / f"nuncio-{count}"
    config.mkdir()
    mappings = "".join(
        f"""\
---
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata:
  name: mapping-{number:05}
  namespace: default
spec:
  hostname: "*"
  prefix: {route(number)}
  service: {_address(number)}:{backend}
  stats_name: {cluster(number)}
"""
        for number in range(count)
    )
    (config / "mappings.yaml").write_text(mappings)
    return proxies.gateway(binary, config, ports, "0-1", directory, name=f"nuncio-{count}")


def envoy(binary, ports, backend, count, directory):
    """`ports`: for data and admin."""
    data, admin = ports
    config = Path(directory) / "envoy.json"
    config.write_text(json.dumps(_bootstrap(data, admin, backend, count)))
    command = [binary, "-c", config, "--concurrency", "1", "-l", "warning", "--use-dynamic-base-id"]
    return proxies.Server("envoy", command, "0-1", directory)


def _bootstrap(data, admin, backend, count):
    manager = {
        "@type": _type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "ingress_http",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"prefix": route(number)},
                            "route": {"cluster": cluster(number), "prefix_rewrite": "/"},
                        }
                        for number in range(count)
                    ],
                }
            ]
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": _type("filters.http.router.v3.Router")},
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "admin": {"address": _socket("127.0.0.1", admin)},
        "static_resources": {
            "listeners": [
                {"address": _socket("127.0.0.1", data), "filter_chains": [{"filters": filters}]}
            ],
            "clusters": [_cluster(number, backend) for number in range(count)],
        },
    }


def _cluster(number, backend):
    endpoint = {"endpoint": {"address": _socket(_address(number), backend)}}
    return {
        "name": cluster(number),
        "type": "STATIC",
        "connect_timeout": "3s",
        "load_assignment": {
            "cluster_name": cluster(number),
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }


def _type(name):
    return f"type.googleapis.com/envoy.extensions.{name}"


def _socket(address, port):
    return {"socket_address": {"address": address, "port_value": port}}

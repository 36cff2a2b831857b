"""Proxies that carry bytes from a port to a server, without looking at them."""

from pathlib import Path

import manifests
import proxies


def nuncio(binary, ports, backend, core, directory):
    """`ports`: for data, admin and metrics, and for the bytes."""
    config = Path(directory) / "nuncio"
    config.mkdir()
    manifests.write(config, "all", [manifests.tcp_mapping(ports[3], f"127.0.0.1:{backend}")])
    return proxies.gateway(binary, config, ports[:3], core, directory)


def haproxy(port, backend, core, directory):
    config = Path(directory) / "haproxy.cfg"
    config.write_text(
        f"""\
global
    nbthread 1
    maxconn 4096
defaults
    mode tcp
    timeout client 60s
    timeout server 60s
    timeout connect 5s
listen bytes
    bind 127.0.0.1:{port}
    server upstream 127.0.0.1:{backend}
"""
    )
    return proxies.Server("haproxy", ["haproxy", "-db", "-f", config], core, directory)


def envoy(binary, port, backend, core, directory):
    proxy = {
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": proxies.envoy_type("filters.network.tcp_proxy.v3.TcpProxy"),
            "stat_prefix": "bytes",
            "cluster": "httpbin",
        },
    }
    bootstrap = proxies.envoy_frame(port, backend, {"filters": [proxy]})
    return proxies.envoy_with(binary, bootstrap, core, directory)

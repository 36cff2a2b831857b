"""The proxies under measurement, each with the same work to do: one route `/httpbin/`, rewritten to
`/`, host rewritten, x-forwarded-for, -proto and x-request-id set, both sides kept alive, one worker,
no access log.

With an identity they terminate TLS 1.3 by it, for h2 and http/1.1, as they do by default else."""

import json
import os
import subprocess
from pathlib import Path

HOST = "httpbin.org"
BODY_BYTES = 100


class Server:
    """A process, or a master with its workers, pinned to one core."""

    def __init__(self, name, command, core, directory, env=None, stdout=None):
        self.name = name
        with open(Path(directory) / f"{name}.log", "wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=stdout or log,
                stderr=log,
                env={**os.environ, **(env or {})},
            )

    def pids(self):
        """Itself and its children; taskset has replaced itself by the command."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def upstream(port, core, directory, address="127.0.0.1"):
    """nginx that answers every path with a body of BODY_BYTES bytes, and `/echo` with what it saw."""
    text = _nginx_frame(
        f"""
        server {{
            listen {address}:{port};
            location / {{ return 200 "{"x" * BODY_BYTES}"; }}
            location = /echo {{
                return 200 "$host|$http_x_forwarded_for|$http_x_forwarded_proto|$http_x_request_id";
            }}
        }}"""
    )
    return _nginx("upstream", text, core, directory)


def nginx(port, backend, core, directory, identity=None):
    terminated = _nginx_tls(identity) if identity else ""
    listened = " ssl http2" if identity else ""
    text = _nginx_frame(
        f"""
        upstream backend {{
            server 127.0.0.1:{backend};
            keepalive 128;
            keepalive_requests 100000000;
        }}
        server {{
            listen 127.0.0.1:{port}{listened};
            {terminated}
            location /httpbin/ {{
                proxy_pass http://backend/;
                proxy_http_version 1.1;
                proxy_set_header Connection "";
                proxy_set_header Host {HOST};
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                proxy_set_header X-Forwarded-Proto $scheme;
                proxy_set_header X-Request-Id $request_id;
            }}
        }}"""
    )
    return _nginx("nginx", text, core, directory)


def haproxy(port, backend, core, directory, identity=None):
    scheme = "https" if identity else "http"
    terminated = f" ssl crt {identity.both} alpn h2,http/1.1" if identity else ""
    config = Path(directory) / "haproxy.cfg"
    config.write_text(
        f"""\
global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
    http-reuse always
frontend front
    bind 127.0.0.1:{port}{terminated}
    acl httpbin path_beg /httpbin/
    http-request set-header X-Request-Id %[uuid()]
    http-request set-header X-Forwarded-Proto {scheme}
    use_backend back if httpbin
backend back
    option forwardfor
    http-request replace-path /httpbin/(.*) /\\1
    http-request set-header Host {HOST}
    server upstream 127.0.0.1:{backend}
"""
    )
    return Server("haproxy", ["haproxy", "-db", "-f", config], core, directory)


def envoy(binary, port, backend, core, directory, identity=None):
    return envoy_with(binary, _envoy_bootstrap(port, backend, identity), core, directory)


def envoy_with(binary, bootstrap, core, directory):
    config = Path(directory) / "envoy.json"
    config.write_text(json.dumps(bootstrap))
    command = [binary, "-c", config, "--concurrency", "1", "-l", "warning", "--use-dynamic-base-id"]
    return Server("envoy", command, core, directory)


def nuncio(binary, ports, backend, core, directory, **how):
    """`how`: as of `gateway`."""
    config = Path(directory) / "nuncio"
    config.mkdir()
    (config / "httpbin.yaml").write_text(
        f"""\
apiVersion: v1
kind: Service
metadata:
  name: httpbin
  annotations:
    getambassador.io/config: |
      ---
      apiVersion: ambassador/v0
      kind: Mapping
      name: httpbin_mapping
      prefix: /httpbin/
      service: 127.0.0.1:{backend}
      host_rewrite: {HOST}
spec:
  ports:
  - port: 80
"""
    )
    return gateway(binary, config, ports, core, directory, **how)


def gateway(
    binary, config, ports, core, directory, name="nuncio", env=None, access_log=None, under=()
):
    """The gateway by what is in the directory `config`. `ports`: for data, admin and metrics;
    `access_log`: what reads it; `under`: what runs it."""
    data, admin, metrics = (f"127.0.0.1:{port}" for port in ports)
    command = [*under, binary, "run", "--config-dir", config, "--threads", "1", "--http", data]
    # Its peers log no requests either.
    command += ["--access-log", "on" if access_log else "off", "--drain-delay", "0s"]
    command += ["--https", "127.0.0.1:0", "--admin", admin, "--metrics", metrics]
    variables = {"STATSD_ENABLED": "false", **(env or {})}
    return Server(name, command, core, directory, env=variables, stdout=access_log)


def _nginx(name, text, core, directory):
    prefix = Path(directory) / name
    prefix.mkdir()
    (prefix / "nginx.conf").write_text(text)
    command = ["nginx", "-p", prefix, "-c", prefix / "nginx.conf", "-e", "stderr"]
    return Server(name, command, core, directory)


def _nginx_tls(identity):
    return f"""\
ssl_certificate {identity.chain};
            ssl_certificate_key {identity.key};
            ssl_protocols TLSv1.3;"""


def _nginx_frame(servers):
    return f"""\
daemon off;
pid nginx.pid;
worker_processes 1;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    keepalive_timeout 600s;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {servers}
}}
"""


def _envoy_bootstrap(port, backend, identity):
    route = {
        "match": {"prefix": "/httpbin/"},
        "route": {"cluster": "httpbin", "prefix_rewrite": "/", "host_rewrite_literal": HOST},
    }
    manager = {
        "@type": envoy_type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "ingress_http",
        "use_remote_address": True,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": envoy_type("filters.http.router.v3.Router")},
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    chain = {"filters": filters}
    if identity:
        chain["transport_socket"] = _envoy_tls(identity)
    return envoy_frame(port, backend, chain)


def envoy_frame(port, backend, chain):
    """A listener with one filter chain, and a cluster `httpbin`."""
    endpoint = {"endpoint": {"address": envoy_address(backend)}}
    return {
        "static_resources": {
            "listeners": [{"address": envoy_address(port), "filter_chains": [chain]}],
            "clusters": [
                {
                    "name": "httpbin",
                    "type": "STATIC",
                    "connect_timeout": "3s",
                    "load_assignment": {
                        "cluster_name": "httpbin",
                        "endpoints": [{"lb_endpoints": [endpoint]}],
                    },
                }
            ],
        }
    }


def _envoy_tls(identity):
    certificate = {
        "certificate_chain": {"filename": str(identity.chain)},
        "private_key": {"filename": str(identity.key)},
    }
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": envoy_type("transport_sockets.tls.v3.DownstreamTlsContext"),
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": {"tls_maximum_protocol_version": "TLSv1_3"},
                "tls_certificates": [certificate],
            },
        },
    }


def envoy_type(name):
    return f"type.googleapis.com/envoy.extensions.{name}"


def envoy_address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

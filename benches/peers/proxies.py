"""The proxies under measurement, each with the same work to do: one route `/httpbin/`, rewritten to
`/`, host rewritten, x-forwarded-for, -proto and x-request-id set, both sides kept alive, one worker,
no access log; and what is `Wanted` beyond that."""

import json
import os
import subprocess
from pathlib import Path

import manifests
from wanted import GRPC_PREFIX, PLAIN

HOST = "httpbin.org"
BODY_BYTES = 100

# A message of gRPC (its length, then so many bytes).
GRPC_MESSAGE = b"\0" + BODY_BYTES.to_bytes(4, "big") + bytes(BODY_BYTES)


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


def upstream(port, core, directory, address="127.0.0.1", http2=False):
    """nginx that answers every path with a body of BODY_BYTES bytes, `/echo` with what it saw, `/big`
    with a megabyte, and gRPC with a message. It takes bodies of any size, and answers `/upload` when it
    has read all of one: some proxies give up a connection whose answer comes earlier."""
    files = Path(directory) / "files"
    files.mkdir(exist_ok=True)
    (files / "big").write_bytes(bytes(1 << 20))
    (files / "message").write_bytes(GRPC_MESSAGE)
    text = _nginx_frame(
        f"""
        server {{
            listen {address}:{port}{" http2" if http2 else ""};
            root {files};
            client_max_body_size 0;
            location / {{ return 200 "{"x" * BODY_BYTES}"; }}
            location = /echo {{
                return 200 "$host|$http_x_forwarded_for|$http_x_forwarded_proto|$http_x_request_id";
            }}
            location = /big {{ }}
            location = /upload {{
                client_body_buffer_size 2m;
                proxy_pass http://{address}:{port}/;
                proxy_pass_request_body off;
                proxy_set_header Content-Length "";
            }}
            location {GRPC_PREFIX} {{
                default_type application/grpc;
                types {{ }}
                error_page 405 =200 /message;
                try_files /message =404;
                add_trailer grpc-status 0;
            }}
            location = /message {{
                default_type application/grpc;
                types {{ }}
                add_trailer grpc-status 0;
            }}
        }}"""
    )
    return _nginx("upstream", text, core, directory)


def nginx(port, backend, core, directory, wanted=PLAIN):
    terminated = _nginx_tls(wanted.identity) if wanted.identity else ""
    spoken = (" ssl http2" if wanted.identity else "") or (" http2" if wanted.grpc else "")
    routes = [f"location {prefix} {{ proxy_pass http://backend/; }}" for prefix in wanted.prefixes()]
    if wanted.grpc:
        routes.append(f"location {GRPC_PREFIX} {{ grpc_pass grpc://backend; }}")
    upgraded = "proxy_set_header Upgrade $http_upgrade;" if wanted.websocket else ""
    connection = "upgrade" if wanted.websocket else ""
    retried = "error timeout http_502 http_503" if wanted.retries else "off"
    text = _nginx_frame(
        f"""
        upstream backend {{
            server 127.0.0.1:{backend};
            keepalive 128;
            keepalive_requests 100000000;
        }}
        server {{
            listen 127.0.0.1:{port}{spoken};
            {terminated}
            client_max_body_size 0;
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_next_upstream {retried};
            proxy_set_header Connection "{connection}";
            {upgraded}
            proxy_set_header Host {HOST};
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Request-Id $request_id;
            location /httpbin/ {{ proxy_pass http://backend/; }}
            {" ".join(routes)}
        }}""",
        log="/dev/null" if wanted.logged else "off",
    )
    return _nginx("nginx", text, core, directory)


def haproxy(port, backend, core, directory, wanted=PLAIN):
    identity = wanted.identity
    scheme = "https" if identity else "http"
    terminated = f" ssl crt {identity.both} alpn h2,http/1.1" if identity else ""
    if wanted.grpc:
        terminated = " proto h2"
    known = Path(directory) / "haproxy.map"
    prefixes = ["/httpbin/", GRPC_PREFIX, *wanted.prefixes()]
    known.write_text("".join(f"{prefix} back\n" for prefix in prefixes))
    config = Path(directory) / "haproxy.cfg"
    logged = "option httplog\n    log stdout format raw daemon" if wanted.logged else ""
    retried = "retry-on conn-failure 502 503" if wanted.retries else "retries 0"
    config.write_text(
        f"""\
global
    nbthread 1
    maxconn 9900
defaults
    mode http
    timeout client 600s
    timeout server 60s
    timeout connect 5s
    timeout tunnel 600s
    http-reuse always
    {logged}
frontend front
    bind 127.0.0.1:{port}{terminated}
    http-request set-header X-Request-Id %[uuid()]
    http-request set-header X-Forwarded-Proto {scheme}
    use_backend %[path,map_beg({known})]
backend back
    option forwardfor
    {retried}
    http-request replace-path /(httpbin|route[0-9]+)/(.*) /\\2
    http-request set-header Host {HOST}
    server upstream 127.0.0.1:{backend}{" proto h2" if wanted.grpc else ""}
"""
    )
    return Server("haproxy", ["haproxy", "-db", "-f", config], core, directory)


def envoy(binary, port, backend, core, directory, wanted=PLAIN):
    return envoy_with(binary, _envoy_bootstrap(port, backend, wanted), core, directory)


def envoy_with(binary, bootstrap, core, directory):
    config = Path(directory) / "envoy.json"
    config.write_text(json.dumps(bootstrap))
    command = [binary, "-c", config, "--concurrency", "1", "-l", "warning", "--use-dynamic-base-id"]
    return Server("envoy", command, core, directory)


def nuncio(binary, ports, backend, core, directory, wanted=PLAIN, **how):
    """`ports`: for data, admin and metrics, and for TLS if that is wanted; `how`: as of `gateway`."""
    config = Path(directory) / "nuncio"
    config.mkdir()
    if wanted.identity:
        documents = [
            manifests.https_listener(ports[3]),
            manifests.secret_of_files("identity", wanted.identity),
            manifests.host("all", "*", "identity"),
        ]
        manifests.write(config, "tls", documents)
    (config / "httpbin.yaml").write_text(_nuncio_service(backend, wanted))
    if wanted.routes:
        documents = [_nuncio_mapping(prefix, backend) for prefix in wanted.prefixes()]
        # A file may have 16 MiB.
        for begin in range(0, len(documents), 10_000):
            piece = "---\n".join(documents[begin : begin + 10_000])
            (config / f"routes-{begin}.yaml").write_text(piece)
    if wanted.statsd_port:
        statsd = {"STATSD_ENABLED": "true", "STATSD_HOST": "127.0.0.1"}
        statsd |= {"STATSD_PORT": str(wanted.statsd_port), "STATSD_FLUSH_INTERVAL": "1"}
        how["env"] = {**statsd, **(how.get("env") or {})}
    if wanted.logged:
        how["access_log"] = subprocess.DEVNULL
    return gateway(binary, config, ports[:3], core, directory, **how)


def _nuncio_service(backend, wanted):
    retried = "retry_policy: {retry_on: 5xx, num_retries: 2}" if wanted.retries else ""
    upgraded = "allow_upgrade: [websocket]" if wanted.websocket else ""
    grpc = f"""
      ---
      apiVersion: ambassador/v2
      kind: Mapping
      name: grpc_mapping
      prefix: {GRPC_PREFIX}
      rewrite: ""
      grpc: true
      service: 127.0.0.1:{backend}"""
    return f"""\
apiVersion: v1
kind: Service
metadata:
  name: httpbin
  annotations:
    getambassador.io/config: |
      ---
      apiVersion: ambassador/v2
      kind: Mapping
      name: httpbin_mapping
      prefix: /httpbin/
      service: 127.0.0.1:{backend}
      host_rewrite: {HOST}
      {retried}
      {upgraded}{grpc if wanted.grpc else ""}
spec:
  ports:
  - port: 80
"""


def _nuncio_mapping(prefix, backend):
    return f"""\
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {{name: {prefix.strip("/")}, namespace: default}}
spec: {{hostname: "*", prefix: {prefix}, service: "127.0.0.1:{backend}", host_rewrite: {HOST}}}
"""


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


def _nginx_frame(servers, log="off"):
    return f"""\
daemon off;
pid nginx.pid;
worker_processes 1;
error_log stderr warn;
events {{ worker_connections 20000; }}
http {{
    access_log {log};
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


def _envoy_bootstrap(port, backend, wanted):
    manager = {
        "@type": envoy_type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "ingress_http",
        "use_remote_address": True,
        "route_config": {
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": _envoy_routes(wanted)}]
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": envoy_type("filters.http.router.v3.Router")},
            }
        ],
    }
    if wanted.websocket:
        manager["upgrade_configs"] = [{"upgrade_type": "websocket"}]
    if wanted.logged:
        log = {"@type": envoy_type("access_loggers.file.v3.FileAccessLog"), "path": "/dev/null"}
        manager["access_log"] = [{"name": "envoy.access_loggers.file", "typed_config": log}]
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    chain = {"filters": filters}
    if wanted.identity:
        chain["transport_socket"] = envoy_tls(wanted.identity)
    bootstrap = envoy_frame(port, backend, chain)
    if wanted.grpc:
        _envoy_speaks_http2(bootstrap)
    if wanted.statsd_port:
        sink = {
            "@type": "type.googleapis.com/envoy.config.metrics.v3.StatsdSink",
            "address": envoy_address(wanted.statsd_port),
        }
        sink["address"]["socket_address"]["protocol"] = "UDP"
        bootstrap["stats_sinks"] = [{"name": "envoy.stat_sinks.statsd", "typed_config": sink}]
        bootstrap["stats_flush_interval"] = "1s"
    return bootstrap


def _envoy_routes(wanted):
    def route(prefix, **action):
        return {"match": {"prefix": prefix}, "route": {"cluster": "httpbin", **action}}

    rewritten = {"prefix_rewrite": "/", "host_rewrite_literal": HOST}
    first = dict(rewritten)
    if wanted.retries:
        first["retry_policy"] = {"retry_on": "5xx", "num_retries": 2}
    routes = [route("/httpbin/", **first)]
    if wanted.grpc:
        routes.append(route(GRPC_PREFIX))
    return routes + [route(prefix, **rewritten) for prefix in wanted.prefixes()]


def _envoy_speaks_http2(bootstrap):
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    bootstrap["static_resources"]["clusters"][0]["typed_extension_protocol_options"] = {
        options: {
            "@type": f"type.googleapis.com/{options}",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }


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


def envoy_tls(identity):
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

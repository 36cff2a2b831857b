"""The proxies under test, each with the same work to do.

`/` goes to the open upstream and `/private` to the private one, `/ws` may be upgraded to websocket,
`/moved` is redirected to another host with the rest of the path, `x-edge: yes` is added to requests
and `x-forwarded-for`, `x-forwarded-proto` are set. Limits are 60 KiB and 100 fields a head where
the proxy has them, and deadlines are those of `Settings`."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.gateway import clean_environment
from harness.ports import free
from harness.program import Program

from edge import envoy, nginx_haproxy, nuncio
from edge.waiting import until_listening

KINDS = ["nuncio", "nuncio-hardened", "nginx", "haproxy", "envoy", "envoy-edge"]
OURS = KINDS[:2]


@dataclass(frozen=True)
class Settings:
    """The programs, and the deadlines in seconds."""

    nuncio: Path | None
    envoy: Path | None
    header_timeout: int = 2
    body_timeout: int = 2
    # A certificate and its key, as `harness.certificates.Pair`, for those who listen for TLS as well.
    identity: object = None


@dataclass(frozen=True)
class Upstreams:
    """Their ports on 127.0.0.1."""

    open: int
    private: int


@dataclass(frozen=True)
class Ports:
    """Of the proxy: for HTTP/1, for HTTP/2 with prior knowledge, for TLS with either, and
    for operators."""

    http: int
    h2: int
    admin: int
    metrics: int
    tls: int


class Proxy(Program):
    """A running proxy."""

    def __init__(self, kind, command, ports, log, env=None):
        super().__init__(command, log, env)
        self.kind = kind
        self.ports = ports
        self.port = ports.http
        self.h2_port = ports.h2
        self.tls_port = ports.tls
        self.ours = kind in OURS
        self.hardened = kind in ("nuncio-hardened", "envoy-edge")

    def pids(self):
        """Itself and its children."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def stop(self):
        if self.running():
            self.process.terminate()
            try:
                self.wait(1)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.wait(5)


def start(kind, upstreams, settings, directory):
    """Starts a proxy of `kind`; returns once it listens."""
    http, admin, metrics, tls, other = free(5)
    if kind in OURS or kind.startswith("envoy"):
        other = http
    ports = Ports(http, other, admin, metrics, tls)
    commands = {
        "nuncio": nuncio.compatible,
        "nuncio-hardened": nuncio.hardened,
        "nginx": nginx_haproxy.nginx,
        "haproxy": nginx_haproxy.haproxy,
        "envoy": envoy.emissary,
        "envoy-edge": envoy.edge_guide,
    }
    command = commands[kind](ports, upstreams, settings, directory)
    env = clean_environment(STATSD_ENABLED="false") if kind in OURS else None
    proxy = Proxy(kind, command, ports, directory / f"{kind}.log", env)
    try:
        until_listening(proxy)
    except BaseException:
        proxy.stop()
        raise
    return proxy

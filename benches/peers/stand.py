"""The gateway and its peers, side by side, each with the same work to do."""

import time
from dataclasses import dataclass

import listening
import proxies
import work

PROXY_CORE, LOAD_CORE = 0, 1


@dataclass(frozen=True)
class Running:
    """A proxy that does what is wanted."""

    server: proxies.Server
    port: int
    # From its start until it answered as it should, in seconds.
    ready: float


def start(options, directory, servers, wanted=proxies.PLAIN, upstream=None, names=None):
    """Starts the upstream, unless one is there at a port, and every proxy that is asked for; by name."""
    backend, *ports = listening.free_ports(8)
    if upstream is None:
        servers.append(proxies.upstream(backend, LOAD_CORE, directory, http2=wanted.grpc))
        listening.wait_for(backend, 15)
    else:
        backend = upstream
    common = (backend, PROXY_CORE, directory, wanted)
    ways = {
        "nuncio": lambda: proxies.nuncio(options.nuncio, ports[:4], *common),
        "nginx": lambda: proxies.nginx(ports[4], *common),
        "haproxy": lambda: proxies.haproxy(ports[5], *common),
        "envoy": lambda: proxies.envoy(options.envoy, ports[6], *common),
    }
    at = {"nuncio": ports[3] if wanted.identity else ports[0]}
    at |= {"nginx": ports[4], "haproxy": ports[5], "envoy": ports[6]}
    running = {}
    for name in names or options.proxies:
        begun = time.monotonic()
        server = ways[name]()
        servers.append(server)
        listening.wait_for(at[name], 120)
        work.check(name, at[name], wanted)
        running[name] = Running(server, at[name], time.monotonic() - begun)
    return running

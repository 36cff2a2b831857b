"""The gateway and its peers, all of which terminate TLS by the same certificate."""

from pathlib import Path

import identity
import listening
import manifests
import proxies
import work

PROXY_CORE, LOAD_CORE = 0, 1


def start(options, directory, servers, kind):
    """Starts the upstream and every proxy, each checked to do its work; servers and ports by name."""
    backend, *ports = listening.free_ports(8)
    servers.append(proxies.upstream(backend, LOAD_CORE, directory))
    listening.wait_for(backend, 15)
    made = identity.make("localhost", kind)
    files = identity.write(made, directory)
    common = (backend, PROXY_CORE, directory)
    ways = {
        "nuncio": lambda: nuncio(options.nuncio, ports[:4], made, *common),
        "nginx": lambda: proxies.nginx(ports[4], *common, identity=files),
        "haproxy": lambda: proxies.haproxy(ports[5], *common, identity=files),
        "envoy": lambda: proxies.envoy(options.envoy, ports[6], *common, identity=files),
    }
    running = {}
    for name, port in zip(ways, ports[3:]):
        if name in options.proxies:
            server = ways[name]()
            servers.append(server)
            listening.wait_for(port, 15)
            work.check(name, "https", port)
            running[name] = (server, port)
    return running


def nuncio(binary, ports, made, backend, core, directory):
    """`ports`: for data, admin and metrics, and for TLS."""
    config = Path(directory) / "nuncio"
    config.mkdir()
    documents = [
        manifests.https_listener(ports[3]),
        manifests.secret("identity", made),
        manifests.host("all", "*", "identity"),
        manifests.mapping("/httpbin/", f"127.0.0.1:{backend}", proxies.HOST),
    ]
    manifests.write(config, "all", documents)
    return proxies.gateway(binary, config, ports[:3], core, directory)

"""Thousands of Hosts, each with a certificate of its own: start, memory and handshakes, beside one."""

import http.client
import random
import time
from dataclasses import dataclass
from pathlib import Path

import client
import identity
import listening
import manifests
import measure
import proxies
import stage
import stand
import tables

# The most that a certificate may take.
GOAL_KIB = 12.0

_LATENCIES = 500


@dataclass
class Edge:
    """A gateway, and the certificate that each of its names is served with."""

    name: str
    server: proxies.Server
    ports: list
    ders: dict
    ready: float
    at_ready: float
    resident: float = 0.0


def run(options):
    if "nuncio" not in options.proxies:
        return
    with stage.stage("tls-hosts") as (directory, servers):
        (backend,) = listening.free_ports(1)
        servers.append(proxies.upstream(backend, stand.LOAD_CORE, directory))
        names = [f"host-{number:05}.example.com" for number in range(options.hosts)]
        print(f"\nmaking {options.hosts} certificates", flush=True)
        own = {name: identity.make(name) for name in names}
        alone = {names[0]: own[names[0]]}
        shared = dict.fromkeys(names, own[names[0]])
        edges = []
        for what, identities in (
            ("1 Host", alone),
            (f"{options.hosts} Hosts, one certificate", shared),
            (f"{options.hosts} Hosts, each its own", own),
        ):
            place = Path(directory) / str(len(edges))
            place.mkdir()
            edges.append(_start(options, place, what, identities, backend, servers))
        _shake_all(edges, options.hosts)
        _tell(options, edges, _latencies(options, edges))


def _start(options, directory, what, identities, backend, servers):
    config = directory / "nuncio"
    config.mkdir()
    ports = listening.free_ports(4)
    _write(config, ports[3], backend, identities)
    begun = time.monotonic()
    server = proxies.gateway(options.nuncio, config, ports[:3], stand.PROXY_CORE, directory)
    servers.append(server)
    _until_ready(ports[1])
    ready = time.monotonic() - begun
    listening.wait_for(ports[3], 60)
    ders = {name: made.der for name, made in identities.items()}
    return Edge(what, server, ports, ders, ready, measure.resident_mb(server.pids()))


def _write(config, port, backend, identities):
    secrets, documents = {}, [
        manifests.https_listener(port),
        manifests.mapping("/httpbin/", f"127.0.0.1:{backend}", proxies.HOST),
    ]
    for name, made in identities.items():
        secret = secrets.setdefault(id(made), manifests.secret(name, made))
        documents.append(manifests.host(name, name, secret["metadata"]["name"]))
    manifests.write(config, "all", documents + list(secrets.values()))


def _until_ready(admin):
    deadline = time.monotonic() + 120
    while not _is_ready(admin):
        if time.monotonic() > deadline:
            raise measure.Unsound("not ready in time")
        time.sleep(0.005)


def _is_ready(admin):
    connection = http.client.HTTPConnection("127.0.0.1", admin, timeout=5)
    try:
        connection.request("GET", "/ambassador/v0/check_ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _shake_all(edges, count):
    """As many handshakes with each, so that what is made by the first of a name has been made."""
    made = client.context()
    for edge in edges:
        names = list(edge.ders)
        for nth in range(count):
            _shake(made, edge, names[nth % len(names)])
        edge.resident = measure.resident_mb(edge.server.pids())


def _latencies(options, edges):
    taken = {edge.name: [] for edge in edges}
    made = client.context()
    for _ in range(options.rounds):
        for edge in edges:
            names = list(edge.ders)
            for _ in range(_LATENCIES):
                taken[edge.name].append(_shake(made, edge, random.choice(names)))
    return taken


def _shake(made, edge, name):
    seen = client.visit(made, edge.ports[3], name)
    if seen.der != edge.ders[name]:
        raise measure.Unsound(f"{name} is served with another certificate")
    return (seen.shaken - seen.begun) * 1e3


def _tell(options, edges, latencies):
    print(
        f"\nHosts and certificates (ECDSA P-256), {options.hosts} handshakes with each before the last "
        f"RSS, then {options.rounds * _LATENCIES} one after the other\n"
    )
    tables.header(
        "gateway", "start to Ready s", "RSS MB at Ready", "after handshakes", "handshake p50 ms", "p99 ms"
    )
    for edge in edges:
        taken = latencies[edge.name]
        tables.row(
            edge.name,
            f"{edge.ready:.2f}",
            f"{edge.at_ready:.1f}",
            f"{edge.resident:.1f}",
            f"{tables.percentile(taken, 50):.2f}",
            f"{tables.percentile(taken, 99):.2f}",
        )
    one, shared, own = (edge.resident for edge in edges)
    more = max(1, options.hosts - 1)
    whole, certificate = ((own - less) * 1024 / more for less in (one, shared))
    print(
        f"\na Host with its certificate: {whole:.1f} KiB, the certificate of that {certificate:.1f} KiB "
        f"(goal {GOAL_KIB:.0f} KiB: {tables.verdict(certificate, GOAL_KIB)})"
    )

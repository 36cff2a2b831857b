"""How soon a changed Secret is served, under handshakes that never pause, and whom that harms."""

import random
import time
from pathlib import Path

import expected
import identity
import listening
import manifests
import measure
import proxies
import stage
import stand
import tables
import traffic

# Most that may pass until the slowest but one in a hundred changes is served.
GOAL_SECONDS = 1.0

_HOSTS = 20
_KEPT = 8
_PATIENCE = 20


def run(options):
    if "nuncio" not in options.proxies:
        return
    with stage.stage("tls-rotation") as (directory, servers):
        backend, *ports = listening.free_ports(5)
        servers.append(proxies.upstream(backend, stand.LOAD_CORE, directory))
        config = Path(directory) / "nuncio"
        names = [f"host-{number:02}.example.com" for number in range(_HOSTS)]
        first = {name: identity.make(name) for name in names}
        _write(config, ports[3], backend, first)
        core = stand.PROXY_CORE
        servers.append(proxies.gateway(options.nuncio, config, ports[:3], core, directory))
        listening.wait_for(ports[3], 30)
        served = expected.Expected({name: made.der for name, made in first.items()})
        _settle(ports[3], served)
        with traffic.Traffic(ports[3], served, options.handshakes, _KEPT) as moving:
            delays, missed = _change(options, config, served)
        _tell(options, delays, missed, served, moving)


def _write(config, port, backend, identities):
    config.mkdir()
    documents = [
        manifests.https_listener(port),
        manifests.mapping("/httpbin/", f"127.0.0.1:{backend}", proxies.HOST),
    ]
    for name, made in identities.items():
        documents.append(manifests.host(name, name, name))
        manifests.write(config, name, [manifests.secret(name, made)])
    manifests.write(config, "all", documents)


def _settle(port, served):
    deadline = time.monotonic() + 30
    while True:
        try:
            traffic.visit_all(port, served)
            return
        except (OSError, measure.Unsound):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _change(options, config, served):
    delays, missed = [], 0
    for number in range(options.changes):
        name = served.names[number % _HOSTS]
        made = identity.make(name)
        time.sleep(random.uniform(0.01, 0.03))
        served.change(name, made.der)
        manifests.write(config, name, [manifests.secret(name, made)])
        delay = served.wait(_PATIENCE)
        if delay is None:
            missed += 1
        else:
            delays.append(delay)
    return delays, missed


def _tell(options, delays, missed, served, moving):
    print(
        f"\n{options.changes} changes of {_HOSTS} Secrets beside {served.right / moving.seconds:.0f} "
        f"handshakes/s ({options.handshakes} wanted), {_KEPT} connections that are kept\n"
    )
    tables.header("figure", "value", "goal", "")
    for what, percent in (("p50", 50), ("p99", 99), ("max", 100)):
        seconds = tables.percentile(delays, percent) if delays else float("inf")
        goal = (f"< {GOAL_SECONDS:.0f} s", tables.verdict(seconds, GOAL_SECONDS))
        said = goal if percent == 99 else ("", "")
        tables.row(f"change to the first handshake with it: {what}", f"{seconds * 1e3:.1f} ms", *said)
    tables.row("handshakes", served.right, "", "")
    tables.row("requests on connections that are kept", moving.answered, "", "")
    for what, count in (
        ("changes that were not served", missed),
        ("failed handshakes or requests after them", len(moving.failures)),
        ("handshakes with an old certificate after the new one", served.stale),
        ("handshakes with a wrong certificate", served.wrong),
        ("requests or connections that are kept, harmed", len(moving.harms)),
    ):
        tables.row(what, count, "0", tables.verdict(count, 0))
    for failure in (moving.failures + moving.harms)[:5]:
        print(f"- {failure}")

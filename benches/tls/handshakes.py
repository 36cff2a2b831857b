"""CPU time per handshake, for keys of both kinds, with sessions resumed and without."""

import client
import identity
import measure
import shaking
import stage
import stand
import tables
from wanted import Wanted


def run(options):
    print(
        f"\na connection per request, one worker; full: {options.handshakes} per second, resumed: as "
        f"fast as {_CONNECTIONS} clients go; median of {options.rounds} rounds of {options.seconds} s; "
        "handshakes/s are what a core has time for\n"
    )
    tables.header(
        "key", "handshake", "proxy", "CPU us/handshake (range)", "of Envoy's", "handshakes/s per core"
    )
    for kind in ("ecdsa", "rsa"):
        with stage.stage("tls-handshakes") as (directory, servers):
            files = identity.write(identity.make("localhost", kind), directory)
            running = stand.start(options, directory, servers, Wanted(identity=files))
            _check_alike(running)
            for way, taken in _measure(options, running).items():
                _tell(kind, way, taken)


def _check_alike(running):
    """That all speak the same version and suite, and resume sessions."""
    spoken = {}
    for name, at in running.items():
        made = client.context()
        first = client.visit(made, at.port, "localhost")
        second = client.visit(made, at.port, "localhost", first.session)
        if first.is_resumed or not second.is_resumed:
            raise measure.Unsound(f"{name} does not resume sessions")
        spoken[name] = (first.version, first.suite)
    if len(set(spoken.values())) != 1:
        raise measure.Unsound(f"not all speak the same: {spoken}")


def _measure(options, running):
    ways = {
        "full": lambda port, seconds: shaking.full(port, options.handshakes, seconds),
        "resumed": lambda port, seconds: shaking.resumed(port, _CONNECTIONS, seconds),
    }
    taken = {way: {name: [] for name in running} for way in ways}
    for _ in range(options.rounds):
        for way, shake in ways.items():
            for name, at in running.items():
                shake(at.port, 1)
                before = measure.thread_seconds(at.server.pids())
                connections = shake(at.port, options.seconds)
                spent = measure.thread_seconds(at.server.pids()) - before
                taken[way][name].append(spent / connections * 1e6)
    return taken


def _tell(kind, way, taken):
    for name, costs in taken.items():
        share = tables.share(costs, taken.get("envoy"))
        per_core = 1e6 / tables.middle(costs)
        said = f"{share:.0%}" if share else ""
        tables.row(kind, way, name, tables.spread(costs, 0), said, f"{per_core:.0f}")


_CONNECTIONS = 16

"""CPU time per request on TLS connections that are kept."""

import time

import load
import measure
import peers
import stage
import tables

GOAL = 0.6

# Requests by which it is found out how many there can be in a second.
_FIRST = 2000


def run(options):
    with stage.stage("tls-requests") as (directory, servers):
        running = peers.start(options, directory, servers, "ecdsa")
        kinds = {"h1": _http1(options.connections)}
        for streams in options.streams:
            kinds[f"h2, {streams} at a time"] = _http2(options.connections, streams)
        taken = {kind: {name: [] for name in running} for kind in kinds}
        for _ in range(options.rounds):
            for kind, send in kinds.items():
                for name, (server, port) in running.items():
                    taken[kind][name].append(_cost(server, port, send, options.seconds))
        _tell(options, taken)


def _http1(connections):
    return lambda port, seconds, _: load.http1(port, connections, seconds)


def _http2(connections, streams):
    return lambda port, seconds, rate: load.http2(port, connections, streams, int(seconds * rate))


def _cost(server, port, send, seconds):
    """CPU time per request in microseconds; that of the few handshakes at the start is in it."""
    begun = time.monotonic()
    rate = send(port, 1, _FIRST) / (time.monotonic() - begun)
    before = measure.thread_seconds(server.pids())
    requests = send(port, seconds, rate)
    return (measure.thread_seconds(server.pids()) - before) / requests * 1e6


def _tell(options, taken):
    print(
        f"\nTLS 1.3, ECDSA P-256, {options.connections} connections that are kept, one worker, "
        f"median of {options.rounds} rounds of {options.seconds} s\n"
    )
    tables.header("spoken", "proxy", "CPU us/request (range)", "of Envoy's", f"goal {GOAL:.0%}")
    for kind, proxies in taken.items():
        for name, costs in proxies.items():
            share = tables.share(costs, proxies.get("envoy"))
            judged = tables.verdict(share, GOAL) if name == "nuncio" and share else ""
            said = f"{share:.0%}" if share else ""
            tables.row(kind, name, tables.spread(costs), said, judged)

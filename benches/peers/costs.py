"""CPU time per request, one scenario after the other."""

import time

import measure
import stage
import stand
import tables
import websocket

# Requests by which it is found out how many there can be in a second.
_FIRST = 2000


def header():
    tables.header(
        "scenario", "proxy", "CPU us (range)", "of Envoy's", "of HAProxy's", "per second", "RSS MB",
        "ready after", "goal",
    )  # fmt: skip


def run(options, scenario):
    with stage.stage("peers") as (directory, servers):
        echo = websocket.Server() if scenario.echoes else None
        try:
            _run(options, scenario, (directory, servers), echo and echo.port)
        finally:
            if echo:
                echo.stop()


def _run(options, scenario, place, upstream):
    chosen = [name for name in options.proxies if name in scenario.by]
    running = stand.start(options, *place, scenario.wanted, upstream=upstream, names=chosen)
    taken = {name: [] for name in running}
    rates = {name: [] for name in running}
    order = list(running)
    for _ in range(options.rounds):
        for name in order:
            cost, rate = _sample(options, running[name], scenario.send)
            taken[name].append(cost)
            rates[name].append(rate)
        order.append(order.pop(0))
    for name, at in running.items():
        _tell(scenario, name, at, taken, rates[name])


def _sample(options, at, send):
    """CPU time in microseconds of each request, and how many there were in a second."""
    begun = time.monotonic()
    rate = send(at.port, options.connections, 1, _FIRST) / (time.monotonic() - begun)
    before, begun = measure.thread_seconds(at.server.pids()), time.monotonic()
    count = send(at.port, options.connections, options.seconds, rate)
    took = time.monotonic() - begun
    return (measure.thread_seconds(at.server.pids()) - before) / count * 1e6, count / took


def _tell(scenario, name, at, taken, rates):
    shares = {peer: tables.share(taken[name], taken.get(peer)) for peer in ("envoy", "haproxy")}
    judged = [
        f"{most:.0%} of {peer}'s: {tables.verdict(shares[peer], most)}"
        for peer, most in scenario.goals.items()
        if name == "nuncio" and shares[peer]
    ]
    tables.row(
        scenario.name,
        name,
        tables.spread(taken[name]),
        *(f"{share:.0%}" if share else "" for share in shares.values()),
        f"{tables.middle(rates):.0f}",
        f"{measure.resident_mb(at.server.pids()):.1f}",
        f"{at.ready:.2f} s",
        ", ".join(judged),
    )

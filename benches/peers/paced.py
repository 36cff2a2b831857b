"""How long requests take at half of what each proxy can do, from when they were due: a request that had
to wait for the one before is no faster for it."""

import json
import subprocess

import load
import measure
import stage
import stand
import tables

# Seconds in which it is found out how many requests there can be.
_FIRST = 3

# The most that p99 may be, as a part of HAProxy's.
_GOAL = 1.2

_PERCENTILES = ("p50", "p99", "p999")


def run(options):
    print(
        f"\nat half of what each can do, {options.connections} connections, median of "
        f"{options.rounds} rounds of {options.seconds} s\n"
    )
    tables.header(
        "proxy", "sent per second", "p50 us", "p99 us", "p99.9 us", "p99 of HAProxy's", "goal"
    )
    with stage.stage("paced") as (directory, servers):
        running = stand.start(options, directory, servers)
        rates = {name: _most(options, at) // 2 for name, at in running.items()}
        taken = {name: [] for name in running}
        order = list(running)
        for _ in range(options.rounds):
            for name in order:
                taken[name].append(_sample(options, running[name], rates[name]))
            order.append(order.pop(0))
    for name, samples in taken.items():
        _tell(name, rates[name], samples, taken.get("haproxy"))


def _most(options, at):
    url = f"http://127.0.0.1:{at.port}/httpbin/get"
    return load.wrk(url, options.connections, _FIRST) // _FIRST


def _sample(options, at, rate):
    """The percentiles of one round, in microseconds."""
    command = ["taskset", "-c", str(load.LOAD_CORE), str(options.paced), "--json"]
    command += ["--target", f"127.0.0.1:{at.port}", "--path", "/httpbin/get"]
    command += ["--rate", str(rate), "--seconds", str(options.seconds)]
    command += ["--connections", str(options.connections)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    # What was due at the very end may be left.
    if said["failed"] or said["unsent"] > options.connections:
        raise measure.Unsound(done.stdout)
    return {which: said[f"{which}_us"] for which in _PERCENTILES}


def _tell(name, rate, samples, haproxy):
    of = {which: [sample[which] for sample in samples] for which in _PERCENTILES}
    share = tables.share(of["p99"], haproxy and [sample["p99"] for sample in haproxy])
    judged = name == "nuncio" and share
    tables.row(
        name,
        rate,
        *(tables.spread(of[which], places=0) for which in _PERCENTILES),
        f"{share:.0%}" if share else "",
        f"<= {_GOAL:.0%}: {tables.verdict(share, _GOAL)}" if judged else "",
    )

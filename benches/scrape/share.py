"""What telemetry costs: CPU time per request of gateways that do more and more of it, and of one from
which counting is compiled out (the feature `uncounted`), in turn. Traces are not among it.

Each has one worker on one core; the load (wrk), the upstream and all who are told share the other.

With --instructions, instructions per request instead, outside the kernel, as valgrind counts them:
for machines that are not quiet. statsd is left out there, since what it costs by the second would be
spread over far fewer requests.
"""

import argparse
import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

import listening
import measure
import proxies
import stage

PROXY_CORE, LOAD_CORE = 0, 1
# What fits into one packet of an Ethernet, as the option's description has it.
PACKED = {"NUNCIO_STATSD_MAX_DATAGRAM": "1432"}
# Requests to be counted: what more of them take is free of starting and stopping.
FEW, MANY = 1_000, 6_000


@dataclass(frozen=True)
class Kind:
    """A gateway under measurement."""

    binary: Path
    logs: bool = False
    env: dict = field(default_factory=dict)


def main():
    options = _options()
    os.sched_setaffinity(0, {LOAD_CORE})
    with stage.stage("share") as (directory, servers):
        (backend,) = listening.free_ports(1)
        servers.append(proxies.upstream(backend, LOAD_CORE, directory))
        listening.wait_for(backend, 60)
        if options.instructions:
            _count(options, directory, backend, servers)
        else:
            _time(options, directory, backend, servers)


def _time(options, directory, backend, servers):
    statsd = _receiver()
    kinds = {
        "counted": Kind(options.counted),
        "access log": Kind(options.counted, logs=True),
        "statsd": Kind(options.counted, env=statsd),
        "statsd packed": Kind(options.counted, env=statsd | PACKED),
        # Packed as well.
        "everything": Kind(options.counted, logs=True, env=statsd | PACKED),
        "uncounted": Kind(options.uncounted),
    }
    running = {}
    for name, kind in kinds.items():
        running[name] = _start(kind, name, directory, backend, servers)
    samples = {name: [] for name in running}
    for _ in range(options.rounds):
        for name, (server, url) in running.items():
            measure.load(url, LOAD_CORE, options.connections, 1)
            taken = measure.sample(server, url, LOAD_CORE, options.connections, options.seconds)
            samples[name].append(taken.cpu_us)
    _print_times(options, samples)


def _start(kind, name, directory, backend, servers, under=()):
    own = Path(directory) / name.replace(" ", "-")
    own.mkdir()
    ports = listening.free_ports(3)
    log = _drain() if kind.logs else None
    server = proxies.nuncio(
        kind.binary, ports, backend, PROXY_CORE, own, env=kind.env, access_log=log, under=under
    )
    servers.append(server)
    if log:
        os.close(log)
    listening.wait_for(ports[0], 60)
    return server, f"http://127.0.0.1:{ports[0]}/httpbin/get"


def _print_times(options, samples):
    print(f"\nmedian of {options.rounds} rounds of {options.seconds} s\n")
    print("| gateway | CPU us/request (range) | more than uncounted, round by round |")
    print("|---|---|---|")
    for name, costs in samples.items():
        more = statistics.median(a - b for a, b in zip(costs, samples["uncounted"]))
        median = statistics.median(costs)
        print(f"| {name} | {median:.2f} ({min(costs):.2f}-{max(costs):.2f}) | {more:+.2f} us |")


def _count(options, directory, backend, servers):
    kinds = {
        "uncounted": Kind(options.uncounted),
        "counted": Kind(options.counted),
        "access log": Kind(options.counted, logs=True),
    }
    print("\n| gateway | instructions/request | more than uncounted |")
    print("|---|---|---|")
    least = None
    for name, kind in kinds.items():
        few, many = (
            _counted(kind, f"{name} {requests}", directory, backend, servers, requests)
            for requests in (FEW, MANY)
        )
        each = (many - few) / (MANY - FEW)
        least = least or each
        print(f"| {name} | {each:,.0f} | {each - least:+,.0f} |", flush=True)


def _counted(kind, name, directory, backend, servers, requests):
    """The instructions of a gateway that serves so many requests, one at a time."""
    under = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    server, url = _start(kind, name, directory, backend, servers, under)
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    for _ in range(requests):
        connection.request("GET", parts.path)
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise measure.Unsound(f"{url}: {response.status}")
    connection.close()
    server.stop()
    said = (Path(directory) / name.replace(" ", "-") / "nuncio.log").read_text()
    return int(re.search(r"Collected : (\d+)", said).group(1))


def _drain():
    """A pipe whose other end is read and forgotten."""
    reader, writer = os.pipe()
    subprocess.Popen(["cat"], stdin=reader, stdout=subprocess.DEVNULL)
    os.close(reader)
    return writer


def _receiver():
    """A statsd that forgets; the variables that lead to it."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))

    def forget():
        while True:
            receiver.recv(65536)

    threading.Thread(target=forget, daemon=True).start()
    port = str(receiver.getsockname()[1])
    return {"STATSD_ENABLED": "true", "STATSD_HOST": "127.0.0.1", "STATSD_PORT": port}


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counted", type=Path, required=True)
    parser.add_argument("--uncounted", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--instructions", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

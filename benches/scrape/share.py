"""What counting costs: CPU time per request of a gateway that counts, one that also tells statsd of it,
and one from which counting is compiled out (the feature `uncounted`), in turn.

Each has one worker on one core; the load (wrk) and the upstream share the other.
"""

import argparse
import socket
import statistics
import sys
import threading
from pathlib import Path

import listening
import measure
import proxies
import stage

PROXY_CORE, LOAD_CORE = 0, 1


def main():
    options = _options()
    with stage.stage("share") as (directory, servers):
        _run(options, directory, servers)


def _run(options, directory, servers):
    backend, *ports = listening.free_ports(10)
    servers.append(proxies.upstream(backend, LOAD_CORE, directory))
    listening.wait_for(backend, 60)
    kinds = {
        "counted": (options.counted, {}),
        "counted, statsd": (options.counted, {"STATSD_ENABLED": "true", **_receiver()}),
        "uncounted": (options.uncounted, {}),
    }
    running = {}
    for number, (kind, (binary, env)) in enumerate(kinds.items()):
        own = Path(directory) / str(number)
        own.mkdir()
        three = ports[number * 3 : number * 3 + 3]
        server = proxies.nuncio(binary, three, backend, PROXY_CORE, own, env=env)
        servers.append(server)
        listening.wait_for(three[0], 60)
        running[kind] = (server, f"http://127.0.0.1:{three[0]}/httpbin/get")
    samples = {kind: [] for kind in running}
    for _ in range(options.rounds):
        for kind, (server, url) in running.items():
            measure.load(url, LOAD_CORE, options.connections, 1)
            taken = measure.sample(server, url, LOAD_CORE, options.connections, options.seconds)
            samples[kind].append(taken.cpu_us)
    _print_table(options, samples)


def _print_table(options, samples):
    print(f"\nmedian of {options.rounds} rounds of {options.seconds} s\n")
    print("| build | CPU us/request (range) | more than uncounted, round by round |")
    print("|---|---|---|")
    for kind, costs in samples.items():
        more = statistics.median(a - b for a, b in zip(costs, samples["uncounted"]))
        median = statistics.median(costs)
        print(f"| {kind} | {median:.2f} ({min(costs):.2f}-{max(costs):.2f}) | {more:+.2f} us |")


def _receiver():
    """A statsd that forgets; the variables that lead to it."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))

    def forget():
        while True:
            receiver.recv(65536)

    threading.Thread(target=forget, daemon=True).start()
    return {"STATSD_HOST": "127.0.0.1", "STATSD_PORT": str(receiver.getsockname()[1])}


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counted", type=Path, required=True)
    parser.add_argument("--uncounted", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=64)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

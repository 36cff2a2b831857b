"""What a scrape costs: series, bytes and CPU time, beside Envoy in the same run; and what scrapes do
to the latency of requests.

CPU time is that of all threads of the process, to the nanosecond (schedstat); medians are printed.
"""

import argparse
import gzip
import http.client
import statistics
import sys
import threading
import time
from pathlib import Path

import listening
import measure
import proxies
import scene
import stage

LOAD_CORE = 1


def main():
    options = _options()
    with stage.stage("scrape") as (directory, servers):
        backend, *ports = listening.free_ports(9)
        upstream = proxies.upstream(backend, LOAD_CORE, directory, address="0.0.0.0")
        servers.append(upstream)
        _beside_envoy(options, directory, servers, (backend, ports[:5]))
        _many(options, directory, servers, (backend, ports[5:]))


def _beside_envoy(options, directory, servers, ports):
    backend, ports = ports
    count = options.clusters
    nuncio = scene.nuncio(options.nuncio, ports[:3], backend, count, directory)
    servers.append(nuncio)
    envoy = scene.envoy(options.envoy, ports[3:], backend, count, directory)
    servers.append(envoy)
    for data in (ports[0], ports[3]):
        _traffic(data, count)
    # Envoy's histograms move with its flush, every five seconds.
    time.sleep(6)
    pages = [
        ("envoy, full page", envoy, ports[4], "/stats/prometheus", False),
        ("envoy, usedonly", envoy, ports[4], "/stats/prometheus?usedonly", False),
        ("nuncio, full page", nuncio, ports[1], "/metrics", False),
        ("nuncio, gzip", nuncio, ports[1], "/metrics", True),
        ("nuncio, usedonly", nuncio, ports[1], "/metrics?usedonly", False),
    ]
    _table(f"{count} clusters, three requests to each", _scrapes(options.rounds, pages))
    servers.remove(envoy)
    servers.remove(nuncio)
    envoy.stop()
    nuncio.stop()


def _many(options, directory, servers, ports):
    backend, ports = ports
    count = options.mappings
    nuncio = scene.nuncio(options.nuncio, ports, backend, count, directory)
    servers.append(nuncio)
    _traffic(ports[0], 100)
    pages = [
        ("nuncio, full page", nuncio, ports[1], "/metrics", False),
        ("nuncio, gzip", nuncio, ports[1], "/metrics", True),
    ]
    _table(f"{count} Mappings, 100 of them in use", _scrapes(options.rounds, pages))
    _latency(options, ports)


def _scrapes(rounds, pages):
    taken = {}
    for _ in range(rounds):
        for name, server, port, target, is_packed in pages:
            before, started = measure.thread_seconds(server.pids()), time.monotonic()
            body = _get(port, target, is_packed)
            wall = time.monotonic() - started
            # What a thread runs now is added when it stops.
            time.sleep(0.05)
            cpu = measure.thread_seconds(server.pids()) - before
            taken.setdefault(name, []).append((body, cpu * 1e3, wall * 1e3))
    return taken


def _table(title, taken):
    print(f"\n{title}\n")
    print("| page | series | bytes | sent | CPU ms (range) | wall ms |")
    print("|---|---|---|---|---|---|")
    for name, scrapes in taken.items():
        sent = scrapes[-1][0]
        page = gzip.decompress(sent) if sent[:2] == b"\x1f\x8b" else sent
        series = sum(1 for line in page.splitlines() if line and not line.startswith(b"#"))
        cpu = [scrape[1] for scrape in scrapes]
        wall = statistics.median(scrape[2] for scrape in scrapes)
        print(
            f"| {name} | {series:,} | {len(page):,} | {len(sent):,} "
            f"| {statistics.median(cpu):.1f} ({min(cpu):.1f}-{max(cpu):.1f}) | {wall:.0f} |"
        )


def _latency(options, ports):
    """p99 of requests with and without a scrape in the middle, in turn."""
    url = f"http://127.0.0.1:{ports[0]}{scene.route(0)}"
    measure.load(url, LOAD_CORE, options.connections, 2)
    quiet, scraped = [], []
    for _ in range(options.rounds):
        for p99, is_scraped in ((quiet, False), (scraped, True)):
            timer = threading.Timer(options.seconds / 2, _get, (ports[1], "/metrics", True))
            if is_scraped:
                timer.start()
            output = measure.load(url, LOAD_CORE, options.connections, options.seconds)
            p99.append(measure.percentile(output, 99))
            if is_scraped:
                timer.join()
    without, with_one = statistics.median(quiet), statistics.median(scraped)
    print(
        f"\np99 in windows of {options.seconds} s: {without:.2f} ms, with a scrape {with_one:.2f} ms "
        f"({with_one / without - 1:+.1%})"
    )


def _traffic(port, count):
    listening.wait_for(port, 60)
    deadline = time.monotonic() + 60
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(3):
        for number in range(count):
            while _status(connection, scene.route(number)) != 200:
                if time.monotonic() > deadline:
                    raise measure.Unsound(f"{scene.route(number)} is not served")
                time.sleep(0.1)


def _status(connection, target):
    connection.request("GET", target)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _get(port, target, is_packed):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Accept-Encoding": "gzip"} if is_packed else {}
    connection.request("GET", target, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise measure.Unsound(f"{target}: {answer.status}")
    return body


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nuncio", type=Path, required=True)
    parser.add_argument("--envoy", type=Path, required=True)
    parser.add_argument("--clusters", type=int, default=1000)
    parser.add_argument("--mappings", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--connections", type=int, default=64)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

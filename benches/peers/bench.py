"""CPU time per request of the gateway, beside nginx, HAProxy and Envoy, in one run.

Every proxy has one worker on one core; the load (wrk) and the upstream share the other. Rounds are
interleaved, so that what disturbs the machine disturbs all. Medians are printed.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

import listening
import measure
import proxies
import stage
import versions
import work

PROXY_CORE, LOAD_CORE = 0, 1


def main():
    options = _options()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("this needs two cores: one for the proxy, one for the load")
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"the machine is busy (load {busy:.1f}): expect higher figures, and compare ratios")
    with stage.stage("peers") as (directory, servers):
        return _run(options, directory, servers)


def _run(options, directory, servers):
    urls = _start(options, directory, servers)
    samples = {name: [] for name in urls}
    order = [server for server in servers if server.name in urls]
    for number in range(options.rounds):
        for server in order:
            url = urls[server.name]
            measure.load(url, LOAD_CORE, options.connections, 1)
            sample = measure.sample(server, url, LOAD_CORE, options.connections, options.seconds)
            samples[server.name].append(sample)
            print(
                f"round {number + 1}/{options.rounds} {server.name:8} {sample.cpu_us:6.2f} us/request",
                flush=True,
            )
        order.append(order.pop(0))
    memory = {server.name: measure.resident_mb(server.pids()) for server in order}
    _print_table(options, samples, memory)
    return 0


def _start(options, directory, servers):
    """Starts the upstream and every proxy, each checked to do its work; the URL of each."""
    backend, *ports = listening.free_ports(7)
    servers.append(proxies.upstream(backend, LOAD_CORE, directory))
    listening.wait_for(backend, 15)
    at = {"nuncio": ports[0], "nginx": ports[3], "haproxy": ports[4], "envoy": ports[5]}
    common = (backend, PROXY_CORE, directory)
    servers.append(proxies.nuncio(options.nuncio, ports[:3], *common))
    servers.append(proxies.nginx(at["nginx"], *common))
    servers.append(proxies.haproxy(at["haproxy"], *common))
    servers.append(proxies.envoy(options.envoy, at["envoy"], *common))
    for name, port in at.items():
        listening.wait_for(port, 15)
        work.check(name, "http", port)
    return {name: f"http://127.0.0.1:{port}/httpbin/get" for name, port in at.items()}


def _print_table(options, samples, memory):
    medians = {
        name: {
            field: statistics.median(getattr(sample, field) for sample in taken)
            for field in ("cpu_us", "rate", "p50_ms", "p99_ms")
        }
        for name, taken in samples.items()
    }
    print(
        f"\n{options.connections} keep-alive connections, {proxies.BODY_BYTES}-byte body, one worker, "
        f"median of {options.rounds} rounds of {options.seconds} s; {versions.found(options.nuncio, options.envoy)}\n"
    )
    print("| proxy | CPU us/request (range) | of Envoy's | requests/s | p50 ms | p99 ms | RSS MB |")
    print("|---|---|---|---|---|---|---|")
    for name in sorted(medians, key=lambda name: medians[name]["cpu_us"]):
        one = medians[name]
        costs = [sample.cpu_us for sample in samples[name]]
        print(
            f"| {name} | {one['cpu_us']:.2f} ({min(costs):.2f}-{max(costs):.2f}) "
            f"| {one['cpu_us'] / medians['envoy']['cpu_us']:.0%} | {one['rate']:.0f} "
            f"| {one['p50_ms']:.2f} | {one['p99_ms']:.2f} | {memory[name]:.1f} |"
        )


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nuncio", type=Path, required=True)
    parser.add_argument("--envoy", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""CPU time per gigabyte that is carried as it is."""

import bulk
import carriers
import listening
import measure
import stage
import stand
import tables

# Of HAProxy's.
GOAL = 1.3

_CONNECTIONS = 4


def run(options):
    with stage.stage("tls-tcp") as (directory, servers):
        running = _start(options, directory, servers)
        taken = {way: {name: [] for name in running} for way in ("down", "up")}
        for _ in range(options.rounds):
            for way, costs in taken.items():
                for name, (server, port) in running.items():
                    bulk.carry(port, way, 16 << 20, _CONNECTIONS)
                    before = measure.thread_seconds(server.pids())
                    bulk.carry(port, way, options.megabytes << 20, _CONNECTIONS)
                    spent = measure.thread_seconds(server.pids()) - before
                    costs[name].append(spent / options.megabytes * 1024)
        _tell(options, taken)


def _start(options, directory, servers):
    backend = bulk.Server().port
    ports = listening.free_ports(6)
    common = (backend, stand.PROXY_CORE, directory)
    ways = {
        "nuncio": lambda: carriers.nuncio(options.nuncio, ports[:4], *common),
        "haproxy": lambda: carriers.haproxy(ports[4], *common),
        "envoy": lambda: carriers.envoy(options.envoy, ports[5], *common),
    }
    running = {}
    for name, port in zip(ways, ports[3:]):
        if name in options.proxies:
            server = ways[name]()
            servers.append(server)
            listening.wait_for(port, 30)
            running[name] = (server, port)
    return running


def _tell(options, taken):
    print(
        f"\n{options.megabytes} MiB through {_CONNECTIONS} connections, one worker, median of "
        f"{options.rounds} rounds\n"
    )
    tables.header("way", "proxy", "CPU s/GiB (range)", "of HAProxy's", f"goal {GOAL:.0%}")
    for way, proxies in taken.items():
        for name, costs in proxies.items():
            share = tables.share(costs, proxies.get("haproxy"))
            judged = tables.verdict(share, GOAL) if name == "nuncio" and share else ""
            said = f"{share:.0%}" if share else ""
            tables.row(way, name, tables.spread(costs), said, judged)

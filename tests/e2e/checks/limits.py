"""What the process has is limited: file descriptors, and memory."""

import contextlib
import os
import resource
import socket
import time

from harness.gateway import Gateway
from harness.http import Connection
from harness.manifests import documents, mapping, service
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal
from harness.waiting import until

IDLE_CLIENTS = 120
LEFT_OVER = 40
MEBIBYTE = 1024 * 1024


def the_soft_limit_of_descriptors_is_raised(setting):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with Gateway(setting, setting.config_directory()) as gateway:
            now = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
            expect("file descriptors" in gateway.output(), "no word of it in the log")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    expect_equal(now, (hard, hard), "limits of the gateway")


def idle_clients_that_take_all_descriptors_harm_nobody_for_long(setting):
    with Upstream("only", setting.directory) as upstream:
        config = setting.config_directory(web=_web(upstream))
        with Gateway(setting, config) as gateway, Connection(gateway.http) as inside:
            expect_equal(inside.get("/web/").status, 200, "before")
            _lower(gateway)
            clients = [_idle(gateway) for _ in range(IDLE_CLIENTS)]
            busy = _cpu(gateway)
            for _ in range(10):
                expect_equal(inside.get("/web/").status, 200, "of whoever is inside")
                time.sleep(0.1)
            busy = _cpu(gateway) - busy
            expect(busy < 0.3, f"{busy:.2f} s of CPU time in one second of nothing")
            for client in clients:
                client.close()
            released = time.monotonic()
            until(lambda: _is_served(gateway), "somebody new is served", seconds=3)
            took = time.monotonic() - released
    return f"{busy:.2f} s of CPU time meanwhile; served {took * 1000:.0f} ms after release"


def memory_near_its_limit_sheds_requests_until_it_is_not(setting):
    module = "---\napiVersion: ambassador/v0\nkind: Module\nname: ambassador\nconfig:\n"
    module += "  buffer: {max_request_bytes: 500000000}\n"
    with Upstream("only", setting.directory) as upstream:
        config = setting.config_directory(
            web=documents(_web(upstream), service("module", annotation=module))
        )
        with Gateway(setting.part("before"), config) as gateway:
            resident = _resident(gateway)
        limit = resident * 2 + 64 * MEBIBYTE
        with Gateway(setting, config, NUNCIO_MEMORY_LIMIT=str(limit)) as gateway:
            expect(_is_served(gateway), "it does not serve with little in use")
            with contextlib.ExitStack() as held:
                _hold(held, gateway, limit)
                expect_equal(_status(gateway), 503, "status of a new request")
                answer = gateway.get("/web/")
                expect_equal(answer.headers.get("retry-after"), "1", "Retry-After")
            until(lambda: _is_served(gateway), "it serves again", seconds=10)
    return f"{limit // MEBIBYTE} MiB, of which {resident // MEBIBYTE} are in use from the start"


def _web(upstream):
    to = f"127.0.0.1:{upstream.port}"
    return service("web", mapping("web", "/web/", to, timeout_ms=0))


def _lower(gateway):
    """Leaves it a few descriptors more than it has."""
    had = len(os.listdir(f"/proc/{gateway.pid}/fd"))
    _, hard = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (had + LEFT_OVER, hard))


def _idle(gateway):
    return socket.create_connection(("127.0.0.1", gateway.http))


def _hold(held, gateway, most):
    """Sends what the gateway has to hold, in bodies of a megabyte that do not end, until it sheds others. One
    large body would be copied to where it has room, and take twice as much at once."""
    head = f"POST /web/ HTTP/1.1\r\nhost: a\r\ncontent-length: {2 * MEBIBYTE}\r\n\r\n"
    for _ in range(most // MEBIBYTE):
        client = held.enter_context(_idle(gateway))
        client.sendall(head.encode() + bytes(MEBIBYTE))
        time.sleep(0.12)
        if _status(gateway) == 503:
            return


def _status(gateway):
    try:
        return gateway.get("/web/").status
    except OSError:
        return None


def _is_served(gateway):
    return _status(gateway) == 200


def _cpu(gateway):
    """CPU time so far, in seconds."""
    with open(f"/proc/{gateway.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(gateway):
    with open(f"/proc/{gateway.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


CHECKS = [
    the_soft_limit_of_descriptors_is_raised,
    idle_clients_that_take_all_descriptors_harm_nobody_for_long,
    memory_near_its_limit_sheds_requests_until_it_is_not,
]

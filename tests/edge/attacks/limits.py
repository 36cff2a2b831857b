"""Attacks on what there is a number of: descriptors, connections, routes."""

import os
import resource
import socket
import time
from pathlib import Path

from edge.attacks import watch
from edge.attacks.attack import EFFORT, MB, Attack
from edge.attacks.sockets import Crowd

_GET = b"GET /private/small HTTP/1.1\r\nHost: edge.test\r\n\r\n"


def _descriptors(target):
    """Forty descriptors are left, and 120 clients come who only connect. As long as they stay the
    proxy must not spin; once they have gone it has three seconds to serve again."""
    pids = target.proxy.pids()
    for pid in pids:
        few = _highest_descriptor(pid) + 40
        hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, hard))
    with Crowd(target.port) as crowd:
        crowd.join(120)
        time.sleep(0.5)
        before = watch.cpu(pids)
        time.sleep(1.0)
        spun = watch.cpu(pids) - before
    took = _served_after(target.port, 5)
    if spun > 0.3:
        return f"it spun: {spun * 1000:.0f} ms of CPU time in a second"
    if took is None or took > 3:
        return f"served again after {took or '5 and more'} s"
    return None


def _highest_descriptor(pid):
    return max(int(name) for name in os.listdir(f"/proc/{pid}/fd")) + 1


def _served_after(port, seconds):
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as one:
                one.sendall(_GET)
                if one.recv(100).startswith(b"HTTP/1.1 200"):
                    return time.monotonic() - started
        except OSError:
            pass
        time.sleep(0.05)
    return None


def _cap(target):
    """More connections than anybody allows; those who were there before work on."""
    with socket.create_connection(("127.0.0.1", target.port), timeout=5) as old:
        old.sendall(_GET)
        old.recv(4096)
        with Crowd(target.port) as crowd:
            crowd.join(EFFORT.of(12_000))
            old.sendall(_GET)
            answered = old.recv(4096)
            if not answered.startswith(b"HTTP/1.1 200"):
                return f"a connection from before got {answered[:30]!r}"
        took = _served_after(target.port, 5)
    return (
        None if took is not None and took <= 3 else f"served again after {took or '5 and more'} s"
    )


def _routes(target):
    """A thousand regular expressions, and a path of 10 KB that fits none of them."""
    config = target.proxy.log.parent / "config"
    if not config.is_dir():
        return None
    _add_routes(config, target.origin.port)
    deadline = time.monotonic() + 20
    while _ask(target.port, b"/last-regex/1")[0] != b"200" or _last_is_missing(target.port):
        if time.monotonic() > deadline:
            return "a thousand routes were not live after 20 s"
        time.sleep(0.1)
    path = b"/re/" + b"a" * 10_000
    fastest = min(_ask(target.port, path)[1] for _ in range(20))
    return None if fastest < 0.010 else f"a path of 10 KB takes {fastest * 1000:.1f} ms"


def _add_routes(config: Path, port):
    mappings = []
    for number in range(1000):
        prefix = f"/re/[a-z]*a[a-z]*{number}x?/(b|c)+" if number else "/last-regex/[0-9]+"
        mappings.append(
            "---\napiVersion: getambassador.io/v3alpha1\nkind: Mapping\n"
            f"metadata: {{name: regex-{number}, namespace: default}}\n"
            f"spec: {{hostname: '*', prefix: '{prefix}', prefix_regex: true, rewrite: '/regex', "
            f"service: '127.0.0.1:{port}'}}\n"
        )
    (config / "regex.yaml").write_text("".join(mappings), encoding="utf-8")


def _last_is_missing(port):
    return _ask(port, b"/re/xa999x/b")[0] != b"200"


def _ask(port, path):
    """The status, and how long it took."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
        started = time.monotonic()
        one.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: edge.test\r\n\r\n")
        return one.recv(4096)[9:12], time.monotonic() - started


CASES = [
    Attack("descriptors run out", "CWE-774", _descriptors, bystander=False),
    # Who is not there yet may be refused.
    Attack("more connections than allowed", "CWE-770", _cap, 12_000 * 20_000, bystander=False),
    Attack("a path of 10 KB against a thousand patterns", "CWE-1333", _routes, 64 * MB),
]

"""Memory of connections that are idle after a request."""

import socket
import ssl

import measure
import stage
import stand
import tables
from wanted import Wanted

_ASKED = b"GET /httpbin/get HTTP/1.1\r\nHost: localhost\r\n\r\n"

# The preface, an empty SETTINGS, and a GET of /httpbin/get by localhost (RFC 7541 appendix A).
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_FIELDS = b"\x82\x87\x04\x0c/httpbin/get\x01\x09localhost"
_ASKED2 = _PREFACE + len(_FIELDS).to_bytes(3, "big") + b"\x01\x05\x00\x00\x00\x01" + _FIELDS

# Most an idle connection may take, in KB.
_GOALS = {"h1": 20, "tls": 60, "tls h2": 60}


def run(options, tls, count):
    print(f"\nmemory of {count} idle connections, each after one request\n")
    tables.header("spoken", "proxy", "KB each", "goal")
    for spoken, wanted in (("h1", Wanted()), ("tls", tls), ("tls h2", tls)):
        with stage.stage("idle") as (directory, servers):
            running = stand.start(options, directory, servers, wanted)
            for name, at in running.items():
                _measure(count, spoken, name, at)


def _measure(count, spoken, name, at):
    # What grows with the first connections is not theirs.
    warm = [_connected(at.port, spoken) for _ in range(100)]
    before = measure.resident_mb(at.server.pids())
    held = [_connected(at.port, spoken) for _ in range(count)]
    each = (measure.resident_mb(at.server.pids()) - before) * 1024 / count
    for one in (*warm, *held):
        one.close()
    goal = _GOALS[spoken]
    judged = f"<= {goal}: {tables.verdict(each, goal)}" if name == "nuncio" else ""
    tables.row(spoken, name, f"{each:.1f}", judged)


def _connected(port, spoken):
    one = socket.create_connection(("127.0.0.1", port), timeout=10)
    if spoken != "h1":
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(["h2" if spoken == "tls h2" else "http/1.1"])
        one = context.wrap_socket(one, server_hostname="localhost")
    one.sendall(_ASKED2 if spoken == "tls h2" else _ASKED)
    _taken(one, spoken)
    return one


def _taken(one, spoken):
    """Waits for the whole answer: its body is the only run of x."""
    seen = b""
    while seen.count(b"x" * 100) == 0:
        piece = one.recv(4096)
        if not piece:
            raise measure.Unsound(f"{spoken}: ended after {seen[:200]}")
        seen += piece

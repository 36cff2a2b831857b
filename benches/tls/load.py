"""Load over TLS by wrk and h2load, with every answer's status checked."""

import re
import subprocess

import measure
from peers import LOAD_CORE

# Connections that a pace opens are opened this many times a second.
_BEATS = 50


def http1(port, connections, seconds):
    """wrk on connections that are kept; the number of requests."""
    return _requests(_wrk(port, connections, seconds))


def resumed(port, connections, seconds):
    """wrk with a connection per request, each of which resumes the session of the one before; the
    number of connections."""
    return _requests(_wrk(port, connections, seconds, "-H", "Connection: close"))


def http2(port, connections, streams, count):
    """h2load on connections that are kept; the number of requests. It is told that number and not a
    time: by time some versions never end."""
    said = _h2load(port, f"-c{connections}", f"-m{streams}", f"-n{count}")
    if "Application protocol: h2\n" not in said:
        raise measure.Unsound(f"not h2: {said}")
    return _succeeded(said)


def full_handshakes(port, rate, seconds):
    """h2load with a connection per request, none of which knows of another's session, `rate` of them
    begun per second; the number of connections."""
    count = rate * seconds
    pace = [f"-r{rate // _BEATS}", f"--rate-period={1000 // _BEATS}ms"]
    done = _succeeded(_h2load(port, "--h1", f"-c{count}", f"-n{count}", *pace))
    if done != count:
        raise measure.Unsound(f"{done} of {count} connections were served")
    return done


def _wrk(port, connections, seconds, *more):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *more, _url(port)]
    said = _run(command, seconds)
    if re.search("Non-2xx|Socket errors", said):
        raise measure.Unsound(said)
    return said


def _requests(said):
    count = int(re.search(r"(\d+) requests in", said).group(1))
    if not count:
        raise measure.Unsound(said)
    return count


def _h2load(port, *more):
    command = ["h2load", "-t1", f"--connect-to=127.0.0.1:{port}", *more, _url(port)]
    said = _run(command, 60)
    counts = re.search(r"succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", said)
    statuses = re.search(r"status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", said)
    if not counts or any(int(bad) for bad in counts.groups() + statuses.groups()):
        raise measure.Unsound(said)
    return said


def _succeeded(said):
    return int(re.search(r"(\d+) succeeded", said).group(1))


def _run(command, seconds):
    pinned = ["taskset", "-c", str(LOAD_CORE), *command]
    patience = seconds + 120
    done = subprocess.run(pinned, capture_output=True, text=True, check=True, timeout=patience)
    return done.stdout


def _url(port):
    return f"https://localhost:{port}/httpbin/get"

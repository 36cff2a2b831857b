"""Load by wrk and h2load, with every answer's status checked."""

import re
import subprocess
from pathlib import Path

import measure

LOAD_CORE = 1

_SCRIPTS = Path(__file__).with_name("wrk")


def wrk(url, connections, seconds, *more):
    """Requests one after the other on each connection; how many there were."""
    command = [*_wrk(connections, seconds), *more, url]
    said = _run(command, seconds)
    if re.search("Non-2xx|Socket errors", said):
        raise measure.Unsound(said)
    count = int(re.search(r"(\d+) requests in", said).group(1))
    if not count:
        raise measure.Unsound(said)
    return count


def wrk_script(url, connections, seconds, script, *arguments):
    """As wrk, with requests as a script of ours says."""
    known = _SCRIPTS / f"{script}.lua"
    command = [*_wrk(connections, seconds), "-s", known, url, "--", *arguments]
    said = _run(command, seconds)
    if re.search("Non-2xx|Socket errors", said):
        raise measure.Unsound(said)
    return int(re.search(r"(\d+) requests in", said).group(1))


def _wrk(connections, seconds):
    # What it takes for an error of a socket after 2 s else is a body whose turn comes late.
    return ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s"]


def h2load(url, port, connections, streams, count, *more):
    """`count` requests on connections that are kept, so many at a time on each; how many there were. It
    is told that number and not a time: by time some versions never end."""
    said = h2load_said(url, port, f"-c{connections}", f"-m{streams}", f"-n{count}", *more)
    if "Application protocol: h2" not in said:
        raise measure.Unsound(f"not h2: {said}")
    return succeeded(said)


def h2load_said(url, port, *more):
    """What h2load prints of requests that all were answered by 2xx."""
    command = ["h2load", "-t1", f"--connect-to=127.0.0.1:{port}", *more, url]
    said = _run(command, 60)
    counts = re.search(r"succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", said)
    statuses = re.search(r"status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", said)
    if not counts or any(int(bad) for bad in counts.groups() + statuses.groups()):
        raise measure.Unsound(said)
    return said


def succeeded(said):
    """How many requests h2load says were answered."""
    return int(re.search(r"(\d+) succeeded", said).group(1))


def _run(command, seconds):
    pinned = ["taskset", "-c", str(LOAD_CORE), *map(str, command)]
    patience = seconds + 120
    done = subprocess.run(pinned, capture_output=True, text=True, check=True, timeout=patience)
    return done.stdout

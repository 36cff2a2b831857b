"""Measures how long a gateway takes from its start to Ready with an empty directory of manifests:
`ready.py BINARY [RUNS]`. Prints the middle and the longest of the runs; exits 1 beyond 200 ms."""

import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

LIMIT = 0.2
PATIENCE = 10.0
FOREIGN = ("NUNCIO_", "AMBASSADOR_", "STATSD_", "DOGSTATSD", "KUBE")


def main(binary, runs="5"):
    with tempfile.TemporaryDirectory(prefix="nuncio-ready-") as directory:
        taken = sorted(_once(binary, directory) for _ in range(int(runs)))
    middle = statistics.median(taken)
    print(
        f"ready {middle * 1000:.0f} ms after the start with an empty directory, "
        f"{taken[-1] * 1000:.0f} ms at the most of {runs}"
    )
    return 0 if middle < LIMIT else 1


def _once(binary, directory):
    port = _free()
    command = [binary, "run", "--config-dir", directory, "--admin", f"127.0.0.1:{port}"]
    for flag in ("--http", "--https", "--metrics"):
        command += [flag, "127.0.0.1:0"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    started = time.monotonic()
    gateway = subprocess.Popen(
        command, env={**kept, "STATSD_ENABLED": "false"}, stderr=subprocess.DEVNULL
    )
    try:
        while not _ready(port):
            if gateway.poll() is not None or time.monotonic() - started > PATIENCE:
                raise SystemExit(f"{binary} does not become ready")
            time.sleep(0.001)
        return time.monotonic() - started
    finally:
        gateway.send_signal(signal.SIGINT)
        gateway.wait(10)


def _ready(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/ambassador/v0/check_ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _free():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Load from wrk, and what it saw."""

import re
import subprocess

_FIELDS = {
    "requests": r"(\d+) requests in",
    "rate": r"Requests/sec:\s+([\d.]+)",
    "non_2xx": r"Non-2xx or 3xx responses: (\d+)",
}
_SOCKET_ERRORS = r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)"


class Load:
    """wrk against a URL for some seconds, started at once."""

    def __init__(self, url, seconds, connections=64):
        self.process = subprocess.Popen(
            ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", url],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def running(self):
        return self.process.poll() is None

    def result(self):
        """Waits for the end: {requests, rate, non_2xx, socket_errors}."""
        output, _ = self.process.communicate()
        found = {}
        for name, pattern in _FIELDS.items():
            match = re.search(pattern, output)
            found[name] = float(match.group(1)) if match else 0
        errors = re.search(_SOCKET_ERRORS, output)
        found["socket_errors"] = sum(map(int, errors.groups())) if errors else 0
        found["output"] = output
        return found

"""Load from h2load over TLS, and what it saw."""

import re
import subprocess

_COUNTS = re.compile(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")


class Load:
    """h2load against a URL at `port` of this machine for some seconds, started at once."""

    def __init__(self, port, url, seconds, connections=16):
        command = ["h2load", f"-c{connections}", "-m4", f"-D{seconds}"]
        self.process = subprocess.Popen(
            [*command, f"--connect-to=127.0.0.1:{port}", url],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def running(self):
        return self.process.poll() is None

    def result(self):
        """Waits for the end: {succeeded, failed, output}."""
        output, _ = self.process.communicate()
        found = _COUNTS.search(output)
        succeeded, *failed = map(int, found.groups()) if found else (0, 0)
        return {"succeeded": succeeded, "failed": sum(failed), "output": output}

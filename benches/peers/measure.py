"""What one proxy costs under load: CPU time from /proc, latencies from wrk."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True)
class Sample:
    """One proxy in one round."""

    cpu_us: float
    rate: float
    p50_ms: float
    p99_ms: float


class Unsound(Exception):
    """A measurement that means nothing: answers were wrong or missing."""


def cpu_seconds(pids):
    """User and system time of the processes `pids`, all threads."""
    total = 0
    for pid in pids:
        # After the command's name, which may hold anything, utime and stime are fields 12 and 13.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total * _TICK


def thread_seconds(pids):
    """The same to the nanosecond, of threads that have not ended; what one runs now is missing."""
    nanos = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            nanos += int((task / "schedstat").read_text().split()[0])
    return nanos / 1e9


def resident_mb(pids):
    """Resident memory of the processes `pids`."""
    total = 0
    for pid in pids:
        status = Path(f"/proc/{pid}/status").read_text()
        total += int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))
    return total / 1024


def load(url, core, connections, seconds):
    """Runs wrk on `core`; what it printed."""
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    done = subprocess.run([*command, "--latency", url], capture_output=True, text=True, check=True)
    for sign in ("Non-2xx", "Socket errors"):
        if sign in done.stdout:
            raise Unsound(f"{url}: {done.stdout}")
    return done.stdout


def sample(server, url, core, connections, seconds):
    """Loads `server` for `seconds` and says what that cost."""
    before = cpu_seconds(server.pids())
    output = load(url, core, connections, seconds)
    spent = cpu_seconds(server.pids()) - before
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    return Sample(
        cpu_us=spent / requests * 1e6,
        rate=float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)),
        p50_ms=percentile(output, 50),
        p99_ms=percentile(output, 99),
    )


def percentile(output, which):
    """A latency that wrk printed, in milliseconds."""
    value, unit = re.search(rf"{which}%\s+([\d.]+)(us|ms|s)\b", output).groups()
    return float(value) * _UNITS[unit]

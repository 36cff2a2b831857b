"""What an attack does to others: another client, and a look at the proxy's memory and CPU time.

Both run in a process of their own, so that the attack's work holds neither up."""

import contextlib
import http.client
import multiprocessing
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

_FORK = multiprocessing.get_context("fork")

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Seen:
    """Memory in bytes, times in seconds."""

    before: int = 0
    peak: int = 0
    slowest: float = 0.0
    asked: int = 0
    failures: list = field(default_factory=list)

    @property
    def growth(self):
        return max(0, self.peak - self.before)


class Watch:
    """Looks at a proxy from construction until `stop`."""

    def __init__(self, port, pids, bystander=True):
        self._ours, theirs = _FORK.Pipe()
        arguments = (theirs, port, pids, bystander)
        self._process = _FORK.Process(target=_main, args=arguments, daemon=True)
        self._process.start()
        self._ours.recv()

    def stop(self):
        """What was seen."""
        self._ours.send(None)
        seen = self._ours.recv() if self._ours.poll(20) else Seen(failures=["the watch got stuck"])
        self._process.kill()
        self._process.join()
        return seen


def memory(pids):
    """The bytes of memory that belong to these processes alone, by their anonymous pages."""
    return sum(_anonymous(pid) for pid in pids)


def cpu(pids):
    """The seconds of CPU time that they have had."""
    return sum(_cpu(pid) for pid in pids)


def _anonymous(pid):
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = (line.split() for line in text.splitlines())
    return sum(int(words[1]) * 1024 for words in lines if words and words[0] == "RssAnon:")


def _cpu(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    words = text.rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / _TICKS


def _main(pipe, port, pids, bystander):
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    seen = Seen(before=memory(pids))
    over = threading.Event()
    sampler = threading.Thread(target=_sample, args=(seen, pids, over), daemon=True)
    sampler.start()
    pipe.send(None)
    client = _Client(port)
    while not pipe.poll(0.012):
        if bystander:
            client.ask(seen)
    over.set()
    sampler.join(1)
    pipe.send(seen)


def _sample(seen, pids, over):
    while not over.wait(0.05):
        seen.peak = max(seen.peak, memory(pids))


class _Client:
    def __init__(self, port):
        self._port = port
        self._connection = None

    def ask(self, seen):
        """One request; a connection that ended while it was idle is made anew once."""
        started = time.monotonic()
        try:
            reused = self._connection is not None
            try:
                status = self._status()
            except (http.client.RemoteDisconnected, ConnectionError):
                self._connection = None
                if not reused:
                    raise
                status = self._status()
            if status != 200:
                seen.failures.append(f"status {status}")
        except (OSError, http.client.HTTPException) as error:
            seen.failures.append(f"{type(error).__name__}: {error}")
            self._connection = None
        seen.asked += 1
        seen.slowest = max(seen.slowest, time.monotonic() - started)

    def _status(self):
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        self._connection.request("GET", "/private/small", headers={"Host": "edge.test"})
        answer = self._connection.getresponse()
        answer.read()
        if answer.will_close:
            self._connection = None
        return answer.status

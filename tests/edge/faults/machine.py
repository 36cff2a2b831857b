"""A machine that has little memory."""

import contextlib
import os
import tempfile
import time
from pathlib import Path

from edge import proxies
from edge.attacks.attack import EFFORT, MB, Attack, Target
from edge.attacks.origin import Origin
from edge.attacks.sockets import HELLO, Crowd
from edge.faults.upstreams import ask
from edge.http2 import fields, frames
from edge.judge import Mark, Verdict

_LIMIT = 256 << 20

_V1 = Path("/sys/fs/cgroup/memory")


class LittleMemory(Attack):
    """The proxy runs under a limit of 256 MiB, and must not be killed for it. Passes where the
    machine lets nobody set such a limit."""

    def _verdict(self, lane):
        if not os.access(_V1 / "cgroup.procs", os.W_OK):
            return Verdict(Mark.PASSED, "not to be had on this machine")
        group = _V1 / f"nuncio-edge-{os.getpid()}"
        origins = [Origin(), Origin()]
        with tempfile.TemporaryDirectory(prefix="nuncio-fault-") as directory:
            Path(directory).chmod(0o755)
            try:
                group.mkdir()
                proxy = self._start(lane, group, origins, Path(directory))
                try:
                    wrong = self.run(Target(proxy, origins[0]))
                    wrong = wrong or (None if proxy.running() else "it was killed")
                finally:
                    proxy.stop()
            finally:
                for one in origins:
                    one.stop()
                with contextlib.suppress(OSError):
                    group.rmdir()
        return Verdict(Mark.FAILED if wrong else Mark.PASSED, wrong or "")

    def _start(self, lane, group, origins, directory):
        """Starts it from within the group, so that it sees the limit at once."""
        (group / "memory.limit_in_bytes").write_text(str(_LIMIT))
        before = _group_of_ours()
        (group / "cgroup.procs").write_text(str(os.getpid()))
        try:
            upstreams = proxies.Upstreams(*(one.port for one in origins))
            return proxies.start(lane.kind, upstreams, lane.settings, directory)
        finally:
            (before / "cgroup.procs").write_text(str(os.getpid()))


def _group_of_ours():
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return _V1 / path.lstrip("/")
    return _V1


def _stuck(target):
    """A thousand streams of 20 MB on ten connections that read nothing, and a thousand readers."""
    block = fields.block(fields.request(path="/big"))
    opening = HELLO + frames.settings((frames.INITIAL_WINDOW_SIZE, 2**31 - 1))
    asked = b"".join(frames.headers(stream, block) for stream in range(1, 201, 2))
    with Crowd(target.h2_port) as streams, Crowd(target.port) as readers:
        streams.join(10, opening + asked, receive=4096)
        readers.join(1000, b"GET /big HTTP/1.1\r\nHost: edge.test\r\n\r\n", receive=4096)
        time.sleep(EFFORT.seconds)
        status, _, took = ask(target.port, "/private/small")
    if not target.proxy.running():
        return "it was killed for its memory"
    if status not in (200, 503):
        return f"another got {status} after {took:.1f} s meanwhile"
    status = ask(target.port, "/private/small")[0]
    return None if status == 200 else f"another got {status} afterwards"


CASES = [
    LittleMemory(
        "fault: 256 MiB, and two thousand that read nothing",
        "CWE-770",
        _stuck,
        256 * MB,
        column="faults",
    )
]

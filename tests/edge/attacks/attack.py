"""One attack: how it is run, and what may come of it."""

import asyncio
import contextlib
import dataclasses
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.certificates import Authority

from edge import proxies
from edge.attacks.origin import Origin
from edge.attacks.watch import Watch
from edge.judge import Mark, Verdict

MB = 1_000_000

_WAITED = "others waited too long"


@dataclass
class Effort:
    """How long a flood lasts, and which share of the connections of a full run there are."""

    seconds: float = 4.0
    share: float = 1.0

    def of(self, count):
        return max(1, int(count * self.share))


EFFORT = Effort()


def be_brief():
    """From now on attacks are short."""
    EFFORT.seconds, EFFORT.share = 0.4, 0.1


@dataclass
class Target:
    """What is attacked."""

    proxy: object
    origin: Origin

    @property
    def port(self):
        return self.proxy.port

    @property
    def h2_port(self):
        return self.proxy.h2_port


@dataclass(frozen=True)
class Attack:
    """`run` gets the `Target`, and returns what is wrong by itself or None. `growth` in bytes, or a
    function that gives it for the effort; `slowest` in seconds."""

    name: str
    source: str
    run: Callable
    growth: Callable | int = 32 * MB
    slowest: float = 1.0
    bystander: bool = True
    column: str = "attacks"
    alone: bool = True
    tls: bool = False

    async def verdict(self, lane):
        """The best of three, if others waited too long and nothing else was wrong: all that runs on
        the machine makes them wait, too."""
        for _ in range(3):
            found = await asyncio.to_thread(self._verdict, lane)
            if not found.reason.startswith(_WAITED):
                break
        return found

    def _verdict(self, lane):
        with tempfile.TemporaryDirectory(prefix="nuncio-attack-") as directory:
            Path(directory).chmod(0o755)
            # Others ask an upstream of their own: what an attack does to its own is another matter.
            origin, others = Origin(), Origin()
            try:
                settings = dataclasses.replace(lane.settings, header_timeout=10, body_timeout=60)
                if self.tls:
                    identity = Authority(Path(directory), "edge").issue("edge.test", "edge.test")
                    settings = dataclasses.replace(settings, identity=identity)
                upstreams = proxies.Upstreams(origin.port, others.port)
                proxy = proxies.start(lane.kind, upstreams, settings, Path(directory))
                try:
                    return self._measure(Target(proxy, origin))
                finally:
                    # One that holds gigabytes takes its time to give them back.
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        proxy.stop()
            finally:
                origin.stop()
                others.stop()

    def _measure(self, target):
        watch = Watch(target.port, target.proxy.pids(), self.bystander)
        # What the first requests cost is no growth.
        time.sleep(0.2)
        watch.stop()
        watch = Watch(target.port, target.proxy.pids(), self.bystander)
        try:
            wrong = self.run(target)
        except OSError as error:
            wrong = f"the attack could not go on: {error}"
        seen = watch.stop()
        if not target.proxy.running():
            return Verdict(Mark.DANGEROUS, f"the proxy ended: {target.proxy.output()[-300:]}")
        return self._judged(seen, wrong)

    def _judged(self, seen, wrong):
        limit = self.growth() if callable(self.growth) else self.growth
        figures = (
            f"{seen.growth / MB:.1f} MB of {limit / MB:.0f}, slowest {seen.slowest * 1000:.0f} ms"
        )
        faults = [wrong] if wrong else []
        if seen.growth > limit:
            faults.append("grew too much")
        if seen.slowest > self.slowest:
            faults.append(_WAITED)
        if seen.failures:
            faults.append(f"{len(seen.failures)} of {seen.asked} others failed: {seen.failures[0]}")
        if faults:
            return Verdict(Mark.FAILED, f"{'; '.join(faults)} ({figures})")
        return Verdict(Mark.PASSED, figures)

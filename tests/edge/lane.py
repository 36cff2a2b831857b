"""One proxy with upstreams of its own, on which cases run one after another."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from edge import client, proxies
from edge.case import Outcome
from edge.judge import OPEN, PRIVATE
from edge.readers.lax import FORGIVING
from edge.readers.messages import read_answers
from edge.upstream import BYSTANDER, Upstream


@dataclass(frozen=True)
class Bystander:
    """What is wrong with another client's exchange: it got what is not its own, or nothing."""

    alien: str | None = None
    failed: str | None = None


class Lane:
    """A proxy of `kind` and its two upstreams. Use as an async context manager."""

    def __init__(self, kind, settings, directory: Path):
        self.kind = kind
        self.settings = settings
        self.directory = directory
        self._tokens = 0

    async def __aenter__(self):
        self.open = await Upstream(OPEN).start()
        self.private = await Upstream(PRIVATE).start()
        self.directory.mkdir(exist_ok=True)
        await self._start_proxy()
        return self

    async def __aexit__(self, *_):
        await asyncio.to_thread(self.proxy.stop)
        await self.open.stop()
        await self.private.stop()

    async def play(self, case):
        """Plays an HTTP/1 case; its outcome."""
        await self.begin(case.replies)
        ways = case.expected_of(self.proxy).ways()
        patience = client.Patience(
            answers=max(len(way.answers) for way in ways),
            closing=frozenset().union(
                *(way.answers[-1] for way in ways if way.closed and way.answers)
            ),
            seconds=case.seconds,
        )
        received = await client.play(self.proxy.port, case.steps(), patience, case.methods)
        served = self.open.served + self.private.served
        bystander = await self.bystander()
        forwarded = [*self.open.recorded(), *self.private.recorded()]
        outcome = Outcome(
            received, forwarded, bystander, served, case.methods, self.proxy.running()
        )
        await self.finish()
        return outcome

    async def begin(self, replies=()):
        """Nothing is recorded yet; both upstreams will answer with `replies`."""
        if not self.proxy.running():
            await self._start_proxy()
        self.open.begin(replies)
        self.private.begin(replies)

    async def finish(self):
        """Ends what the proxy holds to the upstreams, so that the next case begins afresh."""
        await asyncio.gather(self.open.end_connections(), self.private.end_connections())

    async def bystander(self, seconds=5.0):
        """Asks for something as another client."""
        self._tokens += 1
        target = BYSTANDER + b"%d" % self._tokens
        request = b"GET " + target + b" HTTP/1.1\r\nHost: edge.test\r\n\r\n"
        try:
            patience = client.Patience(seconds=seconds)
            received = await client.play(self.proxy.port, [request], patience)
        except OSError as error:
            return Bystander(failed=f"a bystander cannot connect: {error}")
        answers = read_answers(received.raw, FORGIVING, (), received.closed).whole()
        if not answers:
            return Bystander(failed=f"a bystander got {received.raw[:60]!r}")
        if len(answers) > 1 or (
            answers[0].status == 200 and answers[0].value("x-target") != target
        ):
            return Bystander(alien=f"a bystander got another's answer: {received.raw[:200]!r}")
        if answers[0].status != 200:
            return Bystander(failed=f"a bystander got {answers[0].status}")
        return Bystander()

    async def _start_proxy(self):
        upstreams = proxies.Upstreams(self.open.port, self.private.port)
        self.proxy = await asyncio.to_thread(
            proxies.start, self.kind, upstreams, self.settings, self.directory
        )

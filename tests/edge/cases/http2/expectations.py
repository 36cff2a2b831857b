"""What a server has to do about a frame, as decorators that make a case of a
function.

A case says its part on a connection whose settings both sides know. Its name is the function's, its
section the decorator's. RFC 9113 leaves some leeway, which every expectation grants: an error of a
connection may be a close without a word (5.4.1), an error of a stream may be one of its connection
(5.4), a malformed request may be answered before its stream is reset (8.1.1)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from edge.http2 import fields, frames
from edge.http2.client import Client, place_of
from edge.judge import PASSED, Mark, Verdict
from edge.steps import reply

# The streams of the sound requests that follow a case, above all that cases use.
AFTERWARDS = 2001

_SECONDS = 3.0

# What the upstream answers every request with.
BODY = b"b" * 1000


class NotAskable(Exception):
    """What a server allows leaves nothing to forbid."""


@dataclass(frozen=True)
class FrameCase:
    """Something said, and how to tell whether it was met as it has to be."""

    name: str
    source: str
    say: Callable
    judge: Callable
    hello: bytes | None = None
    body: bytes = BODY
    column: str = "HTTP/2 frames"
    alone: bool = False

    async def verdict(self, lane):
        await lane.begin((_answer(self.body),))
        wrong = await asyncio.to_thread(self.run, place_of(lane.proxy, lane.settings))
        bystander = await lane.bystander()
        running = lane.proxy.running()
        await lane.finish()
        if not running:
            return Verdict(Mark.DANGEROUS, "the proxy ended")
        if wrong:
            return Verdict(Mark.BREACH, wrong)
        return Verdict(Mark.FAILED, bystander.failed) if bystander.failed else PASSED

    def run(self, place):
        """Why it failed; None if it did not."""
        hello = {} if self.hello is None else {"hello": self.hello}
        with Client(place, **hello) as client:
            if self.hello is None and not client.settled():
                return "no SETTINGS and acknowledgement of ours within 2 s"
            try:
                return self.judge(client, self.say(client))
            except NotAskable:
                return None


def cases_of(module):
    """The cases among the functions of a module, by its `vars()`."""
    return [one.case for one in module.values() if hasattr(one, "case")]


def connection_error(section, *codes, hello=None):
    """The connection ends, by a GOAWAY with one of `codes` or without a word."""

    def judge(client, _):
        client.until(lambda one: one.closed or one.goaway is not None, _SECONDS)
        if client.goaway in codes or (client.closed and client.goaway is None):
            return None
        return f"no {_names(codes)}: {told(client)}"

    return _case(section, judge, hello)


def stream_error(section, *codes, answered=False, silence=False):
    """The stream that the case returns (the first, if None) is reset with one of `codes`, or the
    connection ends by one. `answered`: an answer from 400 to 499 will do as well; `silence`:
    nothing at all."""

    def judge(client, stream):
        stream = stream or 1
        answer = client.answer(stream)
        before = len(answer.heads)
        ended = lambda one: one.closed or one.goaway is not None or answer.reset is not None
        client.until(lambda one: ended(one) or (answered and answer.status), _SECONDS)
        if answer.reset in codes or client.goaway in codes:
            return None
        if client.closed and client.goaway is None:
            return None
        if answered and 400 <= (answer.status or 0) < 500:
            return None
        nothing = not ended(client) and len(answer.heads) == before
        return None if silence and nothing else f"no {_names(codes)}: {told(client)}"

    return _case(section, judge)


def goes_on(section):
    """It is no error: a PING and a request behind it are answered, and no stream was reset."""

    def judge(client, _):
        if not client.lives(AFTERWARDS):
            return f"the connection does not go on: {told(client)}"
        broken = {number: one.reset for number, one in client.answers.items() if one.reset}
        return f"streams were reset: {broken}" if broken else None

    return _case(section, judge)


def checked(section, hello=None, body=BODY):
    """The function judges by itself: it returns why it failed, or None."""
    return _case(section, lambda _, said: said, hello, body)


def told(client):
    """What a connection heard, in a few words."""
    words = [] if client.goaway is None else [f"GOAWAY {frames.error(client.goaway)}"]
    for number, answer in sorted(client.answers.items()):
        if answer.status:
            words.append(f"{answer.status} on {number}")
        if answer.reset is not None:
            words.append(f"RST_STREAM {frames.error(answer.reset)} on {number}")
    words += ["closed"] if client.closed else []
    return ", ".join(words) or "nothing"


def held(client, stream=1):
    """A request whose answer waits for a window: its stream is half-closed for the server."""
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, 0)))
    client.until(lambda one: one.settings_acked > 1)
    client.request(stream)
    client.until(lambda one: one.answer(stream).status)
    return client.answer(stream)


def opened(client, stream=1, more=()):
    """A request that has not ended."""
    client.request(stream, end=False, method="POST", path="/upload", more=more)


def finished(client, stream=1):
    """A request that was answered to its end."""
    client.request(stream)
    client.until(lambda one: one.answer(stream).over)


def big_block(client, size, of=1000):
    """The block of a sound request, exactly `size` bytes long, in fields of about `of` bytes."""
    block = client.block()
    while len(block) < size:
        left = size - len(block)
        room = left if left <= of else min(of, left - 200)
        # Beside its value, a field with a name of eight bytes takes that, a mark and two lengths.
        spent = 11 if room < 138 else 12 if room < 267 else 13
        block += fields.literal(b"x-filler", b"f" * (room - spent))
    return block


def _case(section, judge, hello=None, body=BODY):
    def made(say):
        name = "h2: " + say.__name__.strip("_").replace("_", " ")
        say.case = FrameCase(name, f"RFC 9113 {section}", say, judge, hello, body)
        return say

    return made


def _answer(body):
    return reply(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def _names(codes):
    return " or ".join(frames.error(code) for code in codes)

"""Requests on HTTP/2, judged by what came of them on HTTP/1.

What the client got is written down as HTTP/1, so that the same rules judge it: a stream or a
connection that ended by an error counts as an answer of 400 without a body, one that was cut off as
599, and nothing at all as no answer."""

import asyncio
from dataclasses import dataclass, replace

from edge.case import Expect, Outcome
from edge.client import Received
from edge.http2 import fields, frames
from edge.http2.client import Client, place_of
from edge.judge import Guard, Mark, Verdict, judge

_SECONDS = 3.0

_REFUSALS = frozenset({400, 403, 404, 405, 413, 414, 417, 421, 431, 501})

# Of HTTP/1 alone (RFC 9113, 8.2.2).
_OF_CONNECTIONS = ("connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade")


@dataclass(frozen=True)
class Http2Case:
    """One exchange on the first stream of a connection. `send` is its frames, or a function that
    makes them of the scheme."""

    name: str
    source: str
    send: object
    expect: Expect
    column: str = "HTTP/2 requests"
    must: bool = False
    replies: tuple = ()
    methods: tuple = ()
    guard: Guard = Guard.NONE
    hardened: Expect | None = None
    ours: Expect | None = None
    never_whole: bool = False
    tunnel: bool = False
    alone: bool = False

    def expected_of(self, proxy):
        """What may come of it on `proxy`."""
        if self.hardened and proxy.hardened:
            return self.hardened
        return self.ours if self.ours and proxy.ours else self.expect

    async def verdict(self, lane):
        await lane.begin(self.replies)
        answer = await asyncio.to_thread(self._ask, place_of(lane.proxy, lane.settings))
        served = lane.open.served + lane.private.served
        bystander = await lane.bystander()
        forwarded = [*lane.open.recorded(), *lane.private.recorded()]
        running = lane.proxy.running()
        outcome = Outcome(
            received(answer, self.methods), forwarded, bystander, served, self.methods, running
        )
        await lane.finish()
        return _of_its_own(answer) or judge(self, outcome, lane.proxy)

    def _ask(self, place):
        with Client(place) as client:
            client.settled()
            client.send(self.send if isinstance(self.send, bytes) else self.send(place.scheme))
            answer = client.answer()
            client.until(lambda _: answer.over or client.goaway not in (None, 0), _SECONDS)
            if not answer.over and (client.closed or client.goaway not in (None, 0)):
                answer.reset = client.goaway or 0
            return answer


def received(answer, methods=()):
    """An `Answer` as if it had come on HTTP/1."""
    raw, final = b"", answer.heads
    for head in answer.heads:
        status, *rest = head
        if answer.reset is not None and not answer.ended and not status[1].startswith(b"1"):
            return Received(b"HTTP/1.1 %d \r\nContent-Length: 0\r\n\r\n" % CUT_OFF, closed=True)
        # Trailers have none.
        if status[0] != b":status":
            continue
        raw += b"HTTP/1.1 " + status[1] + b" \r\n"
        kept = rest if status[1].startswith(b"1") else [one for one in rest if not _framing(one)]
        raw += b"".join(name + b": " + value + b"\r\n" for name, value in kept)
        if not status[1].startswith(b"1"):
            raw += _body(answer, methods)
        else:
            raw += b"\r\n"
    if answer.status is None and answer.reset is not None:
        raw, final = b"HTTP/1.1 400 \r\nContent-Length: 0\r\n\r\n", True
    return Received(raw, closed=bool(final))


def refused(*statuses):
    """The request is refused or its stream reset; nothing of it reaches an upstream."""
    return Expect(answers=(frozenset(statuses) or _REFUSALS,), untouched=True)


def cut(whole=0):
    """The request's body is refused: at most `whole` requests look whole to an upstream."""
    return Expect(answers=(_REFUSALS,), whole=(0, whole))


def passes(*checks, status=(200,)):
    """The request reaches an upstream, once and whole."""
    return Expect(answers=(frozenset(status),), whole=(1, 1), checks=checks)


def either(*checks):
    """Passing and refusing are as good."""
    return passes(*checks) | refused()


# An answer that began, and whose stream was reset within its body, has this status.
CUT_OFF = 599


def asks(*more, path="/", method="GET", authority="edge.test", drop=(), **how):
    """The frames of a request whose block has the fields `more` behind the usual ones, without
    those in `drop`. `how`: as of `frames_of`."""

    def made(scheme):
        usual = fields.request(path, method, authority, scheme)
        return frames_of([one for one in usual if one[0] not in drop] + list(more), **how)

    return made


def exactly(*said, **how):
    """The frames of a request with the fields `said` alone."""
    return frames_of(said, **how)


def frames_of(said, body=(), trailers=None, end=True):
    """HEADERS with the fields `said`, DATA for each of `body`, and trailers. `end`: the last of
    these ends the stream."""
    body = [body] if isinstance(body, bytes) else list(body)
    block = fields.block(said)
    last = end and not body and trailers is None
    first, rest = block[: frames.DEFAULT_FRAME], block[frames.DEFAULT_FRAME :]
    made = [frames.headers(1, first, end=last, whole=not rest)]
    while rest:
        piece, rest = rest[: frames.DEFAULT_FRAME], rest[frames.DEFAULT_FRAME :]
        made.append(frames.continuation(1, piece, whole=not rest))
    for number, piece in enumerate(body, 1):
        made.append(frames.data(1, piece, end=end and number == len(body) and trailers is None))
    if trailers is not None:
        made.append(frames.headers(1, fields.block(trailers), end=end))
    return b"".join(made)


def must(case):
    """The same case, about what a MUST says."""
    return replace(case, must=True)


def _framing(one):
    return one[0] in (b"content-length", b"transfer-encoding")


def _body(answer, methods):
    if methods and methods[0] == b"HEAD":
        return b"Content-Length: 0\r\n\r\n"
    said = len(answer.body) + (not answer.ended)
    head = [one for one in answer.heads if one[0][0] == b":status"][-1]
    if head[0][1] in (b"204", b"304"):
        return b"\r\n"
    return b"Content-Length: %d\r\n\r\n" % said + bytes(answer.body)


def _of_its_own(answer):
    """What no answer on HTTP/2 may hold (RFC 9113, 8.2), as a verdict; None if it is sound."""
    for name, value in (one for head in answer.heads for one in head):
        text = name.decode("latin-1")
        if text.lower() in _OF_CONNECTIONS:
            return Verdict(Mark.BREACH, f"answered with {text}")
        if text != text.lower():
            return Verdict(Mark.BREACH, f"answered with {text!r}, not in lower case")
        if set(value) & {0, 10, 13}:
            return Verdict(Mark.DANGEROUS, f"answered with control bytes in {text}")
    return None

"""What came of a case, by rules that need no eye.

Dangerous is what some attacker could use: two readers disagree on what was forwarded or answered, a
request got round a prefix, or one client's bytes came to another. A breach is what a MUST forbids.
Anything else that was not expected is a failure."""

from dataclasses import dataclass, field
from enum import Enum, auto

from edge import readers
from edge.client import final
from edge.readers import paths
from edge.readers.lax import FORGIVING
from edge.readers.messages import read_answers, read_requests
from edge.readers.strict import STRICT
from edge.upstream import BYSTANDER

OPEN, PRIVATE, PREFIX = "open", "private", b"/private"


class Mark(Enum):
    """How a case went, the worst last."""

    PASSED = auto()
    FAILED = auto()
    BREACH = auto()
    DANGEROUS = auto()


@dataclass(frozen=True)
class Verdict:
    """A mark and why, which is empty for what passed."""

    mark: Mark
    reason: str = ""


PASSED = Verdict(Mark.PASSED)


class Guard(Enum):
    """Which readings of a path at the open upstream mean that `/private` was got round."""

    NONE = auto()
    # What RFC 3986 says is the same path.
    RFC = auto()
    # What servers take for it besides: doubled and encoded slashes, parameters, escapes of escapes.
    LENIENT = auto()


@dataclass
class Seen:
    """What upstreams and client saw, as the strict reader reads it, or the forgiving one where that
    refuses."""

    received: object
    requests: list = field(default_factory=list)
    by_upstream: dict = field(default_factory=dict)
    forwarded: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    interim: list = field(default_factory=list)
    served: int = 0
    refusals: list = field(default_factory=list)

    @property
    def request(self):
        """The first request that was forwarded."""
        return self.requests[0]

    @property
    def answer(self):
        return self.answers[0]


def judge(case, outcome, proxy):
    """The verdict on `case`, given what came of it on `proxy`."""
    if not outcome.alive:
        return Verdict(Mark.DANGEROUS, "the proxy ended")
    danger = _disagreement(case, outcome)
    seen = _seen(case, outcome)
    danger = danger or _got_round(case, seen) or outcome.bystander.alien
    if not danger and case.never_whole and any(_looks_whole(one) for one in seen.answers):
        danger = "a broken answer came out as a whole one"
    if danger:
        return Verdict(Mark.DANGEROUS, danger)
    if seen.refusals:
        return Verdict(Mark.BREACH, seen.refusals[0])
    wrong = _wrong(case.expected_of(proxy), seen, outcome)
    if wrong:
        # What we promise beyond the RFC is no MUST.
        breach = case.must and _wrong(case.expect, seen, outcome)
        return Verdict(Mark.BREACH if breach else Mark.FAILED, wrong)
    if outcome.bystander.failed:
        return Verdict(Mark.FAILED, outcome.bystander.failed)
    return PASSED


def _looks_whole(answer):
    return answer.whole and answer.status == 200


def _disagreement(case, outcome):
    for recorded in outcome.forwarded:
        raw = bytes(recorded.raw)
        readings = {one.name: read_requests(raw, one) for one in readers.ALL}
        told = differ(readings, 1 if case.tunnel else None)
        if told:
            return f"forwarded: {told}"
    received = outcome.received
    readings = {
        one.name: read_answers(received.raw, one, case.methods, received.closed)
        for one in readers.ALL
    }
    told = differ(readings)
    return told and f"answered: {told}"


def differ(readings, first=None):
    """How two readings differ in the first messages, or None."""
    groups = {}
    for name, reading in readings.items():
        seen = tuple(message.seen() for message in reading.messages)[:first]
        ends = reading.refusal is None and first is None
        groups.setdefault((seen, ends), name)
    found = list(groups.items())
    for number, ((one, one_ends), name) in enumerate(found):
        for (other, other_ends), other_name in found[number + 1 :]:
            common = min(len(one), len(other))
            if one[:common] != other[:common]:
                at = next(n for n in range(common) if one[n] != other[n])
                return f"{name} reads {_brief(one[at])}, {other_name} reads {_brief(other[at])}"
            shorter_ends = one_ends if len(one) < len(other) else other_ends
            if len(one) != len(other) and shorter_ends:
                return f"{name} reads {len(one)} messages, {other_name} reads {len(other)}"
    return None


def _brief(seen):
    first, second, host, body, whole = seen
    shown = [_short(first), _short(second), _short(host), f"body {_short(body)}"]
    return "(" + " ".join(shown + ([] if whole else ["unfinished"])) + ")"


def _short(text):
    text = text.decode("latin-1")
    shown = text if len(text) <= 40 else f"{text[:37]}..."
    return repr(shown)[1:-1] or "-"


def _seen(case, outcome):
    received = outcome.received
    seen = Seen(received, served=outcome.served, forwarded=outcome.forwarded)
    for recorded in outcome.forwarded:
        reading = _read(read_requests, bytes(recorded.raw), seen, case.tunnel, "forwarded")
        kept = [one for one in reading.messages if not one.target.startswith(BYSTANDER)]
        seen.requests += kept[:1] if case.tunnel else kept
        seen.by_upstream.setdefault(recorded.upstream, []).extend(kept)

    def as_answers(raw, manners):
        return read_answers(raw, manners, case.methods, received.closed)

    reading = _read(as_answers, received.raw, seen, False, "answered")
    seen.answers = [one for one in reading.messages if one.second and final(one)]
    seen.interim = [one for one in reading.messages if one.second and not final(one)]
    return seen


def _read(read, raw, seen, only_first, what):
    reading = read(raw, STRICT)
    if reading.refusal is None or (only_first and reading.messages):
        return reading
    seen.refusals.append(f"{what}: {reading.refusal}")
    return read(raw, FORGIVING)


def _got_round(case, seen):
    if case.guard is Guard.NONE:
        return None
    wanted = paths.LENIENT if case.guard is Guard.LENIENT else paths.SAME_BY_RFC
    for message in seen.by_upstream.get(OPEN, []):
        if paths.lands_in(message.target, PREFIX, wanted):
            return f"{_short(message.target)} got round {PREFIX.decode()}"
    if case.guard is Guard.RFC:
        for message in seen.by_upstream.get(PRIVATE, []):
            if not paths.lands_in(message.target, PREFIX, paths.SAME_BY_RFC):
                return f"{_short(message.target)} was routed as if below {PREFIX.decode()}"
    return None


def _wrong(expect, seen, outcome):
    """What is not as any way of `expect` wants it, or an empty string."""
    wrongs = [_wrong_by(way, seen, outcome) for way in expect.ways()]
    return " / ".join(wrongs) if all(wrongs) else ""


def _wrong_by(expect, seen, outcome):
    wrong = _wrong_answers(expect, seen)
    if wrong:
        return wrong
    whole = sum(message.whole for message in seen.requests)
    least, most = expect.whole
    if not least <= whole <= most:
        return f"{whole} whole requests forwarded"
    if expect.untouched and seen.requests:
        return f"forwarded {_brief(seen.requests[0].seen())}"
    if expect.closed is not None and outcome.received.closed != expect.closed:
        return "the connection stays open" if expect.closed else "the connection was closed"
    return next((wrong for wrong in (check(seen) for check in expect.checks) if wrong), "")


def _wrong_answers(expect, seen):
    got = [one.status for one in seen.answers if one.whole]
    broken = [one.status for one in seen.answers if not one.whole]
    if len(got) == len(expect.answers) and (expect.cut_short or not broken):
        if all(status in allowed for status, allowed in zip(got, expect.answers)):
            return ""
    wanted = [" or ".join(map(str, sorted(allowed))) for allowed in expect.answers]
    unfinished = f" and an unfinished {broken[0]}" if broken else ""
    return f"answered {got or 'nothing'}{unfinished}, not {', '.join(wanted) or 'nothing'}"

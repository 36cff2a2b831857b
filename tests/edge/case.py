"""What a case is: a name, where it is written, what is done, and what may come of it."""

from dataclasses import dataclass, replace
from edge.judge import Guard, Mark, judge
from edge.steps import steps_of


@dataclass
class Outcome:
    """What came of a case, as `judge` sees it."""

    received: object
    # What every connection to an upstream was sent, as `upstream.Recorded`.
    forwarded: list
    # What a bystander got right after, as `lane.Bystander`.
    bystander: object
    # How many requests the upstreams answered.
    served: int = 0
    methods: tuple = ()
    # Whether the proxy still runs.
    alive: bool = True


@dataclass(frozen=True)
class Expect:
    """What may come of a case. `answers` holds the statuses allowed for each answer in turn, and
    `whole` how many whole requests reach an upstream; with `cut_short`, what follows those answers
    has no end, or is none at all. A check gets the `judge.Seen` and returns what is
    wrong, or None. Any of the `instead` will do as well."""

    answers: tuple = ()
    whole: tuple = (0, 0)
    untouched: bool = False
    closed: bool | None = None
    cut_short: bool = False
    checks: tuple = ()
    instead: tuple = ()

    def but(self, **fields):
        return replace(self, **fields)

    def check(self, *checks):
        return replace(self, checks=(*self.checks, *checks))

    def __or__(self, other):
        return replace(self, instead=(*self.instead, other))

    def ways(self):
        """Everything that will do, each by itself."""
        return [replace(self, instead=()), *(way for one in self.instead for way in one.ways())]


@dataclass(frozen=True)
class Case:
    """One exchange on HTTP/1."""

    name: str
    source: str
    send: bytes | tuple
    expect: Expect
    column: str = "HTTP/1 requests"
    # Whether the expectation is a MUST of the RFC.
    must: bool = True
    replies: tuple = ()
    methods: tuple = ()
    guard: Guard = Guard.NONE
    # For proxies with hardened settings, if another one.
    hardened: Expect | None = None
    # For the gateway, where it promises more than the RFC asks; never less.
    ours: Expect | None = None
    # Whether a whole answer is a broken one in disguise.
    never_whole: bool = False
    # Bytes behind the first request are a tunnel's.
    tunnel: bool = False
    # How long answers may take; it is waited so long only where they do not come.
    seconds: float = 3.0
    # Not beside others: it measures what they would disturb.
    alone: bool = False
    # How often it may be tried, for what has to be done in time on a busy machine.
    tries: int = 1

    def steps(self):
        return steps_of(self.send)

    def expected_of(self, proxy):
        """What may come of it on `proxy`."""
        if self.hardened and proxy.hardened:
            return self.hardened
        return self.ours if self.ours and proxy.ours else self.expect

    async def verdict(self, lane):
        """Plays it on `lane`. Any other case has `name`, `source`, `column`, `alone` and this."""
        for _ in range(self.tries):
            verdict = judge(self, await lane.play(self), lane.proxy)
            if verdict.mark is Mark.PASSED:
                break
        return verdict


def refused(*statuses, closed=True):
    """Nothing reaches an upstream; one answer with one of `statuses` (400)."""
    return Expect(answers=(_statuses(statuses or (400,)),), untouched=True, closed=closed)


def cut(*statuses):
    """The body is refused: what was forwarded of it never looks whole."""
    return Expect(answers=(_statuses(statuses or (400,)),), closed=True)


def accepted(*checks, status=(200,), count=1, closed=None):
    """`count` requests reach an upstream, each answered with `status`."""
    return Expect(
        answers=(_statuses(status),) * count, whole=(count, count), closed=closed, checks=checks
    )


def answers(*statuses, whole=0, closed=None, untouched=False):
    """An answer for each of `statuses` (a number, or several), and `whole` requests forwarded."""
    return Expect(
        answers=tuple(_statuses(one) for one in statuses),
        whole=(whole, whole),
        closed=closed,
        untouched=untouched,
    )


def _statuses(statuses):
    return frozenset([statuses] if isinstance(statuses, int) else statuses)

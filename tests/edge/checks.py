"""What may be asked of what was seen: each returns a check, which returns what is wrong or None."""


def absent(*names):
    """No field of these is forwarded."""

    def check(seen):
        found = [name for name in names for one in seen.requests if one.values(name)]
        return f"{found[0]} was forwarded" if found else None

    return check


def field_is(name, *values):
    """The first request has `name` with one of `values`; None is no such field."""

    def check(seen):
        found = seen.request.value(name)
        return None if found in values else f"{name} was forwarded as {found!r}"

    return check


def words_are(name, *words):
    """As `field_is`, whatever white space is between the words."""

    def check(seen):
        found = seen.request.value(name)
        same = found is not None and found.split() == list(words)
        return None if same else f"{name} was forwarded as {found!r}"

    return check


def body_is(body):
    def check(seen):
        found = seen.request.body
        return None if found == body else f"the body was forwarded as {found[:60]!r}"

    return check


def target_is(*targets):
    def check(seen):
        found = seen.request.target
        return None if found in targets else f"the target was forwarded as {found[:80]!r}"

    return check


def method_is(method):
    def check(seen):
        found = seen.request.method
        return None if found == method else f"the method was forwarded as {found[:60]!r}"

    return check


def host_is(*hosts):
    def check(seen):
        found = seen.request.value("host")
        return None if found in hosts else f"Host was forwarded as {found!r}"

    return check


def went_to(upstream):
    """All requests went to `upstream`."""

    def check(seen):
        others = [name for name, some in seen.by_upstream.items() if some and name != upstream]
        return f"a request went to {others[0]}" if others else None

    return check


def last_of(name, wanted):
    """The last member of the list in `name` is `wanted`."""

    def check(seen):
        found = (seen.request.value(name) or b"").rpartition(b",")[2].strip()
        return None if found == wanted else f"{name} ends with {found!r}"

    return check


def within(seconds):
    """The answer began so soon."""

    def check(seen):
        took = seen.received.answered_after
        return None if took is not None and took <= seconds else f"answered after {took} s"

    return check


def closed_within(least, most):
    """The connection ended in that time."""

    def check(seen):
        took = seen.received.closed_after
        if took is not None and least <= took <= most:
            return None
        return f"closed after {took} s" if took else "never closed"

    return check


def answer_lacks(*names):
    """The answers have no such fields."""

    def check(seen):
        found = [name for name in names for one in seen.answers if one.values(name)]
        return f"answered with {found[0]}" if found else None

    return check


def answer_has(name, value):
    def check(seen):
        found = seen.answer.value(name)
        return None if found == value else f"answered with {name} {found!r}"

    return check


def answer_body_is(body):
    def check(seen):
        found = seen.answer.body
        return None if found == body else f"answered with the body {found[:60]!r}"

    return check


def served_once(seen):
    """No request reached the upstream twice."""
    return None if seen.served <= 1 else f"the upstream got it {seen.served} times"


def nothing_of(*texts):
    """None of `texts` is in what the client got."""

    def check(seen):
        raw = seen.received.raw.lower()
        found = [text for text in texts if text.lower() in raw]
        return f"{found[0]!r} came back" if found else None

    return check


def interim(status):
    """An interim answer came before."""

    def check(seen):
        got = [one.status for one in seen.interim]
        return None if status in got else f"interim answers {got}"

    return check


def edge_added(seen):
    """The proxy's own field is there."""
    values = [one.values("x-edge") for one in seen.requests]
    wrong = [value for value in values if value != [b"yes"]]
    return f"x-edge was forwarded as {wrong[0]}" if wrong else None

"""How a check says what it found."""


class Failed(Exception):
    """What was expected and did not happen."""


class Skipped(Exception):
    """Why a check could not be made on this machine."""


def expect(condition, reason):
    """Fails the running check for `reason` unless `condition` holds."""
    if not condition:
        raise Failed(reason)


def expect_equal(found, wanted, what):
    """Fails the running check unless `found` is `wanted`."""
    expect(found == wanted, f"{what}: expected {wanted!r}, found {found!r}")

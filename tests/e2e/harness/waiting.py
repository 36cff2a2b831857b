"""Waiting for a condition, never for a time."""

import time

from harness.verdict import Failed


def until(condition, what, seconds=10.0, pause=0.01):
    """Calls `condition` until it returns something true, which it returns. Errors of the network
    count as false."""
    deadline = time.monotonic() + seconds
    last_error = None
    while time.monotonic() < deadline:
        try:
            found = condition()
            if found:
                return found
        except OSError as error:
            last_error = error
        time.sleep(pause)
    suffix = f" (last error: {last_error})" if last_error else ""
    raise Failed(f"not within {seconds:g} s: {what}{suffix}")

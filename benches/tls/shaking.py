"""Handshakes by wrk and h2load, one for each request, with every answer's status checked."""

import load
import measure

# Connections that a pace opens are opened this many times a second.
_BEATS = 50


def resumed(port, connections, seconds):
    """Each connection resumes the session of the one before; the number of connections."""
    return load.wrk(_url(port), connections, seconds, "-H", "Connection: close")


def full(port, rate, seconds):
    """No connection knows of another's session, `rate` of them are begun per second; the number of
    connections."""
    count = rate * seconds
    pace = [f"-r{rate // _BEATS}", f"--rate-period={1000 // _BEATS}ms"]
    said = load.h2load_said(_url(port), port, "--h1", f"-c{count}", f"-n{count}", *pace)
    done = load.succeeded(said)
    if done != count:
        raise measure.Unsound(f"{done} of {count} connections were served")
    return done


def _url(port):
    return f"https://localhost:{port}/httpbin/get"

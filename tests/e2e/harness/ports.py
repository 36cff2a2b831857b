"""Free ports on the loopback interface."""

import socket


def free(count):
    """`count` different TCP ports that nobody listened on a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    chosen = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return chosen


def is_free(port, kind=socket.SOCK_STREAM):
    """Whether `port` of 127.0.0.1 can be bound."""
    with socket.socket(socket.AF_INET, kind) as one:
        if kind == socket.SOCK_STREAM:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

"""Bytes in bulk: a server that sends or takes as many as it is asked to, and its clients."""

import socket
import threading

import measure

_PIECE = bytes(1 << 18)
_ASKED = 16


class Server:
    """Runs in threads of this process, which use the load's core."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=_serve, args=(connection,), daemon=True).start()


def carry(port, way, count, connections):
    """Has `count` bytes carried `down` or `up`, and raises unless all arrive."""
    failures = []
    share = count // connections
    threads = [
        threading.Thread(target=_client, args=(port, way, share, failures))
        for _ in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise measure.Unsound(f"{way}: {failures[0]}")


def _client(port, way, count, failures):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(f"{way:4} {count:11}".encode())
            if way == "up":
                _send(connection, count)
                connection.shutdown(socket.SHUT_WR)
                arrived = int(connection.recv(_ASKED) or 0)
            else:
                arrived = _take(connection)
            if arrived != count:
                failures.append(f"{arrived} bytes of {count}")
    except OSError as failure:
        failures.append(repr(failure))


def _serve(connection):
    with connection:
        asked = connection.recv(_ASKED, socket.MSG_WAITALL).split()
        # Who only looks whether somebody listens asks for nothing.
        if not asked:
            return
        if asked[0] == b"up":
            connection.sendall(b"%d" % _take(connection))
        else:
            _send(connection, int(asked[1]))


def _send(connection, count):
    while count:
        piece = _PIECE[: min(count, len(_PIECE))]
        connection.sendall(piece)
        count -= len(piece)


def _take(connection):
    buffer = bytearray(len(_PIECE))
    total = 0
    while taken := connection.recv_into(buffer):
        total += taken
    return total

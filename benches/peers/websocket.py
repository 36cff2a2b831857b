"""WebSockets: a server that sends back what it gets, and clients that wait for that."""

import os
import selectors
import socket
import time

import measure

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="

# A text of 100 bytes, masked by zeros as RFC 6455 section 5.3 lets a client choose.
_FRAME = bytes([0x81, 0x80 | 100, 0, 0, 0, 0]) + b"x" * 100

_SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


class Server:
    """Runs in a process of its own, on the load's core; what comes goes back as it is."""

    def __init__(self):
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = listener.getsockname()[1]
        self._child = os.fork()
        if not self._child:
            try:
                _serve(listener)
            finally:
                os._exit(0)
        listener.close()

    def stop(self):
        os.kill(self._child, 9)
        os.waitpid(self._child, 0)


def echo(port, connections, seconds):
    """Frames to and fro, one at a time on each connection; how many came back."""
    chosen = selectors.DefaultSelector()
    for _ in range(connections):
        one = _upgraded(port)
        chosen.register(one, selectors.EVENT_READ, [0])
        one.send(_FRAME)
    done, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        for key, _ in chosen.select(1):
            piece = key.fileobj.recv(4096)
            if not piece:
                raise measure.Unsound("a WebSocket ended")
            key.data[0] += len(piece)
            if key.data[0] == len(_FRAME):
                key.data[0] = 0
                done += 1
                key.fileobj.send(_FRAME)
    for key in list(chosen.get_map().values()):
        key.fileobj.close()
    return done


def _upgraded(port):
    one = socket.create_connection(("127.0.0.1", port), timeout=10)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    asked = f"GET /httpbin/ws HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\n"
    asked += f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_KEY}\r\n\r\n"
    one.sendall(asked.encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = one.recv(1)
        if not piece:
            raise measure.Unsound(f"no WebSocket: {head}")
        head += piece
    if not head.startswith(b"HTTP/1.1 101 "):
        raise measure.Unsound(f"no WebSocket: {head}")
    return one


def _serve(listener):
    chosen = selectors.DefaultSelector()
    chosen.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in chosen.select():
            if key.fileobj is listener:
                one, _ = listener.accept()
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                chosen.register(one, selectors.EVENT_READ, [False])
                continue
            _answer(chosen, key)


def _answer(chosen, key):
    try:
        piece = key.fileobj.recv(4096)
        if piece and not key.data[0]:
            # The head comes in one piece; nothing follows before the answer.
            key.data[0] = True
            piece = _SWITCHED
        if piece:
            key.fileobj.sendall(piece)
            return
    except OSError:
        pass
    chosen.unregister(key.fileobj)
    key.fileobj.close()

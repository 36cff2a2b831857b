"""A small HTTP/1.1 client over one keep-alive connection."""

import json
import socket
import time


class Dropped(OSError):
    """The connection ended before a whole answer came."""

    def __init__(self, received):
        super().__init__(f"connection closed after {received} bytes of an answer")
        self.received = received


class Answer:
    """A status, lower-cased header names, and a body."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def closes(self):
        return self.headers.get("connection", "").lower() == "close"


class Connection:
    """Sends one request after another to 127.0.0.1:`port`, by the socket `over` if given."""

    def __init__(self, port, timeout=10.0, over=None):
        self.opened = time.monotonic()
        self.answers = 0
        self._socket = over or socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def get(self, path, host="gateway.test", headers=None):
        """The answer to `GET path`; raises `Dropped` or another `OSError` without one."""
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._buffer = b""
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = self._answer()
        self.answers += 1
        return answer

    def _answer(self):
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in rest)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks()
        else:
            body = self._take(int(headers.get("content-length", "0")))
        return Answer(int(first.split(" ", 2)[1]), headers, body)

    def _chunks(self):
        body = b""
        while True:
            while b"\r\n" not in self._buffer:
                self._more()
            size, _, self._buffer = self._buffer.partition(b"\r\n")
            chunk = self._take(int(size.split(b";")[0], 16) + 2)[:-2]
            if not chunk:
                return body
            body += chunk

    def _take(self, length):
        while len(self._buffer) < length:
            self._more()
        taken, self._buffer = self._buffer[:length], self._buffer[length:]
        return taken

    def _more(self):
        try:
            data = self._socket.recv(65536)
        except ConnectionError as error:
            raise Dropped(len(self._buffer)) from error
        if not data:
            raise Dropped(len(self._buffer))
        self._buffer += data

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def get(port, path, **options):
    """The answer to `GET path`, over a connection of its own."""
    with Connection(port) as connection:
        return connection.get(path, **options)

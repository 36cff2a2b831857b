"""A TLS client that says what it saw: the certificate, how long the handshake took, the session."""

import socket
import ssl
import time
from dataclasses import dataclass

import measure


@dataclass(frozen=True)
class Seen:
    """One connection with one request."""

    der: bytes
    begun: float
    # When the handshake was over.
    shaken: float
    session: ssl.SSLSession
    is_resumed: bool
    version: str
    suite: str


def context():
    """Which certificate is right is for who asks to say."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_alpn_protocols(["http/1.1"])
    return made


def visit(made, port, name, session=None):
    """Connects as to the host `name`, asks for one page and sees to its status."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        # The request follows the handshake at once, whatever is under way.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with made.wrap_socket(plain, server_hostname=name, session=session) as secure:
            shaken = time.monotonic()
            secure.sendall(_REQUEST % name.encode())
            answer = b""
            while piece := secure.recv(65536):
                answer += piece
            if not answer.startswith(b"HTTP/1.1 200 "):
                raise measure.Unsound(f"{name}: {answer[:200]!r}")
            return Seen(
                der=secure.getpeercert(binary_form=True),
                begun=begun,
                shaken=shaken,
                session=secure.session,
                is_resumed=secure.session_reused,
                version=secure.version(),
                suite=secure.cipher()[0],
            )


_REQUEST = b"GET /httpbin/get HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"

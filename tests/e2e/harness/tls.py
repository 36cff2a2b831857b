"""What a handshake comes to, by openssl and by Python."""

import contextlib
import hashlib
import re
import socket
import ssl
import subprocess
from dataclasses import dataclass

from harness.http import Connection

_AGREED = re.compile(
    r"^(?P<how>New|Reused), (?P<version>TLSv[\d.]+), Cipher is (?P<suite>\S+)$", re.M
)
_ALPN = re.compile(r"^ALPN protocol: (\S+)$", re.M)
_GROUP = re.compile(r"^Server Temp Key: (?:ECDH, )?([^,\s]+)", re.M)


class Refused(OSError):
    """The server would not have it."""


@dataclass(frozen=True)
class Agreed:
    """What two sides came to."""

    version: str
    suite: str
    resumed: bool
    alpn: str | None
    group: str | None


def connect(port, name, identity=None, alpn=(), minimum=None, maximum=None, first=b""):
    """A connection over TLS to the server that calls itself `name` (None = it is told no name), at
    `port` of this machine; `first` is sent before, in clear. Anybody may vouch for the server.
    Raises `OSError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if identity:
        context.load_cert_chain(identity.chain, identity.key)
    context.minimum_version = minimum or ssl.TLSVersion.TLSv1_2
    context.maximum_version = maximum or ssl.TLSVersion.TLSv1_3
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    try:
        plain.sendall(first)
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


@contextlib.contextmanager
def connection(port, name, **options):
    """A connection to ask for more than one thing on, by HTTP/1.1. Raises `OSError`."""
    with Connection(port, over=connect(port, name, **options)) as opened:
        yield opened


def fingerprint(port, name, **options):
    """SHA-256 of the certificate that is served to who asks for `name`. Raises `OSError`."""
    with connect(port, name, **options) as opened:
        return hashlib.sha256(opened.getpeercert(binary_form=True)).hexdigest()


def refused(port, name, **options):
    """Whether a handshake fails, or the first read after it: in TLS 1.3 a client has finished
    before the server has looked at who it is."""
    try:
        with connection(port, name, **options) as opened:
            opened.get("/", host=name or "nobody.test")
    except ConnectionRefusedError:
        raise
    except OSError:
        return True
    return False


def agree(port, name, *options):
    """What `openssl s_client` comes to with a server; `options` are openssl's. Raises `Refused`."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name]
    # Tickets of TLS 1.3 come after the handshake, so it has to wait for an answer.
    request = f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
    command = [*command, "-ign_eof", *map(str, options)]
    done = subprocess.run(command, input=request.encode(), capture_output=True, timeout=20)
    said = done.stdout.decode(errors="replace")
    found = _AGREED.search(said)
    # Who has agreed on HTTP/2 and then says something else is not told goodbye.
    is_cut_off = b"unexpected eof" in done.stderr
    if not found or (done.returncode and not is_cut_off):
        raise Refused(done.stderr.decode(errors="replace"))
    alpn, group = (pattern.search(said) for pattern in (_ALPN, _GROUP))
    return Agreed(
        version=found["version"],
        suite=found["suite"],
        resumed=found["how"] == "Reused",
        alpn=alpn and alpn[1],
        group=group and group[1],
    )


def agrees(port, name, *options):
    """Whether openssl and a server come to anything."""
    try:
        return bool(agree(port, name, *options))
    except Refused:
        return False

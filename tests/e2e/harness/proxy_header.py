"""What a balancer says before a connection's own bytes: the PROXY protocol, versions 1 and 2."""

import socket
import struct

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21


def v1(source, port=40000):
    """A connection from `source`, an address of IPv4 or IPv6, in text."""
    family = "TCP6" if ":" in source else "TCP4"
    destination = "2001:db8::1" if ":" in source else "198.51.100.1"
    return f"PROXY {family} {source} {destination} {port} 443\r\n".encode()


def v2(source, port=40000, more=b""):
    """The same in binary; `more` are fields (TLVs) after the addresses."""
    kind, family = (_TCP6, socket.AF_INET6) if ":" in source else (_TCP4, socket.AF_INET)
    destination = "2001:db8::1" if ":" in source else "198.51.100.1"
    addresses = b"".join(socket.inet_pton(family, each) for each in (source, destination))
    body = addresses + struct.pack("!HH", port, 443) + more
    return _SIGNATURE + struct.pack("!BBH", _PROXY, kind, len(body)) + body


def v2_of_itself():
    """What a balancer says of connections that it opens for itself, to see whether we live."""
    return _SIGNATURE + struct.pack("!BBH", _LOCAL, 0, 0)

"""Requests as bytes."""

HOST = b"Host: edge.test"


def head(*lines):
    """Lines, and the empty one that ends a head."""
    return b"\r\n".join(lines) + b"\r\n\r\n"


def get(*fields, target=b"/", version=b"HTTP/1.1"):
    """A GET with Host and `fields`."""
    return head(b"GET " + target + b" " + version, HOST, *fields)


def post(*fields, body=b"", target=b"/", version=b"HTTP/1.1"):
    """A POST with Host and `fields`, and `body` as it is."""
    return head(b"POST " + target + b" " + version, HOST, *fields) + body


def counted(body, *fields):
    """A POST with Content-Length."""
    return post(b"Content-Length: %d" % len(body), *fields, body=body)


def chunked(body, *fields):
    """A POST with chunked coding, of which `body` is every byte behind the head."""
    return post(b"Transfer-Encoding: chunked", *fields, body=body)


# What an attacker would have read as a request of its own.
SMUGGLED = get(target=b"/private/smuggled")

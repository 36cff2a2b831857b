"""That every proxy does the same work, so that all are measured at it."""

import re
import ssl
import time
import urllib.error
import urllib.request

import measure
import proxies


def check(name, port, wanted=proxies.PLAIN):
    """Raises unless the proxy `name` soon rewrites and adds headers. What speaks nothing but HTTP/2 is
    judged by its load."""
    if wanted.grpc or wanted.websocket:
        return
    scheme = "https" if wanted.identity else "http"
    base = f"{scheme}://127.0.0.1:{port}"
    for prefix in ["/httpbin/", *wanted.prefixes()[-1:]]:
        body = _soon(f"{base}{prefix}get")
        if len(body) != proxies.BODY_BYTES:
            raise measure.Unsound(f"{name}: a body of {len(body)} bytes")
        seen = _soon(f"{base}{prefix}echo").decode()
        # Envoy names its own address as the client's when the client is on the loopback interface.
        shape = rf"{re.escape(proxies.HOST)}\|[0-9.]+\|{scheme}\|[0-9a-f-]{{32,36}}"
        if not re.fullmatch(shape, seen):
            raise measure.Unsound(f"{name}: the upstream saw {seen}")


def _soon(url):
    deadline = time.monotonic() + 120
    while True:
        try:
            return _fetch(url)
        except (OSError, urllib.error.URLError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _fetch(url):
    # Which certificate is served is not this bench's question.
    context = ssl._create_unverified_context()
    with urllib.request.urlopen(url, timeout=5, context=context) as answer:
        return answer.read()

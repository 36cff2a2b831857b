"""That every proxy does the same work, so that all are measured at it."""

import re
import ssl
import time
import urllib.request

import measure
import proxies


def check(name, scheme, port):
    """Raises unless the proxy `name` rewrites and adds headers."""
    base = f"{scheme}://127.0.0.1:{port}/httpbin"
    deadline = time.monotonic() + 15
    while True:
        try:
            body = _fetch(f"{base}/get")
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    if len(body) != proxies.BODY_BYTES:
        raise measure.Unsound(f"{name}: a body of {len(body)} bytes")
    seen = _fetch(f"{base}/echo").decode()
    # Envoy names its own address as the client's when the client is on the loopback interface.
    if not re.fullmatch(rf"{re.escape(proxies.HOST)}\|[0-9.]+\|{scheme}\|[0-9a-f-]{{32,36}}", seen):
        raise measure.Unsound(f"{name}: the upstream saw {seen}")


def _fetch(url):
    # Which certificate is served is not this bench's question.
    context = ssl._create_unverified_context()
    with urllib.request.urlopen(url, timeout=5, context=context) as answer:
        return answer.read()

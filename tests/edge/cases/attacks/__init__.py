"""The attacks, as cases."""

from edge.attacks import http1, http2, limits, tls

CASES = [*http1.CASES, *http2.CASES, *limits.CASES, *tls.CASES]

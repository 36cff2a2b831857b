"""What a statsd exporter of 2017 to 2019 makes of datagrams: its rules of naming, for a Prometheus to
scrape. `/suffixed` names as exporters up to 0.4 do, `/plain` as those from 0.5 to 0.8."""

import http.server
import math
import re
import threading
from collections import defaultdict

from harness.statsd import LINE

_QUANTILES = (0.5, 0.9, 0.99)
_TYPES = {"c": "counter", "g": "gauge", "ms": "summary"}
_SUFFIXES = {"c": "_counter", "g": "_gauge", "ms": "_timer"}


class StatsdExporter:
    """Serves what `listener` receives. Use as a context manager."""

    def __init__(self, listener, port=0):
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                text = page(listener.datagrams(), suffixed=self.path == "/suffixed").encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def page(datagrams, suffixed):
    """The exporter's page."""
    seen = defaultdict(list)
    for match in filter(None, map(LINE.fullmatch, datagrams)):
        name = re.sub(r"[^A-Za-z0-9_]", "_", f"envoy.{match['name']}")
        name += _SUFFIXES[match["type"]] if suffixed else ""
        seen[name, match["type"]].append(int(match["value"]))
    lines = []
    for (name, kind), values in sorted(seen.items()):
        lines += [f"# TYPE {name} {_TYPES[kind]}", *_samples(name, kind, values)]
    return "\n".join(lines) + "\n"


def _samples(name, kind, values):
    if kind == "c":
        return [f"{name} {sum(values)}"]
    if kind == "g":
        return [f"{name} {values[-1]}"]
    ordered = sorted(values)
    ranks = ((quantile, math.ceil(quantile * len(ordered)) - 1) for quantile in _QUANTILES)
    quantiles = [f'{name}{{quantile="{quantile}"}} {ordered[rank]}' for quantile, rank in ranks]
    return [*quantiles, f"{name}_sum {sum(values)}", f"{name}_count {len(values)}"]

"""`service: https://...` is spoken to over TLS, whoever signed its certificate, as by Ambassador."""

import http.server
import ssl
import threading
from contextlib import contextmanager
from pathlib import Path

from harness.gateway import Gateway
from harness.manifests import mapping, service
from harness.verdict import expect_equal

CERTIFICATE = Path(__file__).parents[1] / "fixtures" / "self_signed.pem"
REQUESTS = 20


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def _tls_upstream():
    """A server with a certificate that nobody vouches for; gives its port and the names it was
    asked for."""
    names = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], names
    finally:
        server.shutdown()


def upstreams_are_spoken_to_over_tls(setting):
    with _tls_upstream() as (port, names):
        secure = service(
            "secure",
            mapping("address", "/address/", f"https://127.0.0.1:{port}"),
            mapping("name", "/name/", f"https://localhost:{port}"),
        )
        with Gateway(setting, setting.config_directory(secure=secure)) as gateway:
            for prefix in ("/address/", "/name/"):
                for _ in range(REQUESTS):
                    answer = gateway.get(f"{prefix}there")
                    expect_equal(answer.status, 200, f"GET {prefix}there")
                    expect_equal(answer.body, b"/there", "the path seen upstream")
        expect_equal(names, [None] * len(names), "the names asked for")
    return f"{2 * REQUESTS} requests on {len(names)} handshakes"


CHECKS = [upstreams_are_spoken_to_over_tls]

"""Listeners: each protocol, who is believed, and ports that open and close in a running gateway."""

import dataclasses
import re
import socket
import subprocess

from harness import curl, http, proxy_header, tls
from harness.certificates import Authority
from harness.gateway import Gateway
from harness.http import Connection
from harness.ports import free, is_free
from harness.resources import custom, edge, host, listener, mapping, write
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal
from harness.waiting import until

NAME = "shop.test"


class _Scene:
    """An upstream, and a Host with a certificate that serves in clear as well."""

    def __init__(self, setting):
        self.setting = setting
        self.upstream = Upstream("shop", setting.directory)
        self.pair = Authority(setting.directory, "authority").issue("shop", NAME)

    def documents(self, *listeners):
        shop = host("shop", NAME, secret="shop", action="Route", labels={"shop": "yes"})
        return [shop, mapping("shop", self.upstream.port), *listeners]

    def gateway(self, *listeners):
        config = edge(self.setting, self.documents(*listeners), self.pair.secret("shop"))
        return Gateway(self.setting, config)

    def change(self, *listeners):
        """Replaces the Listeners of the gateway that runs."""
        file = self.setting.directory / "config" / "edge.yaml"
        write(file, *custom(*self.documents(*listeners)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.upstream.__exit__()


def _clear(port):
    """A connection in clear."""
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def _over_tls(port, first=b""):
    return tls.connect(port, NAME, first=first)


def _after(port, first):
    """A connection in clear that begins with `first`."""
    opened = _clear(port)
    opened.sendall(first)
    return opened


def _serves(port, opened):
    """What the upstream saw of a request on a connection; None if there is no good answer."""
    try:
        with Connection(port, over=opened()) as connection:
            answer = connection.get("/here", host=NAME)
            return answer.json()["headers"] if answer.status == 200 else None
    except OSError:
        return None


_V1, _V2 = proxy_header.v1("192.0.2.7"), proxy_header.v2("192.0.2.7")

# What each protocol takes: in clear, over TLS, and both after a PROXY header.
_PROTOCOLS = [
    ({"protocol": "HTTP"}, [True, False, False, False]),
    ({"protocol": "HTTPS"}, [True, True, False, False]),
    ({"protocol": "HTTPPROXY"}, [False, False, True, False]),
    ({"protocol": "HTTPSPROXY"}, [False, False, True, True]),
    ({"protocolStack": ["HTTP", "TCP"]}, [True, False, False, False]),
    ({"protocolStack": ["TLS", "HTTP", "TCP"]}, [True, True, False, False]),
    ({"protocolStack": ["PROXY", "TLS", "HTTP", "TCP"]}, [False, False, True, True]),
]


def each_protocol_takes_what_it_should(setting):
    ports = free(len(_PROTOCOLS))
    said = [
        listener(f"port-{number}", port, **protocol)
        for number, (port, (protocol, _)) in enumerate(zip(ports, _PROTOCOLS))
    ]
    with _Scene(setting) as scene, scene.gateway(*said):
        until(lambda: _serves(ports[1], lambda: _over_tls(ports[1])), "TLS is served")
        for port, (protocol, wanted) in zip(ports, _PROTOCOLS):
            ways = [
                lambda: _clear(port),
                lambda: _over_tls(port),
                lambda: _after(port, _V1),
                lambda: _over_tls(port, _V1),
            ]
            found = [_serves(port, way) is not None for way in ways]
            expect_equal(found, wanted, f"{protocol}")
    return f"{len(_PROTOCOLS)} Listeners, each in clear and over TLS, with and without PROXY"


# A header, and the client that the upstream is told of.
_CLIENTS = [
    (_V1, "192.0.2.7"),
    (proxy_header.v1("2001:db8::7"), "2001:db8::7"),
    (_V2, "192.0.2.7"),
    (proxy_header.v2("2001:db8::7"), "2001:db8::7"),
    (proxy_header.v2("192.0.2.7", more=b"\x04\x00\x03abc"), "192.0.2.7"),
    (proxy_header.v2_of_itself(), "127.0.0.1"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
]

_MALFORMED = [
    b"PROXY TCP4 192.0.2.7\r\n",
    b"PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n",
    b"PROXY TCP9 192.0.2.7 198.51.100.1 1 2\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
    b"PROXY " + b"x" * 200 + b"\r\n",
    _V2[:12] + b"\x31" + _V2[13:],
    _V2[:14] + b"\x00\x04" + _V2[16:],
]


def the_client_is_who_the_balancer_says(setting):
    plain, secure = free(2)
    said = [listener("plain", plain, "HTTPPROXY"), listener("secure", secure, "HTTPSPROXY")]
    with _Scene(setting) as scene, scene.gateway(*said):
        until(lambda: _serves(secure, lambda: _over_tls(secure, _V1)), "TLS is served")
        for header, wanted in _CLIENTS:
            clear = _serves(plain, lambda: _after(plain, header))
            expect(clear, f"{header!r} is not understood in clear")
            expect_equal(clear["x-forwarded-for"], wanted, f"the client of {header!r}")
            inside = _serves(secure, lambda: _over_tls(secure, header))
            expect(inside, f"{header!r} is not understood before TLS")
            expect_equal(inside["x-forwarded-for"], wanted, f"the client of {header!r} and TLS")
        for header in _MALFORMED:
            found = _serves(plain, lambda: _after(plain, header))
            expect(found is None, f"{header!r} is let in")
        for port, scheme in ((plain, "http"), (secure, "https")):
            for option in ("--http1.1", "--http2" if scheme == "https" else "--http2-prior-knowledge"):
                options = ["--haproxy-protocol", option]
                found = curl.status(port, NAME, "/here", scheme=scheme, options=options)
                expect_equal(found, 200, f"curl {' '.join(options)} by {scheme}")
    return f"{len(_CLIENTS)} headers understood, {len(_MALFORMED)} not"


def a_header_may_come_a_byte_at_a_time(setting):
    [port] = free(1)
    with _Scene(setting) as scene, scene.gateway(listener("plain", port, "HTTPPROXY")):
        for header in (_V1, _V2):

            def slowly():
                opened = _clear(port)
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for byte in header:
                    opened.sendall(bytes([byte]))
                return opened

            found = _serves(port, slowly)
            expect(found and found["x-forwarded-for"] == "192.0.2.7", f"{header!r}: {found}")


# By `securityModel` and the Host's action: the answers in clear, over TLS, and in clear where a
# proxy before the gateway says that the client came by https.
_MODELS = [
    ("XFP", "Redirect", (301, 200, 200)),
    ("XFP", "Route", (200, 200, 200)),
    ("XFP", "Reject", (404, 200, 200)),
    ("SECURE", "Redirect", (200, 200, 200)),
    ("INSECURE", "Redirect", (301, 301, 301)),
    ("INSECURE", "Reject", (404, 404, 404)),
]


def the_security_model_says_which_requests_are_secure(setting):
    for number, (model, action, wanted) in enumerate(_MODELS):
        [port] = free(1)
        with _Scene(setting.part(f"row-{number}")) as scene:
            documents = [
                host("shop", NAME, secret="shop", action=action),
                mapping("shop", scene.upstream.port),
                listener("edge", port, "HTTPS", security=model, l7Depth=1),
            ]
            config = edge(scene.setting, documents, scene.pair.secret("shop"))
            with Gateway(scene.setting, config):
                until(lambda: tls.fingerprint(port, NAME), "TLS is served")
                forwarded = ["-H", "X-Forwarded-Proto: https"]
                found = (
                    curl.status(port, NAME, scheme="http"),
                    curl.status(port, NAME),
                    curl.status(port, NAME, scheme="http", options=forwarded),
                )
                expect_equal(found, wanted, f"{model} with {action}")


def only_as_many_proxies_are_believed_as_there_are(setting):
    near, far = free(2)
    said = [listener("near", near, "HTTP"), listener("far", far, "HTTP", l7Depth=1)]
    forwarded = {"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "https"}
    with _Scene(setting) as scene, scene.gateway(*said):
        seen = {}
        for port in (near, far):
            until(lambda: not is_free(port), f"port {port} is open")
            seen[port] = http.get(port, "/", host=NAME, headers=forwarded).json()["headers"]
        expect_equal(seen[near]["x-forwarded-proto"], "http", "what the client said, l7Depth 0")
        expect_equal(seen[far]["x-forwarded-proto"], "https", "what a proxy said, l7Depth 1")


# A Listener's `hostBinding`, and whether it serves a Host with the label `shop: yes`.
_BINDINGS = [
    ({"namespace": {"from": "ALL"}}, True),
    ({"namespace": {"from": "SELF"}}, True),
    ({"selector": {"matchLabels": {"shop": "yes"}}}, True),
    ({"selector": {"matchLabels": {"shop": "no"}}}, False),
    ({"namespace": {"from": "ALL"}, "selector": {"matchLabels": {"shop": "yes"}}}, True),
    ({"namespace": {"from": "ALL"}, "selector": {"matchLabels": {"shop": "no"}}}, False),
]


def listeners_choose_their_hosts(setting):
    ports = free(len(_BINDINGS))
    said = [
        listener(f"port-{number}", port, "HTTP", hostBinding=binding)
        for number, (port, (binding, _)) in enumerate(zip(ports, _BINDINGS))
    ]
    with _Scene(setting) as scene, scene.gateway(*said):
        for port, (binding, wanted) in zip(ports, _BINDINGS):
            found = _serves(port, lambda: _clear(port)) is not None
            expect_equal(found, wanted, f"whether {binding} serves the Host")


def a_listener_names_its_statistics_and_bounds_streams(setting):
    [port] = free(1)
    said = listener("edge", port, "HTTP", statsPrefix="shopfront", http2MaxConcurrentStreams=7)
    with _Scene(setting) as scene, scene.gateway(said) as gateway:
        until(lambda: _serves(port, lambda: _clear(port)), "the port is served")
        page = http.get(gateway.metrics, "/metrics").body.decode()
        wanted = 'envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="shopfront"}'
        expect(wanted in page, f"no {wanted} on the metrics page")
        url = f"http://127.0.0.1:{port}/"
        command = ["nghttp", "-nv", "--no-dep", f"-H:authority: {NAME}", url]
        said = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
        received = said.partition("recv SETTINGS")[2]
        told = re.search(r"SETTINGS_MAX_CONCURRENT_STREAMS\(0x03\):(\d+)", received)
        expect_equal(told and told[1], "7", f"the streams that a client may have ({said})")


def ports_open_and_close_while_the_gateway_runs(setting):
    first, second = free(2)
    one, two = (listener(name, port, "HTTPS") for name, port in (("one", first), ("two", second)))
    with _Scene(setting) as scene, scene.gateway(one) as gateway:
        until(lambda: _serves(first, lambda: _over_tls(first)), "the first port is served")
        expect(is_free(gateway.http), "--http is open although there are Listeners")
        with Connection(first, over=_over_tls(first)) as kept:
            kept.get("/", host=NAME)
            scene.change(one, two)
            until(lambda: _serves(second, lambda: _over_tls(second)), "the second is", seconds=2)
            expect_equal(kept.get("/", host=NAME).status, 200, "on the first port meanwhile")
            scene.change(two)
            until(lambda: is_free(first), "the first port is closed", seconds=2)
            _leaves_in_peace(kept)
        expect(_serves(second, lambda: _over_tls(second)), "the second port is served no more")
        moved = dataclasses.replace(two, spec={**two.spec, "protocol": "HTTP"})
        scene.change(moved)
        until(lambda: _serves(second, lambda: _clear(second)), "it speaks another protocol")
        until(lambda: not _serves(second, lambda: _over_tls(second)), "and TLS no more", seconds=2)
        scene.change()
        until(lambda: _serves(gateway.http, lambda: _clear(gateway.http)), "--http is back")


def _leaves_in_peace(kept):
    """Whoever is connected to a port that closed has a last answer, which says that it is the last;
    or is gone between two requests, as on any idle connection."""
    try:
        answer = kept.get("/", host=NAME)
    except http.Dropped as dropped:
        expect_equal(dropped.received, 0, "bytes of an answer that was cut")
        return
    expect(answer.status in (200, 404), f"a connection to a closed port has {answer.status}")


CHECKS = [
    each_protocol_takes_what_it_should,
    the_client_is_who_the_balancer_says,
    a_header_may_come_a_byte_at_a_time,
    the_security_model_says_which_requests_are_secure,
    only_as_many_proxies_are_believed_as_there_are,
    listeners_choose_their_hosts,
    a_listener_names_its_statistics_and_bounds_streams,
    ports_open_and_close_while_the_gateway_runs,
]

"""TCPMappings: connections that are carried as they are, or by the name that clients send."""

import socket
import time
from collections import Counter

from harness import curl, http, tls
from harness.certificates import Authority
from harness.gateway import Gateway
from harness.nginx import Nginx
from harness.ports import free, is_free
from harness.resources import context, custom, edge, host, listener, tcp_mapping, write
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal
from harness.waiting import until

_CONNECTIONS = 400


def _from(port):
    """Which upstream a connection leads to."""
    return http.get(port, "/").json()["upstream"]


def _is_open(address, port):
    try:
        socket.create_connection((address, port), timeout=10).close()
    except ConnectionRefusedError:
        return False
    return True


def bytes_are_carried_by_port(setting):
    implied, listened, bound = free(3)
    with Upstream("blue", setting.directory) as blue, Upstream("green", setting.directory) as green:
        documents = [
            tcp_mapping("blue", implied, blue.port),
            tcp_mapping("bound", bound, blue.port, address="127.0.0.1"),
            tcp_mapping("green", listened, green.port),
            listener("green", listened, "TCP"),
        ]
        with Gateway(setting, edge(setting, documents)):
            until(lambda: not is_free(implied), "the port that a TCPMapping implies is open")
            expect_equal(_from(implied), "blue", "who answers on the port that is implied")
            expect_equal(_from(listened), "green", "who answers on the Listener's port")
            expect_equal(_from(bound), "blue", "who answers on the port of an address")
            expect(not _is_open("127.0.0.2", bound), "another address is listened on as well")
            expect(_is_open("127.0.0.2", implied), "not every address is listened on")


def names_are_told_apart_after_tls_is_terminated(setting):
    """By the TLSContext, or the Host, that has the name; others are turned away."""
    authority = Authority(setting.directory, "authority")
    pairs = {name: authority.issue(name, f"{name}.test") for name in ("blue", "green")}
    implied, listened = free(2)
    with Upstream("blue", setting.directory) as blue, Upstream("green", setting.directory) as green:
        documents = [
            context("blue", hosts=["blue.test"], secret="blue"),
            host("green", "green.test", secret="green"),
            listener("listened", listened, "TLS"),
        ]
        for number, port in enumerate((implied, listened)):
            documents += [
                tcp_mapping(f"blue-{number}", port, blue.port, host="blue.test"),
                tcp_mapping(f"green-{number}", port, green.port, host="green.test"),
            ]
        secrets = [pair.secret(name) for name, pair in pairs.items()]
        with Gateway(setting, edge(setting, documents, *secrets)):
            for port in (implied, listened):
                for name, pair in pairs.items():
                    until(lambda: tls.fingerprint(port, f"{name}.test"), f"{name} has TLS", 5)
                    found = tls.fingerprint(port, f"{name}.test")
                    expect_equal(found, pair.fingerprint(), f"the certificate of {name}")
                    answer = curl.ask(port, f"{name}.test", "/here")
                    expect_equal(answer.json()["upstream"], name, f"who answers as {name}")
                expect(tls.refused(port, "other.test"), "a name that nobody has is served")


def a_connection_without_tls_goes_elsewhere(setting):
    """On one port, of a TCPMapping with a name and of one without."""
    pair = Authority(setting.directory, "authority").issue("blue", "blue.test")
    [port] = free(1)
    with Upstream("blue", setting.directory) as blue, Upstream("green", setting.directory) as green:
        documents = [
            context("blue", hosts=["blue.test"], secret="blue"),
            tcp_mapping("blue", port, blue.port, host="blue.test"),
            tcp_mapping("green", port, green.port),
        ]
        with Gateway(setting, edge(setting, documents, pair.secret("blue"))):
            until(lambda: tls.fingerprint(port, "blue.test"), "the name is served", seconds=5)
            found = curl.ask(port, "blue.test").json()["upstream"]
            expect_equal(found, "blue", "who answers over TLS")
            expect_equal(_from(port), "green", "who answers in clear")


def weights_are_shares_of_connections(setting):
    """70 of 100, which Emissary makes 70 of 170, or 100 of 130."""
    [port] = free(1)
    with Upstream("blue", setting.directory) as blue, Upstream("green", setting.directory) as green:
        documents = [
            tcp_mapping("blue", port, blue.port, weight=30),
            tcp_mapping("green", port, green.port),
        ]
        with Gateway(setting, edge(setting, documents)):
            until(lambda: not is_free(port), "the port is open")
            found = Counter(_from(port) for _ in range(_CONNECTIONS))
    share = 100 * found["blue"] / _CONNECTIONS
    # Chance is off by more than nine once in ten thousand runs.
    expect(21 <= share <= 39, f"blue has {share:.0f} % of the connections, not 30")
    return f"{share:.0f} % for a weight of 30"


def silence_ends_a_connection(setting):
    quiet, patient = free(2)
    with Upstream("blue", setting.directory) as blue:
        documents = [
            tcp_mapping("quiet", quiet, blue.port, idle_timeout_ms="300"),
            tcp_mapping("patient", patient, blue.port),
        ]
        with Gateway(setting, edge(setting, documents)):
            until(lambda: not is_free(quiet) and not is_free(patient), "the ports are open")
            with (
                socket.create_connection(("127.0.0.1", quiet), timeout=10) as ends,
                socket.create_connection(("127.0.0.1", patient), timeout=0.1) as stays,
            ):
                started = time.monotonic()
                expect_equal(ends.recv(1), b"", "what is read of a connection that ended")
                waited = time.monotonic() - started
                expect(waited > 0.25, f"it ended after {waited:.2f} s")
                try:
                    expect(stays.recv(1), "the connection that may be silent ended")
                except TimeoutError:
                    pass
    return f"after {waited * 1000:.0f} ms of 300"


def clusters_are_what_the_mapping_says(setting):
    """As with Mappings: by name, and with limits."""
    [port] = free(1)
    one = {"circuit_breakers": [{"max_connections": 1}], "stats_name": "carried"}
    with Upstream("blue", setting.directory) as blue:
        config = edge(setting, [tcp_mapping("blue", port, blue.port, **one)])
        with Gateway(setting, config) as gateway:
            until(lambda: not is_free(port), "the port is open")
            with http.Connection(port) as first:
                expect_equal(first.get("/").status, 200, "on the first connection")
                try:
                    found = http.get(port, "/").status
                except OSError:
                    found = None
                expect_equal(found, None, "on a second one, where one may be")
            page = http.get(gateway.metrics, "/metrics").body.decode()
            wanted = 'envoy_cluster_upstream_cx_total{envoy_cluster_name="carried"} 1'
            expect(wanted in page, f"no {wanted} on the metrics page")


def upstreams_may_be_spoken_to_over_tls(setting):
    authority = Authority(setting.directory, "authority")
    server, client = authority.issue("server", "backend.test"), authority.issue("client")
    plain, named = free(2)
    with Nginx(setting, "behind", server, clients=authority) as nginx:
        documents = [
            context("out", secret="client", ca_secret="authority", sni="backend.test"),
            tcp_mapping("plain", plain, nginx.port, tls="out"),
            tcp_mapping("named", named, f"https://127.0.0.1:{nginx.port}", tls="out"),
        ]
        secrets = [client.secret("client"), authority.authorities("authority")]
        with Gateway(setting, edge(setting, documents, *secrets)):
            for port in (plain, named):
                until(lambda: http.get(port, "/").status == 200, "the upstream answers", seconds=5)
                seen = http.get(port, "/").json()
                expect_equal(seen["sni"], "backend.test", "the name that the upstream is told")
                expect_equal(seen["verified"], "SUCCESS", "what it makes of our certificate")


def ports_of_tcp_mappings_open_and_close_while_the_gateway_runs(setting):
    first, second = free(2)
    with Upstream("blue", setting.directory) as blue:
        config = edge(setting, [tcp_mapping("blue", first, blue.port)])
        with Gateway(setting, config):
            until(lambda: not is_free(first), "the first port is open")
            with http.Connection(first) as kept:
                expect_equal(kept.get("/").status, 200, "on the first port")
                moved = tcp_mapping("blue", second, blue.port)
                write(config / "edge.yaml", *custom(moved))
                until(lambda: not is_free(second), "the second port is open", seconds=2)
                until(lambda: is_free(first), "the first port is closed", seconds=2)
                # A connection that is carried is nobody's to end: what runs over it is not known.
                expect_equal(kept.get("/").status, 200, "on a connection to the first port")
            expect_equal(_from(second), "blue", "who answers on the second port")


CHECKS = [
    bytes_are_carried_by_port,
    names_are_told_apart_after_tls_is_terminated,
    a_connection_without_tls_goes_elsewhere,
    weights_are_shares_of_connections,
    silence_ends_a_connection,
    clusters_are_what_the_mapping_says,
    upstreams_may_be_spoken_to_over_tls,
    ports_of_tcp_mappings_open_and_close_while_the_gateway_runs,
]

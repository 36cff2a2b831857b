"""Certificates that change in a running gateway: seen by the next handshake, and by nobody else."""

import re
import ssl
import time
from contextlib import contextmanager

from harness import http, tls
from harness.certificates import Authority, openssl, secret
from harness.gateway import Gateway
from harness.h2load import Load
from harness.kube_api import KubeApi
from harness.manifests import replace, write_in_place
from harness.nginx import Nginx
from harness.resources import context, custom, edge, host, mapping, write
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal
from harness.waiting import until

NAME = "shop.test"
_WITHIN = 1.0
_ROTATIONS = 5


class _Certificates:
    """An authority, and certificates of one name after another."""

    def __init__(self, setting):
        self.authority = Authority(setting.directory, "authority")
        self.issued = 0

    def next(self):
        self.issued += 1
        return self.authority.issue("shop", NAME, "*.test", file=f"shop-{self.issued}")


@contextmanager
def _upstream(setting):
    """An upstream, and the documents of a Host and a Mapping to it."""
    with Upstream("shop", setting.directory) as upstream:
        terms = {"tls": {"alpn_protocols": "h2,http/1.1"}}
        yield [host("shop", NAME, secret="shop", **terms), mapping("shop", upstream.port)]


def _served(gateway, pair):
    until(
        lambda: tls.fingerprint(gateway.https, NAME) == pair.fingerprint(),
        "the first certificate is served",
    )


def _seen_within(port, pair, name=NAME):
    """How long it takes until `pair` is served, which has to be soon."""
    started = time.monotonic()
    until(
        lambda: tls.fingerprint(port, name) == pair.fingerprint(),
        "the new certificate is served",
    )
    waited = time.monotonic() - started
    expect(waited < _WITHIN, f"the new certificate was served after {waited:.2f} s")
    return waited


def a_changed_secret_is_served_at_once_under_load(setting):
    """From a file, with connections open and requests under way."""
    certificates = _Certificates(setting)
    with _upstream(setting) as documents:
        first = certificates.next()
        config = edge(setting, documents, first.secret("shop"))
        with Gateway(setting, config) as gateway:
            _served(gateway, first)
            load = Load(gateway.https, f"https://{NAME}/load", seconds=8)
            with tls.connection(gateway.https, NAME) as kept:
                waited = []
                for _ in range(_ROTATIONS):
                    pair = certificates.next()
                    write(config / "secrets.yaml", pair.secret("shop"))
                    waited.append(_seen_within(gateway.https, pair))
                    answer = kept.get("/kept", host=NAME)
                    expect_equal(answer.status, 200, "on a connection that was open before")
                expect(load.running(), "the load ended before the changes did")
            result = load.result()
    expect_equal(result["failed"], 0, f"requests that failed ({result['output']})")
    expect(result["succeeded"] > 0, f"no load: {result['output']}")
    slowest = max(waited) * 1000
    done = result["succeeded"]
    return f"{_ROTATIONS} certificates, each within {slowest:.0f} ms; {done} requests, none failed"


def a_changed_secret_of_a_cluster_is_served_at_once(setting):
    certificates = _Certificates(setting)
    with _upstream(setting) as documents, KubeApi() as api:
        first = certificates.next()
        api.apply(*custom(*documents), first.secret("shop"))
        with Gateway(setting, api) as gateway:
            _served(gateway, first)
            with tls.connection(gateway.https, NAME) as kept:
                pair = certificates.next()
                api.apply(pair.secret("shop"))
                waited = _seen_within(gateway.https, pair)
                expect_equal(kept.get("/", host=NAME).status, 200, "on an open connection")
    return f"{waited * 1000:.0f} ms"


def changed_files_are_served_at_once(setting):
    """Those that a TLSContext names: written in place, and renamed into place."""
    certificates = _Certificates(setting)
    served = setting.directory / "served"
    served.mkdir()
    chain, key = served / "tls.crt", served / "tls.key"

    def put(pair, how):
        how(key, pair.key.read_text(encoding="ascii"))
        how(chain, pair.pem())

    with _upstream(setting) as documents:
        first = certificates.next()
        put(first, write_in_place)
        files = {"cert_chain_file": str(chain), "private_key_file": str(key)}
        named = host("shop", NAME, tlsContext={"name": "files"})
        documents = [named, context("files", **files), *documents[1:]]
        with Gateway(setting, edge(setting, documents)) as gateway:
            _served(gateway, first)
            waited = []
            for how in (write_in_place, replace):
                pair = certificates.next()
                put(pair, how)
                waited.append(_seen_within(gateway.https, pair))
    return " ".join(f"{each * 1000:.0f} ms" for each in waited)


def _unusable(pair, other):
    """Secrets that nobody can use: no PEM at all, and the key of another certificate."""
    yield secret("shop", {"tls.crt": b"nonsense", "tls.key": b"nonsense"})
    yield secret("shop", {"tls.crt": pair.chain.read_bytes(), "tls.key": other.key.read_bytes()})


def what_cannot_be_used_harms_nobody(setting):
    """The last good certificate stays, others do not notice, and the diagnostics tell of it."""
    certificates = _Certificates(setting)
    with _upstream(setting) as documents:
        documents = [*documents, host("other", "other.test", secret="other")]
        first, other = certificates.next(), certificates.next()
        config = edge(setting, documents, first.secret("shop"), other.secret("other"))
        with Gateway(setting, config) as gateway:
            _served(gateway, first)
            for broken in _unusable(first, other):
                write(config / "secrets.yaml", broken, other.secret("other"))
                until(lambda: "shop" in _complaints(gateway), "the diagnostics tell of it")
                found = tls.fingerprint(gateway.https, NAME)
                expect_equal(found, first.fingerprint(), "the certificate of what is broken")
                found = tls.fingerprint(gateway.https, "other.test")
                expect_equal(found, other.fingerprint(), "the certificate of the other")
                pair = certificates.next()
                write(config / "secrets.yaml", pair.secret("shop"), other.secret("other"))
                _seen_within(gateway.https, pair)
                first = pair
            _no_key_is_told(gateway, first)


def _complaints(gateway):
    """The errors in the diagnostics, as text."""
    page = http.get(gateway.admin, "/ambassador/v0/diag/?json=true&filter=errors")
    return page.body.decode()


def _no_key_is_told(gateway, pair):
    """Neither by the diagnostics, nor by the metrics, nor by the log."""
    line = pair.key.read_text(encoding="ascii").splitlines()[1]
    pages = ("/ambassador/v0/diag/?json=true", "/metrics")
    told = [http.get(gateway.admin, page).body.decode() for page in pages]
    for place, text in zip((*pages, "the log"), (*told, gateway.output())):
        expect(line not in text, f"a private key is in {place}")


def metrics_tell_when_certificates_expire(setting):
    certificates = _Certificates(setting)
    with _upstream(setting) as documents:
        pair = certificates.next()
        with Gateway(setting, edge(setting, documents, pair.secret("shop"))) as gateway:
            _served(gateway, pair)
            expires = openssl("x509", "-in", pair.chain, "-noout", "-enddate").strip()
            wanted = ssl.cert_time_to_seconds(expires.partition("=")[2])

            def said():
                return http.get(gateway.metrics, "/metrics").body.decode()

            for family in (
                "nuncio_tls_certificate_expiry_timestamp_seconds",
                "envoy_listener_ssl_certificate_expiration_unix_time_seconds",
            ):
                line = re.compile(rf"^{family}{{.*}} {wanted}$", re.M)
                until(lambda line=line: line.search(said()), f"{family} is {wanted}", seconds=3)
            page = said()
    days = re.search(r"^envoy_server_days_until_first_cert_expiring(?:{})? (\d+)$", page, re.M)
    expect_equal(days and days[1], "29", "the days until the first certificate expires")
    handshakes = re.findall(r"^envoy_listener_ssl_handshake{.*} (\d+)$", page, re.M)
    expect(any(map(int, handshakes)), f"no handshake is counted: {handshakes}")


def upstreams_are_shown_the_certificate_that_is_in_force(setting):
    clients = Authority(setting.directory, "clients")
    server = clients.issue("server", "backend.test")
    with Nginx(setting, "strict", server, clients=clients) as nginx:
        documents = [
            context("out", secret="client"),
            mapping("out", f"https://127.0.0.1:{nginx.port}", tls="out"),
        ]
        config = edge(setting, documents, clients.issue("first").secret("client"))
        with Gateway(setting, config) as gateway:

            def client():
                answer = http.get(gateway.http, "/")
                return answer.status == 200 and answer.json()["client"]

            until(lambda: client() == "CN=first,O=Nuncio,C=US", "the first is shown", seconds=5)
            write(config / "secrets.yaml", clients.issue("second").secret("client"))
            started = time.monotonic()
            until(lambda: client() == "CN=second,O=Nuncio,C=US", "the second is shown")
            waited = time.monotonic() - started
    expect(waited < _WITHIN, f"the upstream saw the new certificate after {waited:.2f} s")
    return f"{waited * 1000:.0f} ms"


CHECKS = [
    a_changed_secret_is_served_at_once_under_load,
    a_changed_secret_of_a_cluster_is_served_at_once,
    changed_files_are_served_at_once,
    what_cannot_be_used_harms_nobody,
    metrics_tell_when_certificates_expire,
    upstreams_are_shown_the_certificate_that_is_in_force,
]

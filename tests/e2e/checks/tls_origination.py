"""TLS to upstreams, as a real nginx sees it."""

from contextlib import contextmanager

from harness import http
from harness.certificates import Authority, secret
from harness.gateway import Gateway
from harness.nginx import Nginx
from harness.resources import context, edge, mapping
from harness.verdict import expect, expect_equal
from harness.waiting import until

_ROUNDS = 30


@contextmanager
def _served(setting, documents, *objects):
    with Gateway(setting, edge(setting, documents, *objects)) as gateway:
        yield gateway


def _seen(gateway, prefix):
    """What the upstream saw; None where there is no good answer."""
    answer = http.get(gateway.http, f"/{prefix}/")
    return answer.json() if answer.status == 200 else None


class _Parties:
    """An upstream's authority, and two clients with their own."""

    def __init__(self, setting):
        self.servers, self.clients = (
            Authority(setting.directory, name) for name in ("servers", "clients")
        )
        self.server = self.servers.issue("server", "backend.test")
        self.one, self.two = (self.clients.issue(name) for name in ("one", "two"))

    def secrets(self):
        revoked = self.servers.revocations(self.server)
        return [
            self.one.secret("one"),
            self.two.secret("two"),
            self.servers.authorities("servers"),
            self.clients.authorities("clients"),
            secret("revoked", {"crl.pem": revoked.read_bytes()}),
        ]


# A context by name, and what an upstream that wants no certificate sees; None = 503.
_CONTEXTS = {
    "none": (None, {"sni": "", "client": ""}),
    "client": ({"secret": "one"}, {"client": "CN=one,O=Nuncio,C=US", "sni": ""}),
    "sni": ({"secret": "one", "sni": "backend.test"}, {"sni": "backend.test"}),
    "only-sni": ({"sni": "backend.test"}, {"sni": "backend.test", "client": ""}),
    "verified": ({"secret": "one", "ca_secret": "servers"}, {"client": "CN=one,O=Nuncio,C=US"}),
    "only-verified": ({"ca_secret": "servers"}, {"client": ""}),
    "other-name": ({"ca_secret": "servers", "sni": "other.test"}, {"sni": "other.test"}),
    "forged": ({"secret": "one", "ca_secret": "clients"}, None),
    "revoked": ({"secret": "one", "ca_secret": "servers", "crl_secret": "revoked"}, None),
    "old": ({"secret": "one", "max_tls_version": "v1.2"}, {"protocol": "TLSv1.2"}),
    "new": ({"secret": "one", "min_tls_version": "v1.3"}, {"protocol": "TLSv1.3"}),
    "alpn": ({"secret": "one", "alpn_protocols": "http/1.1"}, {"alpn": "http/1.1"}),
    "lost": ({"secret": "nowhere"}, None),
}


def contexts_say_what_upstreams_see(setting):
    parties = _Parties(setting)
    asks = "ssl_verify_client optional_no_ca;"
    with Nginx(setting, "open", parties.server, more=asks) as nginx:
        documents = []
        for name, (said, _) in _CONTEXTS.items():
            to = f"https://127.0.0.1:{nginx.port}"
            documents += [context(name, **said)] if said else []
            named = {"tls": name} if said else {}
            documents += [mapping(name, to, f"/{name}/", **named)]
        with _served(setting, documents, *parties.secrets()) as gateway:
            until(lambda: _seen(gateway, "verified"), "the upstream answers", seconds=5)
            for name, (said, wanted) in _CONTEXTS.items():
                seen = _seen(gateway, name)
                found = seen and wanted and {key: seen[key] for key in wanted}
                expect_equal(found if wanted else seen, wanted, f"{name}: {said}")
    return f"{len(_CONTEXTS)} contexts"


def an_upstream_that_wants_a_certificate_has_the_contexts(setting):
    parties = _Parties(setting)
    with Nginx(setting, "strict", parties.server, clients=parties.clients) as nginx:
        to = f"https://127.0.0.1:{nginx.port}"
        documents = [
            context("one", secret="one"),
            mapping("with", to, "/with/", tls="one"),
            mapping("without", to, "/without/"),
        ]
        with _served(setting, documents, *parties.secrets()) as gateway:
            until(lambda: _seen(gateway, "with"), "the upstream answers", seconds=5)
            expect_equal(_seen(gateway, "with")["verified"], "SUCCESS", "with a certificate")
            # nginx's way to say so.
            answer = http.get(gateway.http, "/without/")
            expect_equal(answer.status, 400, "without a certificate")


def files_serve_as_secrets_do(setting):
    parties = _Parties(setting)
    with Nginx(setting, "strict", parties.server, clients=parties.clients) as nginx:
        files = {
            "cert_chain_file": str(parties.one.chain),
            "private_key_file": str(parties.one.key),
            "cacert_chain_file": str(parties.servers.chain),
        }
        documents = [
            context("one", **files),
            mapping("with", f"https://127.0.0.1:{nginx.port}", "/with/", tls="one"),
        ]
        with _served(setting, documents) as gateway:
            until(lambda: _seen(gateway, "with"), "the upstream answers", seconds=5)
            expect_equal(_seen(gateway, "with")["verified"], "SUCCESS", "what nginx makes of it")


def two_contexts_never_share_a_connection(setting):
    """To one address, by turns: a connection that one client's certificate opened is no other's."""
    parties = _Parties(setting)
    with Nginx(setting, "strict", parties.server, clients=parties.clients) as nginx:
        to = f"https://127.0.0.1:{nginx.port}"
        documents = []
        for name in ("one", "two"):
            documents += [
                context(name, secret=name),
                mapping(name, to, f"/{name}/", tls=name),
            ]
        with _served(setting, documents, *parties.secrets()) as gateway:
            until(lambda: _seen(gateway, "one") and _seen(gateway, "two"), "both answer", seconds=5)
            connections = {}
            for _ in range(_ROUNDS):
                for name in ("one", "two"):
                    seen = _seen(gateway, name)
                    expect_equal(seen["client"], f"CN={name},O=Nuncio,C=US", f"who asks for {name}")
                    connections.setdefault(seen["connection"], set()).add(name)
    shared = {number: names for number, names in connections.items() if len(names) > 1}
    expect_equal(shared, {}, "connections of both")
    expect(len(connections) < _ROUNDS, f"{len(connections)} connections: none is used again")
    return f"{2 * _ROUNDS} requests on {len(connections)} connections, none shared"


def http2_is_spoken_where_it_was_agreed(setting):
    parties = _Parties(setting)
    with Nginx(setting, "two", parties.server, http2=True) as nginx:
        documents = [
            context("h2", sni="backend.test", alpn_protocols="h2"),
            mapping("grpc", f"https://127.0.0.1:{nginx.port}", "/grpc/", tls="h2", grpc=True),
        ]
        with _served(setting, documents) as gateway:
            until(lambda: _seen(gateway, "grpc"), "the upstream answers", seconds=5)
            seen = _seen(gateway, "grpc")
            found = {key: seen[key] for key in ("alpn", "http")}
            expect_equal(found, {"alpn": "h2", "http": "HTTP/2.0"}, "what was agreed")


def a_context_that_nobody_defines_is_never_cleartext(setting):
    """In Emissary a service without a scheme is asked in clear then."""
    parties = _Parties(setting)
    with Nginx(setting, "any", parties.server) as nginx:
        documents = [mapping("lost", f"127.0.0.1:{nginx.port}", "/lost/", tls="nobody")]
        with _served(setting, documents) as gateway:
            answer = http.get(gateway.http, "/lost/")
            if answer.status == 200:
                expect(answer.json()["protocol"].startswith("TLS"), f"in clear: {answer.body!r}")
                return "over TLS"
            # nginx answers 400 to a request in clear.
            expect(answer.status in (404, 503), f"{answer.status}: {answer.body!r}")
            return f"{answer.status}"


CHECKS = [
    contexts_say_what_upstreams_see,
    an_upstream_that_wants_a_certificate_has_the_contexts,
    files_serve_as_secrets_do,
    two_contexts_never_share_a_connection,
    http2_is_spoken_where_it_was_agreed,
    a_context_that_nobody_defines_is_never_cleartext,
]

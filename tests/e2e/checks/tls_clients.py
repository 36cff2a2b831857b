"""Clients that have to say who they are: for each host by its own authority, and for no other."""

import urllib.parse
from contextlib import contextmanager

from harness import curl, tls
from harness.certificates import Authority, secret
from harness.gateway import Gateway
from harness.resources import context, edge, host, mapping, module
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal
from harness.waiting import until


class _Parties:
    """Two authorities, a client of each, and a client of the first that was revoked."""

    def __init__(self, setting):
        self.alpha, self.beta = (Authority(setting.directory, name) for name in ("alpha", "beta"))
        self.server = self.alpha.issue("server", "*.test")
        self.clients = {
            "alpha": self.alpha.issue("client", uri="spiffe://nuncio/client"),
            "beta": self.beta.issue("client"),
            "revoked": self.alpha.issue("revoked"),
            None: None,
        }
        self.revoked = self.alpha.revocations(self.clients["revoked"])

    def file(self, value):
        """The path, if it is a file's name."""
        is_file = str(value).endswith((".crt", ".crl"))
        return str(self.alpha.chain.with_name(value)) if is_file else value

    def objects(self):
        """The Secrets."""
        return [
            self.server.secret("server"),
            self.alpha.authorities("alpha"),
            self.beta.authorities("beta"),
            self.alpha.authorities("alpha-requires", cert_required="true"),
            secret("revoked", {"crl.pem": self.revoked.read_bytes()}),
        ]


# What hosts say of their clients, by the first word of their names.
_HOSTS = {
    "open": {},
    "alpha": {"ca_secret": "alpha", "cert_required": True},
    "twin": {"ca_secret": "alpha", "cert_required": True},
    "beta": {"ca_secret": "beta", "cert_required": True},
    "optional": {"ca_secret": "alpha"},
    "secret": {"ca_secret": "alpha-requires"},
    "crl": {"ca_secret": "alpha", "cert_required": True, "crl_secret": "revoked"},
    # Whose values are files of the check's directory.
    "files": {"cacert_chain_file": "alpha.crt", "crl_file": "alpha-1.crl", "cert_required": True},
}


@contextmanager
def _served(setting, parties, *documents):
    """A gateway with all the hosts, and a Mapping for everything."""
    with Upstream("all", setting.directory) as upstream:
        terms = {"secret": "server", "alpn_protocols": "h2,http/1.1"}
        for name, clients in _HOSTS.items():
            clients = {key: parties.file(value) for key, value in clients.items()}
            documents += (
                context(name, hosts=[f"{name}.test"], **terms, **clients),
                host(name, f"{name}.test", tlsContext={"name": name}),
            )
        documents += (mapping("all", upstream.port),)
        with Gateway(setting, edge(setting, documents, *parties.objects())) as gateway:
            for name in _HOSTS:
                until(lambda: _answers(gateway, f"{name}.test"), f"{name}.test is served")
            yield gateway


def _answers(gateway, name):
    """What a host shows. In TLS 1.3 a client has it before it has to say who it is."""
    return tls.fingerprint(gateway.https, name)


# Whose certificate a client shows to which host, and whether it is served.
_SHOWN = [
    ("open", None, True),
    ("open", "alpha", True),
    ("alpha", "alpha", True),
    ("alpha", None, False),
    ("alpha", "beta", False),
    ("beta", "beta", True),
    ("beta", "alpha", False),
    ("optional", None, True),
    ("optional", "alpha", True),
    ("optional", "beta", False),
    ("secret", None, False),
    ("secret", "alpha", True),
    ("crl", "alpha", True),
    ("crl", "revoked", False),
    ("files", None, False),
    ("files", "alpha", True),
    ("files", "revoked", False),
    ("alpha", "revoked", True),
]


def each_host_verifies_clients_by_its_own_authority(setting):
    parties = _Parties(setting)
    with _served(setting, parties) as gateway:
        for name, shown, wanted in _SHOWN:
            for option in ("--http1.1", "--http2", "--tls-max=1.2"):
                found = curl.status(
                    gateway.https,
                    f"{name}.test",
                    identity=parties.clients[shown],
                    options=option.split("="),
                )
                row = f"{name}.test for a client of {shown} ({option})"
                expect_equal(found, 200 if wanted else None, row)
    return f"{len(_SHOWN)} rows, each by HTTP/1.1, by HTTP/2 and by TLS 1.2"


# To whom a client of alpha connects, whom it asks for then, and the answer.
_ASKED = [
    ("alpha", "alpha", 200),
    ("alpha", "twin", 200),
    ("alpha", "beta", 421),
    ("alpha", "open", 421),
    ("alpha", "optional", 421),
    ("alpha", "crl", 421),
    ("open", "alpha", 421),
    ("open", "beta", 421),
    ("optional", "alpha", 421),
    ("optional", "beta", 421),
]


def no_client_reaches_a_host_that_did_not_verify_it(setting):
    parties = _Parties(setting)
    with _served(setting, parties) as gateway:
        for connected, asked, wanted in _ASKED:
            for option in ("--http1.1", "--http2"):
                answer = curl.ask(
                    gateway.https,
                    f"{connected}.test",
                    authority=f"{asked}.test",
                    identity=parties.clients["alpha"],
                    options=[option],
                )
                row = f"{asked}.test by a connection to {connected}.test ({option})"
                expect_equal(answer.status, wanted, row)
        _one_connection_for_two_hosts(gateway, parties)
        _a_session_goes_no_further(setting, gateway, parties)
    return f"{len(_ASKED)} rows, each by HTTP/1.1 and by HTTP/2"


def _one_connection_for_two_hosts(gateway, parties):
    """A browser puts requests for another host on a connection that it has, if the certificate
    names both; after 421 it opens one for that host, and by HTTP/1.1 has to. What comes before is
    served."""
    with tls.connection(gateway.https, "alpha.test", identity=parties.clients["alpha"]) as opened:
        for asked, wanted in (("alpha", 200), ("twin", 200), ("beta", 421)):
            answer = opened.get("/", host=f"{asked}.test")
            expect_equal(answer.status, wanted, f"{asked}.test on a connection to alpha.test")
        closes = answer.headers.get("connection")
        expect_equal(closes, "close", "what 421 says of the connection")


def _a_session_goes_no_further(setting, gateway, parties):
    """What was agreed with one host is worth nothing at another."""
    ticket = setting.directory / "ticket"
    shown = ["-cert", parties.clients["alpha"].chain, "-key", parties.clients["alpha"].key]
    tls.agree(gateway.https, "alpha.test", *shown, "-sess_out", ticket)
    for name in ("beta.test", "crl.test"):
        escaped = tls.agrees(gateway.https, name, "-sess_in", ticket)
        expect(not escaped, f"a session of alpha.test is resumed by {name}")


_TOLD = "Hash=told-by-the-client"


def _expected(parties, what):
    client = parties.clients["alpha"]
    certificate = urllib.parse.quote(client.pem(), safe="")
    return {
        "hash": f"Hash={client.fingerprint()}",
        "cert": f'Cert="{certificate}"',
        "chain": f'Chain="{certificate}"',
        "subject": 'Subject="CN=client,O=Nuncio,C=US"',
        "uri": "URI=spiffe://nuncio/client",
        "dns": "DNS=client",
    }[what]


# What the Module says (`forward_client_cert_details`, `set_current_client_cert_details`), the host,
# and what the upstream is told of the certificate, after what the client said itself (True).
_FORWARDED = [
    (None, {}, "alpha", None),
    ("SANITIZE", {"subject": True}, "alpha", None),
    ("FORWARD_ONLY", {}, "alpha", [True]),
    ("FORWARD_ONLY", {}, "open", None),
    ("APPEND_FORWARD", {"subject": True}, "alpha", [True, "hash", "subject"]),
    ("SANITIZE_SET", {}, "alpha", ["hash"]),
    ("SANITIZE_SET", {"subject": True}, "alpha", ["hash", "subject"]),
    ("SANITIZE_SET", {"uri": True, "dns": True}, "alpha", ["hash", "uri", "dns"]),
    ("SANITIZE_SET", {"cert": True, "chain": True}, "alpha", ["hash", "cert", "chain"]),
    ("SANITIZE_SET", {"subject": True}, "open", None),
    ("ALWAYS_FORWARD_ONLY", {}, "alpha", [True]),
    ("ALWAYS_FORWARD_ONLY", {}, "open", [True]),
]


def upstreams_are_told_of_the_client_as_the_module_says(setting):
    parties = _Parties(setting)
    for number, (form, details, asked, wanted) in enumerate(_FORWARDED):
        config = {"forward_client_cert_details": form} if form else {}
        config |= {"set_current_client_cert_details": details} if details else {}
        with _served(
            setting.part(f"row-{number}"), parties, module("ambassador", **config)
        ) as gateway:
            answer = curl.ask(
                gateway.https,
                f"{asked}.test",
                identity=parties.clients["alpha"],
                options=["-H", f"X-Forwarded-Client-Cert: {_TOLD}"],
            )
            found = answer.json()["headers"].get("x-forwarded-client-cert")
            expect_equal(found, _value(parties, wanted), f"{form} {details} at {asked}.test")
    return f"{len(_FORWARDED)} rows"


def _value(parties, wanted):
    if wanted is None:
        return None
    own = ";".join(_expected(parties, what) for what in wanted if what is not True)
    elements = [_TOLD] if True in wanted else []
    return ",".join([*elements, own] if own else elements)


CHECKS = [
    each_host_verifies_clients_by_its_own_authority,
    no_client_reaches_a_host_that_did_not_verify_it,
    upstreams_are_told_of_the_client_as_the_module_says,
]

"""Who is served by which certificate, and by which versions, suites, groups and protocols."""

from contextlib import contextmanager

from harness import curl, tls
from harness.certificates import Authority
from harness.gateway import Gateway
from harness.ports import free
from harness.resources import context, edge, host, listener, mapping
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal
from harness.waiting import until


@contextmanager
def _served(setting, documents, *objects):
    """A gateway with `documents` and a Mapping for everything."""
    with Upstream("all", setting.directory) as upstream:
        config = edge(setting, [*documents, mapping("all", upstream.port)], *objects)
        with Gateway(setting, config) as gateway:
            yield gateway


def _answers(port, name, *options):
    until(lambda: tls.agrees(port, name, *options), f"{name} is served", seconds=5)


def the_most_specific_name_has_its_certificate(setting):
    authority = Authority(setting.directory, "authority")
    hostnames = {"exact": "api.shop.test", "wild": "*.shop.test", "rest": "*"}
    pairs = {name: authority.issue(name, hostname) for name, hostname in hostnames.items()}
    rows = [
        ("api.shop.test", "exact"),
        ("API.shop.TEST", "exact"),
        ("www.shop.test", "wild"),
        ("a.b.shop.test", "wild"),
        ("shop.test", "rest"),
        ("other.test", "rest"),
        (None, "rest"),
    ]
    hosts = [host(name, hostname, secret=name) for name, hostname in hostnames.items()]
    with _served(setting, hosts, *(pair.secret(name) for name, pair in pairs.items())) as gateway:
        _answers(gateway.https, "api.shop.test")
        for name, wanted in rows:
            found = tls.fingerprint(gateway.https, name)
            expect_equal(found, pairs[wanted].fingerprint(), f"the certificate of {name}")


def a_name_that_nobody_has_is_refused(setting):
    """With an alert, where Emissary answers in clear."""
    pair = Authority(setting.directory, "authority").issue("shop", "shop.test")
    shop = host("shop", "shop.test", secret="shop")
    with _served(setting, [shop], pair.secret("shop")) as gateway:
        _answers(gateway.https, "shop.test")
        for name in ("other.test", None):
            try:
                tls.fingerprint(gateway.https, name)
            except OSError as error:
                expect("unrecognized name" in str(error), f"{name}: no alert, but {error}")
            else:
                expect(False, f"{name} is served")
        again = tls.fingerprint(gateway.https, "shop.test")
        expect_equal(again, pair.fingerprint(), "the certificate of shop.test")


def whoever_has_no_certificate_has_one_that_the_gateway_signed(setting):
    """Where a Listener speaks TLS, and no Host is there to say by which certificate."""
    with Upstream("all", setting.directory) as upstream:
        [port] = free(1)
        documents = [listener("secure", port, "HTTPS"), mapping("all", upstream.port)]
        with Gateway(setting, edge(setting, documents)) as gateway:
            _answers(port, "any.test")
            first = tls.fingerprint(port, "any.test")
            expect_equal(tls.fingerprint(port, "other.test"), first, "the certificate of another")
            answer = curl.ask(port, "any.test", "/here")
            expect_equal(answer.status, 200, "GET /here")
            expect(gateway.running(), "the gateway runs")


def keys_of_both_kinds_are_served(setting):
    authority = Authority(setting.directory, "authority")
    pairs = {kind: authority.issue(kind, f"{kind}.test", key=kind) for kind in ("ec", "rsa")}
    hosts = [host(kind, f"{kind}.test", secret=kind) for kind in pairs]
    with _served(setting, hosts, *(pair.secret(kind) for kind, pair in pairs.items())) as gateway:
        for kind, pair in pairs.items():
            _answers(gateway.https, f"{kind}.test")
            for version in ("-tls1_2", "-tls1_3"):
                sure = ["-CAfile", authority.chain, "-verify_return_error", version]
                expect(tls.agrees(gateway.https, f"{kind}.test", *sure), f"{kind} by {version}")
            found = tls.fingerprint(gateway.https, f"{kind}.test")
            expect_equal(found, pair.fingerprint(), f"the certificate for {kind}")


# What a context says, what openssl is told to offer, and what they come to; None = nothing.
_TERMS = [
    ({}, ["-tls1_3"], {"version": "TLSv1.3"}),
    ({}, ["-tls1_2"], {"version": "TLSv1.2"}),
    ({}, ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], None),
    ({"min_tls_version": "v1.3"}, ["-tls1_3"], {"version": "TLSv1.3"}),
    ({"min_tls_version": "v1.3"}, ["-tls1_2"], None),
    ({"max_tls_version": "v1.2"}, [], {"version": "TLSv1.2"}),
    ({"max_tls_version": "v1.2"}, ["-tls1_3"], None),
    ({"min_tls_version": "v1.0"}, ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], None),
    ({"min_tls_version": "v1.0"}, ["-tls1_2"], {"version": "TLSv1.2"}),
    (
        {"cipher_suites": ["ECDHE-ECDSA-AES128-GCM-SHA256"]},
        ["-tls1_2"],
        {"suite": "ECDHE-ECDSA-AES128-GCM-SHA256"},
    ),
    (
        {"cipher_suites": ["ECDHE-ECDSA-AES128-GCM-SHA256"]},
        ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"],
        None,
    ),
    (
        {"cipher_suites": ["ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"]},
        ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"],
        {"suite": "ECDHE-ECDSA-CHACHA20-POLY1305"},
    ),
    ({"ecdh_curves": ["P-384"]}, ["-tls1_3"], {"group": "secp384r1"}),
    ({"ecdh_curves": ["P-256"]}, ["-tls1_3", "-groups", "X25519"], None),
    ({"alpn_protocols": "h2, http/1.1"}, ["-alpn", "h2,http/1.1"], {"alpn": "h2"}),
    ({"alpn_protocols": "http/1.1"}, ["-alpn", "h2,http/1.1"], {"alpn": "http/1.1"}),
    ({}, ["-alpn", "h2,http/1.1"], {"alpn": "h2"}),
    ({}, ["-alpn", "spdy/3"], {"alpn": None}),
]


def contexts_say_what_is_spoken(setting):
    authority = Authority(setting.directory, "authority")
    pair = authority.issue("all", "*.test")
    documents = []
    for number, (terms, _, _) in enumerate(_TERMS):
        documents += [
            context(f"terms-{number}", hosts=[f"t{number}.test"], secret="all", **terms),
            host(f"terms-{number}", f"t{number}.test", tlsContext={"name": f"terms-{number}"}),
        ]
    with _served(setting, documents, pair.secret("all")) as gateway:
        _answers(gateway.https, "t0.test")
        for number, (terms, options, wanted) in enumerate(_TERMS):
            row = f"{terms} with {' '.join(options) or 'anything'}"
            if wanted is None:
                refused = not tls.agrees(gateway.https, f"t{number}.test", *options)
                expect(refused, f"{row} is not refused")
                continue
            try:
                found = tls.agree(gateway.https, f"t{number}.test", *options)
            except tls.Refused as error:
                expect(False, f"{row} is refused: {error}")
            found = {key: getattr(found, key) for key in wanted}
            expect_equal(found, wanted, row)
    return f"{len(_TERMS)} rows"


# What names a Secret, and which Secret it is: its namespace and its name.
_SECRETS = [
    (context("t0", hosts=["t0.test"], secret="one.far"), "far", "one"),
    (context("t1", hosts=["t1.test"], secret="two.dotted.far"), "far", "two.dotted"),
    (context("t2", hosts=["t2.test"], secret="x.far", secret_namespacing=False), None, "x.far"),
    (host("t3", "t3.test", secret="four.far"), None, "four.far"),
    (host("t4", "t4.test", tlsSecret={"name": "five", "namespace": "far"}), "far", "five"),
]


def secrets_are_found_where_they_are_said_to_be(setting):
    authority = Authority(setting.directory, "authority")
    documents, objects, pairs = [], [], {}
    for number, (document, namespace, name) in enumerate(_SECRETS):
        hostname = f"t{number}.test"
        pairs[hostname] = authority.issue(f"t{number}", hostname)
        objects.append(pairs[hostname].secret(name, namespace or "default"))
        documents.append(document)
        if document.kind == "TLSContext":
            documents.append(host(f"t{number}", hostname, tlsContext={"name": document.name}))
    with _served(setting, documents, *objects) as gateway:
        for hostname, pair in pairs.items():
            _answers(gateway.https, hostname)
            found = tls.fingerprint(gateway.https, hostname)
            expect_equal(found, pair.fingerprint(), f"the certificate of {hostname}")


def curl_speaks_both_versions_of_http(setting):
    pair = Authority(setting.directory, "authority").issue("shop", "shop.test")
    terms = {"tls": {"alpn_protocols": "h2,http/1.1"}}
    with _served(
        setting, [host("shop", "shop.test", secret="shop", **terms)], pair.secret("shop")
    ) as gateway:
        _answers(gateway.https, "shop.test")
        for option, version in (("--http1.1", "1.1"), ("--http2", "2")):
            answer = curl.ask(gateway.https, "shop.test", "/here", options=[option])
            expect_equal((answer.status, answer.version), (200, version), f"curl {option}")


def sessions_are_resumed(setting):
    pair = Authority(setting.directory, "authority").issue("shop", "shop.test")
    shop = host("shop", "shop.test", secret="shop")
    with _served(setting, [shop], pair.secret("shop")) as gateway:
        _answers(gateway.https, "shop.test")
        for version in ("-tls1_2", "-tls1_3"):
            ticket = setting.directory / f"ticket{version}"
            first = tls.agree(gateway.https, "shop.test", version, "-sess_out", ticket)
            expect(not first.resumed, f"{version}: resumed what was not there")
            second = tls.agree(gateway.https, "shop.test", version, "-sess_in", ticket)
            expect(second.resumed, f"{version}: not resumed")


CHECKS = [
    the_most_specific_name_has_its_certificate,
    a_name_that_nobody_has_is_refused,
    whoever_has_no_certificate_has_one_that_the_gateway_signed,
    keys_of_both_kinds_are_served,
    contexts_say_what_is_spoken,
    secrets_are_found_where_they_are_said_to_be,
    curl_speaks_both_versions_of_http,
    sessions_are_resumed,
]

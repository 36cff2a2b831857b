"""Hosts: what becomes of requests that are not secure, and which Mappings are whose."""

import dataclasses
import subprocess

from harness import curl, tls
from harness.certificates import Authority
from harness.gateway import Gateway, clean_environment
from harness.resources import context, edge, host, mapping, module
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal
from harness.waiting import until

# A Host's `requestPolicy.insecure.action`, and the answers by HTTP and by HTTPS.
_ACTIONS = [
    (None, 301, 200),
    ("Redirect", 301, 200),
    ("Route", 200, 200),
    ("Reject", 404, 200),
]


_CHALLENGES = "/.well-known/acme-challenge/"


def each_host_says_what_becomes_of_requests_that_are_not_secure(setting):
    pair = Authority(setting.directory, "authority").issue("all", "*.test")
    names = [f"{(action or 'nothing').lower()}.test" for action, _, _ in _ACTIONS]
    hosts = [
        host(name.partition(".")[0], name, secret="all", action=action)
        for name, (action, _, _) in zip(names, _ACTIONS)
    ]
    with Upstream("all", setting.directory) as upstream:
        documents = [
            *hosts,
            mapping("all", upstream.port, "/here/"),
            mapping("acme", upstream.port, _CHALLENGES),
            mapping("under", upstream.port, f"{_CHALLENGES}here/"),
        ]
        with Gateway(setting, edge(setting, documents, pair.secret("all"))) as gateway:
            until(lambda: tls.fingerprint(gateway.https, names[0]), "TLS is served")
            for name, (_, insecure, secure) in zip(names, _ACTIONS):
                answer = curl.ask(gateway.http, name, "/here/x?y=z", scheme="http")
                expect_equal(answer.status, insecure, f"http://{name}/here/x?y=z")
                if insecure == 301:
                    there = answer.headers["location"]
                    expect_equal(there, f"https://{name}/here/x?y=z", f"where {name} sends to")
                found = curl.status(gateway.https, name, "/here/x?y=z")
                expect_equal(found, secure, f"https://{name}/here/x?y=z")
                # Authorities that issue certificates look there, in clear.
                found = curl.status(gateway.http, name, f"{_CHALLENGES}token", scheme="http")
                expect_equal(found, 200, f"http://{name}{_CHALLENGES}token")
                # But nothing that another Mapping has there.
                found = curl.status(gateway.http, name, f"{_CHALLENGES}here/x", scheme="http")
                expect_equal(found, insecure, f"http://{name}{_CHALLENGES}here/x")
                # Where no Mapping is, there is nothing to be sent to either.
                found = curl.status(gateway.http, name, "/there", scheme="http")
                expect_equal(found, 404, f"http://{name}/there")


def the_context_of_old_redirects_what_is_in_clear(setting):
    """`redirect_cleartext_from`, in a TLSContext as in the Module `tls`."""
    pair = Authority(setting.directory, "authority").issue("shop", "shop.test")
    terms = {"secret": "shop", "redirect_cleartext_from": 8080}
    rows = {
        "module": module("tls", server=terms),
        "context": context("shop", hosts=["shop.test"], **terms),
    }
    with Upstream("shop", setting.directory) as upstream:
        for name, document in rows.items():
            part = setting.part(name)
            documents = [document, mapping("shop", upstream.port)]
            with Gateway(part, edge(part, documents, pair.secret("shop"))) as gateway:
                until(lambda: tls.fingerprint(gateway.https, "shop.test"), f"{name}: TLS is served")
                answer = curl.ask(gateway.http, "shop.test", "/here", scheme="http")
                found = (answer.status, answer.headers.get("location"))
                expect_equal(found, (301, "https://shop.test/here"), f"in clear ({name})")
                found = curl.status(gateway.https, "shop.test", "/here")
                expect_equal(found, 200, f"over TLS ({name})")


# What there is without a Host: documents, the name of the Secret; answers in clear and over TLS.
_WITHOUT_HOSTS = [
    ([], "ambassador-certs", 200, 200),
    ([module("tls", server={"enabled": True})], "ambassador-certs", 404, 200),
    ([context("shop", hosts=["shop.test"], secret="shop")], "shop", 404, 200),
    ([context("all", hosts=["*"], secret="shop")], "shop", 404, 200),
]


def without_hosts_contexts_take_their_place(setting):
    """As in Ambassador 1.x: what is in clear is not served then, unless it is sent to TLS. A Secret
    that is found without a word takes nothing away."""
    pair = Authority(setting.directory, "authority").issue("shop", "shop.test")
    with Upstream("shop", setting.directory) as upstream:
        for number, (documents, secret, clear, secure) in enumerate(_WITHOUT_HOSTS):
            part = setting.part(f"row-{number}")
            documents = [*documents, mapping("shop", upstream.port)]
            with Gateway(part, edge(part, documents, pair.secret(secret))) as gateway:
                until(lambda: tls.fingerprint(gateway.https, "shop.test"), "TLS is served")
                for port, scheme, wanted in (
                    (gateway.http, "http", clear),
                    (gateway.https, "https", secure),
                ):
                    found = curl.status(port, "shop.test", scheme=scheme)
                    expect_equal(found, wanted, f"{scheme} with {documents[:-1]}")


# What is not right about a Host.
_WRONG = {
    "unknown": {"tlsContext": {"name": "nobody"}},
    "none": {"tls": {"min_tls_version": "v1.2"}},
    "other": {"tlsContext": {"name": "terms"}, "secret": "other"},
}


def a_host_that_is_not_right_serves_nobody(setting):
    """And is not taken for another's: `*` would serve it by other rules."""
    pair = Authority(setting.directory, "authority").issue("all", "*.test")
    with Upstream("all", setting.directory) as upstream:
        wrong = [host(name, f"{name}.test", **said) for name, said in _WRONG.items()]
        rest = host("rest", "*", secret="all", action="Route")
        documents = [*wrong, rest, context("terms", secret="all"), mapping("all", upstream.port)]
        secrets = [pair.secret(name) for name in ("all", "other")]
        with Gateway(setting, edge(setting, documents, *secrets)) as gateway:
            until(lambda: tls.fingerprint(gateway.https, "any.test"), "TLS is served")
            expect_equal(curl.status(gateway.http, "any.test", scheme="http"), 200, "any.test")
            for name in _WRONG:
                found = curl.status(gateway.http, f"{name}.test", scheme="http")
                expect_equal(found, 404, f"http://{name}.test")
                found = curl.status(gateway.https, f"{name}.test")
                expect(found != 200, f"https://{name}.test is served")


# Of which Mapping the answer comes, by host; None = 404.
_ATTACHED = [
    ("red.test", "/colour/", "red"),
    ("blue.test", "/colour/", "blue"),
    ("red.test", "/everywhere/", None),
    ("plain.test", "/everywhere/", "everywhere"),
    ("plain.test", "/colour/", None),
    ("named.test", "/named/", "named"),
    ("plain.test", "/named/", None),
]


def hosts_have_the_mappings_that_they_select(setting):
    def selecting(colour):
        chosen = {"matchLabels": {"colour": colour}}
        return host(colour, f"{colour}.test", action="Route", mappingSelector=chosen)

    with Upstream("all", setting.directory) as upstream:

        def attached(name, prefix, labels=None, hostname="*"):
            one = mapping(name, upstream.port, prefix, hostname, rewrite=f"/{name}/")
            return dataclasses.replace(one, labels=labels or {})

        documents = [
            *map(selecting, ("red", "blue")),
            *(host(name, f"{name}.test", action="Route") for name in ("plain", "named")),
            attached("red", "/colour/", {"colour": "red"}, "red.test"),
            attached("blue", "/colour/", {"colour": "blue"}, "blue.test"),
            attached("everywhere", "/everywhere/"),
            attached("named", "/named/", hostname="named.test"),
        ]
        with Gateway(setting, edge(setting, documents)) as gateway:
            for name, prefix, wanted in _ATTACHED:
                answer = curl.ask(gateway.http, name, f"{prefix}x", scheme="http")
                found = answer.json()["path"] if answer.status == 200 else None
                expect_equal(found, wanted and f"/{wanted}/x", f"http://{name}{prefix}x")


def hosts_say_what_is_not_done(setting):
    """Without a place for its certificate nobody is asked for one, and there is no Service Preview: both
    are warned of."""
    said = {
        "acmeProvider": {"authority": "https://acme.example.org/directory", "email": "a@b.test"},
        "previewUrl": {"enabled": True},
    }
    config = edge(setting, [host("shop", "shop.test", **said)])
    done = subprocess.run(
        [setting.binary, "check", config],
        capture_output=True,
        text=True,
        timeout=30,
        env=clean_environment(),
    )
    for key in said:
        found = [line for line in done.stdout.splitlines() if key in line and "shop" in line]
        expect(found, f"nothing is said of {key}: {done.stdout!r}")
    return "; ".join(done.stdout.splitlines())


CHECKS = [
    each_host_says_what_becomes_of_requests_that_are_not_secure,
    the_context_of_old_redirects_what_is_in_clear,
    without_hosts_contexts_take_their_place,
    a_host_that_is_not_right_serves_nobody,
    hosts_have_the_mappings_that_they_select,
    hosts_say_what_is_not_done,
]

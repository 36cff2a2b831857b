"""Every form in which it is said that TLS is terminated, in every way that documents take."""

from contextlib import contextmanager
from dataclasses import dataclass, replace

from harness import curl, tls, ways
from harness.certificates import Authority, Pair
from harness.resources import context, host, mapping, module
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal
from harness.waiting import until

NAME = "shop.test"


@dataclass(frozen=True)
class _Shop:
    """What a form is about: a name, its certificate, who issued it, and where requests go."""

    authority: Authority
    identity: Pair
    upstream: int

    def files(self):
        chain, key = str(self.identity.chain), str(self.identity.key)
        return {"cert_chain_file": chain, "private_key_file": key}

    def secret(self, name="shop-cert"):
        return self.identity.secret(name)

    def mapping(self):
        return mapping("shop", self.upstream)


@contextmanager
def _shop(setting):
    authority = Authority(setting.directory, "authority")
    with Upstream("shop", setting.directory) as upstream:
        yield _Shop(authority, authority.issue("shop", NAME), upstream.port)


def _serves(gateway, shop, way, identity=None):
    """The certificate is the shop's, and openssl and curl get on with whoever has it."""

    def is_served():
        found = tls.fingerprint(gateway.https, NAME, identity=identity)
        return found == shop.identity.fingerprint()

    until(is_served, f"the certificate is served ({way.name})", seconds=5)
    sure = ["-CAfile", shop.authority.chain, "-verify_hostname", NAME, "-verify_return_error"]
    if identity:
        sure += ["-cert", identity.chain, "-key", identity.key]
    expect(tls.agrees(gateway.https, NAME, *sure), f"openssl does not trust it ({way.name})")
    answer = curl.ask(gateway.https, NAME, "/here", identity=identity)
    expect_equal(answer.status, 200, f"GET /here ({way.name})")
    seen = answer.json()
    expect_equal(seen["path"], "/here", f"the path seen upstream ({way.name})")
    expect_equal(seen["headers"]["x-forwarded-proto"], "https", f"the protocol ({way.name})")


def _every_way(setting, form, chosen=ways.ALL):
    """`form` gives documents, and other objects, of a shop."""
    with _shop(setting) as shop:
        documents, objects = form(shop)
        for way in chosen:
            with way.gateway(setting, documents, objects) as gateway:
                _serves(gateway, shop, way)
    return f"{len(chosen)} ways"


def the_module_may_name_files(setting):
    return _every_way(
        setting, lambda shop: ([module("tls", server=shop.files()), shop.mapping()], [])
    )


def the_module_may_name_a_secret(setting):
    def form(shop):
        server = {"enabled": True, "secret": "shop-cert"}
        return [module("tls", server=server), shop.mapping()], [shop.secret()]

    return _every_way(setting, form)


def the_module_need_not_say_which_secret(setting):
    def form(shop):
        server = {"enabled": True}
        return [module("tls", server=server), shop.mapping()], [shop.secret("ambassador-certs")]

    return _every_way(setting, form)


def the_secret_of_old_is_found_without_a_word(setting):
    return _every_way(setting, lambda shop: ([shop.mapping()], [shop.secret("ambassador-certs")]))


def the_authority_of_old_is_found_without_a_word(setting):
    """With `cert_required` in it, as Ambassador 0.21 had it."""
    with _shop(setting) as shop:
        client = shop.authority.issue("client")
        verifies = shop.authority.authorities("ambassador-cacert", cert_required="true")
        objects = [shop.secret("ambassador-certs"), verifies]
        for way in ways.ALL:
            with way.gateway(setting, [shop.mapping()], objects) as gateway:
                _serves(gateway, shop, way, identity=client)
                nobody = tls.refused(gateway.https, NAME)
                expect(nobody, f"a client without a certificate is served ({way.name})")


def the_module_may_verify_clients_by_files(setting):
    with _shop(setting) as shop:
        client = shop.authority.issue("client")
        verifies = {"cacert_chain_file": str(shop.authority.chain), "cert_required": True}
        documents = [module("tls", server=shop.files(), client=verifies), shop.mapping()]
        for way in ways.ALL:
            with way.gateway(setting, documents, []) as gateway:
                _serves(gateway, shop, way, identity=client)
                nobody = tls.refused(gateway.https, NAME)
                expect(nobody, f"a client without a certificate is served ({way.name})")


def a_context_may_name_a_secret(setting):
    def form(shop):
        terminates = context("shop", hosts=[NAME], secret="shop-cert")
        return [terminates, shop.mapping()], [shop.secret()]

    return _every_way(setting, form)


def a_context_may_name_files(setting):
    def form(shop):
        return [context("shop", hosts=[NAME], **shop.files()), shop.mapping()], []

    return _every_way(setting, form)


def a_host_may_name_a_secret(setting):
    def form(shop):
        return [host("shop", NAME, secret="shop-cert"), shop.mapping()], [shop.secret()]

    return _every_way(setting, form)


def a_host_may_name_a_context(setting):
    """With a Secret of its own, as Emissary wants it."""

    def form(shop):
        named = host("shop", NAME, secret="shop-cert", tlsContext={"name": "terms"})
        terms = context("terms", min_tls_version="v1.2")
        return [named, terms, shop.mapping()], [shop.secret()]

    return _every_way(setting, form)


def a_host_may_have_its_certificate_from_its_context(setting):
    def form(shop):
        named = host("shop", NAME, tlsContext={"name": "terms"})
        return [named, context("terms", secret="shop-cert"), shop.mapping()], [shop.secret()]

    return _every_way(setting, form)


def a_host_may_have_a_context_of_its_own(setting):
    def form(shop):
        own = host("shop", NAME, secret="shop-cert", tls={"min_tls_version": "v1.2"})
        return [own, shop.mapping()], [shop.secret()]

    return _every_way(setting, form)


def a_context_called_after_the_host_is_its_own(setting):
    """Without a word of the Host's: `<name>-context`."""
    with _shop(setting) as shop:
        own = host("shop", NAME, secret="shop-cert")
        named = context("shop-context", hosts=[NAME], secret="shop-cert", min_tls_version="v1.3")
        for way in ways.ALL:
            documents = [own, named, shop.mapping()]
            with way.gateway(setting, documents, [shop.secret()]) as gateway:
                _serves(gateway, shop, way)
                older = tls.agrees(gateway.https, NAME, "-tls1_2")
                expect(not older, f"TLS 1.2 is served against min_tls_version ({way.name})")


def an_ingress_may_have_tls(setting):
    def form(shop):
        # Services have no addresses here, so its own path leads nowhere: a Mapping has its label.
        backend = {"service": {"name": "nowhere", "port": {"number": 80}}}
        path = {"path": "/own/", "pathType": "Prefix", "backend": backend}
        ingress = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {
                "name": "shop",
                "namespace": "default",
                "annotations": {"kubernetes.io/ingress.class": "ambassador"},
            },
            "spec": {
                "tls": [{"hosts": [NAME], "secretName": "shop-cert"}],
                "rules": [{"host": NAME, "http": {"paths": [path]}}],
            },
        }
        labels = {"a10r-k8s-ingress": "a10r-ingress-shop-default"}
        return [replace(shop.mapping(), labels=labels)], [ingress, shop.secret()]

    return _every_way(setting, form, ways.OBJECTS)


CHECKS = [
    the_module_may_name_files,
    the_module_may_name_a_secret,
    the_module_need_not_say_which_secret,
    the_secret_of_old_is_found_without_a_word,
    the_authority_of_old_is_found_without_a_word,
    the_module_may_verify_clients_by_files,
    a_context_may_name_a_secret,
    a_context_may_name_files,
    a_host_may_name_a_secret,
    a_host_may_name_a_context,
    a_host_may_have_its_certificate_from_its_context,
    a_host_may_have_a_context_of_its_own,
    a_context_called_after_the_host_is_its_own,
    an_ingress_may_have_tls,
]

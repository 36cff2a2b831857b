"""Certificates that an authority is asked for: Pebble, the test authority of Let's Encrypt."""

import base64
import hashlib
import shutil
import ssl

from harness import http, tls
from harness.certificates import Authority
from harness.gateway import Gateway
from harness.kube_api import KubeApi
from harness.pebble import Names, Pebble
from harness.resources import custom, host
from harness.verdict import Skipped, expect, expect_equal
from harness.waiting import until

_NAMES = ("shop.test", "blog.test")


def _served(gateway, api, name):
    """Whether `name` is served by what stands in its Secret."""
    secret = api.get("Secret", name)
    if not secret:
        return False
    chain = base64.b64decode(secret["data"]["tls.crt"]).decode("ascii")
    first = chain.partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    expected = hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()
    return tls.fingerprint(gateway.https, name) == expected


def certificates_are_issued_and_served(setting):
    """For Hosts that appear, by an authority of one's own that refuses nonces now and then."""
    if not shutil.which("pebble"):
        raise Skipped("pebble is not installed")
    authority = Authority(setting.directory, "trusted")
    identity = authority.issue("pebble", "localhost")
    with KubeApi() as api, Names(setting) as names:
        with (
            Gateway(setting, api, more=["--acme-ca", authority.chain]) as gateway,
            Pebble(setting, names, identity, gateway.http) as pebble,
        ):
            provider = {"authority": pebble.directory, "email": "ops@example.test"}
            hosts = [host(name, name, secret=name, acmeProvider=provider) for name in _NAMES]
            api.apply(*custom(*hosts))
            for name in _NAMES:
                until(lambda: _served(gateway, api, name), f"{name} is served", seconds=60)
            line = 'nuncio_acme_orders_total{outcome="issued"} 2'
            counted = lambda: line in http.get(gateway.metrics, "/metrics").body.decode()
            until(counted, "both are counted", seconds=10)
    keys = [key for key in api.secrets() if "user.key" in key["data"]]
    expect_equal(len(keys), 1, "accounts")
    return f"{len(_NAMES)} certificates"


CHECKS = [certificates_are_issued_and_served]

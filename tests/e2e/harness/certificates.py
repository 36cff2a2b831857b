"""Authorities and certificates, made by openssl while a check runs."""

import base64
import hashlib
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEYS = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}

# What openssl would add by itself would stand beside what is added here.
_REQUEST = "[req]\ndistinguished_name = names\nprompt = no\n[names]\nO = Nuncio\n"

_LEDGER = """\
[ca]
default_ca = ledger
[ledger]
database = {ledger}
crlnumber = {ledger}.number
default_md = sha256
default_crl_days = 30
certificate = {chain}
private_key = {key}
"""


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    chain: Path
    key: Path

    def pem(self):
        return self.chain.read_text(encoding="ascii")

    def fingerprint(self):
        """SHA-256 of the certificate, in hexadecimal."""
        first = self.pem().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()

    def secret(self, name, namespace="default"):
        """The Secret of type kubernetes.io/tls that holds both."""
        files = {"tls.crt": self.chain.read_bytes(), "tls.key": self.key.read_bytes()}
        return secret(name, files, namespace, kind="kubernetes.io/tls")


class Authority(Pair):
    """One that issues certificates and revokes them; its files are `NAME.*` in a directory."""

    def __init__(self, directory, name):
        super().__init__(directory / f"{name}.crt", directory / f"{name}.key")
        object.__setattr__(self, "directory", directory)
        object.__setattr__(self, "name", name)
        (directory / "request.cnf").write_text(_REQUEST, encoding="ascii")
        extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
        _make(self, _KEYS["ec"], f"/O=Nuncio/CN={name}", extensions)

    def issue(self, name, *hosts, key="ec", days=30, file=None, uri=None):
        """A certificate for `hosts`, whose common name is `name`, for servers and clients."""
        file = file or f"{self.name}-{name}".replace("*", "any")
        pair = Pair(self.directory / f"{file}.crt", self.directory / f"{file}.key")
        names = [f"DNS:{host}" for host in hosts or [name]]
        names += [f"URI:{uri}"] if uri else []
        extensions = [
            "basicConstraints=critical,CA:FALSE",
            "extendedKeyUsage=serverAuth,clientAuth",
            f"subjectAltName={','.join(names)}",
        ]
        signed = ["-CA", self.chain, "-CAkey", self.key]
        _make(pair, _KEYS[key], f"/C=US/O=Nuncio/CN={name}", extensions, *signed, days=days)
        return pair

    def revocations(self, *revoked):
        """The file of a list that names the certificates `revoked`."""
        ledger = self.directory / f"{self.name}.ledger"
        config = self.directory / f"{self.name}.cnf"
        text = _LEDGER.format(ledger=ledger, chain=self.chain, key=self.key)
        config.write_text(text, encoding="ascii")
        ledger.write_text("", encoding="ascii")
        Path(f"{ledger}.number").write_text("01\n", encoding="ascii")
        for pair in revoked:
            openssl("ca", "-config", config, "-revoke", pair.chain)
        found = self.directory / f"{self.name}-{len(revoked)}.crl"
        openssl("ca", "-config", config, "-gencrl", "-out", found)
        return found

    def authorities(self, name, namespace="default", **more):
        """The Secret that names it to those who verify; `more` are further keys of it."""
        values = {key: value.encode() for key, value in more.items()}
        return secret(name, {"tls.crt": self.chain.read_bytes(), **values}, namespace)


def secret(name, files, namespace="default", kind="Opaque"):
    """A Secret that holds `files`, a map from key to bytes."""
    data = {key: base64.b64encode(value).decode() for key, value in files.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": kind,
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def openssl(*arguments, **options):
    """Runs openssl to its end, which has to be a good one."""
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def _make(pair, key, subject, extensions, *more, days=30):
    added = [word for extension in extensions for word in ("-addext", extension)]
    files = ["-keyout", pair.key, "-out", pair.chain]
    config = ["-config", pair.chain.with_name("request.cnf"), "-subj", subject, "-days", days]
    openssl("req", "-x509", "-nodes", "-newkey", *key, *config, *added, *files, *more)

"""Certificates that sign themselves, each with a key of its own."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Identity:
    """A certificate and its key in PEM, and the certificate as a client sees it."""

    chain: bytes
    key: bytes
    der: bytes


@dataclass(frozen=True)
class Files:
    """Where an identity lies for servers that read files."""

    chain: Path
    key: Path
    both: Path


def make(name, kind="ecdsa"):
    """For the host `name`; `kind` is `ecdsa` (P-256) or `rsa` (2048 bits)."""
    key = _KEYS[kind]()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(
        chain=certificate.public_bytes(serialization.Encoding.PEM),
        key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        der=certificate.public_bytes(serialization.Encoding.DER),
    )


def write(identity, directory, name="identity"):
    """Puts the identity into files."""
    stem = Path(directory) / name
    files = Files(stem.with_suffix(".crt"), stem.with_suffix(".key"), stem.with_suffix(".pem"))
    files.chain.write_bytes(identity.chain)
    files.key.write_bytes(identity.key)
    files.both.write_bytes(identity.chain + identity.key)
    return files


_KEYS = {
    "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
}

"""What the gateway is told, as the manifests of a cluster."""

import base64
import json
import os
from pathlib import Path

NAMESPACE = "default"


def secret(name, identity):
    return _secret(name, identity.chain, identity.key)


def secret_of_files(name, files):
    return _secret(name, files.chain.read_bytes(), files.key.read_bytes())


def _secret(name, chain, key):
    data = {"tls.crt": chain, "tls.key": key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "type": "kubernetes.io/tls",
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }


def host(name, hostname, secret_name):
    spec = {
        "hostname": hostname,
        "tlsSecret": {"name": secret_name},
        # As its peers are told: without this nothing is agreed on.
        "tls": {"alpn_protocols": "h2,http/1.1"},
    }
    return _ambassador("Host", name, spec)


def https_listener(port):
    return _ambassador(
        "Listener",
        "https",
        {
            "port": port,
            "protocol": "HTTPS",
            "securityModel": "XFP",
            "hostBinding": {"namespace": {"from": "ALL"}},
        },
    )


def mapping(prefix, service, host_rewrite):
    spec = {"hostname": "*", "prefix": prefix, "service": service, "host_rewrite": host_rewrite}
    return _ambassador("Mapping", "httpbin", spec)


def tcp_mapping(port, service):
    return _ambassador("TCPMapping", "bytes", {"port": port, "service": service})


def write(directory, name, documents):
    """Puts the documents into one file, at once for who reads it."""
    # JSON is YAML. The name that begins with a dot is nobody's.
    text = "\n---\n".join(json.dumps(document) for document in documents)
    begun = Path(directory) / f".{name}"
    begun.write_text(text)
    os.replace(begun, Path(directory) / f"{name}.yaml")


def _ambassador(kind, name, spec):
    return {
        "apiVersion": "getambassador.io/v3alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }

"""Documents of Ambassador's, and the ways in which a gateway can be given them.

JSON is YAML, so nothing here writes YAML."""

import json
from dataclasses import dataclass, field

from harness.manifests import replace

NEWEST = "getambassador.io/v3alpha1"


@dataclass(frozen=True)
class Document:
    """What a document says, however it is written."""

    kind: str
    name: str
    spec: dict = field(default_factory=dict)
    version: str = NEWEST
    labels: dict = field(default_factory=dict)

    def bare(self):
        """As it stands by itself, or in an annotation."""
        head = {"apiVersion": self.version, "kind": self.kind, "name": self.name}
        if self.labels:
            head["metadata_labels"] = self.labels
        return {**head, **self.spec}

    def as_resource(self):
        """As an object of the API server."""
        metadata = {"name": self.name, "namespace": "default"}
        if self.labels:
            metadata["labels"] = self.labels
        return {
            "apiVersion": self.version,
            "kind": self.kind,
            "metadata": metadata,
            "spec": self.spec,
        }


def carrier(name, *documents):
    """A Service whose annotation holds `documents`."""
    text = "".join(f"---\n{json.dumps(document.bare())}\n" for document in documents)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": "default",
            "annotations": {"getambassador.io/config": text},
        },
        "spec": {"ports": [{"port": 80}]},
    }


def annotated(*documents):
    """`documents` as the objects that carry them in an annotation."""
    return [carrier("edge", *documents)]


def custom(*documents):
    """`documents` as custom resources."""
    return [document.as_resource() for document in documents]


def write(file, *objects):
    """A manifest of `objects`, in the place of what was there."""
    replace(file, "".join(f"---\n{json.dumps(each)}\n" for each in objects))


def edge(setting, documents, *objects):
    """A new directory of manifests: `edge.yaml` with `documents`, `secrets.yaml` with `objects`."""
    config = setting.config_directory()
    write(config / "edge.yaml", *custom(*documents))
    write(config / "secrets.yaml", *objects)
    return config


def mapping(name, to, prefix="/", hostname="*", **spec):
    """A Mapping to a port of this machine, or to a URL."""
    service = f"127.0.0.1:{to}" if isinstance(to, int) else to
    return Document(
        "Mapping", name, {"hostname": hostname, "prefix": prefix, "service": service, **spec}
    )


def module(name, **config):
    return Document("Module", name, {"config": config})


def context(name, **spec):
    return Document("TLSContext", name, spec)


def host(name, hostname, secret=None, action=None, labels=None, **spec):
    """A Host; `secret` is its tlsSecret, `action` what becomes of requests that are not secure."""
    said = {"hostname": hostname, **spec}
    if secret:
        said["tlsSecret"] = {"name": secret}
    if action:
        said["requestPolicy"] = {"insecure": {"action": action}}
    return Document("Host", name, said, labels=labels or {})


def listener(name, port, protocol=None, security="XFP", **spec):
    """A Listener for all Hosts, unless `hostBinding` says otherwise."""
    said = {"port": port, "securityModel": security, "hostBinding": {"namespace": {"from": "ALL"}}}
    if protocol:
        said["protocol"] = protocol
    return Document("Listener", name, {**said, **spec})


def tcp_mapping(name, port, to, **spec):
    service = f"127.0.0.1:{to}" if isinstance(to, int) else to
    return Document("TCPMapping", name, {"port": port, "service": service, **spec})

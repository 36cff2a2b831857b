"""The ways in which documents reach a gateway."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

from harness.gateway import Gateway
from harness.kube_api import KubeApi
from harness.resources import annotated, custom, write


@contextmanager
def _cluster(setting, objects):
    with KubeApi() as api:
        api.apply(*objects)
        with Gateway(setting, api) as gateway:
            yield gateway


@contextmanager
def _directory(setting, objects):
    config = setting.config_directory()
    write(config / "edge.yaml", *objects)
    with Gateway(setting, config) as gateway:
        yield gateway


@dataclass(frozen=True)
class Way:
    """How documents are written, and where the gateway finds them."""

    name: str
    written: Callable
    found: Callable

    def gateway(self, setting, documents, others):
        """A gateway that is given `documents` this way, and `others`, which are objects, beside."""
        return self.found(setting.part(self.name), [*others, *self.written(*documents)])


def _bare(*documents):
    return [document.bare() for document in documents]


ALL = [
    Way("annotations-in-a-cluster", annotated, _cluster),
    Way("custom-resources-in-a-cluster", custom, _cluster),
    Way("annotations-in-files", annotated, _directory),
    Way("custom-resources-in-files", custom, _directory),
    Way("documents-in-files", _bare, _directory),
]

# For what no document says, such as an Ingress.
OBJECTS = [ALL[1], ALL[3]]

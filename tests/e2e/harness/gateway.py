"""The gateway under test, on free loopback ports."""

import os

from harness import http
from harness.kube_api import KubeApi
from harness.ports import free
from harness.program import Program
from harness.verdict import expect
from harness.waiting import until

# What would reach the gateway from the environment of whoever runs the checks.
_FOREIGN = ("NUNCIO_", "AMBASSADOR_", "STATSD_", "DOGSTATSD", "RUST_LOG", "KUBE")


def clean_environment(**values):
    """An environment with nothing in it that configures a gateway but `values`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
    return {**kept, **values}


class Gateway(Program):
    """`nuncio run`, ready once constructed. Use as a context manager. What it serves is `source`: a
    directory of manifests, or a `KubeApi`. Its ports are free ones, but for `metrics` if given.
    statsd is off, unless `statsd` is None: then nothing is said about it; so is the access log,
    which would hide the log proper. Of a `KubeApi` nothing is written unless `more` says how;
    `said_besides` is for its environment."""

    def __init__(
        self,
        setting,
        source,
        metrics=None,
        statsd="false",
        access_log="off",
        more=None,
        **said_besides,
    ):
        self.http, self.https, self.admin, free_port = free(4)
        self.metrics = metrics or free_port
        said = {"STATSD_ENABLED": statsd, "NUNCIO_ACCESS_LOG": access_log, **said_besides}
        said = {name: value for name, value in said.items() if value}
        arguments = ["--config-dir", source]
        if isinstance(source, KubeApi):
            arguments = more or ["--write-back", "off"]
            said["KUBECONFIG"] = str(source.kubeconfig(setting.directory / "kubeconfig"))
        super().__init__(
            [setting.binary, "run", *arguments, *self.addresses()],
            setting.directory / "gateway.log",
            env=clean_environment(**said),
        )
        try:
            until(self.ready, "the gateway is ready", seconds=15)
        except BaseException:
            self.__exit__()
            raise

    def addresses(self):
        return [
            *("--http", f"127.0.0.1:{self.http}"),
            *("--https", f"127.0.0.1:{self.https}"),
            *("--admin", f"127.0.0.1:{self.admin}"),
            *("--metrics", f"127.0.0.1:{self.metrics}"),
        ]

    def ready(self):
        """Whether the readiness probe answers 200."""
        expect(self.running(), f"the gateway ended: {self.output()}")
        return http.get(self.admin, "/ambassador/v0/check_ready").status == 200

    def get(self, path, **options):
        """The answer of the data port to `GET path`."""
        return http.get(self.http, path, **options)

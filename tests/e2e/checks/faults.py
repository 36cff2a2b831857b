"""Faults of the machine and the control plane that only the program itself can show."""

import multiprocessing
import os
import signal
import socket
import threading
import time

from harness import http
from harness.gateway import Gateway, clean_environment
from harness.manifests import mapping, service
from harness.ports import free
from harness.program import Program
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal
from harness.waiting import until


class _Silent:
    """An API server that lets everybody connect and never answers. Use as a context manager."""

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._held = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def _accept(self):
        while True:
            try:
                self._held.append(self._listener.accept())
            except OSError:
                return

    def kubeconfig(self, file):
        file.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: e2e\n"
            "contexts: [{name: e2e, context: {cluster: e2e, user: e2e}}]\n"
            f"clusters: [{{name: e2e, cluster: {{server: 'http://127.0.0.1:{self.port}'}}}}]\n"
            "users: [{name: e2e, user: {}}]\n",
            encoding="utf-8",
        )
        return file

    def __exit__(self, *_):
        self._listener.close()
        for held, _address in self._held:
            held.close()


def _status(port, path):
    try:
        return http.get(port, path).status
    except OSError:
        return None


def sigterm_before_the_first_list_ends_at_once(setting):
    """Alive and not ready, no traffic served, and gone within two seconds of SIGTERM."""
    with _Silent() as api:
        data, secure, admin, metrics = free(4)
        ports = {"--http": data, "--https": secure, "--admin": admin, "--metrics": metrics}
        addresses = [word for flag, port in ports.items() for word in (flag, f"127.0.0.1:{port}")]
        command = [setting.binary, "run", "--write-back", "off", *addresses]
        kubeconfig = api.kubeconfig(setting.directory / "kubeconfig")
        environment = clean_environment(
            KUBECONFIG=str(kubeconfig), STATSD_ENABLED="false", NUNCIO_ACCESS_LOG="off"
        )
        with Program(command, setting.directory / "gateway.log", env=environment) as gateway:
            alive = "/ambassador/v0/check_alive"
            until(lambda: _status(admin, alive) == 200, "it is alive", seconds=10)
            expect_equal(_status(admin, "/ambassador/v0/check_ready"), 503, "readiness")
            expect(_status(data, "/") in (None, 503), "traffic is served from an empty table")
            signalled = time.monotonic()
            gateway.signal(signal.SIGTERM)
            code = gateway.wait(10)
            took = time.monotonic() - signalled
    expect_equal(code, 0, "exit code")
    expect(took < 2.0, f"ran on for {took:.2f} s")
    return f"exit 0 {took:.2f} s after SIGTERM"


def _in_flight(gateway):
    """Whether an upstream has a request; where nobody asked it stands no number at all."""
    page = http.get(gateway.metrics, "/metrics").body.decode()
    lines = [line for line in page.splitlines() if line.startswith(_ACTIVE)]
    return any(float(line.rsplit(" ", 1)[1]) > 0 for line in lines)


_ACTIVE = "envoy_cluster_upstream_rq_active{"


def a_second_signal_ends_at_once(setting):
    """While a request is in flight, and the drain has time left."""
    with Upstream("only", setting.directory) as upstream:
        to = f"127.0.0.1:{upstream.port}"
        slow = mapping("slow", "/slow/", to, rewrite="/delay/", timeout_ms=60000)
        config = setting.config_directory(slow=service("slow", slow))
        with Gateway(setting, config) as gateway:
            request = threading.Thread(target=_status, args=(gateway.http, "/slow/20000"))
            request.daemon = True
            request.start()
            until(lambda: _in_flight(gateway), "a request is in flight", seconds=5)
            ready = "/ambassador/v0/check_ready"
            gateway.signal(signal.SIGTERM)
            until(lambda: _status(gateway.admin, ready) == 503, "it drains", seconds=3)
            signalled = time.monotonic()
            gateway.signal(signal.SIGTERM)
            code = gateway.wait(10)
            took = time.monotonic() - signalled
    expect_equal(code, 0, "exit code")
    expect(took < 1.0, f"ran on for {took:.2f} s")
    return f"ended {took:.2f} s after the second SIGTERM"


def _spin():
    while True:
        pass


def probes_are_answered_while_the_processor_is_taken(setting):
    """Ten programs that never rest share one processor with the gateway, and requests with them."""
    with Upstream("only", setting.directory) as upstream:
        to = f"127.0.0.1:{upstream.port}"
        config = setting.config_directory(one=service("one", mapping("one", "/one/", to)))
        mine = os.sched_getaffinity(0)
        with Gateway(setting, config) as gateway:
            for task in os.listdir(f"/proc/{gateway.pid}/task"):
                os.sched_setaffinity(int(task), {min(mine)})
            spinning = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(10)]
            for each in spinning:
                each.start()
                os.sched_setaffinity(each.pid, {min(mine)})
            try:
                slowest = max(_probe(gateway) for _ in range(50))
                served = [_status(gateway.http, "/one/") for _ in range(20)]
            finally:
                for each in spinning:
                    each.kill()
                    each.join()
    expect(slowest < 1.0, f"a probe took {slowest:.2f} s")
    expect_equal(set(served), {200}, "answers")
    return f"50 probes, the slowest {slowest * 1000:.0f} ms"


def _probe(gateway):
    begun = time.monotonic()
    expect_equal(_status(gateway.admin, "/ambassador/v0/check_alive"), 200, "liveness")
    time.sleep(0.1)
    return time.monotonic() - begun - 0.1


CHECKS = [
    sigterm_before_the_first_list_ends_at_once,
    a_second_signal_ends_at_once,
    probes_are_answered_while_the_processor_is_taken,
]

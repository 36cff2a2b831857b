"""SIGTERM under load: nobody with an open connection loses a request."""

import signal
import socket
import subprocess
import threading
import time

from harness import http
from harness.gateway import Gateway, clean_environment
from harness.http import Connection
from harness.manifests import mapping, service
from harness.program import Program
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal
from harness.waiting import until

CLIENTS = 16
DRAIN_DELAY = 5.0
SLOW_REQUEST = 7.0


class _Client(threading.Thread):
    """Sends requests over a keep-alive connection, opens another one when told `Connection:
    close`, and ends when it can open none."""

    def __init__(self, port):
        super().__init__()
        self.port = port
        self.answered = 0
        self.failures = []
        # Connections opened at the door's last moment, which the kernel accepted and nobody took.
        self.turned_away = []

    def run(self):
        while True:
            try:
                connection = Connection(self.port)
            except OSError:
                return
            with connection:
                if not self._exchange(connection):
                    return

    def _exchange(self, connection):
        """Whether to open another connection after this one."""
        while True:
            try:
                answer = connection.get("/drain/")
            except OSError as error:
                untouched = connection.answers == 0 and getattr(error, "received", 1) == 0
                (self.turned_away if untouched else self.failures).append(
                    (time.monotonic(), connection.opened, str(error))
                )
                return untouched
            if answer.status != 200:
                self.failures.append((time.monotonic(), connection.opened, f"{answer.status}"))
                return True
            self.answered += 1
            if answer.closes():
                return True


def sigterm_under_load_fails_no_request(setting):
    with Upstream("only", setting.directory) as upstream:
        to = f"127.0.0.1:{upstream.port}"
        config = setting.config_directory(
            drain=service("drain", mapping("drain", "/drain/", to)),
            slow=service(
                "slow", mapping("slow", "/slow/", to, rewrite="/delay/", timeout_ms=60000)
            ),
        )
        with Gateway(setting, config) as gateway:
            clients = [_Client(gateway.http) for _ in range(CLIENTS)]
            slow = _SlowRequest(gateway)
            for thread in [*clients, slow]:
                thread.start()
            until(lambda: min(client.answered for client in clients) > 20, "load flows")
            figures = _terminate(gateway, clients, slow)
    return figures


class _SlowRequest(threading.Thread):
    """A request in flight when the drain begins that ends after it."""

    def __init__(self, gateway):
        super().__init__()
        self.gateway = gateway
        self.outcome = None
        self.ended = None

    def run(self):
        try:
            path = f"/slow/{SLOW_REQUEST * 1000:.0f}"
            self.outcome = self.gateway.get(path).status
        except OSError as error:
            self.outcome = str(error)
        self.ended = time.monotonic()


def _terminate(gateway, clients, slow):
    signalled = time.monotonic()
    gateway.signal(signal.SIGTERM)
    until(lambda: _readiness(gateway) == 503, "the readiness probe answers 503", seconds=2)
    unready = time.monotonic() - signalled
    try:
        code = gateway.wait(30)
    except subprocess.TimeoutExpired:
        code = "none within 30 s"
    ended = time.monotonic()
    for thread in [*clients, slow]:
        thread.join(timeout=10)
    answered = sum(client.answered for client in clients)
    failures = [failure for client in clients for failure in client.failures]
    turned_away = [failure for client in clients for failure in client.turned_away]
    early = [failure for failure in turned_away if failure[1] < signalled + DRAIN_DELAY - 0.1]
    expect_equal(code, 0, "exit code")
    expect_equal(_relative(failures, signalled), [], "failed requests (s after SIGTERM)")
    expect_equal(_relative(early, signalled), [], "turned away while still accepting")
    expect_equal(slow.outcome, 200, "the request that outlived the drain delay")
    lag = ended - slow.ended
    expect(lag < 1.0, f"ran on for {lag:.2f} s after the last request")
    return (
        f"{answered} requests on {CLIENTS} connections, none failed, {len(turned_away)} turned away "
        f"at the door; unready after {unready * 1000:.0f} ms, exit 0 {ended - signalled:.2f} s "
        f"after SIGTERM, {lag * 1000:.0f} ms after the last answer"
    )


def _readiness(gateway):
    return http.get(gateway.admin, "/ambassador/v0/check_ready").status


def _relative(failures, signalled):
    return [
        (round(when - signalled, 2), round(opened - signalled, 2), reason)
        for when, opened, reason in failures[:5]
    ]


def a_second_signal_ends_it_at_once(setting):
    with Upstream("only", setting.directory) as upstream:
        to = f"127.0.0.1:{upstream.port}"
        slow = mapping("slow", "/slow/", to, rewrite="/delay/", timeout_ms=60000)
        config = setting.config_directory(slow=service("slow", slow))
        took = []
        for second in (signal.SIGTERM, signal.SIGINT):
            with Gateway(setting, config) as gateway:
                in_flight = _SlowRequest(gateway)
                in_flight.start()
                gateway.signal(signal.SIGTERM)
                until(lambda: _readiness(gateway) == 503, "it drains", seconds=2)
                signalled = time.monotonic()
                gateway.signal(second)
                expect_equal(gateway.wait(5), 0, "exit code")
                took.append(time.monotonic() - signalled)
                in_flight.join(timeout=10)
    expect(max(took) < 0.5, f"it took {max(took):.2f} s")
    return f"{max(took) * 1000:.0f} ms at most"


def sigterm_while_the_api_server_says_nothing_ends_it_soon(setting):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kubeconfig = setting.directory / "kubeconfig"
        kubeconfig.write_text(_KUBECONFIG.format(silent.getsockname()[1]), encoding="utf-8")
        command = [setting.binary, "run", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]
        command += ["--admin", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
        env = clean_environment(STATSD_ENABLED="false", KUBECONFIG=str(kubeconfig))
        took = []
        for after in (0.5, 3.0):
            with Program(command, setting.directory / "gateway.log", env=env) as gateway:
                time.sleep(after)
                expect(gateway.running(), gateway.output())
                signalled = time.monotonic()
                gateway.signal(signal.SIGTERM)
                code = gateway.wait(10)
                took.append(time.monotonic() - signalled)
                expect_equal(code, 0, "exit code")
    expect(took[0] < 2, f"it took {took[0]:.2f} s before it served")
    expect(took[1] < 2, f"it took {took[1]:.2f} s with nothing served yet")
    return f"{took[0]:.2f} s before it serves, {took[1]:.2f} s later"


_KUBECONFIG = """apiVersion: v1
kind: Config
current-context: silent
clusters: [{{name: silent, cluster: {{server: 'http://127.0.0.1:{}'}}}}]
contexts: [{{name: silent, context: {{cluster: silent, user: silent}}}}]
users: [{{name: silent, user: {{}}}}]
"""


CHECKS = [
    sigterm_under_load_fails_no_request,
    a_second_signal_ends_it_at_once,
    sigterm_while_the_api_server_says_nothing_ends_it_soon,
]

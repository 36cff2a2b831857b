"""Starting, and refusing to: ports that are taken, port 0, and the end at SIGINT."""

import re
import signal
import socket
import subprocess
import time

from harness import http
from harness.gateway import Gateway, clean_environment
from harness.manifests import mapping, service
from harness.ports import free
from harness.program import Program
from harness.verdict import expect, expect_equal
from harness.waiting import until


def a_taken_data_port_is_one_line_and_exit_1(setting):
    _refuses_to_start(setting, "--http")


def a_taken_admin_port_is_one_line_and_exit_1(setting):
    _refuses_to_start(setting, "--admin")


def a_taken_metrics_port_is_a_warning(setting):
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        taken = occupant.getsockname()[1]
        with Gateway(setting, setting.config_directory(), metrics=taken) as gateway:
            expect(str(taken) in gateway.output(), f"no word of port {taken} in the log")
            page = http.get(gateway.admin, "/metrics")
            expect_equal(page.status, 200, "the page on the admin port")


def port_zero_is_chosen_and_logged(setting):
    config = setting.config_directory(web=service("web", mapping("web", "/web/", "127.0.0.1:9")))
    arguments = ["run", "--config-dir", config]
    for flag in ("--http", "--https", "--admin", "--metrics"):
        arguments += [flag, "127.0.0.1:0"]
    command = [setting.binary, *arguments]
    env = clean_environment(STATSD_ENABLED="false")
    with Program(command, setting.directory / "gateway.log", env=env) as gateway:

        def some_port_is_ready():
            ports = {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", gateway.output())}
            return any(_is_ready(port) for port in ports - {0, 9})

        until(some_port_is_ready, "a logged address answers the readiness probe")


def sigint_ends_it_quickly(setting):
    with Gateway(setting, setting.config_directory()) as gateway:
        started = time.monotonic()
        gateway.signal(signal.SIGINT)
        code = gateway.wait(5)
        expect(code in (0, 130, -signal.SIGINT), f"exit code {code}")
        return f"exit code {code} after {time.monotonic() - started:.2f} s"


def _refuses_to_start(setting, flag):
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        taken = occupant.getsockname()[1]
        ports = dict(zip(("--http", "--https", "--admin", "--metrics"), [*free(1), 0, *free(2)]))
        ports[flag] = taken
        command = [setting.binary, "run", "--config-dir", setting.config_directory()]
        for name, port in ports.items():
            command += [name, f"127.0.0.1:{port}"]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=10,
            env=clean_environment(STATSD_ENABLED="false"),
        )
    expect_equal(done.returncode, 1, "exit code")
    said = done.stderr.strip().splitlines()
    expect_equal(len(said), 1, f"lines on standard error ({done.stderr!r})")
    expect(str(taken) in said[0], f"the line does not name port {taken}: {said[0]}")
    return said[0]


def _is_ready(port):
    try:
        return http.get(port, "/ambassador/v0/check_ready").status == 200
    except OSError:
        return False


CHECKS = [
    a_taken_data_port_is_one_line_and_exit_1,
    a_taken_admin_port_is_one_line_and_exit_1,
    a_taken_metrics_port_is_a_warning,
    port_zero_is_chosen_and_logged,
    sigint_ends_it_quickly,
]

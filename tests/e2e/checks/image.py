"""The image, as a strict pod runs it: not as root, on a read-only root, with one capability or none."""

import json
import os
import signal
import subprocess
from pathlib import Path

from checks import bad_manifests, directory_sources, live_edit, prometheus_scrape, startup
from checks import statsd_lines
from harness import http, tls
from harness.certificates import Authority
from harness.gateway import clean_environment
from harness.image import Container, descendants, needs
from harness.manifests import documents, mapping, service
from harness.program import Program
from harness.resources import Document
from harness.setting import Setting
from harness.statsd import Listener
from harness.upstream import Upstream
from harness.verdict import Failed, Skipped, expect, expect_equal
from harness.waiting import until

PORTS = {80, 8080, 443, 8443, 8877, 9102}
NET_BIND_SERVICE = 1 << 10
STATSD_PORT = 8125

# What was asked of the gateway first: routes, errors, numbers, changes, and an orderly end.
BORROWED = [
    *startup.CHECKS,
    *bad_manifests.CHECKS,
    *directory_sources.CHECKS,
    prometheus_scrape.prometheus_counts_every_request,
    prometheus_scrape.the_whole_page_is_well_formed,
    *statsd_lines.CHECKS,
    *live_edit.CHECKS,
]


def it_serves_every_port_with_one_capability_on_a_read_only_root(setting):
    with Container(setting.image) as container, Upstream("web", setting.directory) as upstream:
        expect_equal(container.ports, PORTS, "the ports of the image")
        needs(*PORTS)
        config = _manifests(setting, upstream.port)
        binary = container.program(setting.directory, setting.directory / "nuncio")
        env = clean_environment(**container.environment, NUNCIO_CONFIG_DIR=str(config))
        log = setting.directory / "gateway.log"
        with Listener(STATSD_PORT) as statsd, Program([binary], log, env=env) as gateway:
            until(lambda: _is_ready(8877), "the gateway is ready", seconds=15)
            for port in (80, 8080):
                until(lambda: http.get(port, "/web/").status == 200, f"the route on {port}")
            for port in (443, 8443):
                until(lambda: _answers_over_tls(port), f"the route on {port}")
            for port in (8877, 9102):
                page = http.get(port, "/metrics").body
                expect(b"envoy_http_downstream_rq_total" in page, f"no counters on {port}")
            alive = http.get(8877, "/ambassador/v0/check_alive").status
            expect_equal(alive, 200, "the liveness probe")
            until(statsd.datagrams, "statsd reaches who listens on its port")
            _is_narrow(gateway.pid)
            gateway.signal(signal.SIGINT)
            expect_equal(gateway.wait(10), 0, "exit code")


def without_any_capability_it_serves_what_it_may_and_says_so_once(setting):
    with Container(setting.image) as container, Upstream("web", setting.directory) as upstream:
        needs(*PORTS)
        config = _manifests(setting, upstream.port)
        config.parent.chmod(0o755)
        command = container.command(config, "run", "--config-dir", "/manifests")
        log = setting.directory / "gateway.log"
        with Program(command, log, env=clean_environment()) as buildah:
            until(lambda: _is_ready(8877), "the gateway is ready", seconds=15)
            until(lambda: http.get(8080, "/web/").status == 200, "the route on 8080")
            until(lambda: _answers_over_tls(8443), "the route on 8443")
            expect_equal(http.get(9102, "/metrics").status, 200, "the metrics page")
            lines = [line for line in buildah.output().splitlines() if "cannot listen" in line]
            _of_each_port_once(lines)
            [gateway] = [pid for pid in descendants(buildah.pid) if _runs(pid, container.entry)]
            os.kill(gateway, signal.SIGINT)
            buildah.wait(10)


def the_checks_of_the_binary_pass_through_the_image(setting):
    failed, skipped = [], 0
    with Container(setting.image) as container:
        for check in BORROWED:
            part = setting.part(check.__name__)
            binary = container.program(part.directory, part.directory / "nuncio")
            try:
                check(Setting(binary, part.directory))
            except Skipped:
                skipped += 1
            except (Failed, OSError, subprocess.SubprocessError) as error:
                failed.append(f"{check.__name__}: {error}")
    expect(not failed, "; ".join(failed))
    return f"{len(BORROWED) - skipped} checks"


def _manifests(setting, port):
    """A route and a certificate for all."""
    authority = Authority(setting.directory, "authority")
    secret = authority.issue("web", "gateway.test").secret("certificate")
    host = Document("Host", "all", {"hostname": "*", "tlsSecret": {"name": "certificate"}})
    host.spec["requestPolicy"] = {"insecure": {"action": "Route"}}
    route = service("web", mapping("web", "/web/", f"127.0.0.1:{port}"))
    return setting.config_directory(
        web=documents(route, _json(secret), _json(host.as_resource()))
    )


def _json(one):
    return json.dumps(one) + "\n"


def _is_ready(port):
    return http.get(port, "/ambassador/v0/check_ready").status == 200


def _answers_over_tls(port):
    with tls.connection(port, "gateway.test") as opened:
        return opened.get("/web/").status == 200


def _is_narrow(pid):
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        if ":\t" in line
    )
    expect_equal(set(status["Uid"].split()) & {"0"}, set(), "root among its users")
    for which in ("CapBnd", "CapPrm", "CapEff"):
        expect_equal(int(status[which], 16), NET_BIND_SERVICE, which)
    expect_equal(status["NoNewPrivs"], "1", "NoNewPrivs")
    roots = [
        line.split()[5]
        for line in Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8").splitlines()
        if line.split()[4] == "/"
    ]
    expect(roots and "ro" in roots[-1].split(","), f"its root may be written: {roots}")


def _of_each_port_once(lines):
    for port in (80, 443):
        said = [line for line in lines if f":{port} " in line or f":{port}\x1b" in line]
        expect_equal(len(said), 1, f"lines about port {port}, of {lines}")


def _runs(pid, entry):
    return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(entry[0].encode())


CHECKS = [
    it_serves_every_port_with_one_capability_on_a_read_only_root,
    without_any_capability_it_serves_what_it_may_and_says_so_once,
    the_checks_of_the_binary_pass_through_the_image,
]

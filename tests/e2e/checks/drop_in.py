"""Nuncio in Ambassador's place in the 2017 tutorial: its Deployment as it is, but for the image."""

import contextlib
import signal
from pathlib import Path

from harness import http, overlay
from harness.gateway import clean_environment
from harness.image import Container, needs
from harness.kube_api import KubeApi
from harness.program import Program
from harness.statsd import Listener
from harness.statsd_exporter import StatsdExporter
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal
from harness.waiting import until

DEPLOY = Path(__file__).parents[3] / "deploy"
SENT = 23
STATSD_PORT = 8125
CONFIG = "getambassador.io/config"


def the_image_line_is_all_that_differs(setting):
    before, after = _deployments()
    expect_equal(len(before), len(after), "containers")
    changed = [(old, new) for old, new in zip(before, after) if old != new]
    [(old, new)] = changed
    expect_equal(old | {"image": new["image"]}, new, "the container, but for its image")
    return f"{old['image']} -> {new['image']}"


def beside_the_tutorials_exporter_it_gets_what_envoy_sent(setting):
    with _pod(setting, with_exporter=True) as pod:
        _send(pod.gateway_port)
        counter = f"cluster.127_0_0_1_{pod.upstream.port}.upstream_rq_2xx"
        until(lambda: pod.statsd.sums()[counter] >= SENT, f"{counter} reaches the exporter")
        page = http.get(pod.scraped, "/plain").body
        expect(b"# TYPE envoy_" in page, "the exporter has nothing to tell on its port")
        _is_told(pod.admin)
        expect(f":{pod.scraped}" in pod.output(), f"no word of port {pod.scraped} in the log")


def without_the_exporter_it_has_its_port(setting):
    with _pod(setting, with_exporter=False) as pod:
        _send(pod.gateway_port)
        _is_told(pod.admin)
        _is_told(pod.scraped)


class _Pod:
    """What a check asks of the pod: the ports that the tutorial's Services have of it."""

    def __init__(self, program, upstream, statsd):
        self.output, self.upstream, self.statsd = program.output, upstream, statsd
        self.gateway_port = _target_port("ambassador.yaml", "ambassador")
        self.scraped = _target_port("statsd-sink-svc.yaml", "ambassador-monitor")
        self.admin = _target_port("../drop-in/ambassador-rbac.yaml", "ambassador-admin")


@contextlib.contextmanager
def _pod(setting, with_exporter):
    """The containers of the tutorial's pod, or all but the exporter, ready."""
    _, containers = _deployments()
    [container] = [one for one in containers if one["name"] == "ambassador"]
    expect_equal(set(container) & {"args", "command", "ports"}, set(), "what we do not run")
    with contextlib.ExitStack() as held:
        image = held.enter_context(Container(setting.image))
        needs(*image.ports)
        upstream = held.enter_context(Upstream("httpbin", setting.directory))
        statsd = None
        if with_exporter:
            statsd = held.enter_context(Listener(STATSD_PORT))
            held.enter_context(StatsdExporter(statsd, 9102))
        api = held.enter_context(KubeApi())
        api.apply(_httpbin(upstream.port))
        env = clean_environment(**image.environment, **_environment(container))
        env["KUBECONFIG"] = str(api.kubeconfig(setting.directory / "kubeconfig"))
        binary = image.program(setting.directory, setting.directory / "nuncio")
        log = setting.directory / "gateway.log"
        program = held.enter_context(Program([binary], log, env=env))
        for probe in ("readinessProbe", "livenessProbe"):
            asked = container[probe]["httpGet"]
            until(lambda: http.get(asked["port"], asked["path"]).status == 200, probe, seconds=15)
        yield _Pod(program, upstream, statsd)
        program.signal(signal.SIGINT)
        expect_equal(program.wait(10), 0, "exit code")


def _deployments():
    """The containers of the tutorial's Deployment, before and after."""
    directory = DEPLOY / "drop-in"
    [before] = _of_kind("Deployment", overlay.read(directory / "ambassador-rbac.yaml"))
    [after] = _of_kind("Deployment", overlay.applied(directory))
    pods = [one["spec"]["template"]["spec"] for one in (before, after)]
    return [pod["containers"] for pod in pods]


def _of_kind(kind, objects):
    return [one for one in objects if one["kind"] == kind]


def _target_port(file, name):
    services = _of_kind("Service", overlay.read(DEPLOY / "tutorial" / file))
    [service] = [one for one in services if one["metadata"]["name"] == name]
    return service["spec"]["ports"][0]["targetPort"]


def _environment(container):
    """As the kubelet makes it; the pod is in the namespace default."""
    fields = {"metadata.namespace": "default"}
    return {
        each["name"]: each.get("value") or fields[each["valueFrom"]["fieldRef"]["fieldPath"]]
        for each in container["env"]
    }


def _httpbin(port):
    """The tutorial's Service, with its Mapping to an upstream of ours."""
    [service] = overlay.read(DEPLOY / "tutorial" / "httpbin.yaml")
    text = service["metadata"]["annotations"][CONFIG]
    expect("service: httpbin.org:80" in text, "the tutorial's Mapping is another one")
    text = text.replace("httpbin.org:80", f"127.0.0.1:{port}")
    metadata = {"name": "httpbin", "namespace": "default", "annotations": {CONFIG: text}}
    return {**service, "metadata": metadata}


def _send(port):
    until(lambda: http.get(port, "/httpbin/ip").status == 200, "the tutorial's route")
    for _ in range(SENT - 1):
        answer = http.get(port, "/httpbin/ip").json()
        expect_equal(answer["path"], "/ip", "the path that httpbin sees")
        expect_equal(answer["headers"]["host"], "httpbin.org", "the host that httpbin sees")


def _is_told(port):
    page = http.get(port, "/metrics").body.decode()
    counted = [line for line in page.splitlines() if line.startswith("envoy_cluster_upstream_rq_t")]
    total = [int(line.rsplit(" ", 1)[1]) for line in counted if "rq_total{" in line]
    expect(total and max(total) >= SENT, f"{SENT} requests are not on the page of {port}")


CHECKS = [
    the_image_line_is_all_that_differs,
    beside_the_tutorials_exporter_it_gets_what_envoy_sent,
    without_the_exporter_it_has_its_port,
]

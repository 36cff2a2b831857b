"""The access log: a line for each request on standard output, as Ambassador has it."""

import signal

from harness.gateway import Gateway
from harness.manifests import mapping, service
from harness.verdict import expect, expect_equal
from harness.waiting import until


def requests_are_logged_unless_that_is_turned_off(setting):
    config = setting.config_directory(web=service("web", mapping("web", "/web/", "127.0.0.1:9")))
    with Gateway(setting, config, access_log=None) as gateway:
        gateway.get("/nowhere?a=b")
        until(lambda: _lines(gateway), "the request is logged")
        gateway.get("/web/")
        gateway.signal(signal.SIGINT)
        gateway.wait(10)
        lines = _lines(gateway)
        expect_equal(len(lines), 2, f"lines ({lines})")
        expect('"GET /nowhere?a=b HTTP/1.1" 404 NR 0 0 ' in lines[0], lines[0])
        expect('"GET /web/ HTTP/1.1" 503 UF ' in lines[1], lines[1])
    with Gateway(setting, config) as gateway:
        gateway.get("/nowhere")
        gateway.signal(signal.SIGINT)
        gateway.wait(10)
        expect_equal(_lines(gateway), [], "lines when it is off")


def _lines(gateway):
    return [line for line in gateway.output().splitlines() if line.startswith("ACCESS [")]


CHECKS = [requests_are_logged_unless_that_is_turned_off]

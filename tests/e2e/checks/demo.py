"""`nuncio demo`, as a stranger tries it: what it prints can be curled and edited."""

import re
from pathlib import Path

from harness import edits, http
from harness.edits import Edit
from harness.gateway import clean_environment
from harness.manifests import write_in_place
from harness.ports import free
from harness.program import Program
from harness.verdict import expect_equal
from harness.waiting import until

EDITS = 20


def the_demo_answers_and_its_file_can_be_edited_under_load(setting):
    ports = dict(zip(("NUNCIO_HTTP", "NUNCIO_ADMIN", "NUNCIO_METRICS"), free(3)))
    addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    env = clean_environment(STATSD_ENABLED="false", NUNCIO_HTTPS="127.0.0.1:0", **addresses)
    log = setting.directory / "demo.log"
    with Program([setting.binary, "demo"], log, env=env) as demo:
        data = ports["NUNCIO_HTTP"]
        until(lambda: http.get(data, "/httpbin/get").status == 200, "the demo answers")
        answer = http.get(data, "/httpbin/get").json()
        expect_equal(answer["headers"]["Host"], "httpbin.org", "the Host seen upstream")
        expect_equal(answer["url"], "http://httpbin.org/get", "the URL seen upstream")
        file = Path(until(lambda: _printed_file(demo.output()), "the file to edit is printed"))
        planned = [_edit(file, number) for number in range(EDITS)]
        return edits.under_load(data, "/httpbin/get", planned)


def _printed_file(output):
    match = re.search(r"(/\S+\.ya?ml)", output)
    return match and match.group(1)


def _edit(file, number):
    host = f"edit-{number}.test"

    def make():
        text = file.read_text(encoding="utf-8")
        write_in_place(file, re.sub(r"host_rewrite: \S+", f"host_rewrite: {host}", text))

    return Edit(make, visible=lambda answer: answer.json()["headers"]["Host"] == host)


CHECKS = [the_demo_answers_and_its_file_can_be_edited_under_load]

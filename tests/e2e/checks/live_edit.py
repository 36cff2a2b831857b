"""Edits under load: each is visible at once, and nobody else notices."""

from harness import edits
from harness.edits import Edit
from harness.gateway import Gateway
from harness.manifests import mapping, replace, service, write_in_place
from harness.upstream import Upstream
from harness.waiting import until

EDITS = 20


def edits_under_load_are_seen_at_once_and_harm_no_request(setting):
    with Upstream("blue", setting.directory) as blue, Upstream("green", setting.directory) as green:
        config = setting.config_directory(live=_manifest(blue, "/0/"))
        with Gateway(setting, config) as gateway:
            until(lambda: gateway.get("/live/x").status == 200, "the first route answers")
            planned = [
                _edit(config / "live.yaml", [blue, green], number) for number in range(1, EDITS + 1)
            ]
            return edits.under_load(gateway.http, "/live/x", planned)


def _edit(file, upstreams, number):
    """Every edit changes the path; every second one the upstream too, and every second one is
    renamed into place."""
    upstream = upstreams[number // 2 % 2]
    write = replace if number % 2 else write_in_place
    wanted = {"upstream": upstream.name, "path": f"/{number}/x"}
    return Edit(
        make=lambda: write(file, _manifest(upstream, f"/{number}/")),
        visible=lambda answer: wanted.items() <= answer.json().items(),
    )


def _manifest(upstream, rewrite):
    to = f"127.0.0.1:{upstream.port}"
    return service("live", mapping("live_mapping", "/live/", to, rewrite=rewrite))


CHECKS = [edits_under_load_are_seen_at_once_and_harm_no_request]

"""The gateway under test, in its two profiles."""

import subprocess
from functools import cache

from harness.resources import custom, host, mapping, module, write


def compatible(ports, upstreams, settings, directory):
    """Writes the manifests; the command."""
    return _command(ports, upstreams, settings, directory, "compatible")


def hardened(ports, upstreams, settings, directory):
    """Writes the manifests; the command."""
    return _command(ports, upstreams, settings, directory, "hardened")


def _command(ports, upstreams, settings, directory, profile):
    config = directory / "config"
    config.mkdir(exist_ok=True)
    write(config / "edge.yaml", *custom(*_documents(upstreams)))
    https = f"127.0.0.1:{ports.tls if settings.identity else 0}"
    if settings.identity:
        served = custom(host("all", "*", "edge", action="Route"))
        write(config / "tls.yaml", *served, settings.identity.secret("edge"))
    flags = {
        "--profile": profile,
        "--header-timeout": f"{settings.header_timeout}s",
        "--body-timeout": f"{settings.body_timeout}s",
    }
    known = _help(settings.nuncio)
    given = [word for flag, value in flags.items() if flag in known for word in (flag, value)]
    return [
        *(settings.nuncio, "run", "--config-dir", config, "--threads", "1", *given),
        *("--http", f"127.0.0.1:{ports.http}", "--https", https),
        *("--admin", f"127.0.0.1:{ports.admin}", "--metrics", f"127.0.0.1:{ports.metrics}"),
        *("--access-log", "off", "--drain-delay", "0s"),
    ]


def _documents(upstreams):
    added = {"add_request_headers": {"x-edge": {"value": "yes", "append": False}}}
    return [
        module("ambassador", enable_http10=True),
        mapping("open", upstreams.open, "/", **added),
        mapping("private", upstreams.private, "/private", rewrite="", **added),
        mapping("ws", upstreams.open, "/ws", rewrite="", allow_upgrade=["websocket"], **added),
        mapping("moved", "elsewhere.test", "/moved", host_redirect=True),
    ]


@cache
def _help(binary):
    done = subprocess.run([binary, "--help"], capture_output=True, text=True, check=True)
    return done.stdout

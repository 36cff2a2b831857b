"""Requests by curl, over TLS or not."""

import json
import subprocess

from harness.http import Answer

_MARK = "\x01"
_WRITTEN = f"{_MARK}%{{json}}{_MARK}%{{header_json}}"


class Asked(Answer):
    """An answer, and by which version of HTTP it came."""

    def __init__(self, status, headers, body, version):
        super().__init__(status, headers, body)
        self.version = version


class Unanswered(OSError):
    """curl came back without an answer."""

    def __init__(self, code, said):
        super().__init__(f"curl: {said} ({code})")
        self.code = code


def ask(port, name, path="/", *, scheme="https", authority=None, identity=None, options=()):
    """The answer to `GET path` of a server that calls itself `name`, at `port` of this machine.

    Who vouches for the server is not asked: checks compare certificates by themselves. `identity`
    is the client's certificate, `authority` the host that is asked for, `name` if not given. Raises
    `Unanswered`."""
    command = ["curl", "-sS", "-k", "--max-time", "10", "--noproxy", "*", "-w", _WRITTEN]
    command += ["--resolve", f"{name}:{port}:127.0.0.1", "-H", f"Host: {authority or name}"]
    if identity:
        command += ["--cert", identity.chain, "--key", identity.key]
    command += [*options, f"{scheme}://{name}:{port}{path}"]
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=20)
    body, told, headers = done.stdout.rsplit(_MARK.encode(), 2)
    if done.returncode:
        raise Unanswered(done.returncode, done.stderr.decode(errors="replace").strip())
    told = json.loads(told)
    headers = {name: values[0] for name, values in json.loads(headers).items()}
    return Asked(told["http_code"], headers, body, told["http_version"])


def status(port, name, path="/", **options):
    """The status of the answer; None if there is none."""
    try:
        return ask(port, name, path, **options).status
    except Unanswered:
        return None

"""Runs the commands of one page, as a reader would: in order, in one shell, in a copy of the
repository's manifests, with the program on PATH and stand-ins for what there is not."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from harness import overlay
from harness.gateway import clean_environment
from harness.kube_api import KubeApi

_STAND_IN = Path(__file__).parent / "stand_ins" / "stand_in.py"
# What stands in for programs that need a cluster, and for those that make something.
OF_A_CLUSTER = ("gcloud", "helm", "kind", "kubectl")
OF_A_BUILD = ("buildah", "make")
_SECONDS = 60

_PREAMBLE = """
set -e
# Waits until something answers on a port; that of the admin page has to be ready.
await() {
    for _ in $(seq 300); do
        if [ "$1" = 8877 ]; then
            curl --silent --fail --output /dev/null localhost:8877/ambassador/v0/check_ready && return
        else
            (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        fi
        sleep 0.05
    done
    echo "nothing answers on port $1"
    return 1
}
# Ends the program that stays.
leave() {
    if [ -n "${stays:-}" ]; then
        kill -INT "$stays" 2>/dev/null || true
        wait "$stays" || true
        stays=
    fi
}
"""


class Run:
    """What came of a page's commands: `outputs` by block, and `failed` for the block it ended at."""

    def __init__(self, outputs, failed):
        self.outputs, self.failed = outputs, failed


def run(blocks, root, setting):
    """Runs the sh `blocks` of one page, from the top of a copy of the repository `root`."""
    copy = setting.directory / "nuncio"
    for name in ("deploy", "Makefile", "docs"):
        source, target = root / name, copy / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    outputs = setting.directory / "outputs"
    outputs.mkdir()
    script = setting.directory / "page.sh"
    script.write_text(_script(blocks, outputs), encoding="utf-8")
    with KubeApi() as api:
        api.apply(*_objects(root))
        config = api.kubeconfig(setting.directory / "kubeconfig")
        code = _finish(script, copy, _environment(setting, KUBECONFIG=str(config)))
    texts = [_text(outputs / str(number)) for number in range(len(blocks))]
    begun = [number for number in range(len(blocks)) if (outputs / str(number)).exists()]
    return Run(texts, begun[-1] if code and begun else (0 if code else None))


def _objects(root):
    """What the cluster has: the tutorial's Service."""
    file = root / "deploy" / "tutorial" / "httpbin.yaml"
    objects = overlay.read(file) if file.exists() else []
    return [{**one, "metadata": {"namespace": "default", **one["metadata"]}} for one in objects]


def _environment(setting, **values):
    """`values`, and on PATH the program under test and the stand-ins before what the machine has."""
    tools = setting.directory / "bin"
    tools.mkdir()
    (tools / "nuncio").symlink_to(setting.binary)
    for name in (*OF_A_CLUSTER, *OF_A_BUILD):
        tool = tools / name
        words = [sys.executable, "-B", str(_STAND_IN), name, '"$@"']
        tool.write_text(f"#!/bin/sh\nexec {' '.join(words)}\n", encoding="utf-8")
        tool.chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    home, temporary = setting.directory / "home", setting.directory / "tmp"
    home.mkdir()
    temporary.mkdir()
    return clean_environment(PATH=path, HOME=str(home), TMPDIR=str(temporary), **values)


def _script(blocks, outputs):
    parts = [_PREAMBLE]
    for number, block in enumerate(blocks):
        output = outputs / str(number)
        if "terminal" in block.markers:
            parts.append(_terminal(block, output))
        else:
            parts.append(f"exec >'{output}' 2>&1\n{block.body}")
    return "\n".join(parts) + "\nleave\n"


def _terminal(block, output):
    ports = re.findall(r"\b\d{4,5}\b", block.body) or ["8877"]
    return f"leave\nexec >'{output}' 2>&1\n(\n{block.body}) &\nstays=$!\nawait {ports[-1]}\n"


def _finish(script, folder, environment):
    process = subprocess.Popen(
        ["bash", str(script)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        return 124
    finally:
        # Whatever the page left behind is of its session.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def _text(file):
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

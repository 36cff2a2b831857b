"""A container of the image under test, made by buildah. No runtime is needed: buildah's own isolation
runs it, or a program starts in its root file system as `confined` says."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from harness.ports import is_free
from harness.verdict import Skipped

_TOP = Path(__file__).parents[1]
# Of a user namespace, in which there are no other users, this is not the first line.
_EVERYBODY = ["0", "0", str(2**32 - 1)]


class Container:
    """One container of `image`. Use as a context manager."""

    def __init__(self, image):
        if not image:
            raise Skipped("no --image")
        if Path("/proc/self/uid_map").read_text(encoding="ascii").split() != _EVERYBODY:
            raise Skipped("only root can have a program run as somebody else")
        self.config = json.loads(_buildah("inspect", "--type", "image", image))["OCIv1"]
        self.name = _buildah("from", "--pull-never", image)
        self.root = _buildah("mount", self.name)

    @property
    def environment(self):
        """What the image sets."""
        return dict(each.split("=", 1) for each in self.config["config"]["Env"])

    @property
    def ports(self):
        """What the image says it listens on."""
        return {int(port.partition("/")[0]) for port in self.config["config"]["ExposedPorts"]}

    @property
    def entry(self):
        return self.config["config"]["Entrypoint"]

    def program(self, directory, file):
        """Writes to `file` a program that is the one in the image, confined; what it finds outside of
        the image is in `directory`."""
        user = self.config["config"]["User"].partition(":")[0]
        words = ["unshare", "--mount", "--propagation", "private", sys.executable, "-B"]
        words += [_TOP / "harness/confined.py", self.root, user, directory, *self.entry]
        line = shlex.join(map(str, words))
        file.write_text(f'#!/bin/sh\nexec {line} "$@"\n', encoding="utf-8")
        file.chmod(0o755)
        return file

    def command(self, directory, *arguments):
        """How buildah runs the image with `arguments`, without any capability, and with `directory`
        as /manifests."""
        words = ["buildah", "run", "--isolation", "chroot", "--cap-drop", "all"]
        return [*words, "-v", f"{directory}:/manifests:ro", self.name, *self.entry, *arguments]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _buildah("umount", self.name)
        _buildah("rm", self.name)


def needs(*ports):
    """Skips the check where the machine's own programs have one of `ports`."""
    for port in ports:
        if not is_free(port):
            raise Skipped(f"port {port} of this machine is taken")


def descendants(pid):
    """The processes that `pid` has started, and those that these have."""
    children = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        children += [int(child) for child in task.read_text(encoding="ascii").split()]
    return [below for child in children for below in [child, *descendants(child)]]


def _buildah(*words):
    done = subprocess.run(["buildah", *words], capture_output=True, text=True, env=os.environ)
    if done.returncode:
        raise OSError(f"buildah {' '.join(words)}: {done.stderr}")
    return done.stdout.strip()

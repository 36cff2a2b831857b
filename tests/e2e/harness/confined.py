"""Becomes a program in the root file system of a container, as narrow as a pod with a strict security
context: `confined.py ROOT USER DIRECTORY COMMAND...`, in a mount namespace of its own.

The root is read-only, DIRECTORY is there under its own name, nothing is owned by USER, nobody can gain
privileges, and of all capabilities there is the one for ports below 1024.
"""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

_NET_BIND_SERVICE = 10
_CAPABILITIES = range(64)
_VERSION = 0x20080522
_PR_SET_KEEPCAPS, _PR_CAPBSET_READ, _PR_CAPBSET_DROP = 8, 23, 24
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 38, 47, 2

_libc = ctypes.CDLL(None, use_errno=True)


def main(root, user, directory, *command):
    _mount(Path(root), Path(directory))
    os.chroot(root)
    os.chdir("/")
    _narrow(int(user))
    os.execv(command[0], command)


def _mount(root, directory):
    # Whoever it belongs to, others may look into it.
    directory.chmod(0o755)
    inside = root / directory.relative_to("/")
    inside.mkdir(parents=True, exist_ok=True)
    # As every runtime has them.
    for name in ("proc", "dev"):
        (root / name).mkdir(exist_ok=True)
    (root / "etc/resolv.conf").write_bytes(Path("/etc/resolv.conf").read_bytes())
    for words in (
        ["--bind", root, root],
        ["--bind", directory, inside],
        ["--rbind", "/proc", root / "proc"],
        ["--rbind", "/dev", root / "dev"],
        ["-o", "remount,bind,ro", root],
    ):
        subprocess.run(["mount", *map(str, words)], check=True)


def _narrow(user):
    for capability in _CAPABILITIES:
        if capability != _NET_BIND_SERVICE and _libc.prctl(_PR_CAPBSET_READ, capability) == 1:
            _call("prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)
    _call("prctl", _PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    only = 1 << _NET_BIND_SERVICE
    # Effective, permitted, inheritable; twice, for capabilities below 32 and above.
    _call("capset", header, (ctypes.c_uint32 * 6)(only, only, only, 0, 0, 0))
    _call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _NET_BIND_SERVICE, 0, 0)
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _call(name, *arguments):
    if getattr(_libc, name)(*arguments):
        raise OSError(ctypes.get_errno(), f"{name}{arguments}")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A network of the checks' own, in which no other program of the machine has a port or a listener."""

import fcntl
import os
import socket
import struct
import subprocess
import sys

_ENTERED = "E2E_NETWORK_NAMESPACE"
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1


def enter():
    """Starts this program again in a network namespace, if the machine lets it; else goes on in the
    machine's network. In the namespace it only raises the loopback interface."""
    if os.environ.pop(_ENTERED, None):
        with socket.socket() as any_socket:
            request = struct.pack("16sh", b"lo", _IFF_UP)
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)
        return
    for command in (["unshare", "--net"], ["unshare", "--net", "--map-root-user"]):
        if _permitted(command):
            again = [*command, sys.executable, *sys.orig_argv[1:]]
            os.execvpe(command[0], again, {**os.environ, _ENTERED: "1"})
    print("no network namespace to be had; what other programs send may disturb the checks")


def _permitted(command):
    try:
        return subprocess.run([*command, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False

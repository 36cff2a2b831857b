"""Which versions are measured."""

import re
import subprocess


def found(nuncio, envoy):
    """Each proxy's version, in one line."""
    commands = {
        "nuncio": [nuncio, "--version"],
        "nginx": ["nginx", "-v"],
        "haproxy": ["haproxy", "-v"],
        "envoy": [envoy, "--version"],
    }
    said = [f"{name} {_version(command)}" for name, command in commands.items()]
    return ", ".join(said)


def _version(command):
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    match = re.search(r"\d+\.\d+\.\d+", said.stdout + said.stderr)
    return match.group(0) if match else "?"

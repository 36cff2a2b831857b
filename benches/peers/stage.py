"""Where a bench's servers live: a directory, and a list of them."""

import contextlib
import os
import tempfile
from pathlib import Path


@contextlib.contextmanager
def stage(name):
    """A directory, and a list of servers that are stopped in the end. Their logs are shown if that
    comes by an exception."""
    with tempfile.TemporaryDirectory(prefix=f"nuncio-{name}-") as directory:
        # nginx's worker, which drops root, enters it.
        os.chmod(directory, 0o755)
        servers = []
        try:
            yield directory, servers
        except Exception:
            for log in sorted(Path(directory).rglob("*.log")):
                print(f"--- {log.name}", log.read_text(errors="replace")[-2000:], sep="\n")
            raise
        finally:
            for server in servers:
                server.stop()

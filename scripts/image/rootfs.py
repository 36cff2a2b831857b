"""Packs the file system of the image: `rootfs.py ARCHIVE BINARY AUTHORITIES BILL`.

Invariant: the same files give the same bytes; every time in the archive is SOURCE_DATE_EPOCH.
"""

import os
import sys
import tarfile

# Where each file goes, in the order of the arguments, and its mode.
FILES = [
    ("nuncio", 0o755),
    ("etc/ssl/certs/ca-certificates.crt", 0o644),
    ("sbom.cdx.json", 0o644),
]
# With what `nuncio demo` writes to, where it may write; /proc and its like are the runtime's.
DIRECTORIES = [("etc", 0o755), ("etc/ssl", 0o755), ("etc/ssl/certs", 0o755), ("tmp", 0o1777)]


def main(archive, *sources):
    time = int(os.environ["SOURCE_DATE_EPOCH"])
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as out:
        for name, mode in DIRECTORIES:
            out.addfile(_entry(name, mode, time, tarfile.DIRTYPE))
        for (name, mode), source in zip(FILES, sources, strict=True):
            entry = _entry(name, mode, time, tarfile.REGTYPE)
            entry.size = os.path.getsize(source)
            with open(source, "rb") as content:
                out.addfile(entry, content)


def _entry(name, mode, time, kind):
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime, entry.type = mode, time, kind
    return entry


if __name__ == "__main__":
    main(*sys.argv[1:])

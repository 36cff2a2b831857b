"""How servers read a path, to see whether one got round a prefix."""

import re

_UNRESERVED = rb"A-Za-z0-9._~-"


def rfc(path):
    """Equivalent by RFC 3986, 6.2.2: unreserved characters decoded, dot segments removed."""

    def decoded(match):
        byte = bytes([int(match[1], 16)])
        return byte if re.fullmatch(rb"[" + _UNRESERVED + rb"]", byte) else match[0]

    return _without_dots(re.sub(rb"%([0-9A-Fa-f]{2})", decoded, _path(path)))


def decoding(path):
    """As file servers do: everything decoded, then dot segments removed and slashes merged."""
    return _without_dots(re.sub(rb"/+", b"/", _decoded(_path(path))))


def backslashes(path):
    """Backslashes are slashes, encoded or not."""
    return _without_dots(re.sub(rb"/+", b"/", _decoded(_path(path)).replace(b"\\", b"/")))


def parameters(path):
    """As servlet containers do: what follows `;` in a segment is dropped first."""
    return decoding(re.sub(rb";[^/]*", b"", _path(path)))


def decoded_parameters(path):
    """As those do that decode first."""
    return parameters(_decoded(_path(path)))


def until_nul(path):
    """As C does: the path ends at a NUL."""
    return decoding(_decoded(_path(path)).partition(b"\0")[0])


def twice(path):
    """Decoded by two programs in a row."""
    return decoding(_decoded(_path(path)))


SAME_BY_RFC = [rfc]
LENIENT = [rfc, decoding, backslashes, parameters, decoded_parameters, until_nul, twice]


def lands_in(target, prefix, readers):
    """Whether any of `readers` takes `target` to be `prefix` or below it."""
    read = (reader(target) for reader in readers)
    return any(path == prefix or path.startswith(prefix + b"/") for path in read)


def _path(target):
    target = re.sub(rb"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*", b"", target) or b"/"
    return re.split(rb"[?#]", target, maxsplit=1)[0]


def _decoded(path):
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), path)


def _without_dots(path):
    kept = []
    segments = path.split(b"/")
    for segment in segments:
        if segment == b"..":
            if len(kept) > 1:
                kept.pop()
        elif segment != b".":
            kept.append(segment)
    if segments[-1] in (b".", b".."):
        kept.append(b"")
    return b"/".join(kept) or b"/"

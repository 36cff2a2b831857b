"""Field blocks (RFC 7541), written without Huffman, and in ways that no encoder would."""

# Of the static table, what the kit names by number.
AUTHORITY, GET, POST, ROOT, HTTP, HTTPS = 1, 2, 3, 4, 6, 7

STATIC_ENTRIES = 61


def integer(value, bits, first=0):
    """An integer with a prefix of `bits`, whose other bits are `first`."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    said, value = bytearray([first | limit]), value - limit
    while value >= 128:
        said.append(value & 127 | 128)
        value >>= 7
    said.append(value)
    return bytes(said)


def text(value):
    """A string, as it is."""
    return integer(len(value), 7) + value


def indexed(number):
    """A field that a table holds."""
    return integer(number, 7, 0x80)


def literal(name, value):
    """A field that no table is to hold."""
    return b"\x00" + text(_bytes(name)) + text(_bytes(value))


def never_indexed(name, value):
    return b"\x10" + text(_bytes(name)) + text(_bytes(value))


def remembered(name, value):
    """A field that the dynamic table holds from now on."""
    return b"\x40" + text(_bytes(name)) + text(_bytes(value))


def resize(size):
    """A change of the dynamic table's size."""
    return integer(size, 5, 0x20)


def block(fields):
    """The block of `fields`, pairs of name and value."""
    return b"".join(literal(name, value) for name, value in fields)


def request(path="/", method="GET", authority="edge.test", scheme="http", more=()):
    """The fields of a sound request; `more` come behind its pseudo-header fields."""
    pseudo = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)]
    return [*pseudo, *more]


def _bytes(value):
    return value if isinstance(value, bytes) else value.encode("latin-1")

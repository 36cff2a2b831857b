"""The preface, the layout of frames, the compression of fields (RFC 9113, 3.4 and 4; RFC 7541)."""

from edge.cases.http2.expectations import (
    NotAskable,
    big_block,
    cases_of,
    checked,
    connection_error,
    finished,
    goes_on,
    opened,
    stream_error,
    told,
)
from edge.http2 import fields, frames

PROTOCOL, SIZE, COMPRESSION, CALM = 1, 6, 9, 11


@checked("3.4")
def the_first_frame_of_the_server_is_SETTINGS(client):
    first = client.seen[0]
    sound = first.kind == frames.SETTINGS and not first.flags & frames.ACK and first.stream == 0
    return None if sound else f"it is {first}"


@checked("6.5.2")
def what_the_server_asks_for_is_within_bounds(client):
    said = client.settings
    if said.get(frames.ENABLE_PUSH, 0) != 0:
        return "the server says ENABLE_PUSH"
    if said.get(frames.INITIAL_WINDOW_SIZE, 0) > frames.LARGEST_WINDOW:
        return "INITIAL_WINDOW_SIZE is too large"
    frame = said.get(frames.MAX_FRAME_SIZE, frames.DEFAULT_FRAME)
    return None if frames.DEFAULT_FRAME <= frame < 1 << 24 else f"MAX_FRAME_SIZE is {frame}"


@connection_error("3.4", PROTOCOL, hello=b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + frames.settings())
def a_preface_that_is_not_one(client):
    pass


@connection_error("3.4", PROTOCOL, hello=frames.PREFACE)
def a_preface_without_SETTINGS(client):
    client.send(frames.ping())


@connection_error("3.4", PROTOCOL, hello=frames.PREFACE)
def a_preface_followed_by_a_request(client):
    client.request()


@connection_error("3.4", PROTOCOL, hello=frames.PREFACE)
def a_preface_followed_by_an_acknowledgement(client):
    client.send(frames.settings_ack(), frames.ping())


@checked("3.4", hello=frames.PREFACE + frames.settings())
def a_request_may_come_with_the_preface(client):
    client.request()
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@checked("3.4", hello=b"")
def a_preface_in_pieces_of_one_byte(client):
    for byte in frames.PREFACE + frames.settings():
        client.send(bytes([byte]))
    return None if client.lives(1) else told(client)


@checked("4.1", hello=b"")
def a_request_in_pieces_of_one_byte(client):
    client.send(frames.PREFACE + frames.settings())
    for byte in frames.headers(1, client.block()):
        client.send(bytes([byte]))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@goes_on("4.1")
def undefined_flags_of_PING(client):
    client.send(frames.frame(frames.PING, 0xFE, 0, b"12345678"))


@goes_on("4.1")
def undefined_flags_of_SETTINGS(client):
    client.send(frames.frame(frames.SETTINGS, 0xFE, 0))


@goes_on("4.1")
def undefined_flags_of_WINDOW_UPDATE(client):
    client.send(frames.frame(frames.WINDOW_UPDATE, 0xFF, 0, (1000).to_bytes(4, "big")))


@goes_on("4.1")
def undefined_flags_of_PRIORITY(client):
    client.send(frames.frame(frames.PRIORITY, 0xFF, 1, bytes(5)))


@checked("4.1")
def undefined_flags_of_HEADERS(client):
    flags = frames.END_STREAM | frames.END_HEADERS | 0x02 | 0x10 | 0x40 | 0x80
    client.send(frames.frame(frames.HEADERS, flags, 1, client.block()))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@checked("4.1")
def undefined_flags_of_DATA(client):
    opened(client)
    client.send(frames.frame(frames.DATA, frames.END_STREAM | 0x02 | 0x04 | 0x10 | 0xE0, 1, b"x"))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@goes_on("4.1")
def the_reserved_bit_of_a_PING(client):
    client.send(frames.frame(frames.PING, 0, 1 << 31, b"12345678"))


@checked("4.1")
def the_reserved_bit_of_a_request(client):
    block = client.block()
    client.send(frames.headers(1 << 31 | 1, block))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@checked("4.2")
def HEADERS_of_16384_bytes(client):
    client.send(frames.headers(1, big_block(client, frames.DEFAULT_FRAME)))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@checked("4.2")
def DATA_of_16384_bytes(client):
    opened(client)
    client.send(frames.data(1, bytes(frames.DEFAULT_FRAME), end=True))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@stream_error("4.2", SIZE)
def DATA_larger_than_allowed(client):
    opened(client)
    client.send(frames.data(1, bytes(_too_large(client)), end=True))


@connection_error("4.2", SIZE)
def HEADERS_larger_than_allowed(client):
    client.send(frames.headers(1, big_block(client, _too_large(client))))


@connection_error("4.2", SIZE)
def SETTINGS_larger_than_allowed(client):
    count = _too_large(client) // 6 + 1
    client.send(frames.settings(*[(0x99, 0)] * count))


@connection_error("4.2", SIZE, PROTOCOL)
def CONTINUATION_larger_than_allowed(client):
    block = big_block(client, _too_large(client) + 100)
    client.send(frames.headers(1, block[:100], whole=False), frames.continuation(1, block[100:]))


@stream_error("4.2", SIZE, PROTOCOL, CALM)
def an_unknown_frame_larger_than_allowed(client):
    client.send(frames.frame(0x77, 0, 0, bytes(_too_large(client))))


@checked("4.2", body=bytes(300000))
def no_frame_of_the_server_is_larger_than_allowed(client):
    client.send(frames.window(0, 1 << 20), frames.settings((frames.INITIAL_WINDOW_SIZE, 1 << 20)))
    client.request()
    client.until(lambda one: one.answer().over, 5)
    largest = max(client.answer().pieces, default=0)
    if len(client.answer().body) != 300000:
        return f"{len(client.answer().body)} of 300000 bytes: {told(client)}"
    return None if largest <= frames.DEFAULT_FRAME else f"DATA of {largest} bytes"


@connection_error("4.3", COMPRESSION)
def a_field_that_no_table_holds(client):
    client.send(frames.headers(1, client.block() + fields.indexed(fields.STATIC_ENTRIES + 20)))


@connection_error("4.3", COMPRESSION)
def the_field_with_the_number_0(client):
    client.send(frames.headers(1, client.block() + b"\x80"))


@connection_error("4.3", COMPRESSION)
def a_name_that_no_table_holds(client):
    name = fields.integer(fields.STATIC_ENTRIES + 30, 4)
    client.send(frames.headers(1, client.block() + name + fields.text(b"v")))


@connection_error("4.3", COMPRESSION)
def a_field_block_that_ends_within_a_field(client):
    client.send(frames.headers(1, client.block() + b"\x00\x05x-cut"))


@connection_error("4.3", COMPRESSION)
def a_field_block_that_ends_within_a_string(client):
    client.send(frames.headers(1, client.block() + b"\x00\x7f\x00"))


@connection_error("4.3", COMPRESSION)
def an_integer_without_an_end(client):
    client.send(frames.headers(1, client.block() + b"\xff" + b"\xff" * 20))


@connection_error("4.3", COMPRESSION)
def an_integer_that_overflows(client):
    huge = b"\xff" + b"\xff" * 9 + b"\x7f"
    client.send(frames.headers(1, client.block() + huge))


@connection_error("4.3", COMPRESSION)
def a_string_longer_than_its_block(client):
    client.send(frames.headers(1, client.block() + b"\x00" + fields.integer(5000, 7) + b"x"))


@connection_error("4.3.1", COMPRESSION)
def a_table_larger_than_allowed(client):
    size = client.settings.get(frames.HEADER_TABLE_SIZE, 4096)
    client.send(frames.headers(1, fields.resize(size + 1) + client.block()))


@connection_error("4.3.1", COMPRESSION)
def a_table_resized_behind_a_field(client):
    client.send(frames.headers(1, client.block() + fields.resize(0)))


@checked("4.3.1")
def a_table_resized_twice_before_the_fields(client):
    client.send(frames.headers(1, fields.resize(0) + fields.resize(4096) + client.block()))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@connection_error("4.3", COMPRESSION)
def a_field_that_was_evicted(client):
    first = client.block() + fields.remembered("x-kept", "1")
    client.send(frames.headers(1, first))
    client.until(lambda one: one.answer().over)
    again = fields.resize(0) + client.block() + fields.indexed(fields.STATIC_ENTRIES + 1)
    client.send(frames.headers(3, again))


@connection_error("4.3", COMPRESSION)
def Huffman_text_with_EOS(client):
    client.send(frames.headers(1, client.block() + b"\x00\x01x\x84\xff\xff\xff\xff"))


@connection_error("4.3", COMPRESSION)
def Huffman_text_filled_up_by_zeros(client):
    # 'a' is 00011; what fills up the byte has to be ones.
    client.send(frames.headers(1, client.block() + b"\x00\x01x\x81\x18"))


@connection_error("4.3", COMPRESSION)
def Huffman_text_filled_up_by_a_whole_byte(client):
    client.send(frames.headers(1, client.block() + b"\x00\x01x\x82\x1f\xff"))


@checked("4.3")
def fields_of_a_refused_request_stay_in_the_table(client):
    refused = [*fields.request(scheme=client.place.scheme), ("BAD", "1")]
    client.send(frames.headers(1, fields.block(refused) + fields.remembered("x-kept", "1")))
    client.send(frames.headers(3, client.block() + fields.indexed(fields.STATIC_ENTRIES + 1)))
    client.until(lambda one: one.answer(3).over)
    refused_all = client.goaway == PROTOCOL or client.closed
    return None if client.answer(3).status == 200 or refused_all else told(client)


@checked("4.3")
def fields_of_a_stream_above_the_limit_stay_in_the_table(client):
    allowed = client.settings.get(frames.MAX_CONCURRENT_STREAMS, 0)
    if not 0 < allowed <= 200:
        return None
    for stream in range(1, 2 * allowed, 2):
        opened(client, stream)
    first, second = 2 * allowed + 1, 2 * allowed + 3
    client.send(frames.headers(first, client.block() + fields.remembered("x-kept", "1")))
    client.until(lambda one: one.answer(first).over)
    client.send(frames.reset(1), frames.reset(3))
    client.send(frames.headers(second, client.block() + fields.indexed(fields.STATIC_ENTRIES + 1)))
    client.until(lambda one: one.answer(second).over)
    return None if client.answer(second).status == 200 else told(client)[:200]


@connection_error("4.3", PROTOCOL)
def a_field_block_interrupted_by_a_PING(client):
    block = client.block()
    client.send(frames.headers(1, block[:9], whole=False), frames.ping())
    client.send(frames.continuation(1, block[9:]))


@checked("4.3.1")
def a_client_without_a_table_gets_no_references(client):
    client.send(frames.settings((frames.HEADER_TABLE_SIZE, 0)))
    client.until(lambda one: one.settings_acked > 1)
    client.decoder.header_table_size = 0
    client.decoder.max_allowed_table_size = 0
    for stream in (1, 3, 5):
        finished(client, stream)
    good = all(client.answer(stream).status == 200 for stream in (1, 3, 5))
    return None if good else told(client)


def _too_large(client):
    size = client.settings.get(frames.MAX_FRAME_SIZE, frames.DEFAULT_FRAME) + 1
    if size >= 1 << 24:
        raise NotAskable
    return size


CASES = cases_of(vars())

"""Each type of frame: where it may stand, how long it is, what it says (RFC 9113, 6)."""

from edge.cases.http2.expectations import (
    cases_of,
    checked,
    connection_error,
    finished,
    goes_on,
    opened,
    stream_error,
    told,
)
from edge.http2 import frames

PROTOCOL, FLOW, SIZE = 1, 3, 6


@connection_error("6.1", PROTOCOL)
def DATA_without_a_stream(client):
    client.send(frames.data(0, b"x"))


@connection_error("6.1", PROTOCOL)
def DATA_padded_by_all_of_it(client):
    opened(client)
    client.send(frames.frame(frames.DATA, frames.PADDED, 1, b"\x06abcde"))


@connection_error("6.1", PROTOCOL)
def DATA_padded_by_more_than_it_has(client):
    opened(client)
    client.send(frames.frame(frames.DATA, frames.PADDED | 1, 1, b"\xffabc"))


@connection_error("6.1", PROTOCOL, SIZE)
def padded_DATA_without_a_length_of_padding(client):
    opened(client)
    client.send(frames.frame(frames.DATA, frames.PADDED | 1, 1, b""))


@checked("6.1")
def padded_DATA(client):
    opened(client)
    client.send(frames.data(1, b"x", pad=255), frames.data(1, b"y", end=True, pad=3))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@checked("6.1")
def DATA_padded_by_nothing(client):
    opened(client)
    client.send(frames.data(1, b"x", pad=0), frames.data(1, b"", end=True, pad=0))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@checked("6.1")
def DATA_of_padding_alone(client):
    opened(client)
    client.send(frames.data(1, b"", pad=100), frames.data(1, b"", end=True, pad=255))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@checked("6.1")
def DATA_of_nothing_ends_a_stream(client):
    opened(client)
    client.send(frames.data(1, b"x"), frames.data(1, b"", end=True))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@connection_error("6.2", PROTOCOL)
def HEADERS_without_a_stream(client):
    client.send(frames.headers(0, client.block()))


@connection_error("6.2", PROTOCOL)
def HEADERS_padded_by_all_of_it(client):
    block = client.block()
    flags = frames.PADDED | frames.END_STREAM | frames.END_HEADERS
    client.send(frames.frame(frames.HEADERS, flags, 1, bytes([len(block) + 1]) + block))


@connection_error("6.2", PROTOCOL, SIZE)
def padded_HEADERS_without_a_length_of_padding(client):
    flags = frames.PADDED | frames.END_STREAM | frames.END_HEADERS
    client.send(frames.frame(frames.HEADERS, flags, 1, b""))


@connection_error("6.2", PROTOCOL, SIZE)
def HEADERS_too_short_for_their_priority(client):
    flags = frames.PRIORITIZED | frames.END_STREAM | frames.END_HEADERS
    client.send(frames.frame(frames.HEADERS, flags, 1, b"\0\0\0"))


@checked("6.2")
def HEADERS_with_padding_and_a_priority(client):
    client.send(frames.headers(1, client.block(), pad=200, priority=3))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@connection_error("6.2", PROTOCOL)
def HEADERS_within_a_field_block(client):
    block = client.block()
    client.send(frames.headers(1, block[:9], whole=False), frames.headers(1, block[9:]))


@connection_error("6.2", PROTOCOL)
def HEADERS_of_another_stream_within_a_field_block(client):
    block = client.block()
    client.send(frames.headers(1, block[:9], whole=False), frames.headers(3, block))


@connection_error("6.2", PROTOCOL)
def DATA_within_a_field_block(client):
    client.send(frames.headers(1, client.block(), end=False, whole=False), frames.data(1, b"x"))


@goes_on("6.3")
def PRIORITY_while_a_stream_is_open(client):
    opened(client)
    client.send(frames.priority(1, on=0, weight=255), frames.data(1, b"", end=True))


@connection_error("6.3", PROTOCOL)
def PRIORITY_without_a_stream(client):
    client.send(frames.priority(0))


@stream_error("6.3", SIZE)
def PRIORITY_that_is_too_short(client):
    opened(client)
    client.send(frames.frame(frames.PRIORITY, 0, 1, bytes(4)))


@stream_error("6.3", SIZE)
def PRIORITY_that_is_too_long(client):
    opened(client)
    client.send(frames.frame(frames.PRIORITY, 0, 1, bytes(6)))


@connection_error("6.4", PROTOCOL)
def RST_STREAM_without_a_stream(client):
    client.send(frames.reset(0))


@connection_error("6.4", SIZE)
def RST_STREAM_that_is_too_short(client):
    opened(client)
    client.send(frames.frame(frames.RST_STREAM, 0, 1, bytes(3)))


@connection_error("6.4", SIZE)
def RST_STREAM_that_is_too_long(client):
    opened(client)
    client.send(frames.frame(frames.RST_STREAM, 0, 1, bytes(5)))


@goes_on("7")
def RST_STREAM_with_an_unknown_code(client):
    opened(client)
    client.send(frames.reset(1, 0xDEADBEEF))


@checked("6.5.3")
def SETTINGS_are_acknowledged(client):
    before = client.settings_acked
    client.send(frames.settings(), frames.settings((frames.MAX_FRAME_SIZE, 20000)))
    client.until(lambda one: one.settings_acked == before + 2)
    return None if client.settings_acked == before + 2 else told(client)


@connection_error("6.5", SIZE)
def SETTINGS_acknowledged_with_a_payload(client):
    client.send(frames.frame(frames.SETTINGS, frames.ACK, 0, bytes(6)))


@connection_error("6.5", PROTOCOL)
def SETTINGS_of_a_stream(client):
    client.send(frames.frame(frames.SETTINGS, 0, 1, bytes(6)))


@connection_error("6.5", SIZE)
def SETTINGS_of_five_bytes(client):
    client.send(frames.frame(frames.SETTINGS, 0, 0, bytes(5)))


@connection_error("6.5", SIZE)
def SETTINGS_of_seven_bytes(client):
    client.send(frames.frame(frames.SETTINGS, 0, 0, b"\0\x03\0\0\0\x64\0"))


@connection_error("6.5.2", PROTOCOL)
def ENABLE_PUSH_of_2(client):
    client.send(frames.settings((frames.ENABLE_PUSH, 2)))


@goes_on("6.5.2")
def ENABLE_PUSH_of_0_and_1(client):
    client.send(frames.settings((frames.ENABLE_PUSH, 0)), frames.settings((frames.ENABLE_PUSH, 1)))


@connection_error("6.5.2", FLOW)
def INITIAL_WINDOW_SIZE_above_the_largest(client):
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, 2**31)))


@goes_on("6.5.2")
def INITIAL_WINDOW_SIZE_of_the_largest(client):
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, frames.LARGEST_WINDOW)))


@connection_error("6.5.2", PROTOCOL)
def MAX_FRAME_SIZE_below_the_least(client):
    client.send(frames.settings((frames.MAX_FRAME_SIZE, frames.DEFAULT_FRAME - 1)))


@connection_error("6.5.2", PROTOCOL)
def MAX_FRAME_SIZE_above_the_largest(client):
    client.send(frames.settings((frames.MAX_FRAME_SIZE, 1 << 24)))


@goes_on("6.5.2")
def MAX_FRAME_SIZE_of_the_largest(client):
    client.send(frames.settings((frames.MAX_FRAME_SIZE, (1 << 24) - 1)))


@goes_on("6.5.2")
def SETTINGS_that_nobody_knows(client):
    client.send(frames.settings((0xF0F0, 1), (0, 7), (0xFFFF, 2**32 - 1)))


@goes_on("6.5.2")
def MAX_CONCURRENT_STREAMS_of_0_is_about_pushes(client):
    client.send(frames.settings((frames.MAX_CONCURRENT_STREAMS, 0)))


@checked("6.5.3")
def the_last_value_of_a_setting_counts(client):
    client.send(
        frames.settings((frames.INITIAL_WINDOW_SIZE, 500), (frames.INITIAL_WINDOW_SIZE, 10))
    )
    client.request()
    client.until(lambda one: len(one.answer().body) > 10 or one.answer().over, 0.5)
    return None if len(client.answer().body) == 10 else f"{len(client.answer().body)} bytes came"


@goes_on("6.5")
def an_empty_SETTINGS(client):
    client.send(frames.settings())


@connection_error("6.6", PROTOCOL)
def PUSH_PROMISE_on_an_open_stream(client):
    opened(client)
    promised = (2).to_bytes(4, "big") + client.block()
    client.send(frames.frame(frames.PUSH_PROMISE, frames.END_HEADERS, 1, promised))


@connection_error("6.6", PROTOCOL)
def PUSH_PROMISE_without_a_stream(client):
    promised = (2).to_bytes(4, "big") + client.block()
    client.send(frames.frame(frames.PUSH_PROMISE, frames.END_HEADERS, 0, promised))


@checked("6.7")
def PING_is_answered_with_its_payload(client):
    client.send(frames.ping(b"\x00\xff binar"), frames.ping(b"87654321"))
    client.until(lambda one: len(one.pongs) > 1)
    return None if set(client.pongs) == {b"\x00\xff binar", b"87654321"} else told(client)


@checked("6.7")
def an_acknowledged_PING_is_not_answered(client):
    client.send(frames.ping(b"unasked!", ack=True))
    lives = client.lives(1)
    return None if lives and client.pongs == [b"still on"] else f"{client.pongs}: {told(client)}"


@connection_error("6.7", SIZE)
def PING_that_is_too_short(client):
    client.send(frames.frame(frames.PING, 0, 0, bytes(7)))


@connection_error("6.7", SIZE)
def PING_that_is_too_long(client):
    client.send(frames.frame(frames.PING, 0, 0, bytes(9)))


@connection_error("6.7", SIZE)
def PING_of_nothing(client):
    client.send(frames.frame(frames.PING, 0, 0))


@connection_error("6.7", PROTOCOL)
def PING_of_a_stream(client):
    client.send(frames.frame(frames.PING, 0, 1, bytes(8)))


@connection_error("6.8", PROTOCOL)
def GOAWAY_of_a_stream(client):
    client.send(frames.goaway(stream=1))


@connection_error("6.8", SIZE, PROTOCOL)
def GOAWAY_that_is_too_short(client):
    client.send(frames.frame(frames.GOAWAY, 0, 0, bytes(7)))


@checked("6.8")
def what_is_open_when_the_client_says_GOAWAY_is_finished(client):
    opened(client)
    client.send(frames.goaway(0, 0, b"leaving"), frames.data(1, b"", end=True))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@checked("6.8")
def GOAWAY_with_what_it_has_to_say(client):
    finished(client)
    client.send(frames.goaway(0, 0, b"x" * 1000))
    client.until(lambda one: one.closed or one.goaway is not None, 0.3)
    return None if client.goaway in (None, 0) else told(client)


CASES = cases_of(vars())

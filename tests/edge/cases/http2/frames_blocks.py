"""Field blocks in several frames, which nothing may come between (RFC 9113, 6.10)."""

from edge.cases.http2.expectations import (
    big_block,
    cases_of,
    checked,
    connection_error,
    opened,
    told,
)
from edge.http2 import frames

PROTOCOL = 1


@connection_error("6.10", PROTOCOL)
def CONTINUATION_without_a_stream(client):
    client.send(frames.headers(1, client.block(), whole=False), frames.continuation(0, b""))


@connection_error("6.10", PROTOCOL)
def CONTINUATION_of_another_stream(client):
    block = client.block()
    client.send(frames.headers(1, block[:9], whole=False), frames.continuation(3, block[9:]))


@connection_error("6.10", PROTOCOL)
def CONTINUATION_behind_a_whole_field_block(client):
    client.send(frames.headers(1, client.block(), end=False), frames.continuation(1, b""))


@connection_error("6.10", PROTOCOL)
def CONTINUATION_behind_the_last_one(client):
    block = client.block()
    client.send(frames.headers(1, block[:9], end=False, whole=False))
    client.send(frames.continuation(1, block[9:]), frames.continuation(1, b""))


@connection_error("6.10", PROTOCOL)
def CONTINUATION_behind_DATA(client):
    opened(client)
    client.send(frames.data(1, b"x"), frames.continuation(1, client.block()))


@connection_error("6.10", PROTOCOL)
def SETTINGS_within_a_field_block(client):
    client.send(frames.headers(1, client.block(), whole=False), frames.settings())


@connection_error("6.10", PROTOCOL)
def PRIORITY_within_a_field_block(client):
    client.send(frames.headers(1, client.block(), whole=False), frames.priority(1))


@connection_error("6.10", PROTOCOL)
def RST_STREAM_within_a_field_block(client):
    client.send(frames.headers(1, client.block(), whole=False), frames.reset(1))


@connection_error("6.10", PROTOCOL)
def WINDOW_UPDATE_within_a_field_block(client):
    client.send(frames.headers(1, client.block(), whole=False), frames.window(0, 1))


@connection_error("6.10", PROTOCOL)
def GOAWAY_within_a_field_block(client):
    client.send(frames.headers(1, client.block(), whole=False), frames.goaway())


@checked("6.10")
def a_field_block_in_several_frames(client):
    block = big_block(client, 20000)
    client.send(frames.headers(1, block[:1], whole=False))
    client.send(frames.continuation(1, block[1:16000], whole=False))
    client.send(frames.continuation(1, b"", whole=False), frames.continuation(1, block[16000:]))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@checked("6.10")
def HEADERS_of_nothing_before_CONTINUATION(client):
    client.send(frames.headers(1, b"", whole=False), frames.continuation(1, client.block()))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@checked("6.10")
def trailers_in_two_frames(client):
    opened(client)
    trailers = b"\x00\x07x-trail\x01v"
    client.send(frames.data(1, b"x"), frames.headers(1, trailers[:4], whole=False))
    client.send(frames.continuation(1, trailers[4:]))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


CASES = cases_of(vars())

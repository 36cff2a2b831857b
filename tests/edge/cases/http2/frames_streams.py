"""Streams: their states, identifiers and number, and how errors end them (RFC 9113, 5)."""

from edge.cases.http2.expectations import (
    AFTERWARDS,
    NotAskable,
    cases_of,
    checked,
    connection_error,
    finished,
    goes_on,
    held,
    opened,
    stream_error,
    told,
)
from edge.http2 import frames

PROTOCOL, CLOSED, REFUSED = 1, 5, 7


@connection_error("5.1", PROTOCOL)
def DATA_on_an_idle_stream(client):
    client.send(frames.data(1, b"x", end=True))


@connection_error("5.1", PROTOCOL)
def RST_STREAM_on_an_idle_stream(client):
    client.send(frames.reset(1))


@connection_error("5.1", PROTOCOL)
def WINDOW_UPDATE_on_an_idle_stream(client):
    client.send(frames.window(1, 100))


@connection_error("5.1", PROTOCOL)
def CONTINUATION_on_an_idle_stream(client):
    client.send(frames.continuation(1, client.block()))


@goes_on("5.1")
def PRIORITY_on_an_idle_stream(client):
    client.send(frames.priority(1))


@stream_error("5.1", CLOSED)
def DATA_on_a_half_closed_stream(client):
    held(client)
    client.send(frames.data(1, b"x", end=True))


@stream_error("5.1", CLOSED, PROTOCOL)
def HEADERS_on_a_half_closed_stream(client):
    held(client)
    client.request(1)


@connection_error("5.1", PROTOCOL, CLOSED)
def CONTINUATION_on_a_half_closed_stream(client):
    held(client)
    client.send(frames.continuation(1, client.block()))


@checked("5.1")
def WINDOW_UPDATE_on_a_half_closed_stream_is_obeyed(client):
    answer = held(client)
    client.send(frames.window(1, 2000))
    if client.until(lambda _: answer.ended) and len(answer.body) == 1000:
        return None
    return f"{len(answer.body)} of 1000 bytes: {told(client)}"


@checked("5.1")
def PRIORITY_on_a_half_closed_stream(client):
    answer = held(client)
    client.send(frames.priority(1), frames.window(1, 2000))
    return None if client.until(lambda _: answer.ended) else told(client)


@checked("5.1")
def RST_STREAM_on_a_half_closed_stream_ends_it_alone(client):
    answer = held(client)
    client.send(frames.reset(1), frames.window(1, 2000))
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW)))
    if not client.lives(AFTERWARDS):
        return told(client)
    return f"{len(answer.body)} bytes came behind the RST_STREAM" if answer.body else None


@stream_error("5.1", CLOSED)
def DATA_on_a_closed_stream(client):
    finished(client)
    client.send(frames.data(1, b"x"))


@stream_error("5.1", CLOSED, PROTOCOL)
def HEADERS_on_a_closed_stream(client):
    finished(client)
    client.request(1)


@connection_error("5.1", PROTOCOL, CLOSED)
def CONTINUATION_on_a_closed_stream(client):
    finished(client)
    client.send(frames.continuation(1, client.block()))


@goes_on("5.1")
def PRIORITY_on_a_closed_stream(client):
    finished(client)
    client.send(frames.priority(1))


@goes_on("5.1")
def WINDOW_UPDATE_on_a_closed_stream(client):
    finished(client)
    client.send(frames.window(1, 100))


@checked("5.4.2")
def RST_STREAM_on_a_closed_stream_is_not_answered_by_one(client):
    finished(client)
    client.send(frames.reset(1), frames.ping())
    client.until(lambda one: one.pongs or one.goaway is not None)
    return told(client) if client.answer(1).reset is not None else None


@stream_error("5.1", CLOSED)
def DATA_after_RST_STREAM(client):
    opened(client)
    client.send(frames.reset(1), frames.data(1, b"x"))


@stream_error("5.1", CLOSED, PROTOCOL, silence=True)
def HEADERS_after_RST_STREAM_begin_no_request(client):
    opened(client)
    client.send(frames.reset(1))
    client.request(1)


@goes_on("5.1")
def PRIORITY_after_RST_STREAM(client):
    opened(client)
    client.send(frames.reset(1), frames.priority(1))


@goes_on("5.1")
def WINDOW_UPDATE_after_RST_STREAM(client):
    opened(client)
    client.send(frames.reset(1), frames.window(1, 10))


@connection_error("5.1.1", PROTOCOL)
def HEADERS_on_a_stream_with_an_even_number(client):
    client.request(2)


@connection_error("5.1.1", PROTOCOL)
def HEADERS_on_a_second_stream_with_an_even_number(client):
    finished(client)
    client.request(4)


@connection_error("5.1.1", PROTOCOL, CLOSED)
def HEADERS_on_a_stream_with_a_lower_number(client):
    finished(client, 5)
    client.request(3)


@connection_error("5.1.1", PROTOCOL, CLOSED)
def HEADERS_on_a_lower_stream_while_the_higher_one_is_open(client):
    opened(client, 7)
    client.request(3)


@checked("5.1.1")
def numbers_of_streams_may_be_skipped(client):
    finished(client, 101)
    return None if client.answer(101).status == 200 else told(client)


@checked("5.1.1")
def the_highest_number_of_a_stream_is_served(client):
    finished(client, 2**31 - 1)
    return None if client.answer(2**31 - 1).status == 200 else told(client)


@stream_error("5.1.1", CLOSED, PROTOCOL)
def DATA_on_a_stream_that_was_skipped(client):
    finished(client, 9)
    client.send(frames.data(5, b"x"))
    return 5


@checked("5.1.2")
def more_streams_than_allowed_are_refused(client):
    allowed = client.settings.get(frames.MAX_CONCURRENT_STREAMS)
    if allowed is None or allowed > 5000:
        raise NotAskable
    for stream in range(1, 2 * allowed + 3, 2):
        opened(client, stream)
    last = client.answer(2 * allowed + 1)
    client.until(lambda one: last.over or one.closed or one.goaway is not None)
    refused = last.reset in (PROTOCOL, REFUSED) or client.goaway == PROTOCOL
    return None if refused or client.closed else f"stream {allowed + 1} of {allowed} is open"


@checked("5.1.2")
def as_many_streams_as_allowed_are_served(client):
    allowed = min(client.settings.get(frames.MAX_CONCURRENT_STREAMS, 100), 100)
    streams = range(1, 2 * allowed + 1, 2)
    for stream in streams:
        opened(client, stream)
    client.send(*(frames.data(stream, b"x", end=True) for stream in streams))
    client.until(lambda one: all(one.answer(stream).over for stream in streams), 5)
    good = sum(client.answer(stream).status == 200 for stream in streams)
    return None if good == allowed else f"{good} of {allowed} were answered: {told(client)[:200]}"


@checked("5.1.2")
def a_stream_that_was_reset_makes_place_for_another(client):
    allowed = min(client.settings.get(frames.MAX_CONCURRENT_STREAMS, 100), 100)
    for stream in range(1, 2 * allowed + 1, 2):
        opened(client, stream)
    client.send(frames.reset(1))
    return None if client.lives(AFTERWARDS) else told(client)[:200]


@goes_on("5.3.2")
def PRIORITY_of_a_stream_on_itself_does_no_harm_to_others(client):
    # An error in RFC 7540, 5.3.1; of no meaning since.
    client.send(frames.priority(1, on=3))


@goes_on("5.3.2")
def a_chain_of_priorities(client):
    client.send(*(frames.priority(stream, on=stream - 2) for stream in range(3, 101, 2)))


@checked("5.4.1")
def the_connection_is_closed_after_its_error(client):
    client.send(frames.data(0, b"x"))
    client.until(lambda one: one.closed, 6)
    return None if client.closed else f"open after 6 s: {told(client)}"


@checked("5.4.1")
def GOAWAY_names_the_last_stream(client):
    finished(client, 1)
    finished(client, 3)
    client.send(frames.data(0, b"x"))
    client.until(lambda one: one.goaway is not None or one.closed)
    said = [one for one in client.seen if one.kind == frames.GOAWAY]
    last = int.from_bytes(said[-1].payload[:4], "big") if said else 3
    return None if 3 <= last <= frames.LARGEST_WINDOW else f"the last stream is said to be {last}"


@checked("5.4.2")
def RST_STREAM_is_not_answered_by_one(client):
    opened(client)
    client.send(frames.reset(1), frames.ping())
    client.until(lambda one: one.pongs)
    return told(client) if client.answer(1).reset is not None or not client.pongs else None


@goes_on("5.5")
def frames_of_unknown_types_are_ignored(client):
    client.send(*(frames.frame(kind, 0xFF, 0, b"what is this") for kind in range(0x20, 0x30)))


@goes_on("5.5")
def a_frame_of_an_unknown_type_without_a_payload(client):
    client.send(frames.frame(0xFE, 0, 0))


@connection_error("5.5", PROTOCOL)
def a_frame_of_an_unknown_type_within_a_field_block(client):
    block = client.block()
    client.send(frames.headers(1, block[:5], whole=False), frames.frame(0x77, 0, 1, b"now this"))
    client.send(frames.continuation(1, block[5:]))


@checked("5.5")
def a_frame_of_an_unknown_type_within_a_body(client):
    opened(client)
    client.send(frames.data(1, b"x"), frames.frame(0x77, 1, 1, b"?"), frames.data(1, b"", end=True))
    client.until(lambda one: one.answer(1).over)
    return None if client.answer(1).status == 200 else told(client)


@checked("5.5")
def a_frame_of_an_unknown_type_on_a_closed_stream(client):
    finished(client)
    client.send(frames.frame(0x77, 0, 1, b"late"))
    return None if client.lives(3) else told(client)


CASES = cases_of(vars())

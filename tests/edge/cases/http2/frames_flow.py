"""Flow control: what a server may send, and what it has to take (RFC 9113, 5.2 and 6.9)."""

from edge.cases.http2.expectations import (
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

PROTOCOL, FLOW, SIZE = 1, 3, 6

_LARGE = bytes(200_000)


@connection_error("6.9", PROTOCOL)
def WINDOW_UPDATE_of_0_for_the_connection(client):
    client.send(frames.window(0, 0))


@stream_error("6.9", PROTOCOL)
def WINDOW_UPDATE_of_0_for_a_stream(client):
    opened(client)
    client.send(frames.window(1, 0))


@connection_error("6.9", SIZE)
def WINDOW_UPDATE_that_is_too_short(client):
    client.send(frames.frame(frames.WINDOW_UPDATE, 0, 0, bytes(3)))


@connection_error("6.9", SIZE)
def WINDOW_UPDATE_that_is_too_long(client):
    client.send(frames.frame(frames.WINDOW_UPDATE, 0, 0, b"\0\0\0\x01\0"))


@connection_error("6.9", SIZE)
def WINDOW_UPDATE_of_a_stream_that_is_too_long(client):
    opened(client)
    client.send(frames.frame(frames.WINDOW_UPDATE, 0, 1, b"\0\0\0\x01\0"))


@goes_on("6.9")
def the_reserved_bit_of_a_window(client):
    client.send(frames.window(0, 1 << 31 | 1))


@connection_error("6.9.1", FLOW)
def a_window_of_the_connection_above_the_largest(client):
    client.send(frames.window(0, frames.LARGEST_WINDOW))


@connection_error("6.9.1", FLOW)
def a_window_of_the_connection_above_the_largest_in_two_steps(client):
    client.send(frames.window(0, frames.LARGEST_WINDOW - frames.DEFAULT_WINDOW))
    client.send(frames.window(0, 1))


@goes_on("6.9.1")
def a_window_of_the_connection_of_the_largest(client):
    client.send(frames.window(0, frames.LARGEST_WINDOW - frames.DEFAULT_WINDOW))


@stream_error("6.9.1", FLOW)
def a_window_of_a_stream_above_the_largest(client):
    opened(client)
    client.send(frames.window(1, frames.LARGEST_WINDOW))


@stream_error("6.9.1", FLOW)
def a_window_of_a_half_closed_stream_above_the_largest(client):
    held(client)
    client.send(frames.window(1, frames.LARGEST_WINDOW), frames.window(1, 1))


@connection_error("6.9.2", FLOW)
def SETTINGS_that_lift_a_stream_above_the_largest(client):
    opened(client)
    client.send(frames.window(1, frames.LARGEST_WINDOW - frames.DEFAULT_WINDOW))
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW + 1)))


@checked("6.9.1")
def no_more_is_sent_than_the_window_of_a_stream(client):
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, 10)))
    client.request()
    return _gets_exactly(client, 10)


@checked("6.9.1", body=_LARGE)
def no_more_is_sent_than_the_window_of_the_connection(client):
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, 1 << 20)))
    client.request()
    return _gets_exactly(client, frames.DEFAULT_WINDOW)


@checked("6.9.1", body=_LARGE)
def no_more_is_sent_than_the_window_that_all_start_with(client):
    client.send(frames.window(0, 1 << 20))
    client.request()
    return _gets_exactly(client, frames.DEFAULT_WINDOW)


@checked("6.9")
def a_window_opened_by_one_byte_lets_one_byte_through(client):
    answer = held(client)
    client.send(frames.window(1, 1))
    client.until(lambda _: answer.over or len(answer.body) > 1, 0.5)
    return None if len(answer.body) == 1 else f"{len(answer.body)} bytes: {told(client)}"


@checked("6.9")
def a_window_opened_byte_by_byte(client):
    answer = held(client)
    for count in range(1, 51):
        client.send(frames.window(1, 1))
        if not client.until(lambda _: len(answer.body) >= count):
            break
    return None if len(answer.body) == 50 else f"{len(answer.body)} bytes: {told(client)}"


@checked("6.9.2")
def SETTINGS_open_the_windows_of_streams(client):
    answer = held(client)
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, 600)))
    client.until(lambda _: answer.over or len(answer.body) > 600, 0.5)
    return None if len(answer.body) == 600 else f"{len(answer.body)} bytes: {told(client)}"


@checked("6.9.2")
def a_window_below_zero_is_kept_track_of(client):
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, 500)))
    client.request()
    wrong = _gets_exactly(client, 500)
    if wrong:
        return wrong
    # The window is -400 now.
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, 100)), frames.window(1, 450))
    return _gets_exactly(client, 550)


@checked("6.9.2")
def SETTINGS_do_not_change_the_window_of_the_connection(client):
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, 0)))
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW)))
    return None if client.lives(1) else told(client)


@checked("6.9", body=b"")
def an_answer_without_a_body_needs_no_window(client):
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, 0)))
    client.request()
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 and client.answer().ended else told(client)


@checked("6.9", body=_LARGE)
def one_stream_without_a_window_holds_up_no_other(client):
    client.send(frames.window(0, 1 << 20), frames.settings((frames.INITIAL_WINDOW_SIZE, 0)))
    client.request(1)
    client.request(3)
    client.send(frames.window(3, 300_000))
    client.until(lambda one: one.answer(3).over, 4)
    got = len(client.answer(3).body)
    return None if got == len(_LARGE) else f"{got} of {len(_LARGE)} bytes: {told(client)}"


@stream_error("6.9.1", FLOW)
def more_DATA_than_the_window(client):
    _overrun(client)


@checked("6.9")
def what_an_upload_has_taken_is_given_back(client):
    opened(client)
    stream = client.settings.get(frames.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW)
    sent, wanted = 0, 300_000
    while sent < wanted:
        given = _given(client, 1) + stream, _given(client, 0) + frames.DEFAULT_WINDOW
        room = min(*given, wanted) - sent
        if room > 0:
            piece = min(room, frames.DEFAULT_FRAME)
            client.send(frames.data(1, bytes(piece)))
            sent += piece
        elif not client.until(
            lambda one: min(_given(one, 1) + stream, _given(one, 0) + 65535) > sent
        ):
            return f"no window after {sent} bytes: {told(client)}"
    client.send(frames.data(1, b"", end=True))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@checked("6.9")
def padding_is_given_back_like_content(client):
    opened(client)
    stream = client.settings.get(frames.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW)
    allowed = min(stream, frames.DEFAULT_WINDOW)
    sent = 0
    # Thrice the connection's window, nearly all of it padding.
    while sent < 3 * frames.DEFAULT_WINDOW:
        room = min(_given(client, 1) + stream, _given(client, 0) + frames.DEFAULT_WINDOW) - sent
        if room < 257:
            waits = min(_given(client, 1), _given(client, 0))
            if not client.until(lambda one: min(_given(one, 1), _given(one, 0)) > waits):
                return f"no window after {sent} bytes, {allowed} at the start: {told(client)}"
            continue
        client.send(frames.data(1, b"x", pad=255))
        sent += 257
    client.send(frames.data(1, b"", end=True))
    client.until(lambda one: one.answer().over)
    return None if client.answer().status == 200 else told(client)


@checked("5.1")
def DATA_of_streams_that_were_reset_is_given_back_to_the_connection(client):
    stream = client.settings.get(frames.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW)
    each = min(stream, frames.DEFAULT_FRAME, 16_000)
    sent, number = 0, 1
    while sent < 4 * frames.DEFAULT_WINDOW and number < 199:
        if _given(client, 0) + frames.DEFAULT_WINDOW - sent < each:
            if not client.until(lambda one: _given(one, 0) + frames.DEFAULT_WINDOW - sent >= each):
                return f"no window for the connection after {sent} bytes: {told(client)}"
        opened(client, number)
        client.send(frames.data(number, bytes(each)), frames.reset(number))
        sent, number = sent + each, number + 2
    return None if client.lives(201) else told(client)[:200]


@goes_on("6.9")
def WINDOW_UPDATE_for_a_stream_that_has_ended(client):
    finished(client)
    client.send(frames.window(1, 1000), frames.window(1, 1000))


def _gets_exactly(client, count):
    answer = client.answer()
    client.until(lambda _: answer.over or len(answer.body) > count, 0.3)
    if not client.until(lambda _: len(answer.body) >= count) or len(answer.body) != count:
        return f"{len(answer.body)} bytes, {count} were allowed: {told(client)}"
    return None


def _overrun(client):
    """Sends more than any window that was given."""
    opened(client)
    stream = client.settings.get(frames.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW)
    for _ in range(200):
        client.until(lambda one: one.closed or one.answer().over or one.goaway is not None, 0.001)
        if client.closed or client.answer().over or client.goaway is not None:
            return
        room = max(stream + _given(client, 1), frames.DEFAULT_WINDOW + _given(client, 0))
        piece = frames.data(1, bytes(frames.DEFAULT_FRAME))
        client.send(*[piece] * (min(room, 4 << 20) // frames.DEFAULT_FRAME + 2))


def _given(client, stream):
    """How much the server has added to a window."""
    updates = (one for one in client.seen if one.kind == frames.WINDOW_UPDATE)
    return sum(int.from_bytes(one.payload, "big") for one in updates if one.stream == stream)


CASES = cases_of(vars())

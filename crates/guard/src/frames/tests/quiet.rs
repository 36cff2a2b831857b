//! Connections that live long, and are no floods for that.

use super::*;

fn begun(now: Instant) -> Frames {
    let mut frames = Frames::new(TERMS, now);
    let begun = [PREFACE, &frame(4, 0, 0, &[])].concat();
    frames.take(&begun, &mut Vec::new(), now);
    frames
}

#[test]
fn pings_keep_a_quiet_connection_alive_for_days() {
    let mut now = Instant::now();
    let mut frames = begun(now);
    for _ in 0..50_000 {
        frames.take(&frame(6, 0, 0, &[0; 8]), &mut Vec::new(), now);
        now += Duration::from_secs(5);
    }
    assert_eq!(frames.fault(), None);
}

#[test]
fn answered_streams_may_be_reset_together() {
    let now = Instant::now();
    let mut frames = begun(now);
    for n in 0..900 {
        frames.take(&request(2 * n + 1, 0), &mut Vec::new(), now);
        frames.wrote(&frame(1, 4, 2 * n + 1, &[0x88]));
        frames.wrote(&frame(0, 0, 2 * n + 1, &[1; 5]));
    }
    for n in 0..900 {
        frames.take(&frame(3, 0, 2 * n + 1, &[0, 0, 0, 8]), &mut Vec::new(), now);
    }
    assert_eq!(frames.fault(), None);
}

#[test]
fn an_answered_stream_is_not_reset_again_and_again() {
    let now = Instant::now();
    let mut frames = begun(now);
    frames.take(&request(1, 0), &mut Vec::new(), now);
    frames.wrote(&frame(0, 1, 1, &[1; 5]));
    for _ in 0..=TERMS.max_resets + 1 {
        frames.take(&frame(3, 0, 1, &[0, 0, 0, 8]), &mut Vec::new(), now);
    }
    assert_eq!(frames.fault(), Some(FrameFault::Resets));
}

/// Has the codec reject so many streams, one each `pause`.
fn rejected(count: u32, pause: Duration) -> Frames {
    let mut now = Instant::now();
    let mut frames = begun(now);
    for n in 0..count {
        frames.take(&request(2 * n + 1, 1), &mut Vec::new(), now);
        frames.wrote(&frame(3, 0, 2 * n + 1, &[0, 0, 0, 1]));
        now += pause;
    }
    frames
}

#[test]
fn streams_are_rejected_now_and_then_for_as_long_as_a_connection_lives() {
    let frames = rejected(5_000, Duration::from_secs(1));
    assert_eq!((frames.fault(), frames.rejections()), (None, 5_000));
}

#[test]
fn streams_are_not_rejected_again_and_again() {
    let frames = rejected(101, Duration::from_millis(1));
    assert_eq!(frames.fault(), Some(FrameFault::Resets));
}

#[test]
fn what_begins_behind_a_complete_frame_has_its_own_time() {
    let now = Instant::now();
    let later = now + Duration::from_secs(9);
    let mut frames = begun(now);
    let ping = frame(6, 0, 0, &[0; 8]);
    frames.take(&ping[..4], &mut Vec::new(), now);
    let rest_and_more = [&ping[4..], &ping[..4]].concat();
    frames.take(&rest_and_more, &mut Vec::new(), later);
    assert_eq!(frames.waiting_since(), Some(later));
}

#[test]
fn while_nobody_reads_nothing_is_owed() {
    let now = Instant::now();
    let pause = Duration::from_secs(60);
    let mut frames = begun(now);
    frames.not_read_for(pause);
    assert_eq!(frames.waiting_since(), None);
    frames.take(&frame(6, 0, 0, &[0; 8])[..4], &mut Vec::new(), now);
    frames.not_read_for(pause);
    assert_eq!(frames.waiting_since(), Some(now + pause));
}

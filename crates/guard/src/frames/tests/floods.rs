//! What is a flood, and what only looks like one.

use super::*;

/// A connection, after so many requests without an answer.
fn connection(requests: u32) -> Frames {
    let mut frames = Frames::new(TERMS, Instant::now());
    let mut begun = [PREFACE, &frame(4, 0, 0, &[])].concat();
    for n in 0..requests {
        begun.extend(request(2 * n + 1, 0));
    }
    frames.take(&begun, &mut Vec::new(), Instant::now());
    assert_eq!(frames.fault(), None);
    frames
}

/// How many times a frame passes.
fn endured(frames: &mut Frames, frame: &[u8], most: usize) -> usize {
    for n in 0..most {
        frames.take(frame, &mut Vec::new(), Instant::now());
        if frames.fault().is_some() {
            return n;
        }
    }
    most
}

#[test]
fn floods_are_cut() {
    let zero_window = frame(8, 0, 0, &[0, 0, 0, 1]);
    let table: [(FrameFault, Vec<u8>, usize); 8] = [
        (FrameFault::Control, frame(6, 0, 0, &[0; 8]), 1_100),
        (FrameFault::Control, frame(6, 1, 0, &[0; 8]), 1_100),
        (FrameFault::Control, frame(4, 0, 0, &[]), 1_100),
        (FrameFault::WindowUpdates, zero_window, 200),
        (FrameFault::Priorities, frame(2, 0, 7, &[0; 5]), 300),
        (FrameFault::Priorities, frame(0x10, 0, 0, &[]), 300),
        (FrameFault::EmptyFrames, frame(0, 0, 1, &[]), 20),
        (FrameFault::Resets, frame(3, 0, 1, &[0; 4]), 600),
    ];
    for (fault, frame, most) in table {
        let mut frames = connection(1);
        let endured = endured(&mut frames, &frame, most);
        assert_eq!(frames.fault(), Some(fault), "after {endured}");
        assert!(endured > 0);
    }
}

#[test]
fn fields_without_end_are_cut() {
    for (payload, fault) in [
        (&[][..], FrameFault::EmptyFrames),
        (&[0; 1], FrameFault::Continuations),
        (&[0; 16_384], FrameFault::Continuations),
    ] {
        let mut frames = connection(0);
        let head = frame(1, 0, 1, &[0]);
        frames.take(&head, &mut Vec::new(), Instant::now());
        endured(&mut frames, &frame(9, 0, 1, payload), 100);
        assert_eq!(frames.fault(), Some(fault));
        assert!(frames.blocks.begun.len() <= 4 * TERMS.max_head_bytes);
    }
}

/// How many of these blocks pass, each as a request.
fn blocks_endured(block_of: impl Fn(u32) -> Vec<u8>, most: u32) -> (u32, Option<FrameFault>) {
    let mut frames = connection(0);
    let endured = (0..most).find(|n| {
        let head = frame(1, 0x5, 2 * n + 1, &block_of(*n));
        frames.take(&head, &mut Vec::new(), Instant::now());
        frames.fault().is_some()
    });
    (endured.unwrap_or(most), frames.fault())
}

#[test]
fn a_client_most_of_whose_heads_are_too_large_is_cut() {
    let too_large = [block(&GET), literal("a", "b").repeat(101)].concat();
    let (endured, fault) = blocks_endured(|_| too_large.clone(), 100);
    assert_eq!((endured, fault), (32, Some(FrameFault::Continuations)));
    let sometimes = |n| match n % 2 {
        0 => block(&GET),
        _ => too_large.clone(),
    };
    assert_eq!(blocks_endured(sometimes, 1_000), (1_000, None));
}

#[test]
fn what_a_few_bytes_say_is_bounded() {
    let long_name = [&[0x40, 0x7f, 0xa1, 0x1e][..], &[b'n'; 4000], &[0]].concat();
    let references = [0x0f, 0x2f, 0].repeat(5_000);
    let names = |n| match n {
        0 => [block(&GET), long_name.clone()].concat(),
        _ => [block(&GET), references.clone()].concat(),
    };
    assert_eq!(
        blocks_endured(names, 10),
        (1, Some(FrameFault::Continuations))
    );
}

#[test]
fn streams_that_are_opened_to_be_reset_are_cut() {
    let mut frames = connection(0);
    let pairs = (0..1_000).find(|n| {
        let id = 2 * n + 1;
        let pair = [request(id, 1), frame(3, 0, id, &[0, 0, 0, 8])].concat();
        frames.take(&pair, &mut Vec::new(), Instant::now());
        frames.fault().is_some()
    });
    assert_eq!(
        (pairs, frames.fault()),
        (Some(500), Some(FrameFault::Resets))
    );
}

#[test]
fn resets_among_many_requests_are_nothing_to_speak_of() {
    let mut frames = connection(0);
    for n in 0..10_000 {
        let id = 2 * n + 1;
        let mut bytes = request(id, 1);
        if n % 3 == 0 {
            bytes.extend(frame(3, 0, id, &[0, 0, 0, 8]));
        }
        frames.take(&bytes, &mut Vec::new(), Instant::now());
    }
    assert_eq!(frames.fault(), None);
}

#[test]
fn resets_are_forgotten_in_time() {
    let mut frames = connection(0);
    let mut now = Instant::now();
    for n in 0..5_000 {
        let id = 2 * n + 1;
        let pair = [request(id, 1), frame(3, 0, id, &[0, 0, 0, 8])].concat();
        frames.take(&pair, &mut Vec::new(), now);
        now += Duration::from_millis(100);
    }
    assert_eq!(frames.fault(), None);
}

#[test]
fn whoever_takes_an_answer_may_open_windows_and_measure_its_way() {
    let mut frames = connection(1);
    let answered = frame(0, 0, 1, &[0; 100]);
    for _ in 0..10_000 {
        frames.wrote(&answered);
        for _ in 0..10 {
            frames.take(
                &frame(8, 0, 0, &[0, 0, 0, 1]),
                &mut Vec::new(),
                Instant::now(),
            );
            frames.take(
                &frame(8, 0, 1, &[0, 0, 0, 1]),
                &mut Vec::new(),
                Instant::now(),
            );
        }
        frames.take(&frame(6, 0, 0, &[0; 8]), &mut Vec::new(), Instant::now());
    }
    assert_eq!(frames.fault(), None);
}

#[test]
fn many_small_messages_and_flushes_pass() {
    let mut frames = connection(1);
    let pieces = [frame(0, 0, 1, &[1; 5]), frame(0, 0, 1, &[])].concat();
    assert_eq!(endured(&mut frames, &pieces, 100_000), 100_000);
}

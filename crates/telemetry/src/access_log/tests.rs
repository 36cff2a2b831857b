use std::fs::{self, OpenOptions};
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::{BuildInfo, Telemetry};

const PATIENCE: Duration = Duration::from_secs(20);

struct Started {
    log: AccessLog,
    counts: Arc<AccessLogCounts>,
    writer: AccessLogWriter,
}

fn started() -> Started {
    let counts = Arc::new(AccessLogCounts::default());
    let (log, writer) = AccessLogWriter::start(&counts).unwrap();
    Started {
        log,
        counts,
        writer,
    }
}

/// A path of the test's own, with nothing at it.
fn fresh(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("nuncio-{}-{name}", std::process::id()));
    drop(fs::remove_file(&path));
    drop(fs::remove_dir_all(&path));
    path
}

fn text(path: &std::path::Path) -> Arc<str> {
    Arc::from(path.to_str().unwrap())
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        thread::yield_now();
    }
}

#[test]
fn lines_arrive_in_order_and_the_last_ones_before_the_end() {
    let Started {
        log,
        counts,
        writer,
    } = started();
    let file = fresh("order");
    let path = text(&file);
    let mut lines = log.lines();
    for n in 0..5000 {
        lines.add(&path, |out| {
            out.extend_from_slice(format!("{n}\n").as_bytes());
        });
        // A line a batch at times, as from a worker with little to do.
        if n % 100 == 0 {
            lines.hand_over();
            until("the queue has room", || counts.written.value() + 200 > n);
        }
    }
    drop(lines);
    writer.finish(PATIENCE);
    let expected: String = (0..5000).map(|n| format!("{n}\n")).collect();
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    assert_eq!((counts.written.value(), counts.dropped.value()), (5000, 0));
    fs::remove_file(file).unwrap();
}

#[test]
fn what_became_of_lines_is_on_the_page() {
    let telemetry = Telemetry::new(BuildInfo::default());
    assert!(telemetry.access_log().is_none());
    let writer = telemetry.start_access_log().unwrap();
    let mut lines = telemetry.access_log().unwrap().lines();
    lines.add(&Arc::from("/dev/null"), |out| out.push(b'\n'));
    lines.add(&Arc::from("/dev/full"), |out| out.push(b'\n'));
    drop(lines);
    writer.finish(PATIENCE);
    let mut page = Vec::new();
    telemetry.render(&mut page);
    let page = String::from_utf8(page).unwrap();
    assert!(
        page.contains("\nnuncio_access_log_written_total 1\n"),
        "{page}"
    );
    assert!(
        page.contains("\nnuncio_access_log_dropped_total 1\n"),
        "{page}"
    );
}

#[test]
fn the_first_line_of_a_batch_says_that_something_waits() {
    let Started { log, writer, .. } = started();
    let path: Arc<str> = Arc::from("/dev/null");
    let mut lines = log.lines();
    let add = |lines: &mut Lines| lines.add(&path, |out| out.push(b'\n'));
    assert_eq!(add(&mut lines), Waiting::Begun);
    assert_eq!(add(&mut lines), Waiting::Unchanged);
    lines.hand_over();
    assert_eq!(add(&mut lines), Waiting::Begun);
    lines.hand_over();
    let large = lines.add(&path, |out| out.resize(BATCH, b'x'));
    assert_eq!(large, Waiting::Unchanged);
    assert_eq!(add(&mut lines), Waiting::Begun);
    writer.finish(PATIENCE);
}

#[test]
fn a_line_beyond_all_measure_is_dropped_and_its_neighbours_are_not() {
    let Started {
        log,
        counts,
        writer,
    } = started();
    let file = fresh("measure");
    let path = text(&file);
    let mut lines = log.lines();
    lines.add(&path, |out| out.extend_from_slice(b"before\n"));
    lines.add(&path, |out| out.resize(out.len() + MAX_LINE + 1, b'x'));
    lines.add(&path, |out| out.extend_from_slice(b"after\n"));
    drop(lines);
    writer.finish(PATIENCE);
    assert_eq!(fs::read_to_string(&file).unwrap(), "before\nafter\n");
    assert_eq!(counts.dropped.value(), 1);
    fs::remove_file(file).unwrap();
}

#[test]
fn another_path_takes_effect_with_the_next_line() {
    let Started { log, writer, .. } = started();
    let (one, other) = (fresh("one"), fresh("other"));
    let mut lines = log.lines();
    lines.add(&text(&one), |out| out.extend_from_slice(b"1\n"));
    lines.add(&text(&other), |out| out.extend_from_slice(b"2\n"));
    drop(lines);
    writer.finish(PATIENCE);
    assert_eq!(fs::read_to_string(&one).unwrap(), "1\n");
    assert_eq!(fs::read_to_string(&other).unwrap(), "2\n");
    fs::remove_file(one).unwrap();
    fs::remove_file(other).unwrap();
}

#[test]
fn a_file_that_cannot_be_opened_is_tried_again() {
    let Started {
        log,
        counts,
        writer,
    } = started();
    let folder = fresh("folder");
    let file = folder.join("access.log");
    let path = text(&file);
    let mut lines = log.lines();
    let mut add = || {
        lines.add(&path, |out| out.extend_from_slice(b"x\n"));
        lines.hand_over();
    };
    add();
    until("the line is dropped", || counts.dropped.value() == 1);
    fs::create_dir(&folder).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while counts.written.value() == 0 {
        assert!(Instant::now() < deadline, "nothing is written");
        add();
        thread::yield_now();
    }
    writer.finish(PATIENCE);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_reader_that_has_stopped_costs_lines_and_nothing_else() {
    let Started {
        log,
        counts,
        writer,
    } = started();
    let pipe = fresh("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    // Open for both, so that neither side waits for the other; nobody reads.
    let mut reader = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    let path = text(&pipe);
    let mut lines = log.lines();
    let batches = 2 * QUEUE as u64;
    for _ in 0..batches {
        lines.add(&path, |out| out.resize(BATCH, b'\n'));
    }
    drop(lines);
    until("lines are dropped", || {
        counts.dropped.value() + counts.written.value() + QUEUE as u64 >= batches - 1
    });
    assert!(counts.dropped.value() > 0);
    // Nor does the end wait for it.
    writer.finish(Duration::from_millis(50));
    let mut taken = [0; 16];
    reader.read_exact(&mut taken).unwrap();
    fs::remove_file(pipe).unwrap();
}

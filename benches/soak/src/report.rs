//! What came of it, for people or for programs.

use serde_json::json;

use crate::samples::Sample;
use crate::tally::{Event, Good, Tally};
use crate::verdict::{AtRest, Fifths};

/// Prints all.
pub(crate) fn print(
    json: bool,
    (samples, rest): (&[Sample], AtRest),
    tally: &Tally,
    wrong: &[String],
) {
    let memory = Fifths::of(samples, |sample| sample.resident);
    let open = Fifths::of(samples, |sample| sample.descriptors);
    if json {
        let seconds: Vec<_> = samples.iter().map(Sample::told).collect();
        let rows: serde_json::Map<_, _> = rows(tally)
            .map(|(name, count)| (name, json!(count)))
            .collect();
        let said = json!({
            "seconds": seconds, "counts": rows, "wrong": wrong, "failures": tally.failures(),
            "rss_bytes": [memory.second, memory.last], "descriptors": [open.second, open.last],
            "descriptors_at_rest": [rest.before, rest.after],
        });
        println!("{said}");
        return;
    }
    println!("\n{} s\n\n| what | how much |\n|---|---:|", samples.len());
    for (name, count) in rows(tally) {
        println!("| {name} | {count} |");
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let (second, last) = (mib(memory.second), mib(memory.last));
    println!("| RSS, second fifth and last | {second:.1} MiB, {last:.1} MiB |");
    println!("| descriptors, likewise | {}, {} |", open.second, open.last);
    println!(
        "| descriptors at rest, before and after | {}, {} |",
        rest.before, rest.after
    );
    for failure in tally.failures() {
        println!("failed: {failure}");
    }
}

fn rows(tally: &Tally) -> impl Iterator<Item = (String, u64)> {
    let good = Good::ALL.map(|kind| (kind.name().to_owned(), tally.count(kind)));
    let events = [
        ("broken exchanges", Event::Broken),
        ("changes of configuration", Event::Change),
        ("certificates written", Event::Rotation),
        ("deaths of upstreams", Event::Death),
    ];
    let events = events.map(|(name, event)| (name.to_owned(), tally.events(event)));
    let others = [
        ("certificates seen".to_owned(), tally.certificates()),
        ("failed of the good half".to_owned(), tally.failed()),
    ];
    good.into_iter().chain(events).chain(others)
}

//! What to tell statsd: lines, and what each of them settles.
//!
//! Invariant: a counter's baseline moves only when its line was sent.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::called::Called;
use crate::family::{Scope, Value};
use crate::listener::{ListenerStats, unix_seconds};
use crate::status::{Classes, Codes};
use crate::telemetry::{Handles, Telemetry};
use crate::text;

/// How much of each counter a receiver has been told.
#[derive(Debug, Default)]
pub(super) struct Baseline(HashMap<Slot, u64>);

/// One counter, whatever its handle: the handle's id, the place in its table, and the status class
/// or code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    handle: u32,
    stat: usize,
    status: u16,
}

/// Part of a counter, in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delta {
    slot: Slot,
    events: u64,
}

/// Lines to be sent, each a datagram.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Where each line ends, and the counter it settles.
    lines: Vec<(usize, Option<Delta>)>,
    /// Lines too long for any datagram.
    pub(super) oversized: u64,
}

/// What fits into a datagram on any path with room to spare is a few hundred bytes; this is what
/// fits into one at all.
const LONGEST_LINE: usize = 8_192;

impl Baseline {
    pub(super) fn settle(&mut self, delta: Delta) {
        *self.0.entry(delta.slot).or_default() += delta.events;
    }

    pub(super) fn unsettle(&mut self, delta: Delta) {
        if let Some(told) = self.0.get_mut(&delta.slot) {
            *told = told.saturating_sub(delta.events);
        }
    }

    /// Forgets handles that will not come back.
    pub(super) fn forget(&mut self, handles: &[u32]) {
        if !handles.is_empty() {
            let forgotten: HashSet<_> = handles.iter().collect();
            self.0.retain(|slot, _| !forgotten.contains(&slot.handle));
            if self.0.len() < self.0.capacity() / 4 {
                self.0.shrink_to(self.0.len() * 2);
            }
        }
    }

    fn told(&self, slot: Slot) -> u64 {
        self.0.get(&slot).copied().unwrap_or(0)
    }
}

impl Batch {
    /// All counters, then all gauges, as they are now.
    pub(super) fn flush(telemetry: &Telemetry, baseline: &Baseline) -> Self {
        let handles = telemetry.handles();
        let mut batch = Self::default();
        batch.all_counters(telemetry, &handles, baseline);
        batch.all_gauges(telemetry, &handles);
        batch
    }

    /// The timer samples waiting.
    pub(super) fn timers(telemetry: &Telemetry, called: &mut Called) -> Self {
        let mut batch = Self::default();
        let mut called = called.look(telemetry);
        telemetry.timers.drain(|sample| {
            if let Some([before, of, after]) = called.wire(sample.handle) {
                let parts = [before, of, after, sample.stat];
                batch.line(&parts, None, sample.milliseconds, "|ms", None);
            }
        });
        batch
    }

    /// Each line, and the counter it settles.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Option<Delta>)> {
        let starts = std::iter::once(0).chain(self.lines.iter().map(|&(end, _)| end));
        starts
            .zip(&self.lines)
            .map(|(start, &(end, delta))| (self.bytes.get(start..end).unwrap_or_default(), delta))
    }

    fn all_counters(&mut self, telemetry: &Telemetry, handles: &Handles, baseline: &Baseline) {
        for cluster in &handles.clusters {
            self.counters(&**cluster, baseline, cluster.is_active());
        }
        for http in &handles.https {
            self.counters(&**http, baseline, true);
        }
        for listener in &handles.listeners {
            self.counters(&**listener, baseline, true);
            self.counters(&listener.per_http, baseline, true);
        }
        self.counters(&telemetry.server, baseline, true);
    }

    fn all_gauges(&mut self, telemetry: &Telemetry, handles: &Handles) {
        for cluster in handles
            .clusters
            .iter()
            .filter(|cluster| cluster.is_active())
        {
            self.gauges(&**cluster);
        }
        for http in &handles.https {
            self.gauges(&**http);
        }
        for listener in &handles.listeners {
            self.gauges(&**listener);
            self.certificates(listener);
        }
        self.gauges(&telemetry.server);
    }

    /// A counter never used is not sent; one that was is sent for ever, or, when `live` no longer,
    /// until it is settled.
    fn counters<S: Scope>(&mut self, handle: &S, baseline: &Baseline, live: bool) {
        let (id, [before, of, after]) = (handle.series().id, handle.series().names().wire());
        for (stat, described) in S::STATS.iter().enumerate() {
            let name = [before, of, after, described.name];
            let mut line = |status, value: u64, name: &[&str], class: Option<(u64, &str)>| {
                let slot = Slot {
                    handle: id,
                    stat,
                    status,
                };
                let events = value.saturating_sub(baseline.told(slot));
                if value > 0 && (live || events > 0) {
                    self.line(name, class, events, "|c", Some(Delta { slot, events }));
                }
            };
            match described.value {
                Value::Counter(at) => line(0, at(handle).value(), &name, None),
                Value::Classes(at) => {
                    let class = described.name.trim_end_matches("xx");
                    let name = [before, of, after, class];
                    for (class, value) in Classes::iter(at(handle)) {
                        line(class, value, &name, Some((u64::from(class), "xx")));
                    }
                }
                Value::Codes(at) => {
                    let name = [before, of, after, described.name, "_"];
                    for (code, value) in Codes::iter(at(handle)) {
                        line(code, value, &name, Some((u64::from(code), "")));
                    }
                }
                Value::Gauge(_)
                | Value::Flag(_)
                | Value::Histogram(_)
                | Value::ZeroCounter
                | Value::ZeroGauge => {}
            }
        }
    }

    fn gauges<S: Scope>(&mut self, handle: &S) {
        let [before, of, after] = handle.series().names().wire();
        for stat in S::STATS {
            let (gauge, most) = match stat.value {
                Value::Gauge(at) => (at(handle), u64::MAX),
                Value::Flag(at) => (at(handle), 1),
                _ => continue,
            };
            if gauge.is_used() {
                let value = gauge.value().min(most);
                self.line(&[before, of, after, stat.name], None, value, "|g", None);
            }
        }
    }

    fn certificates(&mut self, listener: &Arc<ListenerStats>) {
        let [before, of, after] = listener.series().names().wire();
        for certificate in listener.certificates().iter() {
            let name = crate::series::wire_name(&certificate.name);
            let parts = [
                before,
                of,
                after,
                "ssl.certificate.",
                &name,
                ".expiration_unix_time_seconds",
            ];
            self.line(
                &parts,
                None,
                unix_seconds(certificate.not_after),
                "|g",
                None,
            );
        }
    }

    /// `<parts><status>:<value><kind>`
    fn line(
        &mut self,
        parts: &[&str],
        status: Option<(u64, &str)>,
        value: u64,
        kind: &str,
        delta: Option<Delta>,
    ) {
        let start = self.bytes.len();
        for part in parts {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        if let Some((number, suffix)) = status {
            text::integer(&mut self.bytes, number);
            self.bytes.extend_from_slice(suffix.as_bytes());
        }
        self.bytes.push(b':');
        text::integer(&mut self.bytes, value);
        self.bytes.extend_from_slice(kind.as_bytes());
        if self.bytes.len() - start > LONGEST_LINE {
            self.bytes.truncate(start);
            self.oversized += 1;
            return;
        }
        self.lines.push((self.bytes.len(), delta));
    }
}

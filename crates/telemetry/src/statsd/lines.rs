//! What to tell statsd: lines, what each of them settles, and how they are cut into datagrams.

use std::sync::Arc;

use super::baseline::{Baseline, Delta, Slot};
use super::called::Called;
use super::metric::{Metric, Which, Writer};
use crate::family::{Scope, Value};
use crate::listener::{ListenerStats, unix_seconds};
use crate::names;
use crate::telemetry::{Handles, Telemetry};

/// Lines to be sent.
#[derive(Debug)]
pub(super) struct Batch {
    writer: Arc<Writer>,
    /// Each line with its end.
    bytes: Vec<u8>,
    /// Where each line ends, and the counter it settles.
    lines: Vec<(usize, Option<Delta>)>,
    /// Lines too long for any datagram.
    pub(super) oversized: u64,
}

/// What is sent at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'b> {
    /// Lines, the last one without its end.
    pub(super) bytes: &'b [u8],
    lines: &'b [(usize, Option<Delta>)],
}

/// What fits into a datagram on any path with room to spare is a few hundred bytes; this is what
/// fits into one at all.
const LONGEST_LINE: usize = 8_192;

impl Batch {
    /// All counters, then all gauges, as they are now.
    pub(super) fn flush(writer: &Arc<Writer>, telemetry: &Telemetry, baseline: &Baseline) -> Self {
        let handles = telemetry.handles();
        let mut batch = Self::empty(writer);
        batch.all_counters(telemetry, &handles, baseline);
        batch.all_gauges(telemetry, &handles);
        batch
    }

    /// The timer samples waiting.
    pub(super) fn timers(writer: &Arc<Writer>, telemetry: &Telemetry, called: &mut Called) -> Self {
        let mut batch = Self::empty(writer);
        let mut called = called.look(telemetry);
        telemetry.timers.drain(|sample| {
            if let Some(wire) = called.wire(sample.handle) {
                let metric = Metric {
                    wire,
                    stat: sample.stat,
                    which: Which::Only,
                    value: sample.milliseconds,
                    kind: "|ms",
                };
                batch.line(&metric, None);
            }
        });
        batch
    }

    /// The lines cut into datagrams: each alone, or as many together as `most` bytes hold.
    pub(super) fn datagrams(&self, most: Option<usize>) -> impl Iterator<Item = Datagram<'_>> {
        let mut rest = self.lines.as_slice();
        let mut start = 0;
        std::iter::from_fn(move || {
            let &(first, _) = rest.first()?;
            let last = most.map_or(first, |most| start + most + END.len());
            let count = rest.partition_point(|&(end, _)| end <= last).max(1);
            let (lines, after) = rest.split_at_checked(count)?;
            let &(end, _) = lines.last()?;
            let bytes = self.bytes.get(start..end - END.len())?;
            (rest, start) = (after, end);
            Some(Datagram { bytes, lines })
        })
    }

    fn empty(writer: &Arc<Writer>) -> Self {
        Self {
            writer: Arc::clone(writer),
            bytes: Vec::new(),
            lines: Vec::new(),
            oversized: 0,
        }
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
        for tcp in &handles.tcps {
            self.counters(&**tcp, baseline, true);
        }
        self.counters(&*telemetry.server, baseline, true);
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
        self.gauges(&*telemetry.server);
    }

    /// A counter never used is not sent; one that was is sent for ever, or, when `live` no longer,
    /// until it is settled.
    fn counters<S: Scope>(&mut self, handle: &S, baseline: &Baseline, live: bool) {
        let series = handle.series();
        for (stat, described) in S::STATS.iter().enumerate() {
            let mut line = |status, value: u64, which| {
                let slot = Slot {
                    handle: series.id,
                    stat,
                    status,
                };
                let events = value.saturating_sub(baseline.told(slot));
                if value > 0 && (live || events > 0) {
                    let metric = Metric {
                        wire: series.names().wire(),
                        stat: described.name,
                        which,
                        value: events,
                        kind: "|c",
                    };
                    self.line(&metric, Some(Delta { slot, events }));
                }
            };
            match described.value {
                Value::Counter(at) => line(0, at(handle).value(), Which::Only),
                Value::Classes(at) => {
                    for (class, value) in at(handle).iter() {
                        line(class, value, Which::Class(class));
                    }
                }
                Value::Codes(at) => {
                    for (code, value) in at(handle).iter() {
                        line(code, value, Which::Code(code));
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
        for stat in S::STATS {
            let (gauge, most) = match stat.value {
                Value::Gauge(at) => (at(handle), u64::MAX),
                Value::Flag(at) => (at(handle), 1),
                _ => continue,
            };
            if gauge.is_used() {
                let metric = Metric {
                    wire: handle.series().names().wire(),
                    stat: stat.name,
                    which: Which::Only,
                    value: gauge.value().min(most),
                    kind: "|g",
                };
                self.line(&metric, None);
            }
        }
    }

    fn certificates(&mut self, listener: &Arc<ListenerStats>) {
        for certificate in listener.certificates().iter() {
            let metric = Metric {
                wire: listener.series().names().wire(),
                stat: names::LISTENER_CERTIFICATE,
                which: Which::Certificate(&certificate.name),
                value: unix_seconds(certificate.not_after),
                kind: "|g",
            };
            self.line(&metric, None);
        }
    }

    fn line(&mut self, metric: &Metric<'_>, delta: Option<Delta>) {
        let start = self.bytes.len();
        self.writer.write(metric, &mut self.bytes);
        if self.bytes.len() - start > LONGEST_LINE {
            self.bytes.truncate(start);
            self.oversized += 1;
            return;
        }
        self.bytes.extend_from_slice(END);
        self.lines.push((self.bytes.len(), delta));
    }
}

impl Datagram<'_> {
    /// The counters it settles.
    pub(super) fn deltas(&self) -> impl Iterator<Item = Delta> {
        self.lines.iter().filter_map(|&(_, delta)| delta)
    }
}

/// Between the lines of one datagram; no line ends a datagram, as with Envoy.
const END: &[u8] = b"\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BuildInfo;
    use crate::statsd::Form;

    fn cut(batch: &Batch, most: Option<usize>) -> Vec<String> {
        let text = |datagram: Datagram<'_>| String::from_utf8(datagram.bytes.to_vec()).unwrap();
        batch.datagrams(most).map(text).collect()
    }

    #[test]
    fn as_many_lines_go_together_as_fit_and_none_is_lost() {
        let telemetry = Telemetry::new(BuildInfo::default());
        telemetry.cluster("a").endpoints_changed(1);
        let writer = Arc::new(Writer::of(&Form::Plain));
        let batch = Batch::flush(&writer, &telemetry, &Baseline::default());
        let alone = cut(&batch, None);
        assert!(alone.len() > 10 && alone.iter().all(|line| !line.contains('\n')));
        for most in [1, 60, 100, 512, 1_432, 100_000] {
            let together = cut(&batch, Some(most));
            assert_eq!(together.join("\n"), alone.join("\n"), "{most}");
            for (one, next) in together.iter().zip(together.iter().skip(1)) {
                let is_full = |first: &str| one.len() + 1 + first.len() > most;
                assert!(one.len() <= most || !one.contains('\n'), "{most}: {one:?}");
                assert!(is_full(next.split('\n').next().unwrap()), "{most}: {one:?}");
            }
        }
        let settled: usize = batch.datagrams(Some(512)).map(|d| d.deltas().count()).sum();
        let counters = alone.iter().filter(|line| line.ends_with("|c")).count();
        assert_eq!(settled, counters);
    }
}

//! The pages that Prometheus scrapes.
//!
//! The first is in text format 0.0.4, has everything, and is written a piece at a time: Envoy's
//! families, then diagd's `ambassador_*`, then ours. The others have ours only, in OpenMetrics or
//! protobuf, which have exemplars; protobuf has native histograms too.
//!
//! Invariants: every family is contiguous, its TYPE comes first, a family without series is not
//! mentioned, and no series appears twice. A page holds of the numbers none but those of the piece
//! being written, and writing a piece takes well below a millisecond.
//! Deliberately absent: Envoy's families in OpenMetrics, where their counters would end in `_total`.

mod envoy;
mod family;
mod form;
mod ours;
mod own;
mod rows;
mod selection;

use crate::telemetry::Telemetry;
use envoy::{Envoy, Progress};
pub(crate) use family::is_brief;
use form::{OpenMetrics, Protobuf, Text};
use ours::Ours;
pub use selection::{BadFilter, Filter, Selection};

/// A page being written.
#[derive(Debug)]
pub struct Page {
    selection: Selection,
    ours: Ours,
    envoy: Envoy,
    progress: Progress,
    /// What follows, once Envoy's families are written.
    rest: Rest,
}

/// What of the others is to be written.
#[derive(Clone, Copy, Debug)]
enum Rest {
    All,
    Mappings(own::Progress),
    Nothing,
}

/// A piece is at least so long, but for the last one.
const PIECE: usize = 64 * 1024;
/// Steps in which a piece is given up that does not grow.
const MOST_STEPS: usize = 64;

impl Page {
    pub(crate) fn of(telemetry: &Telemetry, selection: Selection) -> Self {
        let mut handles = telemetry.handles();
        let ours = Ours::of(telemetry, &mut handles);
        Self {
            selection,
            ours,
            envoy: Envoy::of(telemetry, handles),
            progress: Progress::default(),
            rest: Rest::All,
        }
    }

    /// Appends a piece of the page of `telemetry`, which may be empty; whether there is more.
    pub fn write(&mut self, telemetry: &Telemetry, out: &mut Vec<u8>) -> bool {
        let enough = out.len() + PIECE;
        for _ in 0..MOST_STEPS {
            if matches!(self.rest, Rest::Nothing) {
                return false;
            }
            if !self.envoy.write(&mut self.progress, &self.selection, out) {
                self.rest = self.others(telemetry, out);
            }
            if out.len() >= enough {
                break;
            }
        }
        !matches!(self.rest, Rest::Nothing)
    }

    /// What Envoy does not count.
    fn others(&self, telemetry: &Telemetry, out: &mut Vec<u8>) -> Rest {
        match self.rest {
            Rest::All => match &self.selection.filter {
                Some(filter) => {
                    let mut all = Vec::new();
                    self.once(telemetry, &mut all);
                    let mut progress = own::Progress::default();
                    while progress.write(&self.ours, &mut Text::new(&mut all)) {}
                    keep(filter, &all, out);
                    Rest::Nothing
                }
                None => {
                    self.once(telemetry, out);
                    Rest::Mappings(own::Progress::default())
                }
            },
            Rest::Mappings(mut progress) => match progress.write(&self.ours, &mut Text::new(out)) {
                true => Rest::Mappings(progress),
                false => Rest::Nothing,
            },
            Rest::Nothing => Rest::Nothing,
        }
    }

    fn once(&self, telemetry: &Telemetry, out: &mut Vec<u8>) {
        let mut page = Text::new(out);
        own::ambassador(telemetry, &mut page);
        own::ambassador_process(self.ours.memory, &mut page);
        own::running(telemetry, &self.ours, &mut page);
    }
}

/// `nuncio_*` and `process_*` in OpenMetrics 1.0.
pub(crate) fn render_openmetrics(telemetry: &Telemetry, out: &mut Vec<u8>) {
    let ours = Ours::of(telemetry, &mut telemetry.handles());
    let mut page = OpenMetrics::new(out);
    own::nuncio(telemetry, &ours, &mut page);
    page.end();
}

/// `nuncio_*` and `process_*` as delimited `io.prometheus.client.MetricFamily`.
pub(crate) fn render_protobuf(telemetry: &Telemetry, out: &mut Vec<u8>) {
    let ours = Ours::of(telemetry, &mut telemetry.handles());
    let mut page = Protobuf::new(out);
    own::nuncio(telemetry, &ours, &mut page);
    page.end();
}

/// Of whole families those that fit.
fn keep(filter: &Filter, families: &[u8], out: &mut Vec<u8>) {
    let mut is_kept = false;
    let mut of = &b""[..];
    for line in families.split_inclusive(|&byte| byte == b'\n') {
        let mut words = line.split(|&byte| byte == b' ');
        if let (Some(b"#"), Some(_), Some(family)) = (words.next(), words.next(), words.next())
            && family != of
        {
            of = family;
            is_kept = filter.fits(family);
        }
        if is_kept {
            out.extend_from_slice(line);
        }
    }
}

//! The Prometheus page, text format 0.0.4, written a piece at a time.
//!
//! Order: Envoy's families, then diagd's `ambassador_*`, then `nuncio_*`.
//!
//! Invariants: every family is contiguous, its TYPE comes first, a family without series is not
//! mentioned, and no series appears twice. A page holds of the numbers none but those of the piece
//! being written, and writing a piece takes well below a millisecond.
//! Deliberately absent: OpenMetrics, which would rename Envoy's counters to end in `_total`.

mod envoy;
mod family;
mod own;
mod rows;
mod selection;

use crate::process::Memory;
use crate::telemetry::Telemetry;
use envoy::{Envoy, Progress};
pub use selection::{BadFilter, Filter, Selection};

/// A page being written.
#[derive(Debug)]
pub struct Page {
    selection: Selection,
    memory: Option<Memory>,
    envoy: Envoy,
    progress: Progress,
    is_complete: bool,
}

/// A piece is at least so long, but for the last one.
const PIECE: usize = 64 * 1024;
/// Steps in which a piece is given up that does not grow.
const MOST_STEPS: usize = 64;

impl Page {
    pub(crate) fn of(telemetry: &Telemetry, selection: Selection) -> Self {
        let handles = telemetry.handles();
        Self {
            selection,
            memory: handles.memory,
            envoy: Envoy::of(telemetry, handles),
            progress: Progress::default(),
            is_complete: false,
        }
    }

    /// Appends a piece of the page of `telemetry`, which may be empty; whether there is more.
    pub fn write(&mut self, telemetry: &Telemetry, out: &mut Vec<u8>) -> bool {
        let enough = out.len() + PIECE;
        for _ in 0..MOST_STEPS {
            if self.is_complete {
                return false;
            }
            if !self.envoy.write(&mut self.progress, &self.selection, out) {
                self.others(telemetry, out);
                self.is_complete = true;
            }
            if out.len() >= enough {
                break;
            }
        }
        !self.is_complete
    }

    /// What Envoy does not count.
    fn others(&self, telemetry: &Telemetry, out: &mut Vec<u8>) {
        let start = out.len();
        own::ambassador(telemetry, out);
        own::ambassador_process(self.memory, out);
        own::nuncio(telemetry, out);
        if let Some(filter) = &self.selection.filter {
            let all = out.split_off(start);
            keep(filter, &all, out);
        }
    }
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

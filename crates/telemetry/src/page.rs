//! The pages that Prometheus scrapes.
//!
//! The first is in text format 0.0.4 and has everything: Envoy's families, then diagd's
//! `ambassador_*`, then ours. The others have ours only, in OpenMetrics or protobuf, which have
//! exemplars; protobuf has native histograms too.
//!
//! Invariants: every family is contiguous, its TYPE comes first, a family without series is not
//! mentioned, and no series appears twice. Every page is written a piece at a time, whichever its
//! form and whatever is selected: a piece is at most some hundred kilobytes, and takes about a
//! millisecond. A page holds of the numbers none but those of the piece being written, but in
//! protobuf those of one family.
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
use form::{Form, OpenMetrics, Protobuf, Text, Wanted};
use ours::Ours;
pub use selection::{BadFilter, Filter, Selection};

/// A page being written.
#[derive(Debug)]
pub struct Page {
    content: Content,
    ours: Ours,
    own: Own,
    is_complete: bool,
}

/// What is on a page, and in which form.
#[derive(Debug)]
enum Content {
    /// In text format 0.0.4.
    All(Box<All>),
    /// `nuncio_*` and `process_*` in OpenMetrics 1.0.
    OpenMetrics,
    /// `nuncio_*` and `process_*` as delimited `io.prometheus.client.MetricFamily`.
    Protobuf(Protobuf),
}

/// What comes before ours.
#[derive(Debug)]
struct All {
    selection: Selection,
    envoy: Envoy,
    progress: Progress,
}

/// How far what Envoy does not count is written.
#[derive(Clone, Copy, Debug)]
enum Own {
    Beginning,
    Mappings(own::Progress),
}

/// A piece is at least so long, but for the last one.
const PIECE: usize = 64 * 1024;
/// Steps in which a piece is given up that does not grow.
const MOST_STEPS: usize = 64;

impl Page {
    pub(crate) fn of(telemetry: &Telemetry, selection: Selection) -> Self {
        let mut handles = telemetry.handles();
        let ours = Ours::of(telemetry, &mut handles);
        let all = All {
            selection,
            envoy: Envoy::of(telemetry, handles),
            progress: Progress::default(),
        };
        Self::with(Content::All(Box::new(all)), ours)
    }

    pub(crate) fn openmetrics(telemetry: &Telemetry) -> Self {
        let ours = Ours::of(telemetry, &mut telemetry.handles());
        Self::with(Content::OpenMetrics, ours)
    }

    pub(crate) fn protobuf(telemetry: &Telemetry) -> Self {
        let ours = Ours::of(telemetry, &mut telemetry.handles());
        Self::with(Content::Protobuf(Protobuf::default()), ours)
    }

    fn with(content: Content, ours: Ours) -> Self {
        Self {
            content,
            ours,
            own: Own::Beginning,
            is_complete: false,
        }
    }

    /// Appends a piece of the page of `telemetry`, which may be empty; whether there is more.
    pub fn write(&mut self, telemetry: &Telemetry, out: &mut Vec<u8>) -> bool {
        let enough = out.len() + PIECE;
        for _ in 0..self.content.most_steps() {
            self.is_complete = self.is_complete || !self.step(telemetry, out);
            if self.is_complete || out.len() >= enough {
                break;
            }
        }
        !self.is_complete
    }

    /// Appends a little; whether there is more.
    fn step(&mut self, telemetry: &Telemetry, out: &mut Vec<u8>) -> bool {
        let (ours, own) = (&self.ours, &mut self.own);
        match &mut self.content {
            Content::All(all) => {
                if all.envoy.write(&mut all.progress, &all.selection, out) {
                    return true;
                }
                let mut page = Wanted::new(all.selection.filter.as_ref(), Text::new(out));
                own.write(ours, &mut page, |page| {
                    own::ambassador(telemetry, page);
                    own::ambassador_process(ours.memory, page);
                    own::running(telemetry, ours, page);
                })
            }
            Content::OpenMetrics => {
                let mut page = OpenMetrics::new(out);
                let is_more = own.write(ours, &mut page, |page| {
                    own::running(telemetry, ours, page);
                });
                if !is_more {
                    page.end();
                }
                is_more
            }
            Content::Protobuf(page) => {
                if page.send(out) {
                    return true;
                }
                let is_more = own.write(ours, page, |page| own::running(telemetry, ours, page));
                if !is_more {
                    page.flush();
                }
                is_more || page.send(out)
            }
        }
    }
}

impl Content {
    /// Steps that add little to the page may cost much all the same: names are matched, or messages
    /// kept back.
    fn most_steps(&self) -> usize {
        match self {
            Self::All(all) if all.selection.filter.is_some() => 1,
            Self::All(_) | Self::OpenMetrics => MOST_STEPS,
            Self::Protobuf(_) => 1,
        }
    }
}

impl Own {
    /// Appends some more, at first what there is `once`; whether there is more to come.
    fn write<F: Form>(&mut self, ours: &Ours, page: &mut F, once: impl FnOnce(&mut F)) -> bool {
        match self {
            Self::Beginning => {
                once(page);
                *self = Self::Mappings(own::Progress::default());
                true
            }
            Self::Mappings(progress) => progress.write(ours, page),
        }
    }
}

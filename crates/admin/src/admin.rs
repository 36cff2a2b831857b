//! Shows the pages.
//!
//! Invariant: pages are rendered on the thread that serves them, those for people one at a time into
//! one buffer that is used again, the metrics in pieces.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderValue};
use nuncio_config::Identity;
use nuncio_routing::Snapshot;
use nuncio_telemetry::Telemetry;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::diagnostics::Overview;
use crate::exchange::Door;
use crate::metrics::{self, Metrics};
use crate::page::{Exposition, Format, Page};
use crate::reply::{self, Reply};
use crate::{Readiness, Standing, connections, explain};

/// Gives the snapshot that the proxy runs now.
pub trait CurrentSnapshot: Send + Sync {
    /// `None` before the first one.
    fn current(&self) -> Option<Published>;
}

/// A snapshot and when it was published.
#[derive(Clone, Debug)]
pub struct Published {
    /// What the proxy runs.
    pub snapshot: Arc<Snapshot>,
    /// Since when.
    pub at: SystemTime,
    /// How it stands to what its authors want.
    pub standing: Standing,
}

/// What is known about this process when it starts and does not change.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The version of this build.
    pub version: Box<str>,
    /// The commit of this build; empty when unknown.
    pub commit: Box<str>,
    /// The name of the machine or pod.
    pub hostname: Box<str>,
    /// When the process started.
    pub started: SystemTime,
    /// Ambassador's identifier of the Kubernetes cluster it runs in; empty when unknown.
    pub cluster_id: Box<str>,
    /// Which configuration is ours.
    pub identity: Identity,
    /// Whether only the own namespace is watched.
    pub single_namespace: bool,
    /// Whether statistics are sent to a statsd server.
    pub statsd_enabled: bool,
}

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminRoutes {
    /// Probes, metrics and diagnostics.
    Full,
    /// `/metrics` and a page at `/` that points to it, as a statsd exporter has.
    MetricsOnly,
}

/// The pages and what they are made from.
pub struct Admin {
    telemetry: Arc<Telemetry>,
    readiness: Arc<Readiness>,
    current: Arc<dyn CurrentSnapshot>,
    facts: Facts,
    buffer: Mutex<Vec<u8>>,
    /// Held by the filtered page that is being written.
    filtered: Arc<Semaphore>,
}

impl Admin {
    /// Serves nothing until [`Self::serve`] is called, once for every listener.
    pub fn new(
        telemetry: Arc<Telemetry>,
        readiness: Arc<Readiness>,
        current: Arc<dyn CurrentSnapshot>,
        facts: Facts,
    ) -> Self {
        Self {
            telemetry,
            readiness,
            current,
            facts,
            buffer: Mutex::default(),
            filtered: Arc::new(Semaphore::new(1)),
        }
    }

    /// Serves `listener` until `shutdown` turns true or its sender is gone; answers under way are
    /// finished for at most five seconds.
    ///
    /// Runs on the ambient tokio runtime, which should be one of its own: rendering a page of many
    /// thousand routes holds its thread up.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        routes: AdminRoutes,
        shutdown: watch::Receiver<bool>,
    ) {
        let door = Arc::new(Door {
            admin: self,
            routes,
        });
        connections::serve(&door, listener, shutdown).await;
    }

    pub(crate) fn show(&self, page: Page, query: Option<&str>) -> Reply {
        match page {
            Page::Probe(probe) => {
                let answer = self.readiness.reply(probe);
                Reply::text(answer.status, answer.body)
            }
            Page::Metrics => self.metrics(query.unwrap_or_default()),
            Page::Ours(exposition) => {
                let (media_type, page) = match exposition {
                    Exposition::OpenMetrics => (reply::OPEN_METRICS, self.telemetry.openmetrics()),
                    Exposition::Protobuf => (reply::PROTOBUF, self.telemetry.protobuf()),
                };
                Reply::metrics(media_type, Metrics::of(&self.telemetry, page))
            }
            Page::Diagnostics(format) => self.diagnostics(format),
            Page::DiagnosticsMoved => moved(query),
            Page::Explain => explain::reply(self.current.current().as_ref(), query),
            Page::Index => Reply::html(Bytes::from_static(INDEX.as_bytes())),
        }
    }

    fn metrics(&self, query: &str) -> Reply {
        let selection = match metrics::selection(query) {
            Ok(selection) => selection,
            Err(error) => return Reply::refused(&error.to_string()),
        };
        // Patterns cost what strangers like; one at a time leaves room for everything else.
        let permit = match selection.filter {
            Some(_) => match Arc::clone(&self.filtered).try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_) => return Reply::text(StatusCode::SERVICE_UNAVAILABLE, BUSY),
            },
            None => None,
        };
        let page = self.telemetry.page(selection);
        let metrics = Metrics::of(&self.telemetry, page).holding(permit);
        Reply::metrics(reply::METRICS, metrics)
    }

    fn diagnostics(&self, format: Format) -> Reply {
        let started = Instant::now();
        let published = self.current.current();
        let sources = (&*self.readiness, &*self.telemetry);
        let overview = Overview::of(&self.facts, sources, published.as_ref(), SystemTime::now());
        let reply = match format {
            Format::Json => {
                let body = self.render(|page| overview.write_json(page));
                Reply::new(StatusCode::OK, reply::JSON, body)
            }
            Format::Html => Reply::html(self.render(|page| overview.write_html(page))),
        };
        self.telemetry
            .control()
            .diagnostics_served(started.elapsed());
        reply
    }

    fn render(&self, render: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        let mut page = {
            let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *buffer)
        };
        page.clear();
        render(&mut page);
        page.into()
    }

    /// Takes back what [`Self::render`] gave out; a page that never came from it is left alone, and
    /// one that took much room is not kept.
    pub(crate) fn give_back(&self, page: Bytes) {
        if !page.is_unique() {
            return;
        }
        let buffer = Vec::from(page);
        if buffer.capacity() <= MOST_KEPT {
            *self.buffer.lock().unwrap_or_else(PoisonError::into_inner) = buffer;
        }
    }
}

/// Bytes of room that are kept for the next page.
const MOST_KEPT: usize = 1 << 20;

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// The query goes along, as it does in Ambassador.
fn moved(query: Option<&str>) -> Reply {
    let location = match query {
        Some(query) => HeaderValue::try_from(format!("/ambassador/v0/diag/?{query}")),
        None => Ok(HeaderValue::from_static("/ambassador/v0/diag/")),
    };
    match location {
        Ok(location) => Reply::text(StatusCode::MOVED_PERMANENTLY, "Moved permanently\n")
            .with(header::LOCATION, location),
        Err(_) => Reply::text(StatusCode::BAD_REQUEST, "Bad request\n"),
    }
}

const BUSY: &str = "another filtered page is being written; try again\n";

const INDEX: &str = "\
<!DOCTYPE html>
<title>Nuncio metrics</title>
<h1>Nuncio</h1>
<p><a href=\"metrics\">Metrics</a></p>
";

#[cfg(test)]
mod tests;

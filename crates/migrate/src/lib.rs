//! `nuncio migrate`: what becomes of manifests that other gateways read, document by document, and the
//! same said as custom resources, as Gateway API, or as Mappings where nginx annotations stood.
//!
//! Invariant: every document that was read is accounted for, in exactly one of five ways, and whatever
//! of it is not in what is written stands in the report with its key.
//! Deliberately absent: I/O. Texts come in, texts and a report go out.

mod account;
mod crds;
mod differences;
mod gateway_api;
mod manifest;
mod nginx;
mod remark;
mod report;
mod survey;
mod written;
mod yaml;

pub use account::{Account, Verdict};
pub use crds::CHANGED_KEYS;
pub use gateway_api::{GatewayOptions, UNSAID};
pub use nginx::{ANNOTATIONS, Annotation, Fate};
pub use remark::{Remark, Weight};
pub use report::{Report, Summary};
pub use survey::{Dialect, Survey};
pub use written::{Object, Source, Target};

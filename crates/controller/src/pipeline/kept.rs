//! The resources that are live in an older version than their newest.
//!
//! Invariant: what stays was live; it is forgotten with its object, and when its newest version is
//! good.

use std::sync::Arc;

use nuncio_config::{Form, Origin, Parsed, Resource};

use super::last_good::Key;
use super::standing::Since;
use crate::change::{Announced, Feed};

/// A resource that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) feed: Feed,
    pub(crate) key: Key,
    pub(crate) since: Since,
    /// What it was read from, where texts are kept.
    pub(crate) document: Option<Document>,
}

/// A document of an older text, with its place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) origin: Origin,
    pub(crate) form: Form,
    pub(crate) number: u32,
    pub(crate) text: Arc<str>,
}

/// An object as the last snapshot has it.
#[derive(Debug, Default)]
pub(crate) struct Former {
    /// `None` when it was not there.
    pub(crate) parsed: Option<Arc<Parsed>>,
    /// Boxed, since thousands of objects that come at once have none of it.
    more: Option<Box<More>>,
}

#[derive(Debug, Default)]
struct More {
    kept: Vec<Kept>,
    texts: Vec<(Feed, Announced)>,
}

impl Former {
    pub(crate) fn new(
        parsed: Option<Arc<Parsed>>,
        kept: Vec<Kept>,
        texts: Vec<(Feed, Announced)>,
    ) -> Self {
        let is_less = kept.is_empty() && texts.is_empty();
        Self {
            parsed,
            more: (!is_less).then(|| Box::new(More { kept, texts })),
        }
    }

    /// What of it was in force in an older version.
    pub(crate) fn kept(&self) -> &[Kept] {
        self.more.as_ref().map_or(&[], |more| &more.kept)
    }

    pub(crate) fn kept_mut(&mut self) -> &mut Vec<Kept> {
        &mut self.more.get_or_insert_default().kept
    }

    /// What it said, by feed, where texts are kept.
    pub(crate) fn texts(&self) -> &[(Feed, Announced)] {
        self.more.as_ref().map_or(&[], |more| &more.texts)
    }

    pub(crate) fn resource(&self, key: &Key) -> Option<&Resource> {
        let resources = &self.parsed.as_ref()?.resources;
        resources.iter().find(|resource| key.is_of(resource))
    }

    /// Makes a record of a resource of it that stays.
    pub(crate) fn keep(&self, feed: Feed, resource: &Resource, generation: u64) -> Kept {
        let key = Key::of(resource);
        if let Some(held) = self.kept().iter().find(|held| held.key == key) {
            return held.clone();
        }
        let text = self.texts().iter().find(|(of, _)| *of == feed);
        Kept {
            feed,
            key,
            since: match generation {
                // Before the first snapshot there is only what was saved.
                0 => Since::Saved,
                generation => Since::Generation(generation),
            },
            document: text.map(|(_, said)| Document::of(said, resource)),
        }
    }
}

impl Document {
    /// The document of `said` that `resource` was read from.
    fn of(said: &Announced, resource: &Resource) -> Self {
        let whole = Self {
            origin: said.origin.clone(),
            form: said.form,
            number: resource.at.document,
            text: Arc::clone(&said.text),
        };
        match said.form {
            Form::Documents | Form::Configuration => whole.cut().unwrap_or(whole),
            // One object, one document.
            Form::CustomResource | Form::Ingress => whole,
        }
    }

    /// The document alone, so that what stays costs no more than it says.
    fn cut(&self) -> Option<Self> {
        let (lines, text) = nuncio_config::nth_document(&self.text, self.number)?;
        let origin = Origin {
            lines: self.origin.lines.after(lines),
            ..self.origin.clone()
        };
        Some(Self {
            origin,
            form: self.form,
            number: self.number,
            text: text.into(),
        })
    }
}

//! The saved configuration as bytes.
//!
//! A line that says what the file is, a line with a checksum of the rest, and the rest: numbers in
//! little endian, texts with their length before them.
//!
//! Invariant: what was encoded decodes to the same; anything else is refused with a reason. The
//! checksum tells of damage. Whoever can write the directory can write the configuration.
//! Deliberately absent: reading older or newer formats. A file lives until the next change.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nuncio_config::{Form, Identity, Labels, Lines, ObjectRef, Origin, Trust};
use ring::digest::{SHA256, digest};

use super::{Key, Saved, SavedObject};
use crate::change::{Announced, Feed};
use crate::pipeline::Document;

/// Why a file is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it is no saved state")]
    NotOurs,
    #[error("its format is {found:?}, and only {VERSION:?} can be read")]
    Version { found: Box<str> },
    #[error("it is damaged: its checksum is another")]
    Damaged,
    #[error("it is of a gateway with another {what}")]
    Foreign { what: &'static str },
}

/// What a file begins with.
const MAGIC: &str = "nuncio-state ";

const VERSION: &str = "2";

/// Encodes what is in force.
pub(crate) fn encode(
    identity: &Identity,
    at: SystemTime,
    objects: &BTreeMap<Key, SavedObject>,
) -> Vec<u8> {
    let mut body = Vec::new();
    put_text(&mut body, &identity.ambassador_id);
    put_text(&mut body, &identity.namespace);
    put_text(&mut body, trust(identity.annotations));
    let since_epoch = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    put_number(&mut body, since_epoch.as_secs());
    put_count(&mut body, objects.len());
    for ((feed, _), saved) in objects {
        put_text(&mut body, feed.label());
        put_announced(&mut body, &saved.newest);
        put_count(&mut body, saved.kept.len());
        for document in &saved.kept {
            put_origin(&mut body, &document.origin);
            put_text(&mut body, form(document.form));
            put_number(&mut body, u64::from(document.number));
            put_text(&mut body, &document.text);
        }
    }
    let mut bytes = format!("{MAGIC}{VERSION}\n{}\n", checksum(&body)).into_bytes();
    bytes.append(&mut body);
    bytes
}

/// Decodes what was in force, if it is of this gateway.
pub(crate) fn decode(bytes: &[u8], identity: &Identity) -> Result<Saved, Unusable> {
    let (magic, rest) = line(bytes).ok_or(Unusable::NotOurs)?;
    let version = magic.strip_prefix(MAGIC).ok_or(Unusable::NotOurs)?;
    if version != VERSION {
        let found = version.chars().take(20).collect::<String>().into();
        return Err(Unusable::Version { found });
    }
    let (sum, body) = line(rest).ok_or(Unusable::Damaged)?;
    if sum != checksum(body) {
        return Err(Unusable::Damaged);
    }
    let mut reader = Reader(body);
    reader.identity(identity)?;
    reader.saved().ok_or(Unusable::Damaged)
}

/// The first line, if it is a short one, and what follows it.
fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().take(100).position(|byte| *byte == b'\n')?;
    let (line, rest) = bytes.split_at(end);
    Some((std::str::from_utf8(line).ok()?, rest.get(1..)?))
}

fn checksum(body: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest(&SHA256, body).as_ref() {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text
}

fn put_number(body: &mut Vec<u8>, number: u64) {
    body.extend_from_slice(&number.to_le_bytes());
}

fn put_count(body: &mut Vec<u8>, count: usize) {
    put_number(body, u64::try_from(count).unwrap_or(u64::MAX));
}

fn put_text(body: &mut Vec<u8>, text: &str) {
    put_count(body, text.len());
    body.extend_from_slice(text.as_bytes());
}

fn put_announced(body: &mut Vec<u8>, said: &Announced) {
    put_origin(body, &said.origin);
    put_text(body, form(said.form));
    put_text(body, &said.text);
}

fn put_origin(body: &mut Vec<u8>, origin: &Origin) {
    put_text(body, &origin.object.kind);
    put_text(body, &origin.object.namespace);
    put_text(body, &origin.object.name);
    put_number(body, u64::from(origin.file.is_some()));
    put_text(body, origin.file.as_deref().unwrap_or_default());
    let (way, line) = match origin.lines {
        Lines::From(line) => (0, line),
        Lines::At(line) => (1, line),
    };
    put_number(body, way);
    put_number(body, u64::from(line));
    put_count(body, origin.labels.iter().count());
    for (key, value) in origin.labels.iter() {
        put_text(body, key);
        put_text(body, value);
    }
}

fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Compatible => "compatible",
        Trust::Hardened => "hardened",
    }
}

fn form(form: Form) -> &'static str {
    match form {
        Form::Documents => "documents",
        Form::Configuration => "configuration",
        Form::CustomResource => "custom resource",
        Form::Ingress => "ingress",
    }
}

/// What is left to read. Every method is `None` where that is not what was written.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn identity(&mut self, ours: &Identity) -> Result<(), Unusable> {
        for (what, ours) in [
            ("ambassador_id", &*ours.ambassador_id),
            ("namespace", &*ours.namespace),
            ("trust in annotations", trust(ours.annotations)),
        ] {
            if self.text().ok_or(Unusable::Damaged)? != ours {
                return Err(Unusable::Foreign { what });
            }
        }
        Ok(())
    }

    fn saved(&mut self) -> Option<Saved> {
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(self.number()?))?;
        let mut objects = BTreeMap::new();
        for _ in 0..self.number()? {
            let label = self.text()?;
            let feed = Feed::ALL.into_iter().find(|feed| feed.label() == label)?;
            let newest = self.announced()?;
            let mut kept = Vec::new();
            for _ in 0..self.number()? {
                kept.push(self.document()?);
            }
            let key = (feed, Arc::clone(&newest.origin.object));
            objects.insert(key, SavedObject { newest, kept });
        }
        self.0.is_empty().then_some(Saved { at, objects })
    }

    fn announced(&mut self) -> Option<Announced> {
        let origin = self.origin()?;
        let form = self.form()?;
        Some(Announced::new(origin, form, self.text()?))
    }

    fn document(&mut self) -> Option<Document> {
        Some(Document {
            origin: self.origin()?,
            form: self.form()?,
            number: self.small()?,
            text: self.text()?.into(),
        })
    }

    fn origin(&mut self) -> Option<Origin> {
        let object = ObjectRef {
            kind: self.text()?.into(),
            namespace: self.text()?.into(),
            name: self.text()?.into(),
        };
        let has_file = self.number()? == 1;
        let file = self.text()?;
        let lines: fn(u32) -> Lines = match self.number()? {
            0 => Lines::From,
            1 => Lines::At,
            _ => return None,
        };
        Some(Origin {
            object: Arc::new(object),
            file: has_file.then(|| file.into()),
            lines: lines(self.small()?),
            labels: self.labels()?,
        })
    }

    fn labels(&mut self) -> Option<Labels> {
        let pairs = 0..self.number()?;
        pairs
            .map(|_| Some((self.text()?.into(), self.text()?.into())))
            .collect()
    }

    fn form(&mut self) -> Option<Form> {
        let label = self.text()?;
        let forms = [
            Form::Documents,
            Form::Configuration,
            Form::CustomResource,
            Form::Ingress,
        ];
        forms.into_iter().find(|of| form(*of) == label)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(name: &str, file: Option<&str>) -> Origin {
        let object = ObjectRef {
            kind: "Service".into(),
            namespace: "default".into(),
            name: name.into(),
        };
        Origin {
            object: Arc::new(object),
            file: file.map(Arc::from),
            lines: Lines::From(7),
            labels: Labels::from_iter([("app".into(), name.into())]),
        }
    }

    fn objects() -> BTreeMap<Key, SavedObject> {
        let kept = Document {
            origin: origin("b", Some("b.yaml")),
            form: Form::Documents,
            number: 3,
            text: "older".into(),
        };
        let a = Announced::new(origin("a", None), Form::Ingress, "text of a");
        let b = Announced::new(origin("b", Some("b.yaml")), Form::Documents, "newest");
        let saved = |newest: Announced, kept| {
            let key = Arc::clone(&newest.origin.object);
            (key, SavedObject { newest, kept })
        };
        let (a, a_saved) = saved(a, Vec::new());
        let (b, b_saved) = saved(b, vec![kept]);
        BTreeMap::from([
            ((Feed::Ingresses, a), a_saved),
            ((Feed::Directories, b), b_saved),
        ])
    }

    fn at() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn encoded() -> Vec<u8> {
        encode(&Identity::default(), at(), &objects())
    }

    fn refused(bytes: &[u8]) -> Unusable {
        decode(bytes, &Identity::default()).unwrap_err()
    }

    #[test]
    fn what_was_saved_is_read_as_it_was() {
        let saved = decode(&encoded(), &Identity::default()).unwrap();
        assert_eq!(saved.at, at());
        let texts = |objects: &BTreeMap<Key, SavedObject>| -> Vec<_> {
            let all = objects.iter();
            all.map(|(key, it)| {
                let labels = it.newest.origin.labels.clone();
                (
                    key.clone(),
                    Arc::clone(&it.newest.text),
                    labels,
                    it.kept.clone(),
                )
            })
            .collect()
        };
        assert_eq!(texts(&saved.objects), texts(&objects()));
        let fingerprint = |objects: &BTreeMap<Key, SavedObject>| {
            let all = objects.values();
            all.map(|it| it.newest.fingerprint).collect::<Vec<_>>()
        };
        assert_eq!(fingerprint(&saved.objects), fingerprint(&objects()));
    }

    #[test]
    fn a_torn_file_is_refused_wherever_it_ends() {
        let bytes = encoded();
        for end in 0..bytes.len() {
            let reason = refused(&bytes[..end]);
            assert!(
                matches!(
                    reason,
                    Unusable::NotOurs | Unusable::Damaged | Unusable::Version { .. }
                ),
                "{end}: {reason}"
            );
        }
        let longer = [&*bytes, b"x"].concat();
        assert_eq!(refused(&longer), Unusable::Damaged);
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let bytes = encoded();
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 1;
            refused(&changed);
        }
    }

    #[test]
    fn a_length_that_lies_under_a_right_checksum_is_refused() {
        let bytes = encoded();
        let (_, rest) = line(&bytes).unwrap();
        let (_, body) = line(rest).unwrap();
        let mut body = body.to_vec();
        body[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        let head = format!("{MAGIC}{VERSION}\n{}\n", checksum(&body));
        assert_eq!(
            refused(&[head.as_bytes(), &*body].concat()),
            Unusable::Damaged
        );
    }

    #[test]
    fn another_gateways_file_is_refused_with_what_differs() {
        let other = |change: fn(&mut Identity)| {
            let mut identity = Identity::default();
            change(&mut identity);
            decode(&encoded(), &identity).unwrap_err().to_string()
        };
        let id = other(|identity| identity.ambassador_id = "other".into());
        assert_eq!(id, "it is of a gateway with another ambassador_id");
        let namespace = other(|identity| identity.namespace = "other".into());
        assert!(namespace.ends_with("namespace"), "{namespace}");
        let trust = other(|identity| identity.annotations = Trust::Hardened);
        assert!(trust.ends_with("trust in annotations"), "{trust}");
    }

    #[test]
    fn a_newer_format_is_refused_by_name() {
        let newer = [b"nuncio-state 3\n", &*encoded()].concat();
        let reason = refused(&newer).to_string();
        assert_eq!(reason, "its format is \"3\", and only \"2\" can be read");
        assert_eq!(refused(b"#!/bin/sh\n"), Unusable::NotOurs);
    }
}

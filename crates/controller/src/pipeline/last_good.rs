//! Which resources of an object's last good version stay beside its newest.
//!
//! The unit is the resource. What is right in the newest version is live as it says. A resource
//! whose document has an error stays as it was. Where it cannot be told which resource a broken
//! document was to be, all stay that the newest version lacks. What is missing without an error is
//! gone.
//!
//! A Module with an error stays as it was, all of it: half of a change to what holds for every
//! Mapping is nothing that anybody has asked for.
//!
//! Invariant: never more stays than was there; without an error nothing does.
//! Deliberately absent: what compiling refuses (see `refusals`), and where older versions are kept.

use std::fmt;

use nuncio_config::{Kind, Parsed, Resource, Severity};

use super::standing::Since;

/// What becomes of a resource whose newest version cannot be live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnInvalid {
    /// Its last good version stays live, if it had one.
    #[default]
    Keep,
    /// It is not live.
    Drop,
}

/// What tells one resource from all others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) kind: &'static str,
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
}

impl Key {
    pub(crate) fn of(resource: &Resource) -> Self {
        Self {
            kind: resource.kind.as_str(),
            namespace: resource.namespace.clone(),
            name: resource.name.clone(),
        }
    }

    pub(crate) fn is_of(&self, resource: &Resource) -> bool {
        self.kind == resource.kind.as_str()
            && self.name == resource.name
            && self.namespace == resource.namespace
    }
}

impl fmt::Display for Key {
    /// As [`Resource`]s are named in diagnostics.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// Whether a version has an error at all.
pub(crate) fn is_wrong(parsed: &Parsed) -> bool {
    parsed
        .diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error)
}

/// The positions in `older` of the resources that stay beside `newest`.
pub(crate) fn staying(newest: &Parsed, older: &[Resource]) -> Vec<usize> {
    let faults = Faults::of(newest);
    if faults.is_none() {
        return Vec::new();
    }
    let stays = |(_, resource): &(usize, &Resource)| faults.concern(resource, newest);
    let staying = older.iter().enumerate().filter(stays);
    staying.map(|(position, _)| position).collect()
}

/// Takes out of `newest` whatever stays in its older version.
pub(crate) fn make_room(newest: &mut Parsed, kept: &[Key]) {
    newest
        .resources
        .retain(|resource| !kept.iter().any(|key| key.is_of(resource)));
}

/// Adds to the errors what became of the resources they are about.
pub(crate) fn explain(newest: &mut Parsed, kept: &[(Key, Since)]) {
    let errors = newest.diagnostics.iter_mut();
    let errors = errors.filter(|found| found.severity == Severity::Error);
    for error in errors {
        let consequence = match &error.resource {
            Some(label) => {
                let held = kept.iter().find(|(key, _)| key.to_string() == **label);
                held.map(|(_, since)| stays(*since))
            }
            None => Some(all_stay(kept)).filter(|_| !kept.is_empty()),
        };
        if let Some(consequence) = consequence {
            error.reason = format!("{}; {consequence}", error.reason).into();
        }
    }
}

/// Adds to the errors that nothing stays of what was live before.
pub(crate) fn explain_dropped(newest: &mut Parsed, older: &[Resource]) {
    let staying = staying(newest, older);
    let gone: Vec<Key> = staying
        .iter()
        .filter_map(|&position| older.get(position))
        .map(Key::of)
        .filter(|key| !newest.resources.iter().any(|resource| key.is_of(resource)))
        .collect();
    let errors = newest.diagnostics.iter_mut();
    for error in errors.filter(|found| found.severity == Severity::Error) {
        let concerned = match &error.resource {
            Some(label) => gone.iter().any(|key| key.to_string() == **label),
            None => !gone.is_empty(),
        };
        if concerned {
            error.reason = format!("{}; it is not live any more", error.reason).into();
        }
    }
}

/// What is said of a resource that stays.
pub(crate) fn stays(since: Since) -> String {
    format!("{VERSION}{SINCE}{since}, stays live")
}

const VERSION: &str = "its last good version";
const SINCE: &str = ", of ";

/// What was said with [`explain`], without what differs between replicas: each counts generations
/// of its own.
pub(crate) fn in_common(reason: &str) -> Box<str> {
    let Some((before, after)) = reason.rsplit_once(SINCE) else {
        return reason.into();
    };
    match after.split_once(',') {
        Some((_since, rest)) if before.ends_with(VERSION) => format!("{before}{rest}").into(),
        Some(_) | None => reason.into(),
    }
}

fn all_stay(kept: &[(Key, Since)]) -> String {
    let mut text = String::from("what may have stood here stays live:");
    for (position, (key, _)) in kept.iter().take(NAMED).enumerate() {
        let comma = if position == 0 { "" } else { "," };
        text.push_str(&format!("{comma} {key}"));
    }
    if let Some(others) = kept.len().checked_sub(NAMED).filter(|others| *others > 0) {
        text.push_str(&format!(" and {others} more"));
    }
    text
}

/// What is wrong with a version, by the resources it is about.
struct Faults<'a> {
    labels: Vec<&'a str>,
    /// There is an error that names no resource.
    anonymous: bool,
}

impl<'a> Faults<'a> {
    fn of(parsed: &'a Parsed) -> Self {
        let errors = || {
            let all = parsed.diagnostics.iter();
            all.filter(|found| found.severity == Severity::Error)
        };
        Self {
            labels: errors().filter_map(|e| e.resource.as_deref()).collect(),
            anonymous: errors().any(|error| error.resource.is_none()),
        }
    }

    fn is_none(&self) -> bool {
        self.labels.is_empty() && !self.anonymous
    }

    /// Whether `older` stays.
    fn concern(&self, older: &Resource, newest: &Parsed) -> bool {
        let key = Key::of(older);
        let named = || {
            let label = key.to_string();
            self.labels.contains(&&*label)
        };
        let present = newest.resources.iter().any(|resource| key.is_of(resource));
        match (&older.kind, present) {
            (Kind::Module(_), true) => named(),
            (_, true) => false,
            (_, false) => self.anonymous || named(),
        }
    }
}

/// The resources that one diagnostic names.
const NAMED: usize = 5;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nuncio_config::{Identity, ObjectRef, Origin, parse_annotation};

    use super::*;

    fn parsed(text: &str) -> Parsed {
        let object = ObjectRef {
            kind: "Service".into(),
            namespace: "default".into(),
            name: "s".into(),
        };
        parse_annotation(text, &Origin::api(Arc::new(object)), &Identity::default())
    }

    fn mapping(name: &str, prefix: &str) -> String {
        format!(
            "---\napiVersion: ambassador/v1\nkind: Mapping\nname: {name}\nprefix: {prefix}\n\
             service: s\n"
        )
    }

    fn module(server_name: &str, port: &str) -> String {
        format!(
            "---\napiVersion: ambassador/v1\nkind: Module\nname: ambassador\nconfig:\n  \
             server_name: {server_name}\n  service_port: {port}\n"
        )
    }

    fn names(newest: &str, older: &str) -> Vec<Box<str>> {
        let older = parsed(older).resources;
        let staying = staying(&parsed(newest), &older);
        staying.iter().map(|&at| older[at].name.clone()).collect()
    }

    const BROKEN: &str = "---\nkind: [Mapping\n";

    #[test]
    fn the_resource_of_a_document_with_an_error_stays() {
        let older = mapping("a", "/a/") + &mapping("b", "/b/");
        let newest = mapping("a", "no-slash") + &mapping("b", "/other/");
        assert_eq!(names(&newest, &older), ["a".into()]);
    }

    #[test]
    fn what_is_missing_without_an_error_is_gone() {
        let older = mapping("a", "/a/") + &mapping("b", "/b/");
        assert!(names(&mapping("a", "/a/"), &older).is_empty());
        assert!(names("", &older).is_empty());
        // The error of another is no reason to stay.
        assert!(names(&mapping("c", "no-slash"), &older).is_empty());
    }

    #[test]
    fn all_stay_that_an_unreadable_document_may_have_been() {
        let older = mapping("a", "/a/") + &mapping("b", "/b/");
        let newest = mapping("a", "/new/") + BROKEN;
        assert_eq!(names(&newest, &older), ["b".into()]);
        assert_eq!(names(BROKEN, &older), ["a".into(), "b".into()]);
    }

    #[test]
    fn a_module_with_an_error_stays_whole() {
        let (older, newest) = (module("old", "8080"), module("new", "none"));
        assert_eq!(names(&newest, &older), ["ambassador".into()]);
        let mut newest = parsed(&newest);
        assert_eq!(newest.resources.len(), 1, "the rest of it is read");
        make_room(&mut newest, &[Key::of(&parsed(&older).resources[0])]);
        assert!(newest.resources.is_empty());
    }

    #[test]
    fn errors_tell_what_stays() {
        let mut newest = parsed(&(mapping("a", "no-slash") + BROKEN));
        let key = |name: &str| Key::of(&parsed(&mapping(name, "/")).resources[0]);
        let kept =
            ["a", "b", "c", "d", "e", "f", "g"].map(|name| (key(name), Since::Generation(7)));
        explain(&mut newest, &kept);
        let [named, anonymous] = &*newest.diagnostics else {
            panic!("{:?}", newest.diagnostics)
        };
        let stays = "; its last good version, of generation 7, stays live";
        assert!(named.reason.ends_with(stays), "{named}");
        let all = "; what may have stood here stays live: Mapping a, Mapping b, Mapping c, Mapping \
                   d, Mapping e and 2 more";
        assert!(anonymous.reason.ends_with(all), "{anonymous}");
    }

    #[test]
    fn what_replicas_have_in_common_holds_no_generation() {
        let kept = format!("no prefix; {}", stays(Since::Generation(7)));
        assert_eq!(
            &*in_common(&kept),
            "no prefix; its last good version stays live"
        );
        assert_eq!(&*in_common("one, of many, is odd"), "one, of many, is odd");
    }

    #[test]
    fn errors_tell_what_does_not_stay() {
        let older = parsed(&mapping("a", "/a/")).resources;
        let mut newest = parsed(&(mapping("a", "no-slash") + &mapping("new", "no-slash")));
        explain_dropped(&mut newest, &older);
        let told = |at: usize| {
            newest.diagnostics[at]
                .reason
                .ends_with("; it is not live any more")
        };
        assert!(told(0) && !told(1), "{:?}", newest.diagnostics);
    }
}

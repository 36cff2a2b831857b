//! Guesses which object a document holds that cannot be parsed.
//!
//! Invariant: used for naming only; nothing else depends on a guess.

use crate::ObjectRef;
use crate::name::Name;

/// Reads `kind` and `metadata.name` off lines in the usual block style.
pub(super) fn object(text: &str) -> Option<ObjectRef> {
    let kind = text.lines().find_map(|line| value(line, "kind"))?;
    let metadata = || {
        text.lines()
            .skip_while(|line| line.trim_end() != "metadata:")
            .skip(1)
            .take_while(|line| line.trim().is_empty() || line.starts_with([' ', '#']))
    };
    let indent = metadata().find_map(|line| {
        let key = line.trim_start_matches(' ');
        (!key.is_empty() && !key.starts_with('#')).then(|| line.len() - key.len())
    })?;
    let field = |key| {
        metadata()
            .filter_map(|line| line.get(indent..))
            .find_map(|line| value(line, key))
    };
    let namespace = field("namespace").unwrap_or_else(|| "default".into());
    Some(ObjectRef {
        kind,
        namespace,
        name: field("name")?,
    })
}

/// The value of a key that begins the line, if it looks like a name.
fn value(line: &str, key: &str) -> Option<Box<str>> {
    let value = line.strip_prefix(key)?.strip_prefix(':')?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    let value = value.trim_matches(['"', '\'']);
    let is_name = value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    is_name
        .then(|| value.parse::<Name>().ok())?
        .map(Name::into_text)
}

#[cfg(test)]
mod tests {
    use super::object;

    fn guess(text: &str) -> Option<String> {
        object(text).map(|object| object.to_string())
    }

    #[test]
    fn names_the_object_whatever_is_broken_elsewhere() {
        let text = "kind: Service\nmetadata:\n  # a comment\n  labels: {\n    name: other\n  \
                    name: \"web\" # here\n  namespace: shop\nspec: ]\n";
        assert_eq!(guess(text).as_deref(), Some("Service shop/web"));
    }

    #[test]
    fn does_not_guess_from_templates_or_from_nothing() {
        assert_eq!(
            guess("kind: Service\nmetadata:\n  name: {{ .Values.name }}\n"),
            None
        );
        assert_eq!(guess("kind: Service\nspec:\n  name: web\n"), None);
        assert_eq!(guess(""), None);
    }
}

//! Manifests as plain trees, for whoever writes what they say in another form.
//!
//! Invariant: every document with content, and every item of a `List`, is one [`Piece`]; none is left
//! out, whatever is wrong with it. Lines are those of the text.
//! Deliberately absent: what the objects mean.

use std::borrow::Cow;

use crate::yaml::{self, Document, Entry, Limits, Node, Scalar, Style, Value};

/// One object or document of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The number of the document it stands in, counting those with content.
    pub document: u32,
    /// The line it begins at.
    pub line: u32,
    /// Its text: as written, or as JSON in which everything stands in its line.
    pub text: Box<str>,
    /// What it says.
    pub tree: Result<Tree, Unreadable>,
}

/// Why a document is no tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where.
    pub line: u32,
    /// In lower case without a trailing dot.
    pub reason: Box<str>,
}

/// A value and the line it begins at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// For a literal block scalar, the first line of its text.
    pub line: u32,
    /// What stands there.
    pub value: TreeValue,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeValue {
    /// Nothing, or a plain null.
    Null,
    /// A scalar without quotes that YAML 1.1 takes for a number or a boolean, as written.
    Literal(Box<str>),
    /// Any other text.
    Text(Box<str>),
    /// A literal block (`|`): text whose lines are the file's lines.
    Block(Box<str>),
    /// A list.
    List(Vec<Tree>),
    /// Keys, each once, in the order written.
    Map(Vec<TreeEntry>),
}

/// One key of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// The key.
    pub key: Box<str>,
    /// The line of the key.
    pub line: u32,
    /// Its value.
    pub value: Tree,
}

impl Tree {
    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[TreeEntry] {
        match &self.value {
            TreeValue::Map(entries) => entries,
            TreeValue::Null
            | TreeValue::Literal(_)
            | TreeValue::Text(_)
            | TreeValue::Block(_)
            | TreeValue::List(_) => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            TreeValue::List(items) => items,
            TreeValue::Null
            | TreeValue::Literal(_)
            | TreeValue::Text(_)
            | TreeValue::Block(_)
            | TreeValue::Map(_) => &[],
        }
    }

    /// The value under a key of a mapping, unless it is null.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry with this key, unless its value is null.
    pub fn entry(&self, key: &str) -> Option<&TreeEntry> {
        let found = self.entries().iter().find(|entry| &*entry.key == key);
        found.filter(|entry| entry.value.value != TreeValue::Null)
    }

    /// The text of any scalar but null, numbers and booleans included.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            TreeValue::Literal(text) | TreeValue::Text(text) | TreeValue::Block(text) => Some(text),
            TreeValue::Null | TreeValue::List(_) | TreeValue::Map(_) => None,
        }
    }

    /// A boolean of YAML 1.1, in quotes or not.
    pub fn boolean(&self) -> Option<bool> {
        self.scalar()?.boolean()
    }

    /// A boolean of YAML 1.1 that was written without quotes.
    pub fn plain_boolean(&self) -> Option<bool> {
        match &self.value {
            TreeValue::Literal(_) => self.boolean(),
            TreeValue::Null
            | TreeValue::Text(_)
            | TreeValue::Block(_)
            | TreeValue::List(_)
            | TreeValue::Map(_) => None,
        }
    }

    /// A whole number in decimal, in quotes or not.
    pub fn integer(&self) -> Option<i64> {
        self.scalar()?.integer()
    }

    fn scalar(&self) -> Option<Node<'_>> {
        let scalar = Scalar {
            text: Cow::Borrowed(self.text()?),
            style: Style::Plain,
        };
        Some(Node {
            line: self.line,
            value: Value::Scalar(scalar),
        })
    }

    fn of(node: &Node<'_>) -> Self {
        let value = match &node.value {
            Value::Scalar(_) if node.is_null() => TreeValue::Null,
            Value::Scalar(scalar) if scalar.style == Style::Plain && node.is_plain_non_text() => {
                TreeValue::Literal(scalar.text.as_ref().into())
            }
            Value::Scalar(scalar) if scalar.style == Style::Literal => {
                TreeValue::Block(scalar.text.as_ref().into())
            }
            Value::Scalar(scalar) => TreeValue::Text(scalar.text.as_ref().into()),
            Value::Sequence(items) => TreeValue::List(items.iter().map(Self::of).collect()),
            Value::Mapping(entries) => TreeValue::Map(entries.iter().map(TreeEntry::of).collect()),
        };
        Self {
            line: node.line,
            value,
        }
    }
}

impl TreeEntry {
    fn of(entry: &Entry<'_>) -> Self {
        Self {
            key: entry.key.as_ref().into(),
            line: entry.line,
            value: Tree::of(&entry.value),
        }
    }
}

/// Takes a text apart. Never fails.
pub fn pieces(text: &str) -> Vec<Piece> {
    if text.len() > LIMITS.bytes {
        let reason = format!("longer than {} bytes, not read", LIMITS.bytes);
        return vec![broken(1, 1, "", 1, reason)];
    }
    let text = yaml::normalised(text);
    let mut pieces = Vec::new();
    for document in yaml::documents(&text) {
        match yaml::load(&document, LIMITS) {
            Ok(Some(root)) => take(&document, &root, &mut pieces),
            Ok(None) => {}
            Err(why) => {
                let reason = why.reason(|line| line);
                let (number, line) = (document.number, document.first_line);
                pieces.push(broken(number, line, document.text, why.line, reason));
            }
        }
    }
    pieces
}

fn broken(document: u32, line: u32, text: &str, at: u32, reason: String) -> Piece {
    Piece {
        document,
        line,
        text: text.into(),
        tree: Err(Unreadable {
            line: at,
            reason: reason.into(),
        }),
    }
}

fn take(document: &Document<'_>, root: &Node<'_>, pieces: &mut Vec<Piece>) {
    let before = pieces.len();
    items(document.number, root, pieces);
    if pieces.len() == before {
        pieces.push(Piece {
            document: document.number,
            line: document.first_line,
            text: document.text.into(),
            tree: Ok(Tree::of(root)),
        });
    }
}

/// The items of a list, those of lists in it included; none of what is no list.
fn items(document: u32, root: &Node<'_>, pieces: &mut Vec<Piece>) {
    let kind = root.get("kind").and_then(Node::text).unwrap_or_default();
    let Some(of) = kind.strip_suffix("List") else {
        return;
    };
    let version = root.get("apiVersion").and_then(Node::text);
    let list = root.get("items").and_then(Node::items);
    for item in list.unwrap_or_default() {
        let item = named(item, version.unwrap_or_default(), of);
        let before = pieces.len();
        items(document, &item, pieces);
        if pieces.len() == before {
            pieces.push(Piece {
                document,
                line: item.line,
                text: yaml::written(&item, item.line).into(),
                tree: Ok(Tree::of(&item)),
            });
        }
    }
}

/// As the Kubernetes API answers a list of one kind, its items do not repeat that kind.
fn named<'n>(item: &Node<'n>, version: &'n str, kind: &'n str) -> Node<'n> {
    let mut item = item.clone();
    if kind.is_empty() || item.get("kind").is_some() {
        return item;
    }
    let line = item.line;
    if let Value::Mapping(entries) = &mut item.value {
        for (key, text) in [("apiVersion", version), ("kind", kind)] {
            entries.retain(|entry| entry.key != key);
            entries.push(Entry {
                key: key.into(),
                line,
                value: Node {
                    line,
                    value: Value::Scalar(Scalar {
                        text: text.into(),
                        style: Style::Quoted,
                    }),
                },
            });
        }
    }
    item
}

/// As those of a manifest file.
const LIMITS: Limits = Limits {
    nodes: 2_000_000,
    bytes: 32 * 1024 * 1024,
};

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn items_of_lists_are_pieces_of_their_own() {
        let text = "kind: List\nitems:\n- kind: A\n- kind: ListMeta\n---\napiVersion: v1\nkind: ServiceList\n\
                    items:\n- {metadata: {name: a}}\n---\n{{ no\n---\nkind: List\n";
        let all = pieces(text);
        let places: Vec<_> = all.iter().map(|it| (it.document, it.line)).collect();
        assert_eq!(places, [(1, 3), (1, 4), (2, 9), (3, 10), (4, 12)]);
        let service = all[2].tree.as_ref().unwrap();
        assert_eq!(service.get("kind").unwrap().text(), Some("Service"));
        assert!(all[3].tree.is_err());
    }
}

//! What the texts that a pattern matches look like, coarsely enough to file many patterns in one
//! tree.
//!
//! Invariant: every text that the pattern matches goes one of the ways of its outline; texts that
//! it does not match may go them too. An outline is small, whatever the pattern.
//! Deliberately absent: the tree.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// The ways that matching texts may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    ways: Box<[Way]>,
}

/// One way: steps from the beginning of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The steps in order.
    pub steps: Box<[Step]>,
    /// Whether the text ends after the last step; else anything may follow.
    pub is_whole: bool,
}

/// What a text goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// This byte.
    Byte(u8),
    /// One of these bytes.
    One(ByteSet),
    /// Any number of these bytes, none included.
    Many(ByteSet),
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSet([u64; 4]);

/// More ways are cut short where they part.
const MAX_WAYS: usize = 16;

/// Longer ways are cut short.
const MAX_STEPS: usize = 96;

impl Outline {
    /// The ways; at least one, unless nothing matches.
    pub fn ways(&self) -> &[Way] {
        &self.ways
    }

    pub(super) fn of(expression: &Hir) -> Self {
        let drafts = continued(vec![Draft::default()], expression);
        Self {
            ways: drafts.into_iter().map(Draft::finished).collect(),
        }
    }
}

impl ByteSet {
    /// Whether `byte` is one of them.
    pub fn contains(&self, byte: u8) -> bool {
        let word = self.0.get(usize::from(byte / 64));
        word.is_some_and(|word| word & (1 << (byte % 64)) != 0)
    }

    fn insert(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte / 64)) {
            *word |= 1 << (byte % 64);
        }
    }
}

impl FromIterator<u8> for ByteSet {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Self {
        let mut set = Self::default();
        bytes.into_iter().for_each(|byte| set.insert(byte));
        set
    }
}

/// A way that may go on.
#[derive(Clone, Default)]
struct Draft {
    steps: Vec<Step>,
    /// Nothing more is known of how it goes on.
    is_cut: bool,
}

impl Draft {
    fn push(&mut self, step: Step) {
        if self.steps.len() == MAX_STEPS {
            self.is_cut = true;
        }
        if !self.is_cut {
            self.steps.push(step);
        }
    }

    fn finished(self) -> Way {
        Way {
            steps: self.steps.into(),
            is_whole: !self.is_cut,
        }
    }
}

/// The recursion is as deep as the expression, which the parser bounds.
fn continued(drafts: Vec<Draft>, expression: &Hir) -> Vec<Draft> {
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => drafts,
        HirKind::Literal(literal) => {
            let steps = literal.0.iter().map(|byte| Step::Byte(*byte));
            with_steps(drafts, steps)
        }
        HirKind::Class(class) => match byte_set(class) {
            Some(set) => with_steps(drafts, [Step::One(set)]),
            None => cut(drafts),
        },
        HirKind::Repetition(repetition) => repeated(drafts, repetition),
        HirKind::Capture(capture) => continued(drafts, &capture.sub),
        HirKind::Concat(parts) => parts.iter().fold(drafts, continued),
        HirKind::Alternation(alternatives) => parted(drafts, alternatives),
    }
}

fn with_steps(mut drafts: Vec<Draft>, steps: impl IntoIterator<Item = Step>) -> Vec<Draft> {
    for step in steps {
        drafts.iter_mut().for_each(|draft| draft.push(step));
    }
    drafts
}

fn cut(mut drafts: Vec<Draft>) -> Vec<Draft> {
    drafts.iter_mut().for_each(|draft| draft.is_cut = true);
    drafts
}

fn parted(drafts: Vec<Draft>, alternatives: &[Hir]) -> Vec<Draft> {
    if drafts.len() * alternatives.len() > MAX_WAYS {
        return cut(drafts);
    }
    let each = alternatives
        .iter()
        .map(|alternative| continued(drafts.clone(), alternative));
    let parted: Vec<_> = each.flatten().collect();
    match parted.len() {
        ..=MAX_WAYS => parted,
        _ => cut(drafts),
    }
}

fn repeated(drafts: Vec<Draft>, repetition: &Repetition) -> Vec<Draft> {
    let Repetition { min, max, sub, .. } = repetition;
    if let Some(set) = single_byte(sub) {
        // Beyond the bound of steps the way is cut anyway.
        let least = (*min as usize).min(MAX_STEPS + 1);
        let more = (*max != Some(*min)).then_some(Step::Many(set));
        let steps = std::iter::repeat_n(Step::One(set), least).chain(more);
        return with_steps(drafts, steps);
    }
    match (min, max) {
        (0, Some(0)) => drafts,
        (0, Some(1)) => parted(drafts, &[Hir::empty(), (**sub).clone()]),
        (0, _) => cut(drafts),
        (1, Some(1)) => continued(drafts, sub),
        _ => cut(continued(drafts, sub)),
    }
}

/// The bytes of an expression that always takes exactly one.
fn single_byte(expression: &Hir) -> Option<ByteSet> {
    match expression.kind() {
        HirKind::Class(class) => byte_set(class),
        HirKind::Literal(literal) => match &*literal.0 {
            [byte] => Some(ByteSet::from_iter([*byte])),
            _ => None,
        },
        HirKind::Capture(capture) => single_byte(&capture.sub),
        HirKind::Empty
        | HirKind::Look(_)
        | HirKind::Repetition(_)
        | HirKind::Concat(_)
        | HirKind::Alternation(_) => None,
    }
}

/// `None` for classes of characters that take several bytes.
fn byte_set(class: &Class) -> Option<ByteSet> {
    match class {
        Class::Bytes(class) => Some(
            class
                .iter()
                .flat_map(|range| range.start()..=range.end())
                .collect(),
        ),
        Class::Unicode(class) => {
            let class = class.is_ascii().then(|| class.to_byte_class())??;
            byte_set(&Class::Bytes(class))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::expression;
    use super::*;

    /// The ways of a pattern as text: `*` for many bytes, `?` for one, `...` where it was cut.
    fn ways(pattern: &str) -> Vec<String> {
        let outline = Outline::of(&expression(pattern).unwrap());
        outline.ways().iter().map(written).collect()
    }

    fn written(way: &Way) -> String {
        let steps = way.steps.iter().map(|step| match step {
            Step::Byte(byte) => char::from(*byte),
            Step::One(_) => '?',
            Step::Many(_) => '*',
        });
        let end = if way.is_whole { "" } else { "..." };
        steps.collect::<String>() + end
    }

    #[test]
    fn literals_classes_and_repetitions_are_steps() {
        assert_eq!(ways("/api/v[0-9]+/users/.*"), ["/api/v?*/users/*"]);
        assert_eq!(ways("^/a[bc]{2}$"), ["/a??"]);
        assert_eq!(ways("/a{2,5}"), ["/??*"]);
    }

    #[test]
    fn alternatives_are_ways_of_their_own() {
        assert_eq!(ways("/(ab|xy)/z"), ["/ab/z", "/xy/z"]);
        assert_eq!(ways("/a(/.*)?"), ["/a", "/a/*"]);
    }

    #[test]
    fn what_cannot_be_told_cuts_the_way() {
        assert_eq!(ways("/a(bc)*d"), ["/a..."]);
        assert_eq!(ways("/a(bc)+d"), ["/abc..."]);
        assert_eq!(ways(r"/a\p{L}b"), ["/a..."]);
    }

    #[test]
    fn too_many_ways_and_too_long_ones_are_cut() {
        let pairs = "(ab|cd)".repeat(10);
        assert_eq!(ways(&pairs).len(), MAX_WAYS);
        assert!(ways(&pairs).iter().all(|way| way.len() == 8 + 3));
        let long = ways(&"a".repeat(1_000));
        assert_eq!(long, ["a".repeat(MAX_STEPS) + "..."]);
    }
}

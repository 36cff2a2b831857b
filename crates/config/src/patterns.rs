//! Compiles the regular expressions of one annotation, each of them once.
//!
//! Invariant: what they cost together is bounded. One expression may take a quarter of a megabyte and
//! milliseconds to compile, and an annotation has room for thousands.

use std::collections::HashMap;

use crate::{InvalidPattern, Pattern, Substitution};

/// The expressions so far, and what the next ones may cost.
#[derive(Debug)]
pub(crate) struct Patterns {
    known: HashMap<Box<str>, Pattern>,
    left: usize,
}

impl Default for Patterns {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            left: MOST,
        }
    }
}

impl Patterns {
    pub(crate) fn pattern(&mut self, text: &str) -> Result<Pattern, InvalidPattern> {
        if let Some(pattern) = self.known.get(text) {
            return Ok(pattern.clone());
        }
        let pattern = self.compile(|| Pattern::parse(text), Pattern::weight)?;
        self.known.insert(text.into(), pattern.clone());
        Ok(pattern)
    }

    pub(crate) fn substitution(
        &mut self,
        pattern: &str,
        substitution: &str,
    ) -> Result<Substitution, InvalidPattern> {
        let compile = || Substitution::parse(pattern, substitution);
        self.compile(compile, Substitution::weight)
    }

    fn compile<T>(
        &mut self,
        compile: impl FnOnce() -> Result<T, InvalidPattern>,
        weight: impl FnOnce(&T) -> usize,
    ) -> Result<T, InvalidPattern> {
        if self.left == 0 {
            return Err(InvalidPattern::TooMany);
        }
        let compiled = compile();
        // Finding out that one is too large takes as long as compiling the largest.
        let weight = compiled.as_ref().map_or(Pattern::HEAVIEST, weight);
        self.left = self.left.saturating_sub(weight);
        compiled
    }
}

/// What the expressions of one annotation may take, in bytes: room for thousands of ordinary ones.
const MOST: usize = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::{MOST, Patterns};
    use crate::{InvalidPattern, Pattern};

    #[test]
    fn expressions_written_alike_are_compiled_once() {
        let mut patterns = Patterns::default();
        patterns.pattern("/a.*").unwrap();
        let left = patterns.left;
        assert_eq!(patterns.pattern("/a.*"), Pattern::parse("/a.*"));
        assert_eq!(patterns.left, left);
    }

    #[test]
    fn there_is_room_for_a_thousand_ordinary_expressions_and_more() {
        let mut patterns = Patterns::default();
        for number in 0..10 {
            let text = format!("/api/v{number}/[0-9a-f]+/(users|orders)/[^/]+");
            patterns.pattern(&text).unwrap();
            patterns.substitution(&text, "/").unwrap();
        }
        assert!((MOST - patterns.left) * 100 < MOST, "{}", patterns.left);
    }

    #[test]
    fn costly_expressions_come_to_an_end() {
        let mut patterns = Patterns {
            left: 2 * Pattern::HEAVIEST,
            ..Patterns::default()
        };
        let mut costly = (0..).map(|number| format!("{number}(a|b)*a(a|b){{14}}"));
        let compiled = costly
            .by_ref()
            .take_while(|text| patterns.pattern(text).is_ok());
        assert_eq!(compiled.count(), 2);
        assert_eq!(patterns.pattern("a"), Err(InvalidPattern::TooMany));
        assert!(patterns.substitution("a", "b").is_err());
    }

    #[test]
    fn what_is_too_large_costs_as_much_as_the_largest() {
        let mut patterns = Patterns::default();
        assert!(patterns.pattern("(a{999}){999}").is_err());
        assert_eq!(patterns.left, MOST - Pattern::HEAVIEST);
    }
}

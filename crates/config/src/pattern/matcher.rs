//! Runs an expression over bytes.
//!
//! An expression becomes a table, one look-up per byte, if the table is small. A few expressions
//! (`.*a.{12}`) have tables that grow exponentially: those are simulated, all their states at once.
//!
//! Invariant: linear in the text for a given expression; what is needed while matching lies on the
//! stack. Building is bounded by the sizes below.

use regex_automata::Anchored;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::{self, Compiler, NFA, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_syntax::hir::{Hir, Look};

use super::InvalidPattern;
use super::simulation::{self, simulate};

/// A compiled expression.
pub(super) enum Matcher {
    Table {
        table: Box<dense::DFA<Vec<u32>>>,
        start: StateID,
    },
    Simulation(Box<NFA>),
}

/// What a table may take, in bytes.
pub(super) const MAX_TABLE: usize = 256 * 1024;

/// What the states of an expression may take, in bytes.
const MAX_STATES_SIZE: usize = 64 * 1024;

impl Matcher {
    /// Compiles `expression` so that it matches whole texts, and tells how many states that takes.
    pub(super) fn build(expression: &Hir) -> Result<(Self, usize), InvalidPattern> {
        let states = states(expression)?;
        let size = states.states().len();
        if let Some(matcher) = Self::table(&states) {
            return Ok((matcher, size));
        }
        match size {
            ..=simulation::MAX_STATES => Ok((Self::Simulation(Box::new(states)), size)),
            _ => Err(InvalidPattern::TooLarge),
        }
    }

    fn table(states: &NFA) -> Option<Self> {
        let config = dense::Config::new()
            .start_kind(StartKind::Anchored)
            .accelerate(false)
            .dfa_size_limit(Some(MAX_TABLE))
            .determinize_size_limit(Some(MAX_TABLE));
        let mut builder = dense::Builder::new();
        let table = builder.configure(config).build_from_nfa(states).ok()?;
        let start = start::Config::new().anchored(Anchored::Yes);
        let start = table.start_state(&start).ok()?;
        let table = Box::new(table);
        Some(Self::Table { table, start })
    }

    /// What it takes, in bytes; of a simulation, what was tried before.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Table { table, .. } => table.memory_usage(),
            Self::Simulation(_) => MAX_TABLE,
        }
    }

    /// Whether the text of these bytes matches.
    pub(super) fn matches(&self, bytes: impl Iterator<Item = u8>) -> bool {
        match self {
            Self::Table { table, start } => look_up(table, *start, bytes),
            Self::Simulation(states) => simulate(states, bytes),
        }
    }
}

fn states(expression: &Hir) -> Result<NFA, InvalidPattern> {
    let whole = Hir::concat(vec![
        Hir::look(Look::Start),
        expression.clone(),
        Hir::look(Look::End),
    ]);
    let config = thompson::Config::new()
        .utf8(false)
        .nfa_size_limit(Some(MAX_STATES_SIZE))
        .which_captures(WhichCaptures::None);
    Compiler::new()
        .configure(config)
        .build_from_hir(&whole)
        .map_err(|error| match error.size_limit() {
            Some(_) => InvalidPattern::TooLarge,
            None => InvalidPattern::Syntax(error.to_string().into()),
        })
}

fn look_up(table: &dense::DFA<Vec<u32>>, start: StateID, bytes: impl Iterator<Item = u8>) -> bool {
    let mut state = start;
    for byte in bytes {
        state = table.next_state(state, byte);
        if table.is_special_state(state) && table.is_dead_state(state) {
            return false;
        }
    }
    // Nothing matches before the end of the text, which is a transition of its own.
    table.is_match_state(table.next_eoi_state(state))
}

#[cfg(test)]
mod tests {
    use super::super::expression;
    use super::*;

    fn built(text: &str) -> Matcher {
        Matcher::build(&expression(text).unwrap()).unwrap().0
    }

    fn simulated(text: &str) -> Matcher {
        Matcher::Simulation(Box::new(states(&expression(text).unwrap()).unwrap()))
    }

    #[test]
    fn ordinary_expressions_become_tables() {
        for text in [
            "/api/v[0-9]+/users/.*",
            "/(a|b)/[^/]+(/x)?",
            r"\p{L}+",
            r"(?i)\bfoo\b.*",
        ] {
            assert!(matches!(built(text), Matcher::Table { .. }), "{text}");
        }
    }

    #[test]
    fn an_expression_with_too_large_a_table_is_simulated() {
        let matcher = built("(a|b)*a(a|b){14}");
        assert!(matches!(matcher, Matcher::Simulation(_)));
        let text = |marked: &str| format!("bbb{marked}{}", "b".repeat(14));
        assert!(matcher.matches(text("a").bytes()));
        assert!(!matcher.matches(text("b").bytes()));
    }

    #[test]
    fn a_simulation_says_what_the_table_says() {
        let expressions = [
            "",
            "a",
            "a*b+",
            "(ab|a)(c|bc)",
            r"\ba\b.*",
            "(?m)^a$|b",
            "[^a]+",
            "a{2,3}",
            r"a\B.",
            "(?i)AB?",
            "(a|b)*abb",
            "$a",
            "^$",
        ];
        let texts = [
            "", "a", "b", "ab", "abc", "abb", "aabb", "a b", "aaa", "AB", "ba\n", "ac",
        ];
        for expression in expressions {
            for text in texts {
                let by = |matcher: Matcher| matcher.matches(text.bytes());
                assert_eq!(
                    by(simulated(expression)),
                    by(built(expression)),
                    "{expression} on {text:?}"
                );
            }
        }
    }
}

//! Builds the tree of one document from the parser's events.
//!
//! Invariant: time and memory are linear in the text plus what its aliases stand for, and both are
//! bounded by [`Limits`]: a document made to explode is refused before it does.
//! Deliberately absent: tags, except that a tagged scalar is text.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::broken::{Broken, DEPTH, Flaw};
use super::keyed::Keyed;
use super::{Document, Node, Scalar, Style, Value};

/// What one document may hold, aliases counted as if written out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) nodes: usize,
    pub(crate) bytes: usize,
}

/// Reads one document. `None`: it is empty after all. Lines are those of the whole text.
pub(crate) fn load<'a>(
    document: &Document<'a>,
    limits: Limits,
) -> Result<Option<Node<'a>>, Broken> {
    check_characters(document)?;
    let mut builder = Builder {
        first_line: document.first_line,
        left: Cost {
            nodes: limits.nodes,
            bytes: limits.bytes,
        },
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
    };
    let mut parser = Parser::new_from_str(document.text);
    builder
        .read(&mut parser)
        .map_err(|broken| broken.within(document))?;
    Ok(builder.root)
}

/// YAML 1.2.2, 5.1. The parser takes NUL for the end of its input, which would hide what follows.
fn check_characters(document: &Document<'_>) -> Result<(), Broken> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\u{85}');
    let refused = |c: char| c.is_control() && !allowed(c) || matches!(c, '\u{fffe}' | '\u{ffff}');
    let Some((before, character)) = document
        .text
        .char_indices()
        .find(|&(_, c)| refused(c))
        .and_then(|(at, c)| Some((document.text.get(..at)?, c)))
    else {
        return Ok(());
    };
    let breaks = before.bytes().filter(|&byte| byte == b'\n').count();
    let line = document
        .first_line
        .saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
    Err(Broken {
        line,
        flaw: Flaw::ControlCharacter(character),
    })
}

struct Builder<'a> {
    first_line: u32,
    left: Cost,
    open: Vec<Open<'a>>,
    anchors: HashMap<usize, Finished<'a>>,
    root: Option<Node<'a>>,
}

/// A sequence or mapping that has begun.
struct Open<'a> {
    line: u32,
    anchor: usize,
    cost: Cost,
    height: usize,
    content: Content<'a>,
}

enum Content<'a> {
    Sequence(Vec<Node<'a>>),
    Mapping(Keyed<'a>),
}

/// A value with what it took and how deep it nests.
#[derive(Clone)]
struct Finished<'a> {
    node: Node<'a>,
    cost: Cost,
    height: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    nodes: usize,
    bytes: usize,
}

impl<'a> Builder<'a> {
    fn read(&mut self, parser: &mut Parser<'a, StrInput<'a>>) -> Result<(), Broken> {
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| self.not_yaml(&error))?;
            let line = self.line(span);
            self.event(event, line)
                .map_err(|flaw| Broken { line, flaw })?;
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'a>, line: u32) -> Result<(), Flaw> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => Err(Flaw::SeveralDocuments),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
            Event::Alias(anchor) => self.alias(anchor),
            Event::Scalar(text, style, anchor, tag) => {
                let has_properties = anchor > 0 || tag.is_some();
                let (style, line) = match style {
                    ScalarStyle::Literal => (Style::Literal, below(line, has_properties, &text)),
                    ScalarStyle::Plain if tag.is_none() => (Style::Plain, line),
                    _ => (Style::Quoted, line),
                };
                self.scalar(Scalar { text, style }, line, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(line, anchor, Content::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, _) => {
                self.begin(line, anchor, Content::Mapping(Keyed::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
    }

    fn scalar(&mut self, scalar: Scalar<'a>, line: u32, anchor: usize) -> Result<(), Flaw> {
        let cost = Cost {
            nodes: 1,
            bytes: scalar.text.len(),
        };
        self.left.take(cost)?;
        let node = Node {
            line,
            value: Value::Scalar(scalar),
        };
        self.finish(
            Finished {
                node,
                cost,
                height: 0,
            },
            anchor,
        )
    }

    fn begin(&mut self, line: u32, anchor: usize, content: Content<'a>) -> Result<(), Flaw> {
        if self.open.len() >= DEPTH {
            return Err(Flaw::TooDeep);
        }
        if self.open.last().is_some_and(Open::expects_key) {
            return Err(Flaw::KeyNotText);
        }
        let cost = Cost { nodes: 1, bytes: 0 };
        self.left.take(cost)?;
        self.open.push(Open {
            line,
            anchor,
            cost,
            height: 1,
            content,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Flaw> {
        // The parser pairs every end with a start.
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping(keyed) => Value::Mapping(keyed.into_entries()),
        };
        let node = Node {
            line: open.line,
            value,
        };
        self.finish(
            Finished {
                node,
                cost: open.cost,
                height: open.height,
            },
            open.anchor,
        )
    }

    /// What an alias stands for keeps the lines it was written in.
    fn alias(&mut self, anchor: usize) -> Result<(), Flaw> {
        let anchored = self.anchors.get(&anchor).ok_or(Flaw::AliasWithin)?;
        if self.open.len() + anchored.height > DEPTH {
            return Err(Flaw::TooDeep);
        }
        self.left.take(anchored.cost)?;
        let copy = anchored.clone();
        self.place(copy)
    }

    fn finish(&mut self, finished: Finished<'a>, anchor: usize) -> Result<(), Flaw> {
        if anchor > 0 {
            // What an anchor keeps is a copy, and is paid for like one.
            self.left.take(finished.cost)?;
            self.anchors.insert(anchor, finished.clone());
        }
        self.place(finished)
    }

    fn place(&mut self, finished: Finished<'a>) -> Result<(), Flaw> {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(finished.node);
            return Ok(());
        };
        parent.cost.add(finished.cost);
        parent.height = parent.height.max(finished.height + 1);
        match &mut parent.content {
            Content::Sequence(items) => items.push(finished.node),
            Content::Mapping(keyed) => keyed.push(finished.node)?,
        }
        Ok(())
    }

    fn line(&self, span: Span) -> u32 {
        self.absolute(span.start.line())
    }

    fn absolute(&self, line: usize) -> u32 {
        let below = u32::try_from(line.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first_line.saturating_add(below)
    }

    fn not_yaml(&self, error: &ScanError) -> Broken {
        let line = self.absolute(error.marker().line());
        Broken {
            line,
            flaw: Flaw::NotYaml(error.info().into()),
        }
    }
}

impl Open<'_> {
    fn expects_key(&self) -> bool {
        matches!(&self.content, Content::Mapping(keyed) if keyed.expects_key())
    }
}

impl Cost {
    fn take(&mut self, cost: Self) -> Result<(), Flaw> {
        self.nodes = self
            .nodes
            .checked_sub(cost.nodes)
            .ok_or(Flaw::TooManyNodes)?;
        self.bytes = self
            .bytes
            .checked_sub(cost.bytes)
            .ok_or(Flaw::TooMuchText)?;
        Ok(())
    }

    fn add(&mut self, cost: Self) {
        self.nodes += cost.nodes;
        self.bytes += cost.bytes;
    }
}

/// The first line of a literal block scalar's text. The parser marks the scalar at its anchor or tag,
/// if it has one, else at its first line that is not blank; but the blank lines before that one are
/// text as well (YAML 1.2.2, 8.1.1.1).
fn below(mark: u32, has_properties: bool, text: &str) -> u32 {
    if has_properties {
        return mark.saturating_add(1);
    }
    let rest = text.trim_start_matches('\n');
    mark.saturating_sub(u32::try_from(text.len() - rest.len()).unwrap_or(u32::MAX))
}

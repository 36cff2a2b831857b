use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Two trees of the same numbers side by side, of which one is asked.
#[derive(Default)]
struct Grove {
    prefixes: Prefixes<usize>,
    texts: Texts,
    trees: BTreeMap<u32, PrefixTree>,
    case: Case,
}

impl Grove {
    fn set(&mut self, tree: u32, text: &str, value: Option<usize>) {
        let new = || PrefixTree::new(tree, self.case);
        let mut planting = Planting {
            prefixes: &mut self.prefixes,
            texts: &mut self.texts,
            tree: self.trees.entry(tree).or_insert_with(new),
        };
        planting.set(text.as_bytes(), value);
        assert_eq!(planting.value(text.as_bytes()), value.as_ref());
    }

    /// The values of the texts that `bytes` begins with, longest first.
    fn found(&self, bytes: &str) -> Vec<usize> {
        found(&self.prefixes, &self.trees[&0], bytes)
    }

    fn texts_in_part(&self, nth: usize) -> usize {
        let part = self.trees[&0].parts().nth(nth).unwrap();
        self.texts.below(part.scope, b"").count()
    }
}

fn found(prefixes: &Prefixes<usize>, tree: &PrefixTree, bytes: &str) -> Vec<usize> {
    let mut found: Vec<_> = tree
        .parts()
        .flat_map(|part| {
            let longest = prefixes.longest(part, bytes.as_bytes());
            let way: Vec<_> =
                std::iter::successors(longest, |entry| prefixes.above(entry)).collect();
            assert!(way.is_sorted_by(|a, b| a.len() > b.len()));
            assert!(way.iter().all(|entry| entry.len() <= part.longest()));
            way
        })
        .collect();
    found.sort_by_key(|entry| std::cmp::Reverse(entry.len()));
    found.iter().map(|entry| entry.value).collect()
}

fn grove(texts: &[&str]) -> Grove {
    let mut grove = Grove::default();
    for text in ["/", "/other"] {
        grove.set(1, text, Some(100));
    }
    for (number, text) in texts.iter().enumerate() {
        grove.set(0, text, Some(number));
    }
    grove
}

fn prefixes<'t>(texts: &[&'t str], bytes: &str) -> Vec<&'t str> {
    let found = grove(texts).found(bytes);
    found.into_iter().map(|number| texts[number]).collect()
}

#[test]
fn texts_on_the_way_come_longest_first() {
    let texts = ["/", "/a", "/a/b", "/a/c", "/ab", "/b"];
    assert_eq!(prefixes(&texts, "/a/b/c"), ["/a/b", "/a", "/"]);
    assert_eq!(prefixes(&texts, "/abc"), ["/ab", "/a", "/"]);
    assert_eq!(prefixes(&texts, "/x"), ["/"]);
}

#[test]
fn a_text_that_is_longer_is_no_prefix() {
    assert_eq!(prefixes(&["/httpbin/"], "/httpbin"), [""; 0]);
    assert_eq!(prefixes(&["/httpbin/", "/httpd"], "/httpx"), [""; 0]);
}

#[test]
fn a_signpost_alone_is_no_text() {
    let texts = ["/bb", "/aaa", "/c"];
    assert_eq!(prefixes(&texts, "/aa"), [""; 0]);
    assert_eq!(prefixes(&texts, "/aab"), [""; 0]);
    assert_eq!(prefixes(&texts, "/aaab"), ["/aaa"]);
}

#[test]
fn the_empty_text_is_a_prefix_of_everything() {
    assert_eq!(prefixes(&["", "a"], "a"), ["a", ""]);
    assert_eq!(prefixes(&[""], ""), [""]);
}

#[test]
fn case_counts_only_where_it_is_told_to() {
    for (case, expected) in [(Case::Sensitive, vec![]), (Case::Insensitive, vec![1, 0])] {
        let mut grove = Grove {
            case,
            ..Grove::default()
        };
        grove.set(0, "/a/", Some(0));
        grove.set(0, "/a/b", Some(1));
        assert_eq!(grove.found("/A/Bc"), expected);
    }
}

#[test]
fn nested_texts_come_and_go_in_any_order() {
    const COUNT: usize = 400;
    let longest = "/".repeat(COUNT);
    let orders: [fn(usize) -> usize; 3] = [|n| n, |n| COUNT - 1 - n, |n| n * 7 % COUNT];
    for order in orders {
        let mut grove = Grove::default();
        for len in (0..COUNT).map(order).map(|n| n + 1) {
            grove.set(0, &longest[..len], Some(len));
        }
        let all: Vec<_> = (1..=COUNT).rev().collect();
        assert_eq!(grove.found(&longest), all);
        for len in (0..COUNT).map(order).map(|n| n + 1).filter(|n| n % 2 == 0) {
            grove.set(0, &longest[..len], None);
        }
        let odd: Vec<_> = all.into_iter().filter(|n| n % 2 == 1).collect();
        assert_eq!(grove.found(&longest), odd);
    }
}

#[test]
fn a_text_that_many_begin_with_is_filed_apart_while_they_do() {
    let texts: Vec<_> = (0..500).map(|n| format!("/{n:03}")).collect();
    let mut grove = Grove::default();
    grove.set(0, "/", Some(1_000));
    for (number, text) in texts.iter().enumerate() {
        grove.set(0, text, Some(number));
    }
    assert_eq!((grove.texts_in_part(0), grove.texts_in_part(1)), (500, 1));
    assert_eq!(grove.found("/123/x"), [123, 1_000]);
    grove.set(0, "/", None);
    assert_eq!((grove.texts_in_part(0), grove.texts_in_part(1)), (500, 0));
    assert_eq!(grove.found("/123/x"), [123]);
    grove.set(0, "/", Some(1_000));
    assert_eq!((grove.texts_in_part(0), grove.texts_in_part(1)), (500, 1));
    for text in &texts[..450] {
        grove.set(0, text, None);
    }
    assert_eq!((grove.texts_in_part(0), grove.texts_in_part(1)), (51, 0));
    assert_eq!(grove.found("/460"), [460, 1_000]);
}

#[test]
fn texts_that_come_and_go_leave_what_comparing_with_every_text_says() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut grove = Grove::default();
    let mut live = BTreeSet::new();
    let mut snapshots = Vec::new();
    for step in 0..12_000 {
        let text = random_text(&mut random);
        // First more and more, then fewer and fewer.
        if random.usize(..12_000) > step {
            grove.set(0, &text, Some(text.len()));
            live.insert(text);
        } else if let Some(text) = live.range(text..).next().cloned() {
            grove.set(0, &text, None);
            live.remove(&text);
        }
        if step % 100 == 0 {
            let asked = random_text(&mut random) + &random_text(&mut random);
            let expected = shorter(&live, &asked);
            assert_eq!(grove.found(&asked), expected, "{asked}");
            let (prefixes, tree) = (grove.prefixes.clone(), grove.trees[&0].clone());
            snapshots.push((prefixes, tree, asked, expected));
        }
    }
    for (prefixes, tree, asked, expected) in snapshots {
        assert_eq!(found(&prefixes, &tree, &asked), expected, "{asked}");
    }
    for text in live {
        grove.set(0, &text, None);
    }
    assert!(grove.prefixes.posts.is_empty() && grove.prefixes.entries.is_empty());
    assert!(grove.trees[&0].parts().all(|part| part.longest() == 0));
}

/// Of few letters, so that texts begin with one another; short ones are rare among so many.
fn random_text(random: &mut fastrand::Rng) -> String {
    let len = random.usize(..16);
    (0..len).map(|_| ['a', 'b'][random.usize(..2)]).collect()
}

/// The lengths of those that `bytes` begins with, longest first.
fn shorter(live: &BTreeSet<String>, bytes: &str) -> Vec<usize> {
    let lengths = (0..=bytes.len()).rev();
    lengths
        .filter(|len| live.contains(&bytes[..*len]))
        .collect()
}

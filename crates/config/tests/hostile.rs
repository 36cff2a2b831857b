//! Input made to hurt: nothing panics, and nothing costs more than it should.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_config::{
    Diagnostic, Form, Identity, Manifest, ObjectRef, Origin, Parsed, Severity, Trust, parse,
    parse_annotation, read_manifest,
};
use proptest::prelude::{any, prop};
use proptest::sample::Index;
use proptest::strategy::Strategy;
use proptest::{prop_assert, proptest};

/// What takes this long is not linear, however busy the machine is.
const FAR_FROM_LINEAR: Duration = Duration::from_mins(1);

fn read(text: &str) -> Parsed {
    parse_annotation(text, &origin(), &Identity::default())
}

fn origin() -> Origin {
    Origin::api(Arc::new(ObjectRef {
        kind: "Service".into(),
        namespace: "b".into(),
        name: "web".into(),
    }))
}

/// Hardened, so that more is looked at.
fn identity() -> Identity {
    Identity {
        annotations: Trust::Hardened,
        ..Identity::default()
    }
}

fn manifest(text: &str) -> Manifest {
    read_manifest(&Arc::from("services.yaml"), text)
}

fn mapping(name: &str) -> String {
    format!(
        "---\n{{apiVersion: ambassador/v1, kind: Mapping, name: {name}, prefix: /, service: a}}\n"
    )
}

/// The only diagnostic, as text.
fn only(diagnostics: &[Diagnostic]) -> String {
    match diagnostics {
        [diagnostic] => diagnostic.to_string(),
        _ => format!("{diagnostics:?}"),
    }
}

#[test]
fn deep_nesting_is_refused_and_harms_no_other_document() {
    for nested in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
    ] {
        let parsed = read(&format!("--- {nested}\n{}", mapping("after")));
        assert_eq!(parsed.resources.len(), 1);
        assert!(only(&parsed.diagnostics).starts_with("Service b/web, document 1, line 1: "));
    }
}

#[test]
fn nesting_through_aliases_is_refused() {
    let level = |n: usize| format!("a{n}: &a{n} [*a{}]\n", n - 1);
    let text: String = (1..100).map(level).collect();
    let parsed = read(&format!("a0: &a0 [x]\n{text}"));
    assert!(only(&parsed.diagnostics).contains("nested more than 64 levels deep"));
}

#[test]
fn long_texts_are_not_multiplied_through_aliases() {
    let long = "x".repeat(100_000);
    let aliases = "*a, ".repeat(1_000);
    let parsed = read(&format!("a: &a {long}\nb: [{aliases}]\n"));
    assert!(only(&parsed.diagnostics).contains("too much text"));
}

#[test]
fn control_characters_are_refused_instead_of_hiding_what_follows() {
    for character in ['\0', '\x1b', '\x7f', '\u{9b}', '\u{fffe}'] {
        let broken = format!("apiVersion: ambassador/v1\nkind: Map{character}ping\n");
        let parsed = read(&format!("{broken}{}", mapping("after")));
        assert_eq!(parsed.resources.len(), 1);
        let expected = format!(
            "Service b/web, document 1, line 2: not valid YAML: control characters are not \
             allowed, found U+{:04X}",
            u32::from(character)
        );
        assert_eq!(only(&parsed.diagnostics), expected);
    }
}

#[test]
fn an_annotation_larger_than_an_object_can_be_is_not_read() {
    let parsed = read(&"# comment\n".repeat(200_000));
    assert_eq!(
        only(&parsed.diagnostics),
        "Service b/web: longer than 1572864 bytes, not read"
    );
}

#[test]
fn a_thousand_mistakes_are_counted_rather_than_listed() {
    let parsed = read(&format!(
        "{}{}",
        "---\ntext\n".repeat(1_000),
        mapping("after")
    ));
    assert_eq!(parsed.resources.len(), 1);
    assert_eq!(parsed.diagnostics.len(), 101);
    let last = parsed.diagnostics.last().unwrap();
    assert_eq!(last.severity, Severity::Error);
    assert_eq!(&*last.reason, "900 more problems are not listed");
}

#[test]
fn the_largest_hostile_inputs_are_read_in_linear_time() {
    let patterns = [
        "---\na\n",
        "[",
        "{",
        "- ",
        "a: ",
        "? ",
        "\"",
        "'",
        "&a ",
        "*a ",
        "|\n",
        ">\n ",
        "!",
        "%",
        "#",
        "\t",
        " ",
        "\n",
        "---\n",
        "a:\n ",
        "- - - -\n",
        "a: b\n",
        "...\n",
        "é",
        "\\",
        "[a, ",
        "{a: [",
        "<<: {",
        "a: |\n  b\n",
        "a: 'b\n",
        "!!str ",
        "x",
        ",",
        ":",
        "[]",
        "--- |\n a\n",
    ];
    for pattern in patterns {
        let text = pattern.repeat(1_500_000 / pattern.len());
        let start = Instant::now();
        read(&text);
        let took = start.elapsed();
        assert!(took < FAR_FROM_LINEAR, "{pattern:?} took {took:?}");
    }
}

/// A fixture with a part replaced by another's, or by something that means something to YAML.
fn mutated() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES.to_vec());
    let edit = (any::<Index>(), any::<Index>(), piece, any::<Index>());
    let edits = prop::collection::vec(edit, 1..6);
    (prop::sample::select(fixtures()), edits).prop_map(|(fixture, edits)| {
        let mut text: Vec<char> = fixture.chars().collect();
        for (from, length, piece, other) in edits {
            let from = from.index(text.len() + 1);
            let until = from + length.index((text.len() - from).min(20) + 1);
            let start = other.index(text.len() + 1);
            let copied: Vec<char> = text.iter().copied().skip(start).take(10).collect();
            text.splice(from..until, piece.chars().chain(copied));
        }
        text.into_iter().collect()
    })
}

const PIECES: &[&str] = &[
    "",
    "\n",
    "---\n",
    "...\n",
    "\t",
    "  ",
    ": ",
    "- ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "<<: ",
    "|\n",
    ">-\n",
    "'",
    "\"",
    "\\",
    "#",
    "%YAML 1.1\n",
    "!!str ",
    "\0",
    "\r",
    "\u{feff}",
    "é",
    "☃",
    "\u{2028}",
    "null",
    "~",
    "-1",
    "99999999999999999999",
    "https://",
    "[::1]:",
    "%zz",
    ",",
    "kind: ",
];

fn fixtures() -> Vec<String> {
    let root = format!("{}/tests/fixtures", env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = ["annotations", "manifests", "resources", "ingresses"]
        .iter()
        .flat_map(|directory| std::fs::read_dir(format!("{root}/{directory}")))
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths.iter().flat_map(std::fs::read_to_string).collect()
}

/// What holds for any text at all, whatever it is taken for.
fn holds(text: &str) -> bool {
    let lines = text.split(['\n', '\r']).count();
    let manifest = manifest(text);
    let said = manifest.objects.iter().filter_map(|object| {
        let said = object.said.as_ref()?;
        let origin = object.origin(&Arc::from("services.yaml"), said);
        Some(parse(said.form, &said.text, &origin, &identity()).diagnostics)
    });
    let said: Vec<_> = said.flatten().collect();
    let in_the_text = read(text).diagnostics.into_iter();
    let in_the_text = in_the_text.chain(manifest.diagnostics).chain(said);
    let of_objects = [Form::CustomResource, Form::Ingress].into_iter();
    let of_objects =
        of_objects.flat_map(|form| parse(form, text, &origin(), &identity()).diagnostics);
    in_the_text
        .into_iter()
        .all(|found| is_one_line(&found) && stands(&found, 1..=lines))
        && of_objects
            .into_iter()
            .all(|found| is_one_line(&found) && stands(&found, 0..=lines))
}

fn is_one_line(diagnostic: &Diagnostic) -> bool {
    !diagnostic.to_string().contains(char::is_control)
}

fn stands(diagnostic: &Diagnostic, lines: std::ops::RangeInclusive<usize>) -> bool {
    lines.contains(&(diagnostic.at.line as usize))
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>()) {
        prop_assert!(holds(&text));
    }

    #[test]
    fn text_of_yaml_characters_is_read_without_a_panic(
        text in r#"[-a:{}\[\]&*!|>'"%#?, \n\t\r<=.0\\]{0,200}"#,
    ) {
        prop_assert!(holds(&text));
    }

    #[test]
    fn mutated_fixtures_are_read_without_a_panic(text in mutated()) {
        prop_assert!(holds(&text), "{text}");
    }

    #[test]
    fn a_document_of_any_text_harms_no_other(text in mutated()) {
        // The text may end this document, but not the one that begins after a marker.
        let parsed = read(&format!("{}---\n{text}\n{}", mapping("before"), mapping("after")));
        let has = |name| parsed.resources.iter().any(|resource| &*resource.name == name);
        prop_assert!(has("before") && has("after"), "{text}");
    }
}

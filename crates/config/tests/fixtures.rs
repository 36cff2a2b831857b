//! Fixture in, snapshot out: the name of the file is the behaviour.

mod describe;

use std::sync::Arc;

use nuncio_config::{
    Form, Identity, ObjectRef, Origin, Trust, parse, parse_annotation, read_manifest,
};

fn identity() -> Identity {
    Identity {
        ambassador_id: "default".into(),
        namespace: "ambassador".into(),
        annotations: Trust::default(),
        any_label: false,
        ..Identity::default()
    }
}

fn origin() -> Origin {
    Origin::api(Arc::new(ObjectRef {
        kind: "Service".into(),
        namespace: "shop".into(),
        name: "web".into(),
    }))
}

fn annotation(text: &str) -> String {
    describe::parsed(&parse_annotation(text, &origin(), &identity()))
}

fn manifest(text: &str) -> String {
    let file = Arc::from("services.yaml");
    let manifest = read_manifest(&file, text);
    let objects = manifest.objects.iter().map(|object| {
        let head = format!("{} at line {}", object.object, object.line);
        let Some(said) = &object.said else {
            return format!("{head}: no annotation\n");
        };
        let class = object.ingress_class.iter();
        let class: String = class.map(|class| format!(", if {class} is ours")).collect();
        let form = match said.form {
            Form::Documents => String::new(),
            form => format!("{form:?}, "),
        };
        let origin = object.origin(&file, said);
        let parsed = parse(said.form, &said.text, &origin, &identity());
        format!(
            "{head}: {form}{:?}{class}\n{}",
            said.lines,
            describe::parsed(&parsed)
        )
    });
    let classes = manifest.ingress_classes.iter();
    let classes = classes.map(|class| format!("IngressClass {class} is ours\n"));
    let found: String = objects.chain(classes).collect();
    found + &describe::diagnostics(&manifest.diagnostics)
}

/// Every document is an object, as the API server delivers it.
fn objects(text: &str) -> String {
    let documents = text
        .split("---\n")
        .filter(|document| !document.trim().is_empty());
    let said = documents.map(|document| {
        let value = |key: &str| {
            let line = document
                .lines()
                .find_map(|line| line.trim().strip_prefix(key));
            line.unwrap_or("missing").trim().into()
        };
        let object = ObjectRef {
            kind: value("kind:"),
            namespace: "shop".into(),
            name: value("name:"),
        };
        let form = match &*object.kind {
            "Ingress" => Form::Ingress,
            _ => Form::CustomResource,
        };
        let parsed = parse(form, document, &Origin::api(Arc::new(object)), &identity());
        describe::parsed(&parsed)
    });
    said.collect::<Vec<_>>().join("--\n")
}

#[test]
fn annotations() {
    insta::glob!("fixtures/annotations/*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        insta::assert_snapshot!(annotation(&text));
    });
}

#[test]
fn manifests() {
    insta::glob!("fixtures/manifests/*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        insta::assert_snapshot!(manifest(&text));
    });
}

#[test]
fn resources() {
    insta::glob!("fixtures/resources/*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        insta::assert_snapshot!(objects(&text));
    });
}

#[test]
fn ingresses() {
    insta::glob!("fixtures/ingresses/*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        insta::assert_snapshot!(objects(&text));
    });
}

#[test]
fn line_breaks_of_other_systems_and_a_byte_order_mark_change_nothing() {
    for directory in ["annotations", "manifests"] {
        let path = format!("{}/tests/fixtures/{directory}", env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let read = if directory == "annotations" {
                annotation
            } else {
                manifest
            };
            for breaks in ["\r\n", "\r"] {
                let other = format!("\u{feff}{}", text.replace('\n', breaks));
                assert_eq!(read(&other), read(&text), "{}", path.display());
            }
        }
    }
}

#[test]
fn a_gateway_with_an_id_of_its_own_takes_only_documents_that_name_it() {
    let text =
        include_str!("fixtures/annotations/documents_of_other_gateways_are_left_out_silently.yaml");
    let other = Identity {
        ambassador_id: "other".into(),
        ..identity()
    };
    let parsed = parse_annotation(text, &origin(), &other);
    let names: Vec<&str> = parsed
        .resources
        .iter()
        .map(|resource| &*resource.name)
        .collect();
    assert_eq!(names, ["list", "automatic", "other"]);
}

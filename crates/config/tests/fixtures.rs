//! Fixture in, snapshot out: the name of the file is the behaviour.

mod describe;

use std::sync::Arc;

use nuncio_config::{Identity, ObjectRef, Origin, Trust, parse_annotation, read_manifest};

fn identity() -> Identity {
    Identity {
        ambassador_id: "default".into(),
        namespace: "ambassador".into(),
        annotations: Trust::default(),
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
        let Some(annotation) = &object.annotation else {
            return format!("{head}: no annotation\n");
        };
        let origin = object.origin(&file, annotation);
        let parsed = parse_annotation(&annotation.text, &origin, &identity());
        format!(
            "{head}: {:?}\n{}",
            annotation.lines,
            describe::parsed(&parsed)
        )
    });
    objects.collect::<String>() + &describe::diagnostics(&manifest.diagnostics)
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

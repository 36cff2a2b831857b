//! Any text, as an annotation and as a manifest file with annotations in it.
//!
//! Looks for panics, hangs and memory; and for lines that do not exist and reasons that would break
//! a log line.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use nuncio_config::{Diagnostic, Identity, ObjectRef, Origin, parse_annotation, read_manifest};

fuzz_target!(|text: &str| {
    let identity = Identity::default();
    let object = ObjectRef {
        kind: "Service".into(),
        namespace: "b".into(),
        name: "web".into(),
    };
    let parsed = parse_annotation(text, &Origin::api(Arc::new(object)), &identity);
    check(&parsed.diagnostics, text);

    let file = Arc::from("services.yaml");
    let manifest = read_manifest(&file, text);
    check(&manifest.diagnostics, text);
    for object in &manifest.objects {
        let Some(annotation) = &object.annotation else {
            continue;
        };
        let origin = object.origin(&file, annotation);
        check(
            &parse_annotation(&annotation.text, &origin, &identity).diagnostics,
            text,
        );
    }
});

fn check(diagnostics: &[Diagnostic], text: &str) {
    let lines = text.split(['\n', '\r']).count();
    for diagnostic in diagnostics {
        let line = diagnostic.at.line as usize;
        assert!(
            (1..=lines).contains(&line),
            "line {line} of {lines}: {diagnostic}"
        );
        assert!(
            !diagnostic.to_string().contains(char::is_control),
            "{diagnostic:?}"
        );
    }
}

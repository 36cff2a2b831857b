//! Any text, as an annotation, as an object, and as a manifest file with objects in it.
//!
//! Looks for panics, hangs and memory; and for lines that do not exist and reasons that would break
//! a log line.

#![no_main]

use std::ops::RangeInclusive;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use nuncio_config::{Diagnostic, Form, Identity, ObjectRef, Origin, Trust, parse, read_manifest};

fuzz_target!(|text: &str| {
    let lines = text.split(['\n', '\r']).count();
    for annotations in [Trust::Compatible, Trust::Hardened] {
        let identity = Identity {
            annotations,
            ..Identity::default()
        };
        let object = ObjectRef {
            kind: "Service".into(),
            namespace: "b".into(),
            name: "web".into(),
        };
        let origin = Origin::api(Arc::new(object));
        let documents = parse(Form::Documents, text, &origin, &identity);
        check(&documents.diagnostics, 1..=lines);
        for form in [Form::CustomResource, Form::Ingress] {
            let parsed = parse(form, text, &origin, &identity);
            check(&parsed.diagnostics, 0..=lines);
        }
        let file = Arc::from("services.yaml");
        let manifest = read_manifest(&file, text);
        check(&manifest.diagnostics, 1..=lines);
        for object in &manifest.objects {
            let Some(said) = &object.said else {
                continue;
            };
            let origin = object.origin(&file, said);
            let parsed = parse(said.form, &said.text, &origin, &identity);
            check(&parsed.diagnostics, 1..=lines);
        }
    }
});

fn check(diagnostics: &[Diagnostic], lines: RangeInclusive<usize>) {
    for diagnostic in diagnostics {
        let line = diagnostic.at.line as usize;
        assert!(lines.contains(&line), "{line} of {lines:?}: {diagnostic}");
        assert!(
            !diagnostic.to_string().contains(char::is_control),
            "{diagnostic:?}"
        );
    }
}

use std::sync::Arc;

use super::{Diagnostic, Severity};
use crate::{Location, ObjectRef};

fn diagnostic(file: Option<&str>, document: u32) -> Diagnostic {
    let object = Arc::new(ObjectRef {
        kind: "Service".into(),
        namespace: "default".into(),
        name: "httpbin".into(),
    });
    Diagnostic {
        severity: Severity::Error,
        at: Location {
            object,
            file: file.map(Arc::from),
            document,
            line: 12,
        },
        resource: None,
        reason: "need prefix".into(),
    }
}

#[test]
fn a_file_is_named_with_its_line() {
    let shown = diagnostic(Some("httpbin.yaml"), 2).to_string();
    assert_eq!(
        shown,
        "httpbin.yaml:12: Service default/httpbin, document 2: need prefix"
    );
}

#[test]
fn without_a_file_the_document_is_named() {
    let shown = diagnostic(None, 2).to_string();
    assert_eq!(
        shown,
        "Service default/httpbin, document 2, line 12: need prefix"
    );
}

#[test]
fn a_whole_object_has_neither_document_nor_line() {
    assert_eq!(
        diagnostic(None, 0).to_string(),
        "Service default/httpbin: need prefix"
    );
}

#[test]
fn the_resource_follows_the_object() {
    let resource = Some("Mapping httpbin_mapping".into());
    let shown = Diagnostic {
        resource,
        ..diagnostic(None, 1)
    }
    .to_string();
    assert_eq!(
        shown,
        "Service default/httpbin, document 1, line 12, Mapping httpbin_mapping: need prefix"
    );
}

#[test]
fn the_json_form_is_flat_but_for_the_object() {
    let json = serde_json::to_string(&diagnostic(Some("httpbin.yaml"), 2)).unwrap();
    assert_eq!(
        json,
        r#"{"severity":"error","file":"httpbin.yaml","line":12,"document":2,"object":{"kind":"Service","namespace":"default","name":"httpbin"},"resource":null,"reason":"need prefix"}"#
    );
}

#[test]
fn an_error_is_worse_than_a_warning() {
    assert!(Severity::Warning < Severity::Error);
}

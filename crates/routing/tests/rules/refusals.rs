//! Who is refused for reasons that lie in others, and who stands against it.

use std::sync::Arc;

use nuncio_config::{Identity, ObjectRef, Origin, Parsed, parse_annotation};
use nuncio_routing::{Compiler, Refusal};

fn object(name: &str) -> Arc<ObjectRef> {
    let (kind, namespace) = ("Service".into(), "default".into());
    Arc::new(ObjectRef {
        kind,
        namespace,
        name: name.into(),
    })
}

fn parsed(object: &Arc<ObjectRef>, text: &str) -> Parsed {
    parse_annotation(text, &Origin::api(Arc::clone(object)), &Identity::default())
}

fn put(compiler: &mut Compiler, name: &str, text: &str) {
    let object = object(name);
    compiler.put(&object, parsed(&object, text));
}

fn mapping(name: &str, more: &str) -> String {
    format!(
        "{{apiVersion: ambassador/v1, kind: Mapping, name: {name}, prefix: /, service: s{more}}}"
    )
}

/// `refused<against`, by object.
fn refused(compiler: &mut Compiler) -> Vec<String> {
    let compiled = compiler.compile(1);
    let told = |refusal: &Refusal| {
        let against = refusal.against.as_ref().map(|object| &*object.name);
        let Refusal {
            object,
            kind,
            namespace,
            name,
            ..
        } = refusal;
        format!(
            "{}: {kind} {namespace}/{name} < {}",
            object.name,
            against.unwrap_or("nobody")
        )
    };
    compiled.refused.iter().map(told).collect()
}

#[test]
fn who_differs_from_its_group_is_refused_against_the_first() {
    let mut compiler = Compiler::new(Identity::default());
    put(&mut compiler, "a", &mapping("first", ""));
    assert_eq!(refused(&mut compiler), [""; 0]);
    put(&mut compiler, "b", &mapping("later", ", bypass_auth: true"));
    assert_eq!(refused(&mut compiler), ["b: Mapping default/later < a"]);
}

#[test]
fn who_is_overridden_is_refused_against_who_overrides() {
    let mut compiler = Compiler::new(Identity::default());
    put(&mut compiler, "a", &mapping("m", ""));
    put(&mut compiler, "b", &mapping("m", ""));
    assert_eq!(refused(&mut compiler), ["a: Mapping default/m < b"]);
}

#[test]
fn who_cannot_be_live_by_itself_is_refused_against_nobody() {
    let mut compiler = Compiler::new(Identity::default());
    put(&mut compiler, "a", &mapping("m", ", resolver: nobodys"));
    assert_eq!(refused(&mut compiler), ["a: Mapping default/m < nobody"]);
}

#[test]
fn what_no_change_touches_is_not_told_again() {
    let mut compiler = Compiler::new(Identity::default());
    put(&mut compiler, "a", &mapping("m", ", resolver: nobodys"));
    refused(&mut compiler);
    put(&mut compiler, "b", &mapping("n", ", host: elsewhere"));
    assert_eq!(refused(&mut compiler), [""; 0]);
    put(
        &mut compiler,
        "a",
        &mapping("m", ", resolver: nobodys, grpc: true"),
    );
    assert_eq!(refused(&mut compiler), ["a: Mapping default/m < nobody"]);
}

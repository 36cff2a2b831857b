//! Which Ingresses may be ours: by the annotation that was there before classes, or by their class.

use crate::yaml::Node;

/// Whose an Ingress is, as far as it says itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Ours,
    /// Ours if this IngressClass is.
    OfClass(Box<str>),
    Others,
}

/// `kubernetes.io/ingress.class: ambassador`, in any case, goes before `ingressClassName`.
pub(super) fn claim(ingress: &Node<'_>) -> Claim {
    let annotations = ingress.get("metadata").and_then(|it| it.get("annotations"));
    let annotation = annotations.and_then(|it| it.get("kubernetes.io/ingress.class")?.text());
    if annotation.is_some_and(|class| class.eq_ignore_ascii_case("ambassador")) {
        return Claim::Ours;
    }
    let class = ingress
        .get("spec")
        .and_then(|it| it.get("ingressClassName")?.text());
    class.map_or(Claim::Others, |class| Claim::OfClass(class.into()))
}

/// Whether an IngressClass is Ambassador's.
pub(super) fn is_class_of_ours(class: &Node<'_>) -> bool {
    let controller = class
        .get("spec")
        .and_then(|it| it.get("controller")?.text());
    controller.is_some_and(|text| text.eq_ignore_ascii_case("getambassador.io/ingress-controller"))
}

//! The name of a Service, as the API server would have it.

use nuncio_routing::ServicePort;

/// A Service of a namespace. Ordered by namespace first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ServiceName {
    pub(super) namespace: Box<str>,
    pub(super) name: Box<str>,
}

impl ServiceName {
    pub(super) fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    pub(super) fn port(&self, port: u16) -> ServicePort {
        ServicePort {
            namespace: self.namespace.clone(),
            service: self.name.clone(),
            port,
        }
    }

    /// Whether there can be such a Service (RFC 1123 labels). The names come from annotations: no
    /// others are put into paths and selectors.
    pub(super) fn is_possible(&self) -> bool {
        is_label(&self.namespace) && is_label(&self.name)
    }
}

impl From<&ServicePort> for ServiceName {
    fn from(of: &ServicePort) -> Self {
        Self::new(&of.namespace, &of.service)
    }
}

fn is_label(text: &str) -> bool {
    let is_inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_reaches_beyond_its_place_in_a_path_or_selector() {
        for bad in [
            "", "..", "a/b", "a,b", "a)", "a%2e", "A", "-a", "a b", "a\n",
        ] {
            assert!(!ServiceName::new("default", bad).is_possible(), "{bad:?}");
            assert!(!ServiceName::new(bad, "s").is_possible(), "{bad:?}");
        }
        assert!(ServiceName::new("kube-system", "dns-0").is_possible());
    }
}

//! Resources of one kind, name and namespace.
//!
//! As in Emissary (`Config.safe_store`) the later one overrides the earlier, and it is an error.
//! The same name in another namespace is another resource.

use std::collections::HashMap;

use nuncio_config::Resource;

use super::report::{Place, Report};

/// Keeps the last of each; `resources` are in insertion order, and stay in it.
pub(super) fn resolve<'r>(resources: Vec<&'r Resource>, report: &mut Report) -> Vec<&'r Resource> {
    let mut live = HashMap::<_, &Resource>::with_capacity(resources.len());
    for resource in &resources {
        if let Some(earlier) = live.insert(full_name(resource), resource) {
            report.error(
                earlier,
                format_args!("overridden by the same name at {}", Place(&resource.at)),
            );
        }
    }
    let is_live = |resource: &&Resource| {
        live.get(&full_name(resource))
            .is_some_and(|live| std::ptr::eq(*live, *resource))
    };
    resources.into_iter().filter(is_live).collect()
}

fn full_name(resource: &Resource) -> (&str, &str, &str) {
    (resource.kind.as_str(), &resource.namespace, &resource.name)
}

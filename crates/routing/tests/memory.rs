//! What a table of Routes keeps, and what a change copies.

use std::sync::Arc;

use nuncio_config::{Identity, ObjectRef, Origin, parse_annotation};
use nuncio_routing::{Route, RouteTable, compile};

/// Mappings of every kind, a tenth of them with a host of their own, and one with the prefix `/`.
fn routes(count: usize) -> Vec<Arc<Route>> {
    let mapping = |number: usize| {
        let rest = match number % 20 {
            0 => format!(", host: tenant-{number}.example.com"),
            1 => format!(", host: '*.tenant-{number}.example.com'"),
            2 => ", prefix_exact: true".to_owned(),
            3 => ", case_sensitive: false".to_owned(),
            4 => ", prefix_regex: true".to_owned(),
            _ => String::new(),
        };
        let prefix = format!("/{}/service-{number}/", "x".repeat(number % 23));
        let prefix = if number == 0 { "/" } else { &prefix };
        format!(
            "---\n{{apiVersion: ambassador/v1, kind: Mapping, name: m-{number}, service: web, prefix: {prefix}{rest}}}\n"
        )
    };
    let documents: Vec<_> = (0..count).map(mapping).collect();
    let identity = Identity::default();
    let parsed = documents.chunks(100).zip(0..).map(|(documents, nth)| {
        let object = ObjectRef {
            kind: "Service".into(),
            namespace: "default".into(),
            name: format!("web-{nth}").into(),
        };
        let origin = Origin::api(Arc::new(object));
        parse_annotation(&documents.concat(), &origin, &identity)
    });
    let resources: Vec<_> = parsed.flat_map(|parsed| parsed.resources).collect();
    assert_eq!(resources.len(), count);
    let table = compile(&resources, [], &identity, 1).routes;
    table.iter().map(Arc::clone).collect()
}

/// The bytes allocated by removing a Route and adding it again, each published.
fn copied(table: &mut RouteTable, route: &Arc<Route>) -> u64 {
    let mut published = table.clone();
    let allocated = allocation_counter::measure(|| {
        table.remove(route);
        published.clone_from(table);
        table.insert(Arc::clone(route));
        published.clone_from(table);
    });
    assert_eq!(published.len(), table.len());
    allocated.bytes_total
}

#[test]
fn a_change_copies_little_however_many_routes_there_are() {
    const LITTLE: u64 = 400_000;
    let routes = routes(6_000);
    let mut table: RouteTable = routes.iter().cloned().collect();
    let is_root = |route: &&Arc<Route>| route.path.as_str() == "/";
    let root = routes.iter().find(is_root).unwrap();
    assert!(copied(&mut table, root) < LITTLE);
    for route in routes.iter().step_by(600) {
        let copied = copied(&mut table, route);
        assert!(copied < LITTLE, "{copied} bytes for {:?}", route.path);
    }
}

#[test]
fn routes_that_are_removed_leave_no_memory_behind() {
    let routes = routes(2_000);
    let mut table = RouteTable::default();
    let mut bytes = |from: usize, to: usize, is_added: bool| {
        let changed = allocation_counter::measure(|| {
            for route in &routes[from..to] {
                match is_added {
                    true => table.insert(Arc::clone(route)),
                    false => table.remove(route),
                }
            }
        });
        changed.bytes_current
    };
    let all = bytes(0, 2_000, true);
    let after_most = all + bytes(200, 2_000, false);
    assert!(
        after_most * 3 < all,
        "{after_most} of {all} bytes for a tenth"
    );
    let nothing = after_most + bytes(0, 200, false);
    assert!(nothing < 2_048, "{nothing} bytes for nothing");
}

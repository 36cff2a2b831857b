//! Random requests that Mappings of [`documents`](crate::documents) may be meant for.

use http::{HeaderMap, Method};
use nuncio_config::Selector;
use nuncio_routing::{Draw, MappingSelector, Order, RequestHead, RouteTable};

const PATHS: [&str; 8] = [
    "/",
    "/a/",
    "/a/x",
    "/b/1",
    "/b",
    "/c/",
    "/ambassador/v0/check_alive",
    "/x",
];
const HOSTS: [&str; 4] = ["a.example", "b.example", "x.a.example", "A.EXAMPLE"];

/// One request.
pub(crate) struct Asked {
    method: Method,
    host: &'static str,
    path: &'static str,
    headers: HeaderMap,
    draw: Draw,
    host_has: MappingSelector,
}

impl Asked {
    pub(crate) fn at_random(random: &mut fastrand::Rng) -> Self {
        let mut headers = HeaderMap::new();
        if random.bool() {
            headers.insert("x-a", "1".parse().unwrap());
        }
        Self {
            method: random.choice([Method::GET, Method::POST]).unwrap(),
            host: random.choice(HOSTS).unwrap(),
            path: random.choice(PATHS).unwrap(),
            headers,
            draw: Draw::from_random(random.u64(..)),
            host_has: match random.bool() {
                true => MappingSelector::Any,
                false => MappingSelector::Labelled(app(random.choice(["1", "2"]).unwrap())),
            },
        }
    }

    /// The Route that takes it, by its place among all.
    pub(crate) fn taken_by<'t>(&self, table: &'t RouteTable) -> Option<&'t Order> {
        let head = RequestHead {
            method: &self.method,
            host: self.host,
            path: self.path,
            query: None,
            headers: &self.headers,
        };
        let found = table.find_selected(&head, self.draw, &self.host_has);
        found.map(|route| &route.order)
    }
}

fn app(value: &str) -> Selector {
    [("app".into(), value.into())].into_iter().collect()
}

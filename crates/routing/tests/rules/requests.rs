//! Requests: `get("/a/").host("x")`.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use nuncio_routing::{
    Draw, MappingSelector, PathRules, Question, RequestHead, Route, Snapshot, normalized,
};

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
}

pub(crate) fn get(path: &str) -> Request {
    let (host, headers) = ("localhost".to_owned(), HeaderMap::new());
    Request {
        method: Method::GET,
        host,
        path: path.to_owned(),
        query: None,
        headers,
    }
}

impl Request {
    /// Whether what is explained is what happens, for every Draw: who takes the request, or that it is
    /// refused since that depends on how its path is read.
    pub(crate) fn is_explained(&self, snapshot: &Snapshot, question: &Question) -> bool {
        let (explanation, head) = (snapshot.explain(question), self.head());
        let any = &MappingSelector::Any;
        let found = |draw| snapshot.routes.find(&head, draw);
        let is_ambiguous = |draw| {
            let found = found(draw);
            found.is_some_and(|found| snapshot.routes.is_ambiguous(&head, (draw, any), found))
        };
        if explanation.refused.is_some() {
            return explanation.answers.is_empty() && Draw::all().any(is_ambiguous);
        }
        Draw::all().all(|draw| {
            let taken = found(draw).map(|route| route.mapping.to_string());
            let told = explanation
                .answer(draw)
                .map(|answer| answer.mapping.clone());
            told == taken && !is_ambiguous(draw)
        })
    }

    pub(crate) fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    pub(crate) fn host(self, host: &str) -> Self {
        Self {
            host: host.to_owned(),
            ..self
        }
    }

    pub(crate) fn query(self, query: &str) -> Self {
        Self {
            query: Some(query.to_owned()),
            ..self
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
        self
    }

    pub(crate) fn head(&self) -> RequestHead<'_> {
        let Self {
            method,
            host,
            path,
            query,
            headers,
        } = self;
        RequestHead {
            method,
            host,
            path,
            query: query.as_deref(),
            headers,
        }
    }

    /// As `nuncio explain` is asked; `None` = no URL can say it, or another path would be matched.
    pub(crate) fn question(&self) -> Option<Question> {
        let normal = normalized(&self.path, PathRules::default()).ok()?;
        if !self.path.starts_with('/') || normal != *self.path {
            return None;
        }
        let mut headers = vec![format!("host: {}", self.host)];
        headers.extend(
            self.headers
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())),
        );
        let query = self.query.as_ref();
        let query = query.map_or_else(String::new, |query| format!("?{query}"));
        let target = format!("{}{query}", self.path);
        Question::parse(
            self.method.as_str(),
            &target,
            headers.iter().map(|line| &**line),
        )
        .ok()
    }

    /// The Route that takes this request, whatever it draws.
    pub(crate) fn route<'s>(&self, snapshot: &'s Snapshot) -> Option<&'s Route> {
        let find = |draw| {
            snapshot
                .routes
                .find(&self.head(), draw)
                .map(|route| &**route)
        };
        let mut found: Vec<_> = Draw::all().map(find).collect();
        found.dedup();
        assert_eq!(found.len(), 1, "the Route depends on the Draw");
        found[0]
    }

    /// The name of the Mapping that takes this request; empty = none.
    pub(crate) fn taker<'s>(&self, snapshot: &'s Snapshot) -> &'s str {
        self.route(snapshot).map_or("", |route| &route.mapping.name)
    }

    /// How many of a hundred Draws end up at which Mapping.
    pub(crate) fn takers<'s>(&self, snapshot: &'s Snapshot) -> Vec<(&'s str, usize)> {
        let find = |draw| snapshot.routes.find(&self.head(), draw);
        let names: Vec<_> = Draw::all()
            .map(|draw| find(draw).map_or("", |route| &*route.mapping.name))
            .collect();
        names
            .chunk_by(|a, b| a == b)
            .map(|run| (run[0], run.len()))
            .collect()
    }
}

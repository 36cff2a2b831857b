//! `cors`

use http::HeaderValue;

/// Which pages of other origins may read answers (Fetch, CORS protocol). Lists are joined with `, `
/// as Ambassador joins them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Origins that are allowed, exactly; `*` among them allows any.
    pub origins: Box<[Box<str>]>,
    /// `access-control-allow-methods`
    pub methods: Option<HeaderValue>,
    /// `access-control-allow-headers`
    pub headers: Option<HeaderValue>,
    /// `access-control-expose-headers`
    pub exposed_headers: Option<HeaderValue>,
    /// `access-control-allow-credentials: true`
    pub credentials: bool,
    /// `access-control-max-age`, in s.
    pub max_age: Option<HeaderValue>,
}

//! The token of the service account, which its file changes about once an hour.
//!
//! It is read for every request: requests are few, the file is small and in memory, and whoever keeps
//! what he has read for a while asks with a token that is valid no more. (kube keeps it for a minute.)
//!
//! Invariant: a file that cannot be read, or is empty, leaves the token that was read before. Neither
//! is shown.
//! Deliberately absent: when the token expires; the API server says that with a 401.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use kube::client::{AuthError, Body};
use tower::util::MapRequestLayer;

/// A token in a file.
pub(super) struct Token {
    file: PathBuf,
    last: Mutex<HeaderValue>,
}

impl Token {
    /// The token in this file.
    pub(super) fn read(file: PathBuf) -> kube::Result<Self> {
        let last = bearer(&file).map_err(|source| {
            let error = AuthError::ReadTokenFile(source, file.clone());
            kube::Error::Auth(error)
        })?;
        let last = Mutex::new(last);
        Ok(Self { file, last })
    }

    /// Has every request bear the token.
    pub(super) fn layer(
        self,
    ) -> MapRequestLayer<impl FnMut(Request<Body>) -> Request<Body> + Clone + Send + 'static> {
        let token = Arc::new(self);
        MapRequestLayer::new(move |mut request: Request<Body>| {
            request.headers_mut().insert(AUTHORIZATION, token.newest());
            request
        })
    }

    fn newest(&self) -> HeaderValue {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(newest) = bearer(&self.file) {
            *last = newest;
        }
        last.clone()
    }
}

fn bearer(file: &PathBuf) -> io::Result<HeaderValue> {
    let token = fs::read_to_string(file)?;
    let token = token.trim();
    if token.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_token_is_what_its_file_says_now() {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("token");
        assert!(Token::read(file.clone()).is_err());
        fs::write(&file, "first\n").unwrap();
        let token = Token::read(file.clone()).unwrap();
        assert_eq!(token.newest(), "Bearer first");
        fs::write(&file, "second").unwrap();
        assert_eq!(token.newest(), "Bearer second");
        for unusable in ["", "\n", "a\0b"] {
            fs::write(&file, unusable).unwrap();
            assert_eq!(token.newest(), "Bearer second");
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(token.newest(), "Bearer second");
        assert!(!format!("{:?}", token.newest()).contains("second"));
    }
}

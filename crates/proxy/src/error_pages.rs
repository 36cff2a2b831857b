//! Texts of files that errors are answered with (`text_format_source`).
//!
//! Invariant: read when a configuration comes into force that names other files than the one before,
//! never on the way of a request, and small.
//! Annotations are written by people who may not read the gateway's files: what belongs to the
//! system, and what Kubernetes mounts for processes alone, is not shown to anybody.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use nuncio_config::Format;
use tracing::warn;

/// The texts of one configuration.
#[derive(Debug, Default)]
pub(crate) struct ErrorPages {
    names: Arc<[Box<str>]>,
    /// By the names of their files.
    pages: HashMap<Box<str>, Format>,
}

/// Larger files are not read: Envoy has the same bound for what it makes up itself.
const MAX_BYTES: u64 = 4096;

/// Where no page comes from, symbolic links followed.
const PRIVATE: [&str; 8] = [
    "/dev", "/etc", "/proc", "/root", "/run", "/sys", "/var/lib", "/var/run",
];

/// A page cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("it has more than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("it is in a directory of the system's, or no file")]
    Private,
    #[error("it is no text with operators")]
    NoFormat,
}

impl ErrorPages {
    /// Reads the files of these names, unless they were read for the configuration `before`. What
    /// cannot be used is left out with a warning.
    pub(crate) fn next(before: &Arc<Self>, names: &Arc<[Box<str>]>) -> Arc<Self> {
        match before.names == *names {
            true => Arc::clone(before),
            false => Arc::new(Self::read(names)),
        }
    }

    fn read(names: &Arc<[Box<str>]>) -> Self {
        let mut pages = HashMap::new();
        for name in names.iter() {
            match page(Path::new(&**name)) {
                Ok(page) => drop(pages.insert(name.clone(), page)),
                Err(reason) => warn!(file = ?name, %reason, "an error page is left out"),
            }
        }
        Self {
            names: Arc::clone(names),
            pages,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Format> {
        self.pages.get(name)
    }
}

fn page(path: &Path) -> Result<Format, Unusable> {
    let path = path.canonicalize()?;
    if is_private(&path) || !path.is_file() {
        return Err(Unusable::Private);
    }
    let mut text = String::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Unusable::TooLarge);
    }
    text.parse().map_err(|_| Unusable::NoFormat)
}

/// `/var/run` is a link to `/run` on most systems; an image without a system has it as it is, with
/// the token of the gateway's service account in it.
fn is_private(path: &Path) -> bool {
    PRIVATE.iter().any(|directory| path.starts_with(directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str) -> Result<Format, Unusable> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("page.html");
        std::fs::write(&path, text).unwrap();
        page(&path)
    }

    #[test]
    fn files_are_read_again_when_others_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("page.html");
        let name: Box<str> = path.to_str().unwrap().into();
        std::fs::write(&path, "one").unwrap();
        let first = ErrorPages::next(&Arc::default(), &[name.clone()].into());
        std::fs::write(&path, "%RESPONSE_CODE% two").unwrap();
        let second = ErrorPages::next(&first, &[name.clone()].into());
        let third = ErrorPages::next(&second, &[name.clone(), "/missing".into()].into());
        let parts = |pages: &ErrorPages| pages.get(&name).unwrap().0.len();
        assert_eq!([parts(&first), parts(&second), parts(&third)], [1, 1, 2]);
        assert!(third.get("/missing").is_none());
    }

    #[test]
    fn a_page_is_a_small_text_with_operators() {
        let page = outcome("<h1>%RESPONSE_CODE%</h1>").unwrap();
        assert_eq!(page.0.len(), 3);
        assert!(matches!(
            outcome(&"x".repeat(4097)),
            Err(Unusable::TooLarge)
        ));
        assert!(outcome(&"x".repeat(4096)).is_ok());
    }

    #[test]
    fn what_kubernetes_mounts_for_the_gateway_is_no_page() {
        let token = "secrets/kubernetes.io/serviceaccount/token";
        for directory in ["/run", "/var/run"] {
            assert!(is_private(&Path::new(directory).join(token)), "{directory}");
        }
    }

    #[test]
    fn files_of_the_system_are_no_pages() {
        for path in [
            "/etc/hostname",
            "/proc/self/environ",
            "/proc/self/root/etc/passwd",
            "/",
        ] {
            assert!(page(Path::new(path)).is_err(), "{path}");
        }
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("page.html");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(matches!(page(&link), Err(Unusable::Private)));
    }
}

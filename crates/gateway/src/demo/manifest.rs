//! The demo's configuration: the httpbin Service of the Ambassador monitoring tutorial, on disk.
//!
//! Invariant: what is written is valid YAML for any socket address.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The manifest could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub(crate) struct WriteManifestError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Writes `httpbin.yaml` into `directory`, with `upstream` as the Mapping's service, and returns its path.
/// A file of that name is replaced.
pub(crate) fn write(directory: &Path, upstream: SocketAddr) -> Result<PathBuf, WriteManifestError> {
    let path = directory.join("httpbin.yaml");
    match fs::write(&path, text(upstream)) {
        Ok(()) => Ok(path),
        Err(source) => Err(WriteManifestError { path, source }),
    }
}

fn text(upstream: SocketAddr) -> String {
    // A plain YAML scalar cannot start with the bracket of an IPv6 address.
    let service = match upstream {
        SocketAddr::V4(addr) => addr.to_string(),
        SocketAddr::V6(addr) => format!("\"{addr}\""),
    };
    format!(
        "\
apiVersion: v1
kind: Service
metadata:
  name: httpbin
  annotations:
    getambassador.io/config: |
      ---
      apiVersion: ambassador/v0
      kind: Mapping
      name: httpbin_mapping
      prefix: /httpbin/
      service: {service}
      host_rewrite: httpbin.org
spec:
  ports:
  - port: 80
"
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nuncio_config::{
        Identity, Kind, Mapping, Origin, Rewrite, ServiceHost, parse_annotation, read_manifest,
    };

    use super::*;

    fn written(upstream: &str) -> Mapping {
        let directory = tempfile::tempdir().unwrap();
        let path = write(directory.path(), upstream.parse().unwrap()).unwrap();
        assert_eq!(path, directory.path().join("httpbin.yaml"));

        let file: Arc<str> = path.display().to_string().into();
        let manifest = read_manifest(&file, &fs::read_to_string(path).unwrap());
        assert_eq!(manifest.diagnostics, []);
        let [service] = &*manifest.objects else {
            panic!("one object: {:?}", manifest.objects)
        };
        assert_eq!(service.object.to_string(), "Service default/httpbin");

        let annotation = service.said.as_ref().unwrap();
        let origin = Origin::api(Arc::clone(&service.object));
        let mut parsed = parse_annotation(&annotation.text, &origin, &Identity::default());
        assert_eq!(parsed.diagnostics, []);
        let resource = parsed.resources.pop().unwrap();
        assert_eq!(&*resource.name, "httpbin_mapping");
        let Kind::Mapping(mapping) = resource.kind else {
            panic!("{:?}", resource.kind)
        };
        *mapping
    }

    #[test]
    fn the_tutorials_mapping_points_at_the_built_in_upstream() {
        let mapping = written("127.0.0.1:40123");
        assert_eq!(mapping.path.as_str(), "/httpbin/");
        assert_eq!(mapping.rewrite, Rewrite::Prefix("/".into()));
        assert_eq!(*mapping.host_rewrite.unwrap(), "httpbin.org");
        assert_eq!(&*mapping.service.written, "127.0.0.1:40123");
    }

    #[test]
    fn an_ipv6_upstream_is_still_valid_yaml() {
        let service = written("[::1]:40123").service;
        assert_eq!(
            service.host,
            ServiceHost::Ip([0, 0, 0, 0, 0, 0, 0, 1].into())
        );
        assert_eq!(service.port, 40123);
    }

    #[test]
    fn a_missing_directory_is_named_in_the_error() {
        let error = write(Path::new("/nonexistent/demo"), ([127, 0, 0, 1], 1).into()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot write /nonexistent/demo/httpbin.yaml"
        );
    }
}

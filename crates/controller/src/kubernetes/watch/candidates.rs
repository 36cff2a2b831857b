//! Where a kind is to be found: at a known place, or in one of the versions that are served.
//!
//! Invariant: of custom resources the stored version comes first when that can be known: it needs
//! no conversion, and so no webhook that may be gone.

use kube::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::target::{Depth, Target};

/// The places where a kind may be, in the order in which they are tried.
#[derive(Debug)]
pub(in crate::kubernetes) enum Candidates {
    /// A kind that every server has in one version.
    Known(Target),
    /// A kind of `getambassador.io`.
    Custom(Custom),
}

/// A custom resource: all that is known of it but its version.
#[derive(Debug)]
pub(in crate::kubernetes) struct Custom {
    pub(in crate::kubernetes) plural: &'static str,
    pub(in crate::kubernetes) namespace: Option<String>,
    pub(in crate::kubernetes) labels: Option<String>,
    pub(in crate::kubernetes) fields: Option<String>,
}

/// Emissary's group.
const GROUP: &str = "getambassador.io";

/// Newest first, as nobody knows better.
const VERSIONS: [&str; 3] = ["v3alpha1", "v2", "v1"];

impl Candidates {
    /// Asks the server; nothing when it does not know the kind.
    pub(super) async fn targets(&self, client: &Client) -> kube::Result<Vec<Target>> {
        let custom = match self {
            Self::Known(target) => return Ok(vec![target.clone()]),
            Self::Custom(custom) => custom,
        };
        let versions = custom.versions(client).await?;
        Ok(versions
            .iter()
            .map(|version| custom.target(version))
            .collect())
    }

    pub(super) fn has_versions(&self) -> bool {
        match self {
            Self::Known(_) => false,
            Self::Custom(_) => true,
        }
    }
}

impl Custom {
    fn target(&self, version: &str) -> Target {
        let api = format!("{GROUP}/{version}");
        Target {
            labels: self.labels.clone(),
            fields: self.fields.clone(),
            ..Target::new((&api, self.plural), self.namespace.as_deref(), Depth::Whole)
        }
    }

    async fn versions(&self, client: &Client) -> kube::Result<Vec<String>> {
        match self.definition(client).await {
            Ok(Some(definition)) => return Ok(definition.versions()),
            Ok(None) => return Ok(Vec::new()),
            // Reading definitions is a permission that Ambassador was not given.
            Err(kube::Error::Api(_)) => {}
            Err(error) => return Err(error),
        }
        let group = match document::<Group>(client, format!("/apis/{GROUP}")).await {
            Ok(Some(group)) => group,
            Ok(None) => return Ok(Vec::new()),
            Err(kube::Error::Api(_)) => return Ok(VERSIONS.map(str::to_owned).to_vec()),
            Err(error) => return Err(error),
        };
        let served = |version: &&str| group.versions.iter().any(|one| one.version == **version);
        Ok(VERSIONS
            .into_iter()
            .filter(served)
            .map(str::to_owned)
            .collect())
    }

    async fn definition(&self, client: &Client) -> kube::Result<Option<Definition>> {
        let plural = self.plural;
        let all = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        document(client, format!("{all}/{plural}.{GROUP}")).await
    }
}

/// A document of the server; `None` when it does not have it.
async fn document<T: DeserializeOwned>(client: &Client, path: String) -> kube::Result<Option<T>> {
    let request = http::Request::get(path).body(Vec::new());
    let request = request.map_err(kube::Error::HttpError)?;
    match client.request(request).await {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Deserialize)]
struct Group {
    versions: Vec<GroupVersion>,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
}

#[derive(Deserialize)]
struct Definition {
    spec: DefinitionSpec,
}

#[derive(Deserialize)]
struct DefinitionSpec {
    versions: Vec<DefinitionVersion>,
}

#[derive(Deserialize)]
struct DefinitionVersion {
    name: String,
    served: bool,
    storage: bool,
}

impl Definition {
    /// Those that we can read and are served, the stored one first, then the newest.
    fn versions(&self) -> Vec<String> {
        let find = |name: &str| {
            self.spec
                .versions
                .iter()
                .find(|version| version.name == name)
        };
        let known = VERSIONS.into_iter().filter_map(find);
        let mut served: Vec<_> = known.filter(|version| version.served).collect();
        served.sort_by_key(|version| !version.storage);
        served.iter().map(|version| version.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Definition;

    #[test]
    fn the_stored_version_comes_first_then_the_newest() {
        let text = r#"{"spec": {"versions": [
            {"name": "v1", "served": true, "storage": false},
            {"name": "v2", "served": true, "storage": true},
            {"name": "v3alpha1", "served": true, "storage": false},
            {"name": "v9", "served": true, "storage": false}
        ]}}"#;
        let definition: Definition = serde_json::from_str(text).unwrap();
        assert_eq!(definition.versions(), ["v2", "v3alpha1", "v1"]);
    }
}

//! The way to the API server: in-cluster credentials, else a kubeconfig.
//!
//! Invariant: every client made here notices a dead connection within a minute.
//! Deliberately absent: retries (each watch has its own) and HTTP proxies (the API server is asked
//! directly, whatever `HTTPS_PROXY` says).

use std::time::Duration;

use kube::client::ClientBuilder;
use kube::config::{InClusterError, KubeConfigOptions, KubeconfigError};
use kube::{Client, Config};

use super::token::Token;

/// A dead API server is given up on after this; the watch's own retries follow.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// No answer is silent for longer than a watch, whose server side ends after
/// [`WATCH_SECONDS`](super::watch::WATCH_SECONDS).
const READ_TIMEOUT: Duration = Duration::from_secs(57);

/// There is no way to reach a Kubernetes API server.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Neither a service account nor a kubeconfig gives an address.
    #[error(
        "no Kubernetes API server: not in a cluster ({in_cluster}), no kubeconfig ({kubeconfig})"
    )]
    Unknown {
        /// Why the in-cluster configuration cannot be used.
        in_cluster: InClusterError,
        /// Why the kubeconfig cannot be used.
        kubeconfig: Box<KubeconfigError>,
    },
    /// An address is known but its credentials cannot be used.
    #[error("cannot use the credentials for the Kubernetes API server at {server}")]
    Credentials {
        /// The API server's address.
        server: Box<str>,
        /// What is wrong with them.
        source: Box<kube::Error>,
    },
}

/// A client for the cluster this process runs in, else for the one that `KUBECONFIG` (by default
/// `~/.kube/config`) names. Opens no connection.
pub async fn kube_client() -> Result<Client, ClientError> {
    let in_cluster = match Config::incluster() {
        Ok(config) => return client_for(config),
        Err(error) => error,
    };
    match Config::from_kubeconfig(&KubeConfigOptions::default()).await {
        Ok(config) => client_for(config),
        Err(error) => Err(ClientError::Unknown {
            in_cluster,
            kubeconfig: Box::new(error),
        }),
    }
}

/// A client for a known API server, with the timeouts that watching needs.
pub fn client_for(mut config: Config) -> Result<Client, ClientError> {
    let server = config.cluster_url.to_string().into();
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.default_retry = false;
    config.proxy_url = None;
    build(config).map_err(|error| ClientError::Credentials {
        server,
        source: Box::new(error),
    })
}

fn build(mut config: Config) -> kube::Result<Client> {
    let who = &mut config.auth_info;
    // Goes before, as it does in kube.
    let otherwise = who.auth_provider.is_some() || who.username.is_some() || who.token.is_some();
    let Some(file) = who.token_file.take_if(|_| !otherwise) else {
        return Client::try_from(config);
    };
    let token = Token::read(file.into())?;
    let client = ClientBuilder::try_from(config)?;
    Ok(client.with_layer(&token.layer()).build())
}

#[cfg(test)]
mod tests {
    use std::env::VarError;

    use kube::config::Kubeconfig;

    use super::*;

    #[test]
    fn having_no_api_server_is_one_clear_line() {
        let error = ClientError::Unknown {
            in_cluster: InClusterError::ReadEnvironmentVariable(VarError::NotPresent),
            kubeconfig: Box::new(Kubeconfig::read_from("/nonexistent/config").unwrap_err()),
        };
        let line = error.to_string();
        println!("{line}");
        assert!(
            line.contains("not in a cluster") && line.contains("/nonexistent/config"),
            "{line}"
        );
        assert!(!line.contains('\n'), "{line}");
    }
}

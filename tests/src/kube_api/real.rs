//! A real `etcd` and `kube-apiserver`, started as controller-runtime's envtest does.
//!
//! Invariant: both end with the value, and write below its temporary directory alone.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams};
use kube::config::AuthInfo;
use kube::runtime::{conditions, wait::await_condition};
use kube::{Api, Client, Config};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::definition::definition;
use super::resource::Resource;

const TOKEN: &str = "test-token";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// The two servers and their files.
#[derive(Debug)]
pub(super) struct RealApi {
    port: u16,
    _servers: [Child; 2],
    _files: TempDir,
}

impl RealApi {
    /// Starts both from `assets` and waits until they are ready.
    pub(super) async fn start(assets: &Path) -> Self {
        let files = TempDir::new().unwrap();
        let (etcd, port) = (free_port(), free_port());
        service_account_key(files.path()).await;
        let tokens = format!("{TOKEN},admin,admin,system:masters\n");
        std::fs::write(files.path().join("tokens.csv"), tokens).unwrap();
        let servers = [
            spawn(&assets.join("etcd"), &etcd_arguments(files.path(), etcd)),
            spawn(
                &assets.join("kube-apiserver"),
                &api_arguments(files.path(), etcd, port),
            ),
        ];
        let api = Self {
            port,
            _servers: servers,
            _files: files,
        };
        api.ready().await;
        api
    }

    pub(super) fn config(&self) -> Config {
        let mut config = Config::new(format!("https://127.0.0.1:{}", self.port).parse().unwrap());
        config.accept_invalid_certs = true;
        config.auth_info = serde_json::from_value::<AuthInfo>(json!({"token": TOKEN})).unwrap();
        config
    }

    /// Installs the definitions of `getambassador.io` and waits until they are served.
    pub(super) async fn install(&self, versions: &[&str]) {
        let client = Client::try_from(self.config()).unwrap();
        let definitions = Api::<CustomResourceDefinition>::all(client);
        let apply = PatchParams::apply("nuncio-tests").force();
        for resource in Resource::CUSTOM {
            let definition = definition(resource, versions);
            let name = definition["metadata"]["name"].as_str().unwrap();
            let patch = Patch::Apply(&definition);
            definitions.patch(name, &apply, &patch).await.unwrap();
            let established =
                await_condition(definitions.clone(), name, conditions::is_crd_established());
            tokio::time::timeout(READY_WITHIN, established)
                .await
                .expect("the definition is served")
                .unwrap();
        }
    }

    async fn ready(&self) {
        let client = Client::try_from(self.config()).unwrap();
        let answers = async {
            let ready = || http::Request::get("/readyz").body(Vec::new()).unwrap();
            while client.request_text(ready()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(READY_WITHIN, answers)
            .await
            .expect("kube-apiserver becomes ready");
    }
}

fn etcd_arguments(files: &Path, port: u16) -> Vec<String> {
    vec![
        format!("--data-dir={}", files.join("etcd").display()),
        format!("--listen-client-urls=http://127.0.0.1:{port}"),
        format!("--advertise-client-urls=http://127.0.0.1:{port}"),
        "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
        "--unsafe-no-fsync".to_owned(),
    ]
}

fn api_arguments(files: &Path, etcd: u16, port: u16) -> Vec<String> {
    let key = files.join("service-account.key");
    vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", files.join("certificates").display()),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--service-account-issuer=https://localhost".to_owned(),
        format!("--service-account-key-file={}", key.display()),
        format!("--service-account-signing-key-file={}", key.display()),
        format!("--token-auth-file={}", files.join("tokens.csv").display()),
        "--authorization-mode=AlwaysAllow".to_owned(),
        "--disable-admission-plugins=ServiceAccount".to_owned(),
    ]
}

/// kube-apiserver does not start without a key for service accounts, which nobody uses here.
async fn service_account_key(files: &Path) {
    let arguments = [
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
        "-out",
    ];
    let mut openssl = Command::new("openssl");
    openssl
        .args(arguments)
        .arg(files.join("service-account.key"))
        .stderr(Stdio::null());
    let made = openssl.status().await.expect("openssl is installed");
    assert!(made.success(), "openssl makes a key");
}

fn spawn(program: &Path, arguments: &[String]) -> Child {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .kill_on_drop(true)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

/// Free a moment ago: both servers want to be told their port.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

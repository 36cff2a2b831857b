//! What an authority knows.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, IsCa,
    KeyPair, PKCS_ECDSA_P256_SHA256, SanType,
};
use serde_json::{Value, json};

/// How challenges are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looking {
    /// By HTTP, as RFC 8555 says.
    ByHttp,
    /// Nobody looks; nothing is proven.
    Never,
}

/// Why orders are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Too many, and when to come again.
    Rate(Duration),
    /// The name is on a list.
    Rejected,
}

pub(super) struct State {
    pub(super) base: String,
    pub(super) gateways: Vec<SocketAddr>,
    pub(super) looking: Looking,
    pub(super) bad_nonces: usize,
    pub(super) limit: Option<Limit>,
    pub(super) polls: usize,
    pub(super) life: Duration,
    pub(super) nonces: BTreeSet<String>,
    pub(super) accounts: Vec<AccountHeld>,
    pub(super) orders: Vec<OrderHeld>,
    pub(super) made_accounts: usize,
    pub(super) ordered: usize,
    pub(super) requests: usize,
    pub(super) issued: usize,
    counted: u64,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

pub(super) struct AccountHeld {
    pub(super) number: usize,
    pub(super) jwk: Value,
    pub(super) contact: String,
}

pub(super) struct OrderHeld {
    pub(super) name: String,
    pub(super) token: String,
    pub(super) account: usize,
    pub(super) proven: Proven,
    pub(super) polls: usize,
    pub(super) chain: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proven {
    Not,
    Yes,
    Failed(String),
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("ordered", &self.ordered)
            .field("issued", &self.issued)
            .finish_non_exhaustive()
    }
}

impl State {
    pub(super) fn new(address: SocketAddr) -> Self {
        let mut params = CertificateParams::new(vec!["authority.test".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        Self {
            base: format!("http://{address}"),
            gateways: Vec::new(),
            looking: Looking::ByHttp,
            bad_nonces: 0,
            limit: None,
            polls: 1,
            life: Duration::from_hours(90 * 24),
            nonces: BTreeSet::new(),
            accounts: Vec::new(),
            orders: Vec::new(),
            made_accounts: 0,
            ordered: 0,
            requests: 0,
            issued: 0,
            counted: 0,
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
        }
    }

    pub(super) fn root(&self) -> String {
        self.issuer.pem()
    }

    /// A text that there is once.
    pub(super) fn unique(&mut self) -> String {
        self.counted += 1;
        format!("unique-{:016x}", self.counted)
    }

    pub(super) fn nonce(&mut self) -> String {
        let nonce = self.unique();
        self.nonces.insert(nonce.clone());
        nonce
    }

    pub(super) fn order_json(&mut self, number: usize) -> Value {
        let base = self.base.clone();
        let order = &mut self.orders[number];
        let (status, error) = match (&order.proven, &order.chain) {
            (Proven::Failed(_), _) => ("invalid", problem("unauthorized", "the order failed")),
            (Proven::Not, _) => ("pending", Value::Null),
            (Proven::Yes, None) => ("ready", Value::Null),
            (Proven::Yes, Some(_)) if order.polls > 0 => {
                order.polls -= 1;
                ("processing", Value::Null)
            }
            (Proven::Yes, Some(_)) => ("valid", Value::Null),
        };
        let mut json = json!({
            "status": status,
            "identifiers": [{"type": "dns", "value": order.name}],
            "authorizations": [format!("{base}/authz/{number}")],
            "finalize": format!("{base}/finalize/{number}"),
        });
        if !error.is_null() {
            json["error"] = error;
        }
        if status == "valid" {
            json["certificate"] = json!(format!("{base}/cert/{number}"));
        }
        json
    }

    pub(super) fn authorization_json(&self, number: usize) -> Value {
        let order = &self.orders[number];
        let status = match order.proven {
            Proven::Not => "pending",
            Proven::Yes => "valid",
            Proven::Failed(_) => "invalid",
        };
        json!({
            "status": status,
            "identifier": {"type": "dns", "value": order.name},
            "challenges": [
                {"type": "dns-01", "status": "pending", "token": "dns",
                 "url": format!("{}/none", self.base)},
                self.challenge_json(number),
            ],
        })
    }

    pub(super) fn challenge_json(&self, number: usize) -> Value {
        let order = &self.orders[number];
        let mut json = json!({
            "type": "http-01", "token": order.token, "status": "pending",
            "url": format!("{}/chall/{number}", self.base),
        });
        match &order.proven {
            Proven::Not => {}
            Proven::Yes => json["status"] = json!("valid"),
            Proven::Failed(why) => {
                json["status"] = json!("invalid");
                json["error"] = problem("unauthorized", why);
            }
        }
        json
    }

    /// Signs what was asked for, if it is for the name that was proven.
    pub(super) fn issue(&mut self, number: usize, request: &[u8]) -> bool {
        let Ok(mut request) = CertificateSigningRequestParams::from_der(&request.into()) else {
            return false;
        };
        let SanType::DnsName(name) = &request.params.subject_alt_names[0] else {
            return false;
        };
        if name.as_str() != self.orders[number].name {
            return false;
        }
        let now = SystemTime::now();
        request.params.not_before = (now - self.life / 100).into();
        request.params.not_after = (now + self.life).into();
        let issued = request.signed_by(&self.issuer).unwrap();
        let order = &mut self.orders[number];
        order.chain = Some(format!("{}{}", issued.pem(), self.issuer.pem()));
        self.issued += 1;
        true
    }
}

pub(super) fn problem(kind: &str, detail: &str) -> Value {
    json!({"type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail})
}

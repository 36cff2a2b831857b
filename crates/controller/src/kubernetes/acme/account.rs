//! The account at an authority: its key, kept in a Secret as Edge Stack keeps it, and where it is.
//!
//! Invariant: a key is kept before anybody hears of it. A key that the gateway did not make is used
//! and never replaced.

use std::collections::BTreeMap;

use instant_acme::{Account, Error, Key};
use nuncio_routing::Issuance;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::authority::Way;
use super::failure::Failed;
use super::vault::{self, Earnest, Unkept, Vault};
use k8s_openapi::api::core::v1::Secret;

/// The key of the Secret that the account's key stands under.
const USER_KEY: &str = "user.key";

/// That of where the account is.
const REGISTRATION: &str = "registration";

/// Where an account is, and what its authority knows of it.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Registration {
    uri: String,
    authority: Box<str>,
    email: Option<Box<str>>,
}

/// The account for a certificate, which is made if there is none.
pub(super) async fn account(
    vault: &Vault,
    way: &Way,
    issuance: &Issuance,
) -> Result<Account, Failed> {
    let kept = kept(vault, issuance).await?;
    if let Some(registration) = registration(&kept, issuance) {
        let builder = Account::builder_with_http(Box::new(way.clone()));
        let authority = issuance.authority.to_string();
        let key = key(&kept, issuance)?;
        return Ok(builder
            .from_parts(registration.uri, der(&key), authority)
            .await?);
    }
    register(vault, way, (issuance, &kept)).await
}

/// Forgets where the account is, as its authority does not know it.
pub(super) async fn forget(vault: &Vault, issuance: &Issuance) -> Result<(), Unkept> {
    let Some(kept) = vault.read(&issuance.account).await? else {
        return Ok(());
    };
    keep_registration(vault, (issuance, &kept), None).await
}

/// The Secret with the account's key, made if it is not there.
async fn kept(vault: &Vault, issuance: &Issuance) -> Result<Secret, Failed> {
    let name = &issuance.account;
    if let Some(kept) = vault.read(name).await? {
        return Ok(kept);
    }
    let key =
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| Failed::because(&error))?;
    let text = Zeroizing::new(key.serialize_pem());
    let data = BTreeMap::from([(USER_KEY.to_owned(), text.as_bytes().to_vec())]);
    let secret = vault::made(name, None, ("Opaque", data));
    match vault.write(name, &secret, Earnest::Written).await {
        Ok(written) => Ok(written),
        // Another certificate of the same account was first.
        Err(Unkept::Conflict(_)) => {
            let there = vault.read(name).await?;
            there.ok_or_else(|| Failed::because(&Unkept::Conflict(name.clone())))
        }
        Err(unkept) => Err(unkept.into()),
    }
}

fn key(kept: &Secret, issuance: &Issuance) -> Result<Zeroizing<Vec<u8>>, Failed> {
    let key = nuncio_tls::pkcs8(vault::value(kept, USER_KEY));
    key.ok_or_else(|| {
        Failed::because(&format_args!(
            "Secret {}: {USER_KEY} is no private key as PKCS#8",
            issuance.account
        ))
    })
}

fn der(key: &[u8]) -> PrivatePkcs8KeyDer<'_> {
    key.into()
}

/// What was kept of the account, if that is still so.
fn registration(kept: &Secret, issuance: &Issuance) -> Option<Registration> {
    let text = vault::value(kept, REGISTRATION);
    let registration: Registration = serde_json::from_slice(text).ok()?;
    let is_it =
        registration.authority == issuance.authority && registration.email == issuance.email;
    is_it.then_some(registration)
}

/// Makes the account, or finds the one that the key has (RFC 8555 section 7.3.1).
async fn register(
    vault: &Vault,
    way: &Way,
    (issuance, kept): (&Issuance, &Secret),
) -> Result<Account, Failed> {
    let key = key(kept, issuance)?;
    let pair = Key::from_pkcs8_der(der(&key)).map_err(|_why| {
        Failed::because(&format_args!(
            "Secret {}: {USER_KEY} is no ECDSA key on P-256, the only kind that is used",
            issuance.account
        ))
    })?;
    let builder = Account::builder_with_http(Box::new(way.clone()));
    let authority = issuance.authority.to_string();
    let (account, _credentials) = builder
        .create_from_key((pair, der(&key).clone_key().into()), authority)
        .await?;
    let contact = issuance
        .email
        .as_ref()
        .map(|email| format!("mailto:{email}"));
    if let Some(contact) = &contact {
        account.update_contacts(&[contact]).await?;
    }
    let registration = Registration {
        uri: account.id().to_owned(),
        authority: issuance.authority.clone(),
        email: issuance.email.clone(),
    };
    // Without it the account is looked for again the next time.
    drop(keep_registration(vault, (issuance, kept), Some(&registration)).await);
    Ok(account)
}

async fn keep_registration(
    vault: &Vault,
    (issuance, kept): (&Issuance, &Secret),
    registration: Option<&Registration>,
) -> Result<(), Unkept> {
    if !vault::is_ours(kept) {
        return Ok(());
    }
    let user_key = vault::value(kept, USER_KEY).to_vec();
    let mut data = BTreeMap::from([(USER_KEY.to_owned(), user_key)]);
    if let Some(registration) = registration {
        let text = serde_json::to_vec(registration).unwrap_or_default();
        data.insert(REGISTRATION.to_owned(), text);
    }
    let secret = vault::made(&issuance.account, Some(kept), ("Opaque", data));
    let written = vault.write(&issuance.account, &secret, Earnest::Written);
    written.await.map(drop)
}

/// Whether the authority does not know the account that it was asked as.
pub(super) fn is_unknown(error: &Error) -> bool {
    let Error::Api(problem) = error else {
        return false;
    };
    let kind = problem.r#type.as_deref().unwrap_or_default();
    kind.ends_with(":accountDoesNotExist")
}

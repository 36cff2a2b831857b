//! One certificate, from the order to its chain (RFC 8555 section 7.4).
//!
//! Invariant: no more of an order is followed than its bounds, whatever the authority names.
//! Deliberately absent: whether it is to be asked for, where it is kept, a deadline for all of it, and
//! taking answers to challenges down again.

use std::time::SystemTime;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use nuncio_routing::SecretName;
use nuncio_tls::Identity;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use tokio::time::sleep;
use zeroize::Zeroizing;

use super::board::{Board, is_token};
use super::due;
use super::failure::Failed;
use super::times::AcmeTimes;

/// One name is ordered, so that one authorization is what there should be.
const MOST_AUTHORIZATIONS: usize = 10;

/// A certificate with its chain and its key, as PEM.
pub(super) struct Certificate {
    pub(super) chain: String,
    pub(super) key: Zeroizing<String>,
}

/// Why an order cannot be begun.
pub(super) enum NotBegun {
    /// The authority does not know the account.
    Unknown,
    Failed(Failed),
}

/// Asks for a certificate.
pub(super) async fn begun(account: &Account, hostname: &str) -> Result<Order, NotBegun> {
    let names = [Identifier::Dns(hostname.to_owned())];
    let order = account.new_order(&NewOrder::new(&names)).await;
    order.map_err(|error| match super::account::is_unknown(&error) {
        true => NotBegun::Unknown,
        false => NotBegun::Failed(error.into()),
    })
}

/// Proves the name, and has the certificate issued.
pub(super) async fn finished(
    mut order: Order,
    (hostname, secret): (&str, &SecretName),
    (board, times): (&Board, &AcmeTimes),
) -> Result<Certificate, Failed> {
    prove(&mut order, (board, times), secret).await?;
    let (key, request) = requested(hostname).map_err(|error| Failed::because(&error))?;
    order.finalize_csr(&request).await?;
    let chain = order.poll_certificate(&policy(times)).await?;
    let certificate = Certificate { chain, key };
    judge(&certificate, hostname)?;
    Ok(certificate)
}

fn policy(times: &AcmeTimes) -> RetryPolicy {
    RetryPolicy::new().backoff(1.5).timeout(times.patience)
}

/// Has the authority look whether the name leads here.
async fn prove(
    order: &mut Order,
    (board, times): (&Board, &AcmeTimes),
    secret: &SecretName,
) -> Result<(), Failed> {
    let mut authorizations = order.authorizations();
    let mut followed = 0;
    while let Some(authorization) = authorizations.next().await {
        followed += 1;
        if followed > MOST_AUTHORIZATIONS {
            return Err(Failed::because("the authority wants too many proofs"));
        }
        let mut authorization = authorization?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            status => {
                let reason =
                    format_args!("the authority's authorization is {status:?} from the start");
                return Err(Failed::because(&reason));
            }
        }
        let challenge = authorization.challenge(ChallengeType::Http01);
        let unoffered = || Failed::because("the authority does not look by HTTP (http-01)");
        let mut challenge = challenge.ok_or_else(unoffered)?;
        let token = challenge.token.clone();
        if !is_token(&token) {
            return Err(Failed::because("the authority's token is none"));
        }
        let answer = challenge.key_authorization();
        board.post(secret, (&token, answer.as_str())).await?;
        sleep(times.spread).await;
        challenge.set_ready().await?;
    }
    match order.poll_ready(&policy(times)).await {
        Ok(OrderStatus::Ready) => Ok(()),
        Ok(_) => Err(why(order, None).await),
        Err(error) => Err(why(order, Some(error)).await),
    }
}

/// Why a name was not proven: what the authority says of the challenge, else of the order.
async fn why(order: &mut Order, error: Option<Error>) -> Failed {
    let mut authorizations = order.authorizations();
    for _ in 0..MOST_AUTHORIZATIONS {
        let Some(Ok(mut authorization)) = authorizations.next().await else {
            break;
        };
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        let mut challenges = state.challenges.iter();
        if let Some(problem) = challenges.find_map(|challenge| challenge.error.clone()) {
            return Error::Api(problem).into();
        }
    }
    error.map_or_else(
        || Failed::because("the authority does not accept the proof"),
        Failed::from,
    )
}

/// A new key, and the request for a certificate that it signs.
fn requested(hostname: &str) -> Result<(Zeroizing<String>, Vec<u8>), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut parameters = CertificateParams::new([hostname.to_owned()])?;
    // Names stand in the alternatives alone.
    parameters.distinguished_name = DistinguishedName::new();
    let request = parameters.serialize_request(&key)?;
    Ok((Zeroizing::new(key.serialize_pem()), request.der().to_vec()))
}

/// Nothing is kept that cannot be served.
fn judge(certificate: &Certificate, hostname: &str) -> Result<(), Failed> {
    let Certificate { chain, key } = certificate;
    let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes());
    let unusable = |why| Failed::because(&format_args!("what was issued cannot be used: {why}"));
    let identity = identity.map_err(|why| unusable(why.to_string()))?;
    if !due::is_for(identity.facts(), hostname) {
        return Err(unusable("it is for another name".to_owned()));
    }
    if identity.facts().not_after <= SystemTime::now() {
        return Err(unusable("it has expired".to_owned()));
    }
    Ok(())
}

//! An authority's resources, by their paths.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::jws::{Jws, decoded, thumbprint};
use super::state::{AccountHeld, Limit, Looking, OrderHeld, Proven, State, problem};

type Answer = Response<Full<Bytes>>;
type Shared = Arc<Mutex<State>>;

pub(super) async fn serve(listener: TcpListener, state: Shared) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let state = Arc::clone(&state);
                async move { Ok::<_, Infallible>(answer(request, &state).await) }
            });
            let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            drop(serving.await);
        });
    }
}

async fn answer(request: Request<Incoming>, state: &Shared) -> Answer {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let path = head.uri.path().to_owned();
    state.lock().unwrap().requests += 1;
    let mut answer = match (head.method, path.as_str()) {
        (Method::GET, "/directory") => directory(&state.lock().unwrap().base),
        (Method::HEAD, "/nonce") => reply(StatusCode::OK, &Value::Null),
        (Method::POST, path) => post(path, &body, state),
        (_, _) => reply(
            StatusCode::NOT_FOUND,
            &problem("malformed", "no such resource"),
        ),
    };
    let nonce = state.lock().unwrap().nonce();
    let fields = answer.headers_mut();
    fields.insert("replay-nonce", nonce.parse().unwrap());
    answer
}

fn directory(base: &str) -> Answer {
    let resource = |name: &str| format!("{base}/{name}");
    let directory = json!({
        "newNonce": resource("nonce"), "newAccount": resource("account"),
        "newOrder": resource("order"), "revokeCert": resource("revoke"),
        "keyChange": resource("key"),
    });
    reply(StatusCode::OK, &directory)
}

fn post(path: &str, body: &[u8], shared: &Shared) -> Answer {
    let mut state = shared.lock().unwrap();
    let malformed = |why: &str| refusal("malformed", why);
    let Some(jws) = Jws::read(body) else {
        return malformed("no JWS");
    };
    let url = format!("{}{path}", state.base);
    if jws.header["url"] != json!(url) {
        return refusal("unauthorized", "signed for another URL");
    }
    let known = state
        .nonces
        .remove(jws.header["nonce"].as_str().unwrap_or_default());
    let is_refused = state.bad_nonces > 0;
    state.bad_nonces = state.bad_nonces.saturating_sub(1);
    if !known || is_refused {
        return refusal("badNonce", "a nonce of old");
    }
    if path == "/account" {
        return account(&mut state, &jws);
    }
    let kid = jws.header["kid"].as_str().unwrap_or_default();
    let number = kid.rsplit('/').next().and_then(|text| text.parse().ok());
    let mut accounts = state.accounts.iter_mut();
    let found = accounts.find(|account| Some(account.number) == number);
    let Some(found) = found else {
        return refusal("accountDoesNotExist", "no such account");
    };
    if !jws.is_by(&found.jwk) {
        return refusal("unauthorized", "signed by somebody else");
    }
    let account = found.number;
    if path.starts_with("/account/") {
        found.contact = jws.payload["contact"].to_string();
        return reply(StatusCode::OK, &json!({"status": "valid"}));
    }
    if path == "/order" {
        return order(&mut state, account, &jws.payload);
    }
    let place = path.trim_start_matches('/').split_once('/');
    let place = place.and_then(|(what, number)| Some((what, number.parse::<usize>().ok()?)));
    match place {
        Some((what, number)) if number < state.orders.len() => {
            of_order((what, number), &jws.payload, (&mut state, shared))
        }
        Some(_) | None => malformed("no such resource"),
    }
}

fn account(state: &mut State, jws: &Jws) -> Answer {
    let jwk = &jws.header["jwk"];
    if !jws.is_by(jwk) {
        return refusal("unauthorized", "signed by somebody else");
    }
    if jws.payload["termsOfServiceAgreed"] != json!(true) {
        return refusal("userActionRequired", "agree first");
    }
    let known = state.accounts.iter().find(|account| account.jwk == *jwk);
    let (code, number) = match known {
        Some(known) => (StatusCode::OK, known.number),
        None => {
            let number = state.made_accounts;
            state.made_accounts += 1;
            state.accounts.push(AccountHeld {
                number,
                jwk: jwk.clone(),
                contact: String::new(),
            });
            (StatusCode::CREATED, number)
        }
    };
    let place = format!("{}/account/{number}", state.base);
    located(reply(code, &json!({"status": "valid"})), &place)
}

fn order(state: &mut State, account: usize, payload: &Value) -> Answer {
    state.ordered += 1;
    match state.limit {
        Some(Limit::Rate(after)) => {
            let body = problem("rateLimited", "too many certificates for this name");
            let mut answer = reply(StatusCode::TOO_MANY_REQUESTS, &body);
            let after = after.as_secs().to_string().parse().unwrap();
            answer.headers_mut().insert("retry-after", after);
            return answer;
        }
        Some(Limit::Rejected) => return refusal("rejectedIdentifier", "not this name"),
        None => {}
    }
    let name = payload["identifiers"][0]["value"]
        .as_str()
        .unwrap()
        .to_owned();
    let (token, polls) = (state.unique(), state.polls);
    state.orders.push(OrderHeld {
        name,
        token,
        account,
        proven: Proven::Not,
        polls,
        chain: None,
    });
    let number = state.orders.len() - 1;
    let place = format!("{}/order/{number}", state.base);
    located(
        reply(StatusCode::CREATED, &state.order_json(number)),
        &place,
    )
}

fn of_order(
    (what, number): (&str, usize),
    payload: &Value,
    (state, shared): (&mut State, &Shared),
) -> Answer {
    match what {
        "order" => reply(StatusCode::OK, &state.order_json(number)),
        "authz" => reply(StatusCode::OK, &state.authorization_json(number)),
        "chall" => {
            if state.looking == Looking::ByHttp {
                tokio::spawn(look(number, Arc::clone(shared)));
            }
            reply(StatusCode::OK, &state.challenge_json(number))
        }
        "finalize" => {
            let request = payload["csr"]
                .as_str()
                .and_then(decoded)
                .unwrap_or_default();
            if state.orders[number].proven != Proven::Yes || !state.issue(number, &request) {
                return refusal("badCSR", "not this");
            }
            reply(StatusCode::OK, &state.order_json(number))
        }
        "cert" => {
            let chain = state.orders[number].chain.clone().unwrap_or_default();
            Response::new(Full::new(chain.into()))
        }
        _ => refusal("malformed", "no such resource"),
    }
}

/// Looks at the challenge of an order wherever its name leads to.
async fn look(number: usize, shared: Shared) {
    let (gateways, name, token, expected) = {
        let state = shared.lock().unwrap();
        let order = &state.orders[number];
        let mut accounts = state.accounts.iter();
        let account = accounts.find(|account| account.number == order.account);
        let print = account.map(|account| thumbprint(&account.jwk));
        let expected = format!("{}.{}", order.token, print.unwrap_or_default());
        let (name, token) = (order.name.clone(), order.token.clone());
        (state.gateways.clone(), name, token, expected)
    };
    let mut proven = Proven::Yes;
    for gateway in gateways {
        let path = format!("/.well-known/acme-challenge/{token}");
        let asking = timeout(Duration::from_secs(5), ask(gateway, &name, &path)).await;
        let answer = asking.ok().flatten().unwrap_or_default();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        if !head.starts_with("HTTP/1.1 200") || body != expected {
            let line = head.lines().next().unwrap_or_default();
            proven = Proven::Failed(format!("{name} answers {line:?} at {gateway}"));
        }
    }
    shared.lock().unwrap().orders[number].proven = proven;
}

async fn ask(gateway: SocketAddr, name: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(gateway).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}

fn refusal(kind: &str, detail: &str) -> Answer {
    reply(StatusCode::BAD_REQUEST, &problem(kind, detail))
}

fn located(mut answer: Answer, place: &str) -> Answer {
    answer
        .headers_mut()
        .insert("location", place.parse().unwrap());
    answer
}

fn reply(code: StatusCode, body: &Value) -> Answer {
    let body = Full::new(Bytes::from(body.to_string()));
    Response::builder().status(code).body(body).unwrap()
}

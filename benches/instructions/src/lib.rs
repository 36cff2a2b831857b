//! A gateway with one worker, and both ends of it in one thread: a request over connections that
//! stay open, again and again, so that what one costs can be counted.
//!
//! Invariant: once the first request was answered, the ends allocate nothing and do the same each
//! time.
//! Deliberately absent: clocks. What is counted here does not depend on how busy the machine is.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a benchmark whose machinery fails has failed, and says where"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use nuncio_config::{Identity, ObjectRef, Origin, Resource, parse_annotation};
use nuncio_proxy::{Limits, Listener, ListenerKey, Resolver, Shared, Switch, Workers};
use nuncio_routing::compile;
use nuncio_telemetry::{BuildInfo, Telemetry};
use tokio::runtime::{Builder, Runtime};

/// A gateway, its client and its upstream.
#[derive(Debug)]
pub struct Proxied {
    // They serve as long as they are there.
    _gateway: (Workers, Runtime),
    client: TcpStream,
    upstream: TcpStream,
    /// Kept, as to clear one would be counted.
    buffer: [u8; 4096],
    /// What the worker is given to go to sleep again before it hears of something new.
    pause: Duration,
}

const REQUEST: &[u8] = b"GET /service/api/v1/orders/42?full=1 HTTP/1.1\r\n\
    Host: www.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: application/json, text/plain, */*\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br\r\n\
    Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n\
    Cookie: session=0123456789abcdef; theme=dark\r\n\
    \r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Content-Type: application/json\r\n\
    Cache-Control: no-store\r\n\
    Content-Length: 16\r\n\
    \r\n\
    {\"order\": \"42\"}\n";

const LAST_OF_HEAD: &[u8] = b"\r\n\r\n";
const LAST_OF_ANSWER: &[u8] = b"{\"order\": \"42\"}\n";

impl Proxied {
    /// Starts all of it, and lets one request through.
    pub fn start(pause: Duration) -> Self {
        let queue = TcpListener::bind(LOCAL).unwrap();
        // Nothing runs there: names of upstreams would be asked for.
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (workers, address) = {
            let _context = runtime.enter();
            gateway(queue.local_addr().unwrap())
        };
        let mut client = TcpStream::connect(address).unwrap();
        client.set_nodelay(true).unwrap();
        client.write_all(REQUEST).unwrap();
        let (upstream, _) = queue.accept().unwrap();
        upstream.set_nodelay(true).unwrap();
        let mut proxied = Self {
            _gateway: (workers, runtime),
            client,
            upstream,
            buffer: [0; 4096],
            pause,
        };
        proxied.answer();
        proxied
    }

    /// Lets a request through, and its answer.
    pub fn exchange(&mut self) {
        rest(self.pause);
        self.client.write_all(REQUEST).unwrap();
        self.answer();
    }

    fn answer(&mut self) {
        read_up_to(LAST_OF_HEAD, &mut self.upstream, &mut self.buffer);
        rest(self.pause);
        self.upstream.write_all(RESPONSE).unwrap();
        read_up_to(LAST_OF_ANSWER, &mut self.client, &mut self.buffer);
    }
}

/// Whether a thread that is running finds more to do or has to be woken is worth instructions.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own; nobody else is on it, and to look whether the worker sleeps would be \
              counted"
)]
fn rest(pause: Duration) {
    if !pause.is_zero() {
        std::thread::sleep(pause);
    }
}

fn read_up_to(last: &[u8], from: &mut TcpStream, buffer: &mut [u8]) {
    let mut filled = 0;
    while !buffer.split_at(filled).0.ends_with(last) {
        let read = from.read(buffer.split_at_mut(filled).1).unwrap();
        assert_ne!(read, 0, "closed");
        filled += read;
    }
}

/// One worker that serves one Mapping.
fn gateway(upstream: SocketAddr) -> (Workers, SocketAddr) {
    let telemetry = Telemetry::new(BuildInfo::default());
    let resources = mapping("service", "/service/", &upstream.to_string());
    let snapshot = compile(&resources, [], &Identity::default(), 1);
    let switch = Switch::new(
        Arc::new(snapshot),
        Arc::clone(&telemetry),
        Resolver::from_system().unwrap(),
    );
    let shared = Shared {
        switch: Arc::new(switch),
        probes: Arc::new(|_| (200, "")),
        telemetry,
        limits: Arc::new(Limits::COMPATIBLE),
    };
    let listener = Listener::bind(LOCAL, ListenerKey::Http).unwrap();
    let address = listener.address();
    let workers = Workers::start(vec![listener], 1, &shared).unwrap();
    (workers, address)
}

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What a Service with one Mapping is parsed to.
pub fn mapping(name: &str, prefix: &str, service: &str) -> Vec<Resource> {
    let text = format!(
        "apiVersion: getambassador.io/v2\nkind: Mapping\nname: {name}\nprefix: {prefix}\n\
         service: {service}\ntimeout_ms: 4000\n"
    );
    let object = ObjectRef {
        kind: "Service".into(),
        namespace: "default".into(),
        name: name.into(),
    };
    let parsed = parse_annotation(&text, &Origin::api(Arc::new(object)), &Identity::default());
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    parsed.resources
}

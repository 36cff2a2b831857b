//! A name server that says what it is told to (RFC 1035), over UDP.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// A running name server on loopback. Ends when dropped.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    names: Arc<Mutex<Names>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Names {
    addresses: HashMap<String, Vec<IpAddr>>,
    ttl: u32,
    /// Says that it has failed (SERVFAIL), whatever it is asked.
    failing: bool,
    questions: Vec<String>,
}

/// One question, as it came.
struct Question<'a> {
    id: &'a [u8],
    name: String,
    kind: u16,
    bytes: &'a [u8],
}

const A: u16 = 1;
const AAAA: u16 = 28;
const HEADER: usize = 12;

impl NameServer {
    /// Knows no name yet; answers hold for a second.
    pub async fn start() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::over(UdpSocket::bind(any).await.unwrap())
    }

    /// The one that `/etc/resolv.conf` names, if that is one of loopback, and nobody is it yet.
    pub async fn of_this_machine() -> Option<Self> {
        let resolving = std::fs::read_to_string("/etc/resolv.conf").ok()?;
        let own = SocketAddr::from((Ipv4Addr::LOCALHOST, 53));
        let names_it = resolving.trim() == format!("nameserver {}", own.ip());
        names_it.then_some(Self::over(UdpSocket::bind(own).await.ok()?))
    }

    fn over(socket: UdpSocket) -> Self {
        let address = socket.local_addr().unwrap();
        let names = Arc::new(Mutex::new(Names {
            ttl: 1,
            ..Names::default()
        }));
        let task = tokio::spawn(serve(socket, Arc::clone(&names)));
        Self {
            address,
            names,
            task,
        }
    }

    /// Where it is asked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on `name` has these addresses, in this order.
    pub fn set(&self, name: &str, addresses: &[IpAddr]) {
        let mut names = self.names.lock().unwrap();
        names.addresses.insert(name.to_owned(), addresses.to_vec());
    }

    /// Answers that it has failed from now on, or no longer.
    pub fn fail(&self, failing: bool) {
        self.names.lock().unwrap().failing = failing;
    }

    /// Knows a name no longer.
    pub fn forget(&self, name: &str) {
        self.names.lock().unwrap().addresses.remove(name);
    }

    /// How often an address of `name` was asked for.
    pub fn questions(&self, name: &str) -> usize {
        let names = self.names.lock().unwrap();
        names.questions.iter().filter(|one| *one == name).count()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, names: Arc<Mutex<Names>>) {
    let mut buffer = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let question = Question::read(&buffer[..length]);
        let answer = names.lock().unwrap().answer(&question);
        socket.send_to(&answer, from).await.unwrap();
    }
}

impl<'a> Question<'a> {
    fn read(packet: &'a [u8]) -> Self {
        let mut labels = Vec::new();
        let mut at = HEADER;
        while packet[at] > 0 {
            let end = at + 1 + usize::from(packet[at]);
            labels.push(String::from_utf8_lossy(&packet[at + 1..end]).to_lowercase());
            at = end;
        }
        Self {
            id: &packet[..2],
            name: labels.join("."),
            kind: u16::from_be_bytes([packet[at + 1], packet[at + 2]]),
            bytes: &packet[HEADER..at + 5],
        }
    }
}

impl Names {
    fn answer(&mut self, question: &Question<'_>) -> Vec<u8> {
        self.questions.push(question.name.clone());
        let known = self.addresses.get(&question.name);
        let known = known.filter(|_| !self.failing);
        let records: Vec<_> = known
            .into_iter()
            .flatten()
            .filter(|ip| question.kind == if ip.is_ipv4() { A } else { AAAA })
            .map(|ip| self.record(question.kind, *ip))
            .collect();
        let flags: u16 = match known {
            _ if self.failing => 0x8182,
            Some(_) => 0x8180,
            None => 0x8183,
        };
        let mut packet = question.id.to_vec();
        for field in [flags, 1, records.len() as u16, 0, 0] {
            packet.extend(field.to_be_bytes());
        }
        packet.extend(question.bytes);
        packet.extend(records.concat());
        packet
    }

    fn record(&self, kind: u16, ip: IpAddr) -> Vec<u8> {
        let octets = match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        // The name, by reference to the question's.
        let mut record = vec![0xc0, HEADER as u8];
        record.extend(kind.to_be_bytes());
        record.extend(1u16.to_be_bytes());
        record.extend(self.ttl.to_be_bytes());
        record.extend((octets.len() as u16).to_be_bytes());
        record.extend(octets);
        record
    }
}

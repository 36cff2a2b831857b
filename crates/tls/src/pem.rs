//! The blocks of a PEM text.
//!
//! Invariant: as tolerant as OpenSSL's reader (text around blocks, any order, any length of lines), and
//! what was decoded is wiped when it is dropped, as are the buffers on the way: other readers leave the
//! text of keys in freed memory. The text itself is its owner's.

use base64ct::{Base64, Encoding};
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::Unusable;

/// What stands between two markers.
pub(crate) struct Block<'a> {
    /// `CERTIFICATE`
    pub(crate) label: &'a str,
    lines: Vec<&'a [u8]>,
    closed: bool,
}

impl Block<'_> {
    /// Whether it says of itself that it is encrypted.
    pub(crate) fn encrypted(&self) -> bool {
        let headers = self.lines.iter().filter(|line| line.contains(&b':'));
        self.label.starts_with("ENCRYPTED ")
            || headers.into_iter().any(|line| line.ends_with(b"ENCRYPTED"))
    }

    /// What it encodes, or what is wrong with it.
    pub(crate) fn der(&self) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        if !self.closed {
            return Err("it has no end");
        }
        let body = self.lines.iter().filter(|line| !line.contains(&b':'));
        let size = body.clone().map(|line| line.len()).sum();
        // Of its full size from the start: a buffer that grows leaves copies behind.
        let mut encoded = Zeroizing::new(Vec::with_capacity(size));
        for line in body {
            encoded.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
        }
        let mut decoded = Zeroizing::new(vec![0; encoded.len() / 4 * 3]);
        let length = Base64::decode(&**encoded, &mut decoded)
            .map_err(|_| "it is not base64")?
            .len();
        decoded.truncate(length);
        Ok(decoded)
    }
}

/// The blocks, in the order written.
pub(crate) fn blocks(text: &[u8]) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for line in text.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = line.trim_ascii();
        if let Some(label) = marked(line, b"-----BEGIN ") {
            blocks.push(Block {
                label,
                lines: Vec::new(),
                closed: false,
            });
            continue;
        }
        let Some(open) = blocks.last_mut().filter(|block| !block.closed) else {
            continue;
        };
        if marked(line, b"-----END ").is_some_and(|label| label == open.label) {
            open.closed = true;
        } else {
            open.lines.push(line);
        }
    }
    blocks
}

/// The first private key as PKCS#8 of a PEM text, wiped when it is dropped; `None` when there is none that
/// can be read without a password.
pub fn pkcs8(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let blocks = blocks(text);
    let key = blocks.iter().find(|block| block.label == "PRIVATE KEY")?;
    key.der().ok()
}

/// All certificates, in the order written.
pub(crate) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    public(text, &["CERTIFICATE", "X509 CERTIFICATE"], "certificate")
        .map(|der| der.map(CertificateDer::from))
        .collect()
}

/// What blocks of some label encode, none of which is secret.
pub(crate) fn public(
    text: &[u8],
    labels: &[&str],
    what: &'static str,
) -> impl Iterator<Item = Result<Vec<u8>, Unusable>> {
    let blocks = blocks(text).into_iter();
    let ours = blocks.filter(|block| labels.contains(&block.label));
    ours.enumerate().map(move |(index, block)| {
        let broken = |reason: &'static str| Unusable::Broken {
            what,
            position: index + 1,
            reason: reason.into(),
        };
        block.der().map(|der| der.to_vec()).map_err(broken)
    })
}

/// A certificate as PEM, as OpenSSL writes it.
pub(crate) fn certificate(der: &[u8]) -> String {
    let encoded = Base64::encode_string(der);
    let mut text = String::with_capacity(encoded.len() + encoded.len() / 64 + 64);
    text.push_str("-----BEGIN CERTIFICATE-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

fn marked<'a>(line: &'a [u8], marker: &[u8]) -> Option<&'a str> {
    let label = line.strip_prefix(marker)?.strip_suffix(b"-----")?;
    std::str::from_utf8(label).ok()
}

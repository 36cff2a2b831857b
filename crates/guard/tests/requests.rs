//! Whatever comes, in whatever pieces: the guard says what a slow strict reader says.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test whose machinery fails has failed, and says where"
)]

use nuncio_guard::{ChunkLimits, Fault, Requests, Terms};
use proptest::prelude::*;

const TERMS: Terms = Terms {
    max_head_bytes: 400,
    max_fields: 8,
    max_url_bytes: None,
    chunks: ChunkLimits {
        line: 128,
        extensions: 8192,
    },
    allow_chunked_length: false,
};

/// What is read of a connection that brings these pieces: how many bytes its first message has, if all of
/// it has come.
fn read(pieces: &[&[u8]]) -> Result<Option<usize>, Fault> {
    let mut requests = Requests::new(TERMS);
    let (mut came, mut taken) = (Vec::new(), 0);
    for piece in pieces {
        came.extend_from_slice(piece);
        if requests.is_in_head()
            && let Some(head) = requests.head(&came)?
        {
            taken = head.len;
        }
        taken += requests.body(&came[taken..])?;
    }
    Ok(requests.is_complete().then_some(taken))
}

/// How many bytes the first message has, if it is sound and complete; by the letter of the RFCs.
mod slow {
    use super::TERMS;

    pub(super) fn read(bytes: &[u8]) -> Option<usize> {
        let begin = if bytes.starts_with(b"\r\n") { 2 } else { 0 };
        let end = begin + find(&bytes[begin..], b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&bytes[begin..end - 4]).ok()?;
        if end > TERMS.max_head_bytes || !head.is_ascii() {
            return None;
        }
        let mut lines = head.split("\r\n");
        let is_old = is_request_line(lines.next()?)?;
        let fields: Option<Vec<_>> = lines.map(field).collect();
        let fields = fields?;
        let of = |name: &str| {
            let found = fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
            found.map(|(_, value)| *value).collect::<Vec<_>>()
        };
        let hosts = of("host");
        let has_host = hosts.len() == 1 && is_host(hosts[0]);
        if fields.len() > TERMS.max_fields || !(has_host || hosts.is_empty() && is_old) {
            return None;
        }
        let body = &bytes[end..];
        let len = match (&*of("content-length"), &*of("transfer-encoding")) {
            ([], []) => Some(0),
            ([length], []) => length_of(length).filter(|n| *n <= body.len()),
            ([], [coding]) if coding.eq_ignore_ascii_case("chunked") && !is_old => chunks(body),
            _ => None,
        };
        len.map(|len| end + len)
    }

    fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
        bytes.windows(wanted.len()).position(|part| part == wanted)
    }

    fn is_token(text: &str) -> bool {
        let may_occur = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        !text.is_empty() && text.chars().all(may_occur)
    }

    /// Whether it is of HTTP/1.0.
    fn is_request_line(line: &str) -> Option<bool> {
        let [method, target, version] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let is_target = target.chars().all(|c| c.is_ascii_graphic() && c != '#')
            && (target.starts_with('/')
                || (method, target) == ("OPTIONS", "*")
                || method == "CONNECT" && !target.is_empty()
                || is_absolute(target));
        (is_token(method) && is_target).then_some(())?;
        match version {
            "HTTP/1.0" => Some(true),
            "HTTP/1.1" => Some(false),
            _ => None,
        }
    }

    fn is_absolute(target: &str) -> bool {
        let lower = target.to_ascii_lowercase();
        ["http://", "https://"].iter().any(|scheme| {
            let rest = lower.strip_prefix(scheme);
            rest.is_some_and(|rest| is_host(rest.split(['/', '?']).next().unwrap()))
        })
    }

    /// Those that occur here.
    fn is_host(text: &str) -> bool {
        let (name, port) = text.split_once(':').unwrap_or((text, ""));
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._~!$&'()*+;=".contains(c))
            && port.len() < 5
            && port.chars().all(|c| c.is_ascii_digit())
    }

    fn field(line: &str) -> Option<(&str, &str)> {
        let (name, value) = line.split_once(':')?;
        let is_text = value.chars().all(|c| c == '\t' || !c.is_ascii_control());
        (is_token(name) && is_text).then(|| (name, value.trim_matches([' ', '\t'])))
    }

    fn length_of(text: &str) -> Option<usize> {
        let is_number = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        text.parse().ok().filter(|_| is_number)
    }

    /// How long a body in chunks is.
    fn chunks(body: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            let line = find(&body[at..], b"\r\n")?;
            let text = std::str::from_utf8(&body[at..at + line]).ok()?;
            let (size, extensions) = text
                .split_once(';')
                .map_or((text, None), |(a, b)| (a, Some(b)));
            let is_hex =
                (1..=16).contains(&size.len()) && size.chars().all(|c| c.is_ascii_hexdigit());
            let are_extensions = extensions.is_none_or(|all| {
                all.split(';').all(|one| match one.split_once('=') {
                    None => is_token(one),
                    Some((name, value)) => is_token(name) && is_token(value),
                })
            });
            (is_hex && are_extensions).then_some(())?;
            let size = usize::from_str_radix(size, 16).ok()?;
            at += line + 2;
            if size == 0 {
                // No trailers occur here.
                return (body.get(at..at + 2)? == b"\r\n").then_some(at + 2);
            }
            let end = at.checked_add(size)?;
            (body.get(end..end + 2)? == b"\r\n").then_some(())?;
            at += size + 2;
        }
    }
}

/// Requests that are right, but for what happens to some of their bytes.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(vec![
        "GET / HTTP/1.1",
        "POST /a?b HTTP/1.1",
        "GET http://a/b HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET / HTTP/1.0",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "\r\nGET / HTTP/1.1",
        "GET * HTTP/1.1",
        "G,T / HTTP/1.1",
    ]);
    let field = prop::sample::select(vec![
        "Host: a",
        "host:b.example:80",
        "Host: a b",
        "X: y",
        "X-Long: 0123456789abcdefghijklmnopqrstuvwxyz",
        "x:",
        "Content-Length: 5",
        "content-length:  0 ",
        "Content-Length: +5",
        "Transfer-Encoding: chunked",
        "transfer-encoding:\tChunked",
        "Transfer-Encoding: gzip",
        "X : y",
        " folded",
        "Tab: a\tb",
    ]);
    let body = prop::sample::select(vec![
        "",
        "hello",
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "5;a=b;c\r\nhello\r\n00\r\n\r\n",
        "5\r\nhel",
        "5 \r\nhello\r\n",
        "\r\n\r\n",
        "fffffffffffffffff\r\n",
        "5\r\nhello0\r\n\r\n",
    ]);
    let fields = prop::collection::vec(field, 0..6);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2);
    (line, fields, body, changes).prop_map(|(line, fields, body, changes)| {
        let mut bytes = format!("{line}\r\nHost: a\r\n").into_bytes();
        for field in fields {
            bytes.extend(format!("{field}\r\n").bytes());
        }
        bytes.extend(format!("\r\n{body}").bytes());
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            // What is not ASCII may stand in values, which the slow reader does not know.
            bytes[at] = byte & 0x7f;
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn the_verdict_is_that_of_a_slow_reader(bytes in request()) {
        // Of what has no end yet the slow reader does not know whether it can have one.
        let complete = read(&[&bytes]).ok().flatten();
        prop_assert_eq!(complete, slow::read(&bytes), "{}", bytes.escape_ascii());
    }

    #[test]
    fn the_verdict_does_not_depend_on_how_it_came(
        bytes in request(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(&pieces), read(&[&bytes]), "{}", bytes.escape_ascii());
        let single: Vec<_> = bytes.chunks(1).collect();
        prop_assert_eq!(read(&single), read(&[&bytes]), "{}", bytes.escape_ascii());
    }

    #[test]
    fn whatever_comes_has_a_verdict(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let single: Vec<_> = bytes.chunks(1).collect();
        prop_assert_eq!(read(&single), read(&[&bytes]));
    }
}

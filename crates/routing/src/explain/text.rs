//! An explanation for people.
//!
//! Invariant: control characters are escaped: much of what is shown was written by strangers, and it
//! is shown on terminals.

use std::fmt::{self, Display};

use super::{
    Admission, Answer, Asked, Candidate, Explanation, Forwarded, Outcome, Upstream, Verdict,
};

impl Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.request.fmt(f)?;
        if let Some(refused) = &self.refused {
            return writeln!(f, "\n400: {}", Plain(refused));
        }
        self.write_admission(f)?;
        for answer in &self.answers {
            answer.fmt(f)?;
        }
        match self.unanswered_percent {
            0 => {}
            100 => writeln!(f, "\n404: no Mapping takes it")?,
            percent => writeln!(f, "\n404 for {percent} %: no Mapping takes them")?,
        }
        self.write_candidates(f)
    }
}

impl Explanation {
    fn write_admission(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_deref().unwrap_or_default();
        match (&self.admission, host) {
            (Admission::Served, "*") => Ok(()),
            (Admission::Served, host) => writeln!(f, "\nHost {}", Plain(host)),
            (Admission::Redirected, host) => writeln!(
                f,
                "\n301: Host {} sends to https what is not secure; then:",
                Plain(host)
            ),
            (Admission::Ignored, host) => writeln!(
                f,
                "\n404: Host {} serves nothing that is not secure; otherwise:",
                Plain(host)
            ),
            (Admission::Unknown, _) => writeln!(f, "\n404: no Host answers for that name"),
        }
    }

    fn write_candidates(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.candidates.is_empty() {
            writeln!(f, "\nin the order in which they are tried:")?;
        }
        for candidate in &self.candidates {
            candidate.fmt(f)?;
        }
        match self.others {
            0 => Ok(()),
            1 => writeln!(f, "and 1 other that is for something else"),
            others => writeln!(f, "and {others} others that are for something else"),
        }
    }
}

impl Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            scheme,
            host,
            path,
            query,
        } = self;
        write!(f, "{method} {scheme}://{}{}", Plain(host), Plain(path))?;
        match query {
            Some(query) => writeln!(f, "?{}", Plain(query)),
            None => writeln!(f),
        }
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}{}", Plain(&self.mapping), Written(&self.at))?;
        match self.percent {
            100 => writeln!(f)?,
            percent => writeln!(f, ": {percent} % of such requests")?,
        }
        match &self.outcome {
            Outcome::Forward(forward) => forward.fmt(f),
            Outcome::Redirect { status, location } => line(
                f,
                "answers",
                format_args!("{status}, location {}", Plain(location)),
            ),
            Outcome::Probe => line(f, "answers", format_args!("the gateway itself: a probe")),
        }
    }
}

impl Display for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "cluster", format_args!("{}", self.upstream))?;
        line(f, "path", format_args!("{}", Plain(&self.target)))?;
        line(f, "host", format_args!("{}", Plain(&self.host)))?;
        lines(f, "request -", &self.remove_request_headers)?;
        lines(f, "request +", &self.add_request_headers)?;
        lines(f, "response -", &self.remove_response_headers)?;
        lines(f, "response +", &self.add_response_headers)?;
        let (whole, idle) = (Millis(self.timeout_ms), Millis(self.idle_timeout_ms));
        let connect = self.upstream.connect_timeout_ms;
        line(
            f,
            "timeouts",
            format_args!("{whole} whole, {idle} idle, {connect} ms to connect"),
        )?;
        lines(f, "retries", self.retries.as_slice())?;
        if self.high_priority {
            line(f, "priority", format_args!("high"))?;
        }
        lines(f, "hashes", self.hash_on.as_slice())?;
        lines(f, "upgrades", &self.upgrades)?;
        if let Some(shadow) = &self.shadow {
            let (percent, upstream) = (shadow.percent, &shadow.upstream);
            line(f, "copies", format_args!("{percent} % to {upstream}"))?;
        }
        Ok(())
    }
}

impl Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = if self.http2 { "HTTP/2" } else { "HTTP/1.1" };
        let tls = if self.tls { " over TLS" } else { "" };
        let (cluster, address) = (Plain(&self.cluster), Plain(&self.address));
        let balance = Plain(&self.balance);
        write!(f, "{cluster} at {address}, {protocol}{tls}, {balance}")
    }
}

impl Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rank, mapping, rule) = (self.rank, Plain(&self.mapping), Plain(&self.rule));
        writeln!(f, "{rank:>6}  {mapping}{}: {rule}", Written(&self.at))?;
        match &self.verdict {
            Verdict::Takes(100) => writeln!(f, "        takes it"),
            Verdict::Takes(percent) => writeln!(f, "        takes {percent} %"),
            Verdict::NoShare => writeln!(f, "        its weight leaves it nothing"),
            Verdict::TooLate => writeln!(f, "        fits, but is tried too late"),
            Verdict::Fails { condition, reason } => {
                writeln!(
                    f,
                    "        not taken: {}: {}",
                    Plain(condition),
                    Plain(reason)
                )
            }
        }
    }
}

fn lines(f: &mut fmt::Formatter<'_>, name: &str, values: &[String]) -> fmt::Result {
    let mut values = values.iter();
    values.try_for_each(|value| line(f, name, format_args!("{}", Plain(value))))
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, value: fmt::Arguments<'_>) -> fmt::Result {
    writeln!(f, "  {name:<10}  {value}")
}

/// ` (place)`, if there is one.
struct Written<'a>(&'a Option<String>);

impl Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(at) => write!(f, " ({})", Plain(at)),
            None => f.write_str(" (built in)"),
        }
    }
}

struct Millis(Option<u64>);

impl Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(millis) => write!(f, "{millis} ms"),
            None => f.write_str("no limit"),
        }
    }
}

/// Text of a stranger.
struct Plain<'a>(&'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.0.split_inclusive(char::is_control) {
            let text = piece.trim_end_matches(char::is_control);
            f.write_str(text)?;
            let control = piece.get(text.len()..).unwrap_or_default();
            write!(f, "{}", control.escape_default())?;
        }
        Ok(())
    }
}

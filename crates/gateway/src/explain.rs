//! `nuncio explain`: which Mapping answers a request, and why the others do not.

mod live;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use nuncio_controller::load_offline;
use nuncio_routing::{Explanation, Question};

use crate::arguments::ExplainArguments;
use crate::logging;

/// All such requests are answered.
const ANSWERED: u8 = 0;
/// Some or all of them are not.
const UNANSWERED: u8 = 1;
/// The question cannot be answered.
const UNUSABLE: u8 = 2;

/// Asks, prints, and says by its exit code what came of it.
pub(crate) fn explain(arguments: &ExplainArguments) -> ExitCode {
    let explained = ask(arguments).and_then(|explanation| {
        print(&explanation, arguments.json)?;
        Ok(explanation)
    });
    match explained {
        Ok(explanation) if explanation.unanswered_percent == 0 => ANSWERED.into(),
        Ok(_) => UNANSWERED.into(),
        Err(error) => {
            logging::complain(&format!("{error:#}"));
            UNUSABLE.into()
        }
    }
}

fn ask(arguments: &ExplainArguments) -> anyhow::Result<Explanation> {
    let (method, url) = match &arguments.request[..] {
        [url] => ("GET", url),
        [method, url, ..] => (method.as_str(), url),
        [] => anyhow::bail!("no URL"),
    };
    let headers = arguments.header.iter().map(String::as_str);
    let question = Question::parse(method, url, headers)?;
    if let Some(admin) = &arguments.admin {
        return live::ask(admin, method, url, &arguments.header);
    }
    let snapshot = load_offline(&arguments.config_dir, &arguments.identity.identity())?;
    Ok(snapshot.explain(&question))
}

fn print(explanation: &Explanation, json: bool) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let mut write = || {
        if json {
            serde_json::to_writer_pretty(&mut out, explanation)?;
            writeln!(out)?;
        } else {
            write!(out, "{explanation}")?;
        }
        out.flush()
    };
    match write() {
        // Whoever closed standard output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot print"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpListener;
    use std::thread;

    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command};

    const MANIFEST: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: web
  annotations:
    getambassador.io/config: |
      apiVersion: ambassador/v1
      kind: Mapping
      name: web
      prefix: /web/
      service: web
";

    fn arguments(arguments: &[&str]) -> ExplainArguments {
        let all = ["nuncio", "explain"].iter().chain(arguments);
        match Arguments::parse_from(all).command {
            Some(Command::Explain(explain)) => explain,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn manifests_are_asked() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("web.yaml"), MANIFEST).unwrap();
        let directory = directory.path().to_str().unwrap();
        let asked = ask(&arguments(&["PUT", "/web/x", "--config-dir", directory])).unwrap();
        assert_eq!(asked.answers[0].mapping, "default/web");
        let at = asked.answers[0].at.as_deref().unwrap();
        assert!(at.ends_with("web.yaml:7"), "{at}");
        assert_eq!(asked.request.method, "PUT");
    }

    #[test]
    fn what_cannot_be_asked_is_told() {
        let complaint = |all: &[&str]| format!("{:#}", ask(&arguments(all)).unwrap_err());
        let nowhere = complaint(&["/", "--config-dir", "/nowhere/at/all"]);
        assert!(nowhere.contains("/nowhere/at/all"), "{nowhere}");
        let no_url = complaint(&["ftp://x", "--admin", "http://127.0.0.1:1"]);
        assert!(no_url.contains("the URL is none"), "{no_url}");
        let no_admin = complaint(&["/", "--admin", "https://127.0.0.1:1"]);
        assert!(
            no_admin.contains("write http://127.0.0.1:8877"),
            "{no_admin}"
        );
    }

    /// Answers one request with this, and gives what was asked.
    fn answering(answer: String) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let admin = format!("http://{}", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            io::BufRead::read_line(&mut io::BufReader::new(&stream), &mut line).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            line
        });
        (admin, served)
    }

    #[test]
    fn a_running_gateway_is_asked() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("web.yaml"), MANIFEST).unwrap();
        let directory = directory.path().to_str().unwrap();
        let offline = ask(&arguments(&["/web/", "--config-dir", directory])).unwrap();
        let body = serde_json::to_string(&offline).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let (admin, served) = answering(head + &body);
        let live = ask(&arguments(&["/web/", "-H", "X-A: b&c", "--admin", &admin])).unwrap();
        assert_eq!(live, offline);
        assert_eq!(
            served.join().unwrap(),
            "GET /explain?method=GET&url=%2Fweb%2F&header=X-A%3A+b%26c HTTP/1.1\r\n"
        );
    }

    #[test]
    fn a_server_that_is_no_gateway_is_told_so() {
        let (admin, _served) =
            answering("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno".to_owned());
        let error = ask(&arguments(&["/", "--admin", &admin])).unwrap_err();
        let error = format!("{error:#}");
        assert!(
            error.contains("404 Not Found: that is no gateway's admin port"),
            "{error}"
        );
    }
}

//! `nuncio migrate`: what becomes of manifests, and the same in other words.
//!
//! Deliberately absent: the words, which `nuncio_migrate` has.

mod input;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use nuncio_migrate::{Dialect, GatewayOptions, Object, Report, Survey, Target};

use crate::arguments::{MigrateArguments, MigrateReport, MigrateSource, MigrateTarget};
use crate::logging;

/// Everything is accounted for.
const DONE: u8 = 0;
/// The input cannot be used.
const UNUSABLE: u8 = 1;
/// Something is refused; if that is asked for, also when something differs or is ignored.
const REFUSED: u8 = 2;

/// Reads, writes what was asked for, reports, and says by its exit code what came of it.
pub(crate) fn migrate(arguments: &MigrateArguments) -> ExitCode {
    match run(arguments) {
        Ok(report) => exit_code(&report, arguments.strict).into(),
        Err(error) => {
            logging::complain(&format!("{error:#}"));
            UNUSABLE.into()
        }
    }
}

fn run(arguments: &MigrateArguments) -> anyhow::Result<Report> {
    let sources = input::read(arguments)?;
    let dialect = match arguments.from {
        Some(MigrateSource::IngressNginx) => Dialect::IngressNginx,
        None => Dialect::Detect,
    };
    let mut survey = Survey::of(&sources, &arguments.identity.identity(), dialect);
    let written = arguments.to.map(|to| {
        let target = match to {
            MigrateTarget::Crds => Target::Crds,
            MigrateTarget::GatewayApi => Target::GatewayApi,
        };
        let options = GatewayOptions {
            class: arguments.gateway_class.clone(),
            name: arguments.gateway_name.clone(),
        };
        survey.write(target, &options)
    });
    let report = survey.report();
    let text = in_form(&report, arguments.report)?;
    match (&written, &arguments.output) {
        (None, _) => heard(io::stdout().lock().write_all(text.as_bytes()))?,
        (Some(objects), Some(directory)) => {
            files(objects, directory)?;
            heard(io::stdout().lock().write_all(text.as_bytes()))?;
        }
        (Some(objects), None) => {
            heard(print(objects))?;
            heard(io::stderr().lock().write_all(text.as_bytes()))?;
        }
    }
    Ok(report)
}

fn exit_code(report: &Report, strict: bool) -> u8 {
    let summary = report.summary;
    let objected = strict && summary.differs + summary.ignored > 0;
    match summary.refused > 0 || objected {
        true => REFUSED,
        false => DONE,
    }
}

fn in_form(report: &Report, form: MigrateReport) -> anyhow::Result<String> {
    Ok(match form {
        MigrateReport::Text => report.to_string(),
        MigrateReport::Json => serde_json::to_string_pretty(report)? + "\n",
    })
}

fn print(objects: &[Object]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for object in objects {
        write!(out, "---\n{}", object.text())?;
    }
    out.flush()
}

fn files(objects: &[Object], directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    for object in objects {
        let path = directory.join(object.file_name());
        fs::write(&path, object.text())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Whoever closed the output has seen enough.
fn heard(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot print"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command};

    const MANIFEST: &str = "\
apiVersion: ambassador/v1
kind: Mapping
name: web
prefix: /web/
service: web
---
apiVersion: ambassador/v1
kind: Mapping
name: typo
prefix: /typo/
service: web
unheard_of: 1
";

    fn arguments(arguments: &[&str]) -> MigrateArguments {
        let all = ["nuncio", "migrate"].iter().chain(arguments);
        match Arguments::parse_from(all).command {
            Some(Command::Migrate(migrate)) => migrate,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_object_has_a_file_and_each_document_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("in.yaml"), MANIFEST).unwrap();
        let all = [&path("in.yaml"), "--to", "crds", "--output", &path("out")];
        let report = run(&arguments(&all)).unwrap();
        assert_eq!((report.summary.works, report.summary.differs), (1, 1));
        let written = fs::read_to_string(path("out/default.mapping.web.yaml")).unwrap();
        assert!(written.contains("in.yaml:1: "), "{written}");
        assert!(written.contains("prefix: /web/"), "{written}");
        assert_eq!(fs::read_dir(path("out")).unwrap().count(), 2);
        assert_eq!(
            (exit_code(&report, false), exit_code(&report, true)),
            (DONE, REFUSED)
        );
    }

    #[test]
    fn what_is_refused_is_told_by_the_exit_code() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("in.yaml");
        fs::write(&file, b"a: \xff\n").unwrap();
        let report = run(&arguments(&[file.to_str().unwrap()])).unwrap();
        assert_eq!(report.summary.refused, 1);
        assert_eq!(exit_code(&report, false), REFUSED);
    }

    #[test]
    fn manifests_and_a_cluster_are_not_read_together() {
        let parse =
            |all: &[&str]| Arguments::try_parse_from([&["nuncio", "migrate"], all].concat());
        assert!(parse(&["--cluster"]).is_ok());
        assert!(parse(&["a.yaml", "--cluster"]).is_err());
        assert!(parse(&[]).is_err());
    }
}

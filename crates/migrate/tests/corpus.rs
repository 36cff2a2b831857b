//! The corpus of manifests, and the fixtures of the parser, through `nuncio migrate`: every document is
//! accounted for, and what is written compiles to the same routes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose machinery fails has failed, and says where"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nuncio_config::{Identity, parse, read_manifest};
use nuncio_migrate::{Dialect, GatewayOptions, Object, Source, Survey, Target, Verdict};
use nuncio_routing::{Action, Snapshot, compile};

fn corpus() -> Vec<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/tests/fixtures");
    let folders = [
        tests.join("good"),
        tests.join("warned"),
        tests.join("bad"),
        fixtures.join("manifests"),
    ];
    let files = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|it| it == "yaml"));
    files.sort();
    assert!(files.len() > 50, "{} files", files.len());
    files
}

fn source(file: &Path) -> Source {
    Source {
        name: Arc::from(file.file_name().unwrap().to_str().unwrap()),
        text: fs::read_to_string(file).unwrap(),
        has_lines: true,
    }
}

fn survey(source: &Source, identity: &Identity) -> Survey {
    Survey::of(std::slice::from_ref(source), identity, Dialect::Detect)
}

fn text(objects: &[Object]) -> String {
    objects
        .iter()
        .map(|object| format!("---\n{}", object.text()))
        .collect()
}

/// What the gateway makes of a manifest, read as it reads it.
fn compiled(name: &Arc<str>, text: &str, identity: &Identity) -> Snapshot {
    let manifest = read_manifest(name, text);
    let (mut resources, mut diagnostics) = (Vec::new(), manifest.diagnostics.clone());
    for object in &manifest.objects {
        let class = object.ingress_class.as_ref();
        if class.is_some_and(|class| !manifest.ingress_classes.contains(class)) {
            continue;
        }
        let Some(said) = &object.said else { continue };
        let parsed = parse(said.form, &said.text, &object.origin(name, said), identity);
        resources.extend(parsed.resources);
        diagnostics.extend(parsed.diagnostics);
    }
    compile(&resources, diagnostics, identity, 0)
}

/// Everything a route says, but for what it is called and where it was written; clusters by name.
fn routes(snapshot: &Snapshot) -> Vec<String> {
    let mut routes: Vec<String> = snapshot
        .routes
        .iter()
        .map(|route| {
            let mut action = format!("{:?}", route.action);
            if let Action::Forward(forward) = &route.action {
                let name = |index| format!("{:?}", snapshot.cluster(index).map(|it| cluster(it)));
                action = action.replace(&format!("{:?}", forward.cluster), &name(forward.cluster));
            }
            format!(
                "{} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {action} {:?}",
                route.precedence,
                route.path,
                route.case,
                route.host,
                route.method,
                route.headers,
                route.query_parameters,
                route.share,
                route.selected_by,
                route.response,
            )
        })
        .collect();
    routes.sort();
    routes
}

fn cluster(cluster: &nuncio_routing::Cluster) -> String {
    format!("{cluster:?}")
}

#[test]
fn every_document_of_the_corpus_is_accounted_for() {
    let mut all = 0;
    for file in corpus() {
        let report = survey(&source(&file), &Identity::default()).report();
        let summary = report.summary;
        let sum =
            summary.works + summary.differs + summary.ignored + summary.refused + summary.not_ours;
        assert_eq!(sum, summary.documents, "{}", file.display());
        all += sum;
        for document in &report.documents {
            let is_told = !document.remarks.is_empty();
            let needs = matches!(
                document.verdict,
                Verdict::Differs | Verdict::Ignored | Verdict::Refused
            );
            assert!(is_told || !needs, "{document} without a reason");
        }
    }
    assert!(all > 300, "{all} documents");
}

#[test]
fn what_the_corpus_calls_good_works() {
    for file in corpus()
        .iter()
        .filter(|it| it.parent().unwrap().ends_with("good"))
    {
        let report = survey(&source(file), &Identity::default()).report();
        assert_eq!(
            report.summary.refused + report.summary.ignored,
            0,
            "{report}"
        );
    }
}

#[test]
fn what_is_surveyed_is_what_the_gateway_reads() {
    for file in corpus() {
        let source = source(&file);
        let identity = Identity::default();
        let surveyed = survey(&source, &identity);
        let read = compiled(&source.name, &source.text, &identity);
        assert_eq!(
            routes(surveyed.snapshot()),
            routes(&read),
            "{}",
            file.display()
        );
    }
}

#[test]
fn custom_resources_compile_to_the_same_routes() {
    let mut compared = 0;
    for namespace in ["default", "ambassador"] {
        let identity = Identity {
            namespace: namespace.into(),
            ..Identity::default()
        };
        for file in corpus() {
            let mut source = source(&file);
            // These change on purpose: v3alpha1 has neither.
            if source.text.contains("circuit_breaker:")
                || source.text.contains("outlier_detection:")
            {
                continue;
            }
            // Ingresses stay what they are.
            if source.text.contains("kind: Ingress") {
                source.text = source.text.replace("kind: Ingress\n", "kind: Nothing\n");
            }
            let mut surveyed = survey(&source, &identity);
            let before = routes(surveyed.snapshot());
            let written = text(&surveyed.write(Target::Crds, &GatewayOptions::default()));
            let after = compiled(&Arc::from("written.yaml"), &written, &identity);
            let after = routes(&after);
            assert_eq!(before, after, "{}\n{written}", file.display());
            compared += before.len();
        }
    }
    assert!(compared > 200, "{compared} routes");
}

#[test]
fn custom_resources_stay_as_they_are_when_written_again() {
    for file in corpus() {
        let identity = Identity::default();
        let mut first = survey(&source(&file), &identity);
        let written = text(&first.write(Target::Crds, &GatewayOptions::default()));
        let again = Source {
            name: Arc::from("written.yaml"),
            text: written.clone(),
            has_lines: true,
        };
        let mut second = survey(&again, &identity);
        let again = text(&second.write(Target::Crds, &GatewayOptions::default()));
        let specs = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with("# from"));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(specs(&written), specs(&again), "{}", file.display());
    }
}

#[test]
fn a_mapping_that_is_no_route_of_gateway_api_says_why() {
    for file in corpus() {
        let mut surveyed = survey(&source(&file), &Identity::default());
        let live: Vec<String> = live_mappings(&surveyed);
        let written = surveyed.write(Target::GatewayApi, &GatewayOptions::default());
        let report = surveyed.report();
        for document in report
            .documents
            .iter()
            .filter(|it| live.contains(&it.to_string()))
        {
            let is_written = written
                .iter()
                .any(|it| it.from.contains(&document.to_string()));
            assert!(
                is_written || !document.remarks.is_empty(),
                "{document} is dropped"
            );
        }
    }
}

fn live_mappings(survey: &Survey) -> Vec<String> {
    let report = survey.report();
    let documents = report.documents.iter();
    documents
        .filter(|it| matches!(it.verdict, Verdict::Works | Verdict::Differs))
        .filter(|it| it.to_string().contains("Mapping "))
        .map(ToString::to_string)
        .collect()
}

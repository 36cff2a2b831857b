//! What `nuncio migrate` reads: files, directories, standard input, or a cluster.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use nuncio_controller::{dump, kube_client};
use nuncio_migrate::Source;

use crate::arguments::MigrateArguments;
use crate::logging;

/// What a file may hold at most.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Reads everything.
pub(super) fn read(arguments: &MigrateArguments) -> anyhow::Result<Vec<Source>> {
    if arguments.cluster {
        return Ok(vec![cluster(arguments)?]);
    }
    let mut sources = Vec::new();
    for path in &arguments.paths {
        if path.as_os_str() == "-" {
            sources.push(source("-", io::stdin().lock())?);
        } else if path.is_dir() {
            for file in manifests(path)? {
                sources.push(file_source(&file)?);
            }
        } else {
            sources.push(file_source(path)?);
        }
    }
    Ok(sources)
}

fn file_source(path: &Path) -> anyhow::Result<Source> {
    let name = path.to_string_lossy();
    let file = fs::File::open(path).with_context(|| format!("cannot read {name}"))?;
    source(&name, file)
}

/// Bytes that are no text become a text that is refused where they stand.
fn source(name: &str, from: impl Read) -> anyhow::Result<Source> {
    let mut bytes = Vec::new();
    from.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > LARGEST {
        anyhow::bail!("{name} is larger than {} MiB", LARGEST >> 20);
    }
    Ok(Source {
        name: Arc::from(name),
        text: match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).replace('\u{fffd}', "\u{ffff}"),
        },
        has_lines: true,
    })
}

/// The manifests directly in a directory, sorted; none is an error.
fn manifests(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unreadable = || format!("cannot read {}", directory.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let extension = path.extension().and_then(|it| it.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        anyhow::bail!("no *.yaml, *.yml or *.json file in {}", directory.display());
    }
    files.sort();
    Ok(files)
}

fn cluster(arguments: &MigrateArguments) -> anyhow::Result<Source> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let identity = &arguments.identity;
    let namespace = identity
        .single_namespace
        .then_some(&*identity.ambassador_namespace);
    let read = runtime.block_on(async {
        let client = kube_client().await?;
        anyhow::Ok(dump(&client, namespace).await?)
    })?;
    for unread in &read.unread {
        logging::complain(&format!("not read: {unread}"));
    }
    Ok(Source {
        name: Arc::from("the cluster"),
        text: read.text,
        has_lines: false,
    })
}

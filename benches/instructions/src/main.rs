//! Counts instructions under valgrind, and holds them against a reference.
//!
//! Without arguments it runs itself under valgrind, scene by scene; `instructions SCENE COUNT` is
//! what it runs there. Counts depend on the architecture, so there is a reference for each;
//! `NUNCIO_WRITE_INSTRUCTIONS=1` writes it.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark is a program, not an interface"
)]

mod reference;
mod scenes;

use std::env::consts::ARCH;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use reference::{Reference, Verdict};
use scenes::Scene;

fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => compare(),
        [scene, count] => {
            let scene = Scene::named(scene).context("no such scene")?;
            scene.run(count.parse()?);
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("usage: instructions [SCENE COUNT]"),
    }
}

/// Counts every scene; fails if one takes too many instructions.
fn compare() -> Result<ExitCode> {
    let mut counted = Vec::new();
    for scene in Scene::ALL {
        counted.push((scene.name(), count(scene)?));
    }
    if std::env::var_os("NUNCIO_WRITE_INSTRUCTIONS").is_some() {
        Reference::write(&counted)?;
    }
    let reference = Reference::read()?;
    let mut code = ExitCode::SUCCESS;
    println!("instructions, and those of the reference for {ARCH}:");
    for (name, count) in counted {
        let verdict = reference.judge(name, count);
        println!("{name:>10} {count:9} {verdict}");
        if matches!(verdict, Verdict::TooMany { .. }) {
            eprintln!("instructions: {name}: {count} {verdict}");
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

/// The instructions of one unit of the scene's work.
fn count(scene: Scene) -> Result<u64> {
    let (few, many) = scene.counts();
    let before = match few {
        // Nothing else is counted.
        0 => 0,
        few => run(scene, few)?,
    };
    let after = run(scene, many)?;
    Ok((after - before) / (many - few))
}

/// The instructions of so many units in a process of their own, beginning and end included unless the
/// scene is about one function.
fn run(scene: Scene, units: u64) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    if let Some(function) = scene.function() {
        valgrind.arg(format!("--toggle-collect={function}"));
    }
    valgrind.arg(std::env::current_exe()?);
    valgrind.args([scene.name(), &units.to_string()]);
    let output = valgrind.output().context("valgrind cannot be run")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, count)| count.trim().parse().ok());
    match collected {
        Some(0) => bail!(
            "{}: nothing was counted; has {:?} another name?",
            scene.name(),
            scene.function()
        ),
        Some(count) if output.status.success() => Ok(count),
        _ => bail!("{}: {said}", scene.name()),
    }
}

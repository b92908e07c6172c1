//! `cargo xtask bench`: runs the benchmarks, one after the other.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::guests;
use crate::places::Places;
use crate::progress::{Failure, Progress};
use crate::runner;
use crate::setup;
use crate::suite::{with_compiler, without_compiler};

/// Folders with packages of the runtime, and whether they link Cranelift.
const PACKAGES: [(&str, bool); 8] = [
    (".", false),
    ("runtime/policy", false),
    ("runtime/journal", false),
    ("runtime/tap", false),
    ("examples/bus-simulator", false),
    ("tests/xtask", false),
    ("runtime/sandbox", true),
    ("plugins/tool", true),
];

/// Runs the benchmarks whose name contains `name`; without a name all. What they print is theirs.
///
/// # Errors
/// If one does not build or run, or none has the name.
pub fn run(places: &Places, name: Option<&str>, progress: &Progress) -> Result<(), Failure> {
    let wanted = |bench: &String| name.is_none_or(|name| bench.contains(name));
    let of = |compiler: bool| -> Vec<String> {
        let folders = PACKAGES.iter().filter(|(_, links)| *links == compiler);
        let benches = folders.flat_map(|(folder, _)| benches(&places.root.join(folder)));
        benches.filter(wanted).collect()
    };
    let (without, with) = (of(false), of(true));
    let mut plugins: Vec<String> = guests::discover(places)?
        .iter()
        .flat_map(|folder| benches(folder))
        .filter(wanted)
        .collect();
    plugins.sort();
    if without.is_empty() && with.is_empty() && plugins.is_empty() {
        let cause = format!("no benchmark is named {}", name.unwrap_or_default());
        return Err(Failure::new(
            cause,
            "cargo xtask bench runs all, with their names",
        ));
    }

    let toolchain = setup::guest_toolchain(progress)?;
    let built = guests::build(places, &toolchain, false, progress)?;
    let kit = guests::kit(places, &built, progress)?;
    let mut runs = Vec::new();
    for (benches, select) in [
        (without, without_compiler as fn(&mut Command)),
        (with, with_compiler),
    ] {
        let mut cargo = places.cargo("bench");
        select(cargo.arg("--locked"));
        runs.push((benches, cargo));
    }
    let mut cargo = places.guest_cargo("bench");
    cargo.args(["--locked", "--workspace"]);
    runs.push((plugins, cargo));
    for (benches, mut cargo) in runs.into_iter().filter(|(benches, _)| !benches.is_empty()) {
        for bench in &benches {
            cargo.args(["--bench", bench]);
        }
        cargo
            .env("OUTRIGGER_TEST_INSTALLATION", kit.installed())
            .env("OUTRIGGER_GUEST_TARGET_DIR", &places.guests_target)
            .envs(toolchain.environment.iter().cloned());
        progress.step(&format!("bench {}", benches.join(", ")), || {
            runner::run(&mut cargo, "read the message above")
        })?;
    }
    Ok(())
}

/// Names of a package's benchmarks.
fn benches(folder: &Path) -> Vec<String> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    named(&manifest)
}

fn named(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut in_bench = false;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_bench = line == "[[bench]]";
        } else if let Some(name) = line.strip_prefix("name = ").filter(|_| in_bench) {
            names.push(name.trim_matches('"').to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn names_of_benchmarks_are_read_from_a_manifest() {
        let manifest = "[package]\nname = \"p\"\n[[bench]]\nname = \"a\"\nharness = false\n\
                        [[test]]\nname = \"t\"\n[[bench]]\npath = \"x\"\nname = \"b\"\n";
        assert_eq!(named(manifest), ["a", "b"]);
    }
}

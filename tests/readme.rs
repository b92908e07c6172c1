//! The documents say what the code says: tables, listings, names of tests, and commands that run.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use outrigger::cli::log::fields;
use outrigger::config::keys::KEYS;
use rustix::process::Signal;

use crate::common::{Running, components, installation, outrigger, plugin_tool, root};
use crate::rig::wait_for;

const README: &str = "README.md";
const SPECIFICATION: &str = "SPECIFICATION.md";
const EXAMPLE: &str = "plugins/guests/example-validator/src/lib.rs";
/// Most lines of the example: an author must see all of it at once.
const EXAMPLE_LINES_MAX: usize = 40;

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn hold(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// What stands between `<!-- generated: NAME -->` and `<!-- end -->`.
fn generated(name: &str) -> Option<String> {
    match name {
        "configuration" => Some(configuration()),
        "json-lines" => Some(json_lines()),
        "example-validator" => Some(format!("```rust\n{}```\n", text(EXAMPLE))),
        _ => None,
    }
}

fn configuration() -> String {
    let mut out = String::from(
        "| key | unit | default | range | shapes output | meaning |\n|---|---|---|---|---|---|\n",
    );
    for key in KEYS {
        let only = match key.only {
            [] => String::new(),
            kinds => format!(" ({})", kinds.join(", ")),
        };
        out.push_str(&format!(
            "| `{}`{only} | {} | {} | {} | {} | {} |\n",
            key.path(),
            key.unit,
            key.default(),
            key.rule(),
            if key.shapes_output { "yes" } else { "" },
            key.meaning
        ));
    }
    out
}

fn json_lines() -> String {
    let mut out = String::new();
    for (title, fields) in fields::LINES {
        out.push_str(&format!("`{title}`:\n\n{}\n", fields::markdown(fields)));
    }
    out.pop();
    out
}

/// The text with every generated part made anew.
fn renewed(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for line in text.lines() {
        inside &= line != "<!-- end -->";
        if !inside {
            out.push_str(line);
            out.push('\n');
        }
        let name = line.strip_prefix("<!-- generated: ");
        if let Some(name) = name.and_then(|rest| rest.strip_suffix(" -->")) {
            let part = generated(name).unwrap_or_else(|| panic!("nothing generates {name}"));
            out.push_str(&format!("\n{part}\n"));
            inside = true;
        }
    }
    assert!(!inside, "a generated part has no end");
    out
}

#[test]
fn generated_parts_of_the_readme_are_what_the_code_says() {
    let have = text(README);
    for name in ["configuration", "json-lines", "example-validator"] {
        let begin = format!("<!-- generated: {name} -->");
        assert_eq!(have.matches(&begin).count(), 1, "{begin}");
    }
    let want = renewed(&have);
    if have != want {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(README);
        fs::write(&path, want).unwrap();
        panic!(
            "generated parts differ from the code; with them made anew it stands in {}",
            path.display()
        );
    }
}

#[test]
fn example_validator_is_short() {
    let lines = text(EXAMPLE).lines().count();
    assert!(lines < EXAMPLE_LINES_MAX, "{lines} lines");
}

/// The part of a document under a heading, up to the next heading of the same depth.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, after) = text
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("no heading {heading}"));
    let depth = heading.split(' ').next().unwrap();
    after
        .split(&format!("\n{depth} "))
        .next()
        .unwrap_or_default()
}

/// Rows of the tables in a text, cells trimmed; heads are among them.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let rows = text.lines().filter_map(|line| line.strip_prefix('|'));
    let rows = rows.filter(|row| !row.starts_with("---"));
    rows.map(|row| {
        let cells = row.strip_suffix('|').unwrap_or(row).split('|');
        cells.map(str::trim).collect()
    })
    .collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn table(value: &toml::Value, path: &[&str]) -> Vec<String> {
    let found = path
        .iter()
        .try_fold(value, |value, name| value.get(name))
        .and_then(toml::Value::as_table);
    let Some(found) = found else {
        return Vec::new();
    };
    let foreign = found
        .iter()
        .filter(|(_, value)| value.get("path").is_none() && value.get("workspace").is_none());
    foreign.map(|(name, _)| name.clone()).collect()
}

/// Every manifest of the project.
fn manifests() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap();
            if name == "target" || name == ".git" || name == "fixtures" || path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                walk(&path, found);
            } else if name == "Cargo.toml" {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(root(), &mut found);
    found
}

#[test]
fn every_dependency_has_its_reason_and_replacement() {
    let mut used = BTreeSet::new();
    for manifest in manifests() {
        let value: toml::Value = toml::from_str(&fs::read_to_string(&manifest).unwrap()).unwrap();
        for path in [
            &["workspace", "dependencies"][..],
            &["dependencies"],
            &["dev-dependencies"],
            &["build-dependencies"],
        ] {
            used.extend(table(&value, path));
        }
    }
    let readme = text(README);
    let mut listed = BTreeSet::new();
    let mut broken = Vec::new();
    for row in rows(section(&readme, "## 11. Dependencies")) {
        let names = quoted(row[0]);
        if !names.is_empty() && (row.len() != 4 || row.iter().any(|cell| cell.is_empty())) {
            broken.push(format!(
                "{}: reason, features or replacement is missing",
                row[0]
            ));
        }
        listed.extend(names.into_iter().map(str::to_owned));
    }
    broken.extend(
        used.difference(&listed)
            .map(|name| format!("{name} is not listed")),
    );
    broken.extend(
        listed
            .difference(&used)
            .map(|name| format!("{name} is not used")),
    );
    hold(&broken);
}

#[test]
fn life_of_a_message_names_functions_that_exist() {
    let readme = text(README);
    let mut count = 0;
    let mut broken = Vec::new();
    for row in rows(section(&readme, "## 3. Life of a message")) {
        let (Some(function), Some(file)) = (row.get(1), row.get(2)) else {
            continue;
        };
        for (function, file) in quoted(function).into_iter().zip(quoted(file)) {
            let name = function.rsplit("::").next().unwrap();
            if !text(file).contains(&format!("fn {name}")) {
                broken.push(format!("{file} has no {function}"));
            }
            count += 1;
        }
    }
    assert!(count > 8, "{count} functions");
    hold(&broken);
}

#[test]
fn reading_order_names_files_of_about_their_length() {
    let readme = text(README);
    let mut count = 0;
    let mut broken = Vec::new();
    for row in rows(section(&readme, "## 6. Reading order")) {
        let [_, files, lines, ..] = row[..] else {
            continue;
        };
        let files = quoted(files);
        if files.is_empty() {
            continue;
        }
        let said: usize = lines.replace(',', "").parse().unwrap();
        let has: usize = files.iter().map(|file| text(file).lines().count()).sum();
        if has.abs_diff(said) * 4 > has {
            broken.push(format!("{}: {has} lines, not {said}", files.join(" ")));
        }
        count += 1;
    }
    assert!(count > 8, "{count} rows");
    hold(&broken);
}

/// Names of all tests in Rust files.
fn tests(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                tests(&path, names);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let mut marked = false;
            for line in fs::read_to_string(&path).unwrap().lines() {
                let function = line.trim_start().strip_prefix("fn ");
                if let (true, Some(rest)) = (marked, function) {
                    let name = rest.split('(').next().unwrap();
                    names.insert(name.to_owned());
                }
                marked = line.trim() == "#[test]" || (marked && function.is_none());
            }
        }
    }
}

#[test]
fn specification_names_a_test_for_each_enforced_claim() {
    let mut known = BTreeSet::new();
    for folder in ["runtime", "plugins", "tests", "examples"] {
        tests(&root().join(folder), &mut known);
    }
    let specification = text(SPECIFICATION);
    let mut claims = Vec::new();
    let mut broken = Vec::new();
    for row in rows(&specification) {
        let [claim, bound, _, _, measured, named, status] = row[..] else {
            continue;
        };
        if claim == "claim" {
            continue;
        }
        claims.push(claim);
        let named = quoted(named);
        for test in &named {
            if !known.contains(*test) {
                broken.push(format!("{claim}: no test {test}"));
            }
        }
        let stands = match status {
            "enforced" => !named.is_empty() && !bound.is_empty(),
            "measured" => !measured.is_empty(),
            "pending" => true,
            _ => false,
        };
        if !stands {
            broken.push(format!("{claim}: {status} without what it needs"));
        }
    }
    assert!(claims.len() > 40, "only {} claims", claims.len());
    assert!(claims[0].starts_with("CPU") && claims[1].starts_with("Memory"));
    hold(&broken);
}

/// A command of a document, and whether it stays while the next ones run.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: String,
    left_running: bool,
}

/// Commands in the blocks marked `sh`. `<!-- left running -->` before a block says that it does
/// not end by itself.
fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut fenced, mut left_running) = (false, false);
    let mut joined = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            // The mark is of one block.
            left_running &= !fenced;
            fenced = !fenced && line == "```sh";
        } else if fenced {
            joined.push_str(line.trim_end_matches('\\'));
            if !line.ends_with('\\') {
                let line = std::mem::take(&mut joined);
                steps.push(Step { line, left_running });
            }
        } else if !line.trim().is_empty() {
            left_running = line == "<!-- left running -->";
        }
    }
    steps
}

#[test]
fn steps_are_the_lines_of_shell_blocks() {
    let text =
        "a\n\n<!-- left running -->\n```sh\nb \\\n  c\n```\n\n```sh\nd\n```\ne\n```text\nf\n```\n";
    let step = |line: &str, left_running| Step {
        line: line.to_owned(),
        left_running,
    };
    assert_eq!(steps(text), [step("b   c", true), step("d", false)]);
}

/// A folder like a clone in which the programs are installed: what the documents' commands name.
struct Workshop {
    folder: tempfile::TempDir,
    path: String,
}

impl Workshop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["programs", "build"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for mission in ["harbour", "air"] {
            let folder = format!("examples/{mission}");
            let plugins = format!("{folder}/plugins");
            fs::create_dir_all(at(&plugins)).unwrap();
            copy(&root().join(&folder), &at(&folder));
            // Its runtime puts its own key beside the plugins, so each has its own installation.
            copy(installation(), &at(&plugins));
        }
        copy(&components(), &at("build"));
        std::os::unix::fs::symlink(root().join("plugins"), at("plugins")).unwrap();
        let own = PathBuf::from(outrigger().get_program());
        for program in [own.clone(), plugin_tool(), simulator(&own)] {
            let link = at("programs").join(program.file_name().unwrap());
            std::os::unix::fs::symlink(&program, link).unwrap();
        }
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", at("programs").display());
        Self { folder, path }
    }

    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("exec {line}")])
            .current_dir(self.folder.path())
            .env("PATH", &self.path)
            .env(
                "OUTRIGGER_GUEST_TARGET_DIR",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests"),
            )
            .stdin(Stdio::null());
        command
    }

    /// Runs the commands of a document in order; those of `cargo` are checked elsewhere.
    fn run(&self, document: &str) -> usize {
        let mut left = Vec::new();
        let mut count = 0;
        for Step { line, left_running } in steps(&text(document)) {
            let skipped = line.starts_with("cargo ") || line.starts_with("export ");
            if skipped || (line.starts_with("outrigger-plugin build") && !can_build_guests()) {
                continue;
            }
            count += 1;
            if !left_running {
                let output = self.shell(&line).output().unwrap();
                assert!(
                    output.status.success(),
                    "{document}: {line}: {}\n{}{}",
                    output.status,
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr)
                );
                continue;
            }
            let folder = self.folder.path().join(format!("left-{count}"));
            fs::create_dir(&folder).unwrap();
            let running = Running::start(&folder, &mut self.shell(&line));
            let mission = ["air", "harbour"].into_iter();
            let mut mission = mission.map(|name| format!("examples/{name}"));
            let mission = mission.find(|folder| line.contains(folder));
            let mission = mission.expect("what is left running is of a mission");
            // The runtime answers; or, once something plays on the bus, has captured it.
            let plays = !line.starts_with("outrigger run");
            wait_for(&line, || {
                let status = format!("outrigger status --json --config {mission}/outrigger.toml");
                let output = self.shell(&status).output().unwrap();
                let status: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
                (!plays || status["ledger"]["captured"].as_u64() > Some(0)).then_some(())
            });
            left.push((line, running));
        }
        while let Some((line, mut running)) = left.pop() {
            running.signal(Signal::TERM);
            let status = running.wait();
            assert!(status.success(), "{line}: {status}\n{}", running.stderr());
        }
        count
    }
}

/// Copies the files of a folder.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// The bus simulator, beside the program under test; built if nothing has built it yet.
fn simulator(beside: &Path) -> PathBuf {
    let path = beside.with_file_name("bus-simulator");
    if !path.exists() {
        let status = Command::new(std::env::var_os("CARGO").unwrap())
            .args([
                "build",
                "--release",
                "--locked",
                "--package",
                "bus-simulator",
            ])
            .current_dir(root())
            .stdin(Stdio::null())
            .status();
        assert!(status.unwrap().success() && path.exists());
    }
    path
}

/// True if this machine's own Rust builds plugins. Else their commands are left out, and said so:
/// the plugins that they would make are there already.
fn can_build_guests() -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args([
        "--print",
        "target-libdir",
        "--target",
        "wasm32-unknown-unknown",
    ]);
    let output = rustc.current_dir(root()).output();
    let can = output.is_ok_and(|output| {
        let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success() && Path::new(&path).is_dir()
    });
    if !can {
        println!("outrigger-plugin build is left out: no wasm32-unknown-unknown here");
    }
    can
}

#[test]
fn commands_of_the_documents_run_in_order() {
    for (document, least) in [
        (README, 12),
        ("examples/harbour/README.md", 6),
        ("examples/air/README.md", 5),
    ] {
        let count = Workshop::new().run(document);
        assert!(count >= least, "{document}: only {count} commands");
    }
}

//! The project's own rules: imports, words, layout, and what documents say of commands.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{outrigger, plugin_tool, root, skip};

/// A file of the project: its path from the root, with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Lines of code: what follows `//` is left out, strings are not understood.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate();
        lines.map(|(number, line)| (number + 1, line.split("//").next().unwrap_or("")))
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// True in `tests.rs`, and below `tests` or `benches`.
    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self
                .path
                .split('/')
                .any(|part| part == "tests" || part == "benches")
    }
}

/// All text files but the lock files and what is built.
fn sources() -> Vec<Source> {
    fn walk(folder: &Path, sources: &mut Vec<Source>) {
        let mut entries: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (name, path) = (entry.file_name(), entry.path());
            if name == "target" || name == ".git" || name == "node_modules" {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                walk(&path, sources);
            } else if path.extension().is_none_or(|extension| extension != "lock")
                && let Ok(text) = fs::read_to_string(&path)
            {
                let path = path.strip_prefix(root()).unwrap();
                let path = path.to_str().unwrap().to_owned();
                sources.push(Source { path, text });
            }
        }
    }
    let mut sources = Vec::new();
    walk(root(), &mut sources);
    assert!(sources.len() > 100, "only {} files found", sources.len());
    sources
}

/// Rust files of the runtime that are compiled into it: not tests, and not what only tests use.
fn runtime() -> Vec<Source> {
    let runtime: Vec<Source> = sources()
        .into_iter()
        .filter(|source| source.path.starts_with("runtime/") && source.is_rust())
        .collect();
    let mut only_tests = BTreeSet::new();
    for source in &runtime {
        let mut lines = source.text.lines().peekable();
        while let Some(line) = lines.next() {
            let module = lines.peek().and_then(|next| next.strip_suffix(';'));
            let module = module.and_then(|next| next.split("mod ").nth(1));
            if let Some(module) = module.filter(|_| line.trim() == "#[cfg(test)]") {
                let folder = Path::new(&source.path).parent().unwrap();
                only_tests.insert(folder.join(format!("{module}.rs")));
            }
        }
    }
    let ships =
        |source: &Source| !source.is_test() && !only_tests.contains(Path::new(&source.path));
    runtime.into_iter().filter(ships).collect()
}

/// True if `line` has `word` between characters that are no part of a name.
fn has_word(line: &str, word: &str) -> bool {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(is_name) && !line[at + word.len()..].starts_with(is_name)
    })
}

fn hold(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// `[dependencies]` of a manifest, by name.
fn dependencies(manifest: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(manifest)).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let table = table.get("dependencies").and_then(toml::Value::as_table);
    table
        .into_iter()
        .flat_map(toml::Table::keys)
        .cloned()
        .collect()
}

fn manifests() -> Vec<String> {
    let sources = sources().into_iter().map(|source| source.path);
    let manifests = sources.filter(|path| path.ends_with("Cargo.toml"));
    manifests
        .filter(|path| !path.contains("fixtures"))
        .collect()
}

/// Libraries that only some folders may name, and why. Benchmarks may name any: they compare with
/// what the project does not do.
const NAMED_ONLY_IN: [(&str, &[&str]); 6] = [
    // The one way to run a plugin, and to compile one.
    ("wasmtime", &["runtime/sandbox/", "plugins/tool/"]),
    // The only files that touch the bus.
    ("nix", &["runtime/tap/"]),
    ("socket2", &["runtime/tap/"]),
    // The only files that touch a broker.
    ("rdkafka", &["runtime/kafka/", "tests/kafka/"]),
    // The only files that measure the host.
    ("sysinfo", &["runtime/governor", "runtime/telemetry"]),
    // The clock of the runtime's own measurements is the system's; dates are the simulator's.
    ("jiff", &["examples/bus-simulator/"]),
];

#[test]
fn libraries_are_named_only_where_they_belong() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.is_rust()) {
        for (library, places) in NAMED_ONLY_IN {
            if places.iter().any(|place| source.path.starts_with(place))
                || source.path.starts_with("plugins/guests/")
                || source.path.starts_with("benches/")
            {
                continue;
            }
            for (number, line) in source.code() {
                let names = [format!("{library}::"), format!("use {library};")];
                let here = names.iter().any(|name| {
                    line.match_indices(name.as_str()).any(|(at, _)| {
                        let before = &line[..at];
                        !before
                            .ends_with(|last: char| last.is_alphanumeric() || "_:\"".contains(last))
                    })
                });
                if here && source.path != "tests/tidy.rs" {
                    broken.push(format!("{}:{number}: names {library}", source.path));
                }
            }
        }
    }
    for manifest in manifests() {
        for dependency in dependencies(&manifest) {
            // The root package is the governor's; its sources are checked above.
            let rule = NAMED_ONLY_IN
                .iter()
                .find(|(library, _)| *library == dependency);
            let allowed = |places: &[&str]| {
                let is_root = manifest == "Cargo.toml" && dependency == "sysinfo";
                is_root || places.iter().any(|place| manifest.starts_with(place))
            };
            if rule.is_some_and(|(_, places)| !allowed(places)) {
                broken.push(format!("{manifest}: depends on {dependency}"));
            }
        }
    }
    hold(&broken);
}

/// What of the standard library the policy may not use: clock, I/O, threads and environment.
const NOT_IN_POLICY: [&str; 10] = [
    "std::fs",
    "std::io",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::sync",
    "Instant",
    "SystemTime",
    "println!",
];

#[test]
fn policy_uses_only_std_and_of_it_only_what_is_pure() {
    assert_eq!(dependencies("runtime/policy/Cargo.toml"), [""; 0]);
    let mut broken = Vec::new();
    let policy = runtime()
        .into_iter()
        .filter(|source| source.path.starts_with("runtime/policy/"));
    for source in policy {
        for (number, line) in source.code() {
            for name in NOT_IN_POLICY {
                if has_word(line, name.trim_end_matches('!')) {
                    broken.push(format!("{}:{number}: uses {name}", source.path));
                }
            }
            if has_word(line, "async") {
                broken.push(format!("{}:{number}: is async", source.path));
            }
        }
    }
    hold(&broken);
}

#[test]
fn crates_depend_one_way() {
    let own = |manifest: &str| -> BTreeSet<String> {
        let names = dependencies(manifest).into_iter();
        names.filter(|name| name.starts_with("outrigger")).collect()
    };
    let policy = BTreeSet::from(["outrigger-policy".to_owned()]);
    for manifest in [
        "runtime/journal/Cargo.toml",
        "runtime/tap/Cargo.toml",
        "runtime/sandbox/Cargo.toml",
    ] {
        assert!(
            own(manifest).is_subset(&policy),
            "{manifest}: {:?}",
            own(manifest)
        );
    }
    for manifest in [
        "runtime/policy/Cargo.toml",
        "tests/kafka/Cargo.toml",
        "tests/xtask/Cargo.toml",
        "examples/bus-simulator/Cargo.toml",
    ] {
        assert_eq!(own(manifest), BTreeSet::new(), "{manifest}");
    }
    let tool = own("plugins/tool/Cargo.toml");
    let allowed = BTreeSet::from(["outrigger-policy", "outrigger-sandbox"].map(str::to_owned));
    assert!(tool.is_subset(&allowed), "{tool:?}");
}

/// Modules of the runtime package, in layers: each imports only from those before its own.
const LAYERS: [&[&str]; 11] = [
    &["error", "telemetry", "trace"],
    &["governor", "record", "partitions"],
    &["pipeline", "config"],
    &["topics", "keys", "rulings", "snapshot", "install"],
    &["data", "audit", "forward"],
    &["run"],
    &["status"],
    &["control"],
    &["memory"],
    &["cli"],
    &["main", "lib"],
];

/// Imports against the layers: from, to, why, and until when.
const AGAINST_LAYERS: [(&str, &str); 1] = [
    // The loop fills the structure that the status shows. Until that structure lies with the loop.
    ("run", "status"),
];

#[test]
fn modules_import_one_way() {
    let layer = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    let crates = ["policy", "journal", "tap", "sandbox", "kafka", "console"];
    let mut broken = Vec::new();
    let mut used = BTreeSet::new();
    for source in runtime() {
        let from = source
            .path
            .trim_start_matches("runtime/")
            .split('/')
            .next()
            .unwrap();
        let from = from.trim_end_matches(".rs");
        if crates.contains(&from) {
            continue;
        }
        let Some(own) = layer(from) else {
            broken.push(format!("{}: add the module to a layer", source.path));
            continue;
        };
        for (number, line) in source.code() {
            for (at, name) in line.match_indices("crate::") {
                let after = &line[at + name.len()..];
                let to: String = after
                    .chars()
                    .take_while(|next| next.is_alphanumeric() || *next == '_')
                    .collect();
                assert!(
                    !after.starts_with('{'),
                    "{}:{number}: one line for each module",
                    source.path
                );
                if to == from {
                    continue;
                }
                if AGAINST_LAYERS.contains(&(from, &to)) {
                    used.insert((from.to_owned(), to));
                } else if layer(&to).is_none_or(|theirs| theirs >= own) {
                    broken.push(format!("{}:{number}: {from} imports {to}", source.path));
                }
            }
        }
    }
    for (from, to) in AGAINST_LAYERS {
        if !used.contains(&(from.to_owned(), to.to_owned())) {
            broken.push(format!(
                "{from} no longer imports {to}: take the exception away"
            ));
        }
    }
    hold(&broken);
}

#[test]
fn runtime_has_no_unwrap() {
    let mut broken = Vec::new();
    for source in runtime() {
        for (number, line) in source.code() {
            if line.contains(".unwrap()") {
                broken.push(format!("{}:{number}: unwrap", source.path));
            }
        }
    }
    hold(&broken);
}

#[test]
fn every_unsafe_site_has_its_reason_and_stands_in_the_trust_statement() {
    let statement = fs::read_to_string(root().join("runtime/lib.rs")).unwrap();
    let statement: Vec<&str> = statement
        .lines()
        .filter(|line| line.starts_with("//!"))
        .collect();
    let statement = statement.join("\n");
    let mut broken = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| source.is_rust() && source.path != "tests/tidy.rs")
    {
        let lines: Vec<&str> = source.text.lines().collect();
        let mut sites = 0;
        for (number, line) in source.code() {
            let exempts =
                line.contains("allow(unsafe_code)") || line.contains("expect(unsafe_code)");
            let is_unsafe = has_word(line, "unsafe");
            sites += usize::from(exempts || is_unsafe);
            if exempts && !lines[number - 1].contains("//") {
                broken.push(format!("{}:{number}: no reason on its line", source.path));
            }
            let before = &lines[number.saturating_sub(8)..number];
            if is_unsafe && !before.iter().any(|line| line.contains("SAFETY:")) {
                broken.push(format!("{}:{number}: no SAFETY comment above", source.path));
            }
        }
        if sites > 0 && !statement.contains(&source.path) {
            broken.push(format!(
                "{}: not in the trust statement of runtime/lib.rs",
                source.path
            ));
        }
    }
    for library in ["runtime/policy/lib.rs", "runtime/journal/lib.rs"] {
        let text = fs::read_to_string(root().join(library)).unwrap();
        if !text.contains("#![forbid(unsafe_code)]") {
            broken.push(format!("{library}: does not forbid unsafe code"));
        }
    }
    hold(&broken);
}

/// What may lie in the root.
const TOP: [&str; 16] = [
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "CHANGELOG.md",
    "README.md",
    "SPECIFICATION.md",
    "runtime",
    "plugins",
    "wit",
    "examples",
    "tests",
    "benches",
    ".cargo",
    ".ci",
    ".git",
    ".gitignore",
];

#[test]
fn top_level_holds_what_a_reader_expects() {
    let mut broken = Vec::new();
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name != "target" && !TOP.contains(&name.as_str()) {
            broken.push(format!("{name} does not belong in the root"));
        }
    }
    for name in ["README.md", "LICENSE", "CHANGELOG.md", "SPECIFICATION.md"] {
        if !root().join(name).is_file() {
            broken.push(format!("{name} is missing"));
        }
    }
    hold(&broken);
}

/// Words that have no place here, in halves, so that this list does not break its own rule: paths
/// of one machine, how the work was organised, work left over, and praise.
const BANNED: [(&str, &str); 17] = [
    ("/ro", "ot/"),
    ("/wo", "rk/"),
    ("/ho", "me/"),
    ("clau", "de"),
    ("anthro", "pic"),
    ("house-", "style"),
    ("house ", "style"),
    ("design", ".md"),
    ("sub", "agent"),
    ("sub-", "agent"),
    ("TO", "DO"),
    ("FIX", "ME"),
    ("blazing", "ly"),
    ("cutting", "-edge"),
    ("world", "-class"),
    ("seam", "less"),
    ("issue", " #"),
];

#[test]
fn banned_words_are_absent() {
    let mut broken = Vec::new();
    for source in sources() {
        // The licence's words are not ours.
        if source.path == "LICENSE" {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            let lower = line.to_lowercase();
            for (left, right) in BANNED {
                let word = format!("{left}{right}");
                // Capitals are meant: the words are written so only when they are marks.
                let is_mark = word.chars().all(char::is_uppercase);
                let found = if is_mark {
                    has_word(line, &word)
                } else {
                    lower.contains(&word)
                };
                if found {
                    broken.push(format!("{}:{}: {word}", source.path, number + 1));
                }
            }
        }
    }
    hold(&broken);
}

#[test]
fn names_of_files_are_nouns_with_a_meaning() {
    let vague = ["util", "utils", "helper", "helpers", "manager", "misc"];
    let broken: Vec<String> = sources()
        .into_iter()
        .map(|source| source.path)
        .filter(|path| {
            let stem = Path::new(path).file_stem().unwrap().to_str().unwrap();
            vague.contains(&stem)
        })
        .collect();
    hold(&broken);
}

#[test]
fn no_test_is_ignored() {
    let mut broken = Vec::new();
    let attribute = ["#[ig", "nore"].concat();
    for source in sources().iter().filter(|source| source.is_rust()) {
        for (number, line) in source.code() {
            if line.trim_start().starts_with(&attribute) {
                broken.push(format!("{}:{number}: ignored test", source.path));
            }
        }
    }
    hold(&broken);
}

/// Lines of a production file beyond which it is asked whether it is two.
const LINES_MAX: usize = 400;
/// Files with a budget of their own.
const LINES: [(&str, usize); 2] = [("runtime/lib.rs", 80), ("runtime/main.rs", 60)];

/// Not a failure: a question, printed with the core's line count.
#[test]
fn length_of_files_is_reported() {
    let mut core = 0;
    for source in runtime() {
        let lines = source.text.lines().count();
        if source.path.starts_with("runtime/policy/") {
            core += lines;
        }
        let own = LINES.iter().find(|(path, _)| *path == source.path);
        let max = own.map_or(LINES_MAX, |(_, max)| *max);
        if lines > max {
            println!(
                "warning: {} has {lines} lines, more than {max}",
                source.path
            );
        }
    }
    println!("the core, runtime/policy, has {core} lines");
    assert!(core > 0);
}

#[test]
fn git_holds_no_binary_and_nothing_that_was_built() {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Ok(output) if output.status.success() => output,
        Ok(_) | Err(_) => return skip("not a git clone, so what git holds is unknown"),
    };
    let mut broken = Vec::new();
    let paths = String::from_utf8(output.stdout).unwrap();
    for path in paths.split('\0').filter(|path| !path.is_empty()) {
        // Deleted, and not yet committed so.
        let Ok(bytes) = fs::read(root().join(path)) else {
            continue;
        };
        if bytes.contains(&0) || std::str::from_utf8(&bytes).is_err() {
            broken.push(format!("{path} is binary"));
        }
        if path.split('/').any(|part| part == "target") {
            broken.push(format!("{path} was built"));
        }
    }
    hold(&broken);
}

/// Libraries that the runtime process must not link: a compiler, an HTTP server.
const NOT_LINKED: [&str; 6] = [
    "cranelift-codegen",
    "wasmtime-internal-cranelift",
    "wasmtime-wasi",
    "hyper",
    "axum",
    "tiny_http",
];

#[test]
fn runtime_links_no_compiler_and_no_http_server() {
    let output = Command::new(std::env::var_os("CARGO").unwrap())
        .args([
            "tree",
            "--locked",
            "--package",
            "outrigger",
            "--edges",
            "normal",
        ])
        .args(["--prefix", "none", "--format", "{lib}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.lines().any(|line| line == "wasmtime"), "{tree}");
    for library in NOT_LINKED {
        let library = library.replace('-', "_");
        assert!(!tree.lines().any(|line| line == library), "links {library}");
    }
    // And the very program that these tests run.
    let program = fs::read(outrigger().get_program()).unwrap();
    let names = |name: &[u8]| program.windows(name.len()).any(|window| window == name);
    assert!(names(b"wasmtime"));
    assert!(!names(b"cranelift_codegen"));
}

/// Commands in the fenced blocks of a document: those lines that start with one of `programs`.
fn commands(text: &str, programs: &[&str]) -> Vec<String> {
    let mut commands = Vec::new();
    let mut fenced = false;
    let mut joined = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            let line = line.trim().trim_start_matches("$ ");
            joined.push_str(line.trim_end_matches('\\'));
            if line.ends_with('\\') {
                continue;
            }
            let line = std::mem::take(&mut joined);
            let starts = |program: &&str| {
                line.strip_prefix(*program)
                    .is_some_and(|rest| rest.starts_with(' '))
            };
            if programs.iter().any(starts) {
                let line = line.split(" #").next().unwrap_or("");
                commands.push(line.trim().to_owned());
            }
        }
    }
    commands
}

/// What is wrong with a documented command, by the help of the program itself: a verb that is not
/// there, or a flag that its help does not have.
fn unknown(program: &Path, first: &[&str], words: &[&str]) -> Option<String> {
    let end = words
        .iter()
        .position(|word| word.starts_with('-') || *word == "|" || *word == ">");
    let verbs = &words[..end.unwrap_or(words.len())];
    let output = Command::new(program)
        .args(first)
        .args(verbs)
        .arg("--help")
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let help = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Some(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let flags = words
        .iter()
        .take_while(|word| !["|", ">", "&&", ";"].contains(word));
    let flags = flags.filter(|word| word.starts_with("--") && word.len() > 2);
    let mut names = flags.map(|word| word.split('=').next().unwrap_or(word));
    names
        .find(|name| !has_word(&help, name))
        .map(|name| format!("no flag {name}"))
}

#[test]
fn documented_commands_are_known_to_their_programs() {
    let programs = ["cargo xtask", "outrigger", "outrigger-plugin"];
    let mut documents: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources()
        .iter()
        .filter(|source| source.path.ends_with(".md"))
    {
        for command in commands(&source.text, &programs) {
            documents
                .entry(command)
                .or_default()
                .push(source.path.clone());
        }
    }
    let cargo = PathBuf::from(std::env::var_os("CARGO").unwrap());
    let own = outrigger().get_program().to_owned();
    let mut broken = Vec::new();
    for (command, places) in &documents {
        let words: Vec<&str> = command.split_whitespace().collect();
        let wrong = match words[0] {
            "cargo" => {
                let first = [
                    "run",
                    "--quiet",
                    "--release",
                    "--locked",
                    "--package",
                    "xtask",
                    "--",
                ];
                unknown(&cargo, &first, &words[2..])
            }
            "outrigger" => unknown(Path::new(&own), &[], &words[1..]),
            _ => unknown(&plugin_tool(), &[], &words[1..]),
        };
        if let Some(wrong) = wrong {
            broken.push(format!("{}: {command}: {wrong}", places.join(", ")));
        }
    }
    hold(&broken);
}

#[test]
fn commands_are_found_in_fenced_blocks_only() {
    let text = "outrigger run\n```sh\n$ outrigger check --config x \\\n  --strict # why\n\
                outrigger-plugin inspect y\nls\n```\noutrigger run\n";
    assert_eq!(
        commands(text, &["outrigger", "outrigger-plugin"]),
        [
            "outrigger check --config x --strict",
            "outrigger-plugin inspect y"
        ]
    );
}

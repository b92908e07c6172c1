//! `cargo xtask test`: every check and every test, in steps; the last line counts.
//!
//! Features are unified over the packages that one cargo invocation selects. So the packages that
//! link the compiler of plugins are always selected apart from all others, in every step that
//! builds: wasmtime is compiled once with Cranelift and once without, and the runtime that is
//! tested is the one that ships. Lints only check types, so they take all at once.

use std::process::Command;
use std::time::{Duration, Instant};

use clap::Args;

use crate::guests::{self, Built, Kit};
use crate::places::{Places, set};
use crate::progress::{Failure, Progress, shown};
use crate::runner::{self, Counts};
use crate::setup::{self, GuestToolchain};

/// Packages that link Cranelift, or whose tests do.
const WITH_COMPILER: [&str; 2] = ["outrigger-plugin", "outrigger-sandbox"];

/// Test targets that start brokers. Their manifests say `test = false`, so that they only run when
/// named, while every step selects the same packages.
const WITH_BROKERS: [&str; 2] = ["kafka", "delivery"];

/// What a test says that found no broker and could start none.
const NO_BROKER: &str = "skipped: no broker";

const READ: &str = "read the message above";

/// What to test.
#[derive(Args, Debug)]
pub struct Options {
    /// Only tests whose name contains this; lints and benchmarks are left out.
    filter: Option<String>,
    /// Only these steps, besides what they need.
    #[arg(long, value_name = "STEP", value_parser = STEPS)]
    step: Vec<String>,
}

const STEPS: [&str; 9] = [
    "format",
    "lint",
    "lint-guests",
    "test-guests",
    "test-fuzz",
    "test-runtime",
    "test-sandbox",
    "test-kafka",
    "bench-build",
];

impl Options {
    fn wants(&self, step: &str) -> bool {
        let is_test = step.starts_with("test-");
        let named = self.step.is_empty() || self.step.iter().any(|name| name == step);
        named && (self.filter.is_none() || is_test)
    }
}

/// What the steps have made and found so far.
struct Suite<'a> {
    places: &'a Places,
    options: &'a Options,
    progress: &'a Progress,
    counts: Counts,
    table: Vec<(String, Duration)>,
}

/// Runs all steps, up to the first that fails.
///
/// # Errors
/// The step's failure; the table and the closing line are printed in any case.
pub fn run(places: &Places, options: &Options, progress: &Progress) -> Result<(), Failure> {
    let mut suite = Suite {
        places,
        options,
        progress,
        counts: Counts::default(),
        table: Vec::new(),
    };
    let mut result = suite.steps();
    if result.is_ok() && options.filter.is_some() && suite.counts.passed + suite.counts.failed == 0
    {
        result = Err(Failure::new(
            "no test has such a name",
            "list the names: cargo test -- --list",
        ));
    }
    suite.close(result)
}

impl Suite<'_> {
    fn steps(&mut self) -> Result<(), Failure> {
        let progress = self.progress;
        let toolchain = self.step("setup", |_| {
            setup::check_tools(progress)?;
            setup::guest_toolchain(progress)
        })?;
        self.wanted("format", Self::format)?;
        self.wanted("lint", Self::lint)?;
        self.wanted("lint-guests", Self::lint_guests)?;
        self.wanted("test-guests", Self::test_guests)?;
        self.wanted("test-fuzz", Self::test_fuzz)?;
        if ["test-runtime", "test-sandbox", "test-kafka"]
            .iter()
            .any(|step| self.options.wants(step))
        {
            let (built, kit) = self.step("plugins", |suite| suite.plugins(&toolchain))?;
            print!("{}", built.digests);
            self.wanted("test-runtime", |suite| suite.test_runtime(&kit))?;
            self.wanted("test-sandbox", |suite| suite.test_sandbox(&toolchain, &kit))?;
            self.wanted("test-kafka", |suite| suite.test_kafka(&kit))?;
        }
        self.wanted("bench-build", Self::build_benches)
    }

    fn step<T>(
        &mut self,
        name: &str,
        body: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        let progress = *self.progress;
        let result = progress.step(name, || body(self));
        let shown = if result.is_ok() {
            name.to_owned()
        } else {
            format!("{name} FAILED")
        };
        self.table.push((shown, begun.elapsed()));
        result
    }

    fn wanted(
        &mut self,
        name: &str,
        body: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.options.wants(name) {
            self.step(name, body)
        } else {
            Ok(())
        }
    }

    fn format(&mut self) -> Result<(), Failure> {
        let remedy = "cargo fmt --all, here or in plugins/guests; cargo fmt in tests/fuzz";
        for mut cargo in [self.places.cargo("fmt"), self.places.guest_cargo("fmt")] {
            runner::run(cargo.args(["--all", "--check"]), remedy)?;
        }
        // Its path dependencies are the guests'.
        runner::run(self.places.fuzz_cargo("fmt").arg("--check"), remedy)
    }

    fn lint(&mut self) -> Result<(), Failure> {
        let [harness, delivery] = WITH_BROKERS;
        let with_brokers = ["--test", harness, "--test", delivery];
        for targets in [&["--all-targets"][..], &with_brokers[..]] {
            let mut cargo = self.places.cargo("clippy");
            cargo
                .args(["--release", "--locked", "--workspace"])
                .args(targets);
            runner::run(cargo.args(["--", "-D", "warnings"]), READ)?;
        }
        Ok(())
    }

    fn lint_guests(&mut self) -> Result<(), Failure> {
        let mut cargo = self.places.guest_cargo("clippy");
        cargo.args(["--release", "--locked", "--workspace", "--all-targets"]);
        runner::run(cargo.args(["--", "-D", "warnings"]), READ)?;
        let mut cargo = self.places.fuzz_cargo("clippy");
        cargo.args(["--release", "--locked", "--all-targets"]);
        runner::run(cargo.args(["--", "-D", "warnings"]), READ)
    }

    fn test_guests(&mut self) -> Result<(), Failure> {
        let mut cargo = self.places.guest_cargo("test");
        cargo.args(["--release", "--locked", "--workspace"]);
        self.count(cargo)
    }

    /// A bounded run of each fuzz target, the same inputs every time.
    fn test_fuzz(&mut self) -> Result<(), Failure> {
        let mut cargo = self.places.fuzz_cargo("test");
        cargo.args(["--release", "--locked"]);
        self.count(cargo)
    }

    fn plugins(&mut self, toolchain: &GuestToolchain) -> Result<(Built, Kit), Failure> {
        let built = guests::build(self.places, toolchain, false, self.progress)?;
        let kit = guests::kit(self.places, &built, self.progress)?;
        Ok((built, kit))
    }

    fn test_runtime(&mut self, kit: &Kit) -> Result<(), Failure> {
        let mut cargo = self.places.cargo("test");
        without_compiler(cargo.args(["--release", "--locked"]));
        cargo.env("OUTRIGGER_TEST_INSTALLATION", kit.installed());
        self.count(cargo)
    }

    /// What only a real broker shows. Without Java and Maven its tests skip themselves, which is no
    /// pass where a change is judged.
    fn test_kafka(&mut self, kit: &Kit) -> Result<(), Failure> {
        let mut cargo = self.places.cargo("test");
        without_compiler(cargo.args(["--release", "--locked"]));
        for target in WITH_BROKERS {
            cargo.args(["--test", target]);
        }
        cargo
            .env("OUTRIGGER_CACHE", &self.places.cache)
            .env("OUTRIGGER_TEST_INSTALLATION", kit.installed());
        self.count(cargo)?;
        let mut skipped = self.counts.skip_lines.iter();
        match skipped.find(|line| line.starts_with(NO_BROKER)) {
            Some(line) if set("CI").is_some_and(|ci| ci == "true") => {
                let remedy = "install a JDK of Java 17 or later, and Maven (on Debian, as root: \
                              apt-get install openjdk-17-jdk-headless maven)";
                Err(Failure::new(line, remedy))
            }
            _ => Ok(()),
        }
    }

    fn test_sandbox(&mut self, toolchain: &GuestToolchain, kit: &Kit) -> Result<(), Failure> {
        let mut cargo = self.places.cargo("test");
        with_compiler(cargo.args(["--release", "--locked"]));
        cargo
            .env("OUTRIGGER_TEST_INSTALLATION", kit.installed())
            .env("OUTRIGGER_GUEST_TARGET_DIR", &self.places.guests_target)
            .envs(toolchain.environment.iter().cloned());
        self.count(cargo)
    }

    fn build_benches(&mut self) -> Result<(), Failure> {
        for select in [without_compiler, with_compiler] {
            let mut cargo = self.places.cargo("build");
            select(cargo.args(["--release", "--locked", "--benches"]));
            runner::run(&mut cargo, READ)?;
        }
        let mut cargo = self.places.guest_cargo("build");
        cargo.args(["--release", "--locked", "--workspace", "--benches"]);
        runner::run(&mut cargo, READ)
    }

    /// Runs all tests that a selection has, also after one that fails.
    fn count(&mut self, mut cargo: Command) -> Result<(), Failure> {
        cargo.arg("--no-fail-fast");
        cargo.arg("--").args(self.options.filter.as_ref());
        // Else a test that skips could not say so.
        cargo.arg("--show-output");
        let remedy = "the failing tests are named above; run one again with \
                      cargo xtask test NAME";
        runner::count(&mut cargo, &mut self.counts, remedy)
    }

    /// Table, skips, what failed, and the closing line, in this order.
    fn close(mut self, result: Result<(), Failure>) -> Result<(), Failure> {
        // The closing line must not say that nothing failed.
        if result.is_err() && self.counts.failed == 0 {
            self.counts.failed = 1;
        }
        println!("\nstep                     time");
        for (name, took) in &self.table {
            println!("{name:<22}  {}", shown(*took));
        }
        for line in &self.counts.skip_lines {
            println!("{line}");
        }
        if let Err(failure) = &result {
            let step = self.table.last().map_or("setup FAILED", |(name, _)| name);
            println!("\n{step}: {failure}");
        }
        println!("\n{}", self.counts.closing_line());
        if result.is_err() {
            std::process::exit(1);
        }
        Ok(())
    }
}

/// Selects the packages that link Cranelift.
pub fn with_compiler(cargo: &mut Command) {
    for package in WITH_COMPILER {
        cargo.args(["--package", package]);
    }
}

/// Selects all others.
pub fn without_compiler(cargo: &mut Command) {
    cargo.arg("--workspace");
    for package in WITH_COMPILER {
        cargo.args(["--exclude", package]);
    }
}

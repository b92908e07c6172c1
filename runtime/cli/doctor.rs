//! `outrigger doctor`: why is there no data? Each finding in a line, with its remedy.
//!
//! It looks and listens, and changes nothing: no journal, no topic, no directory is made. Beside a
//! running runtime it joins multicast groups a second time, which the bus does not notice, and
//! asks the runtime about what cannot be opened twice.

mod decode;
mod host;
mod kafka;
mod listen;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::{EXIT_CONFIG, EXIT_FAILED};
use crate::config::Config;
use crate::control::{ClientError, fetch_status, status_socket};
use crate::install::{InstallError, Plugins};
use crate::record::hex;
use crate::status::StatusSnapshot;

/// Longest time to listen, seconds. Reason: it answers a person who waits.
const SECONDS_MAX: u64 = 600;

/// Says why there is no data, and what to do.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// How long to listen to each tap.
    #[arg(long, value_name = "SECONDS", default_value_t = 5,
        value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    pub seconds: u64,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warn,
    Fail,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok  ",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One finding.
#[derive(Debug, Serialize)]
struct Check {
    level: Level,
    /// What was looked at: `tap harbour`, `disk`.
    subject: String,
    finding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// Collects findings, and tells each at once: some take seconds.
struct Report {
    checks: Vec<Check>,
    tell: bool,
}

impl Report {
    fn add(&mut self, level: Level, subject: &str, finding: String, remedy: Option<String>) {
        if self.tell {
            println!("{} {subject}: {finding}", level.word());
            if let Some(remedy) = &remedy {
                println!("       → {remedy}");
            }
        }
        self.checks.push(Check {
            level,
            subject: subject.to_owned(),
            finding,
            remedy,
        });
    }

    fn ok(&mut self, subject: &str, finding: impl Into<String>) {
        self.add(Level::Ok, subject, finding.into(), None);
    }

    fn warn(&mut self, subject: &str, finding: impl Into<String>, remedy: impl Into<String>) {
        self.add(Level::Warn, subject, finding.into(), Some(remedy.into()));
    }

    fn fail(&mut self, subject: &str, finding: impl Into<String>, remedy: impl Into<String>) {
        self.add(Level::Fail, subject, finding.into(), Some(remedy.into()));
    }

    fn count(&self, level: Level) -> usize {
        let found = self.checks.iter();
        found.filter(|check| check.level == level).count()
    }
}

/// Runs the subcommand.
pub fn run(args: &DoctorArgs) -> ExitCode {
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let mut report = Report {
        checks: Vec::new(),
        tell: !args.json,
    };
    report.ok("configuration", config.file.display().to_string());
    for warning in &config.warnings {
        report.warn("configuration", warning, "see `outrigger check`");
    }
    let alive = runtime(&mut report, &config);
    host::data_dir(&mut report, &config, alive.is_some());
    host::signing_key(&mut report, &config);
    host::clock(&mut report, &config);
    kafka::clusters(&mut report, &config);
    let plugins = plugins(&mut report, &config);
    let listened = listen::taps(
        &mut report,
        &config,
        alive.as_ref(),
        Duration::from_secs(args.seconds),
    );
    if let Some(plugins) = &plugins {
        decode::check(&mut report, &config, plugins, &listened);
    }
    finish(&report, args.json)
}

fn finish(report: &Report, json: bool) -> ExitCode {
    let (warnings, failures) = (report.count(Level::Warn), report.count(Level::Fail));
    if json {
        let all = serde_json::json!({
            "good": failures == 0,
            "warnings": warnings,
            "failures": failures,
            "checks": report.checks,
        });
        println!("{all}");
    } else {
        println!("\n{failures} failures, {warnings} warnings");
    }
    match failures {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(EXIT_FAILED),
    }
}

/// Is there a runtime on this data directory, and how is it?
fn runtime(report: &mut Report, config: &Config) -> Option<StatusSnapshot> {
    match fetch_status(&status_socket(&config.data_dir)) {
        Ok(snapshot) => {
            let StatusSnapshot { pid, health, .. } = &snapshot;
            let finding = format!("runs with pid {pid}: {}", health.state);
            if health.reasons.is_empty() {
                report.ok("runtime", finding);
            } else {
                let reasons = health.reasons.join("; ");
                let file = config.file.display();
                let remedy = format!("see `outrigger status --config {file}`");
                report.warn("runtime", format!("{finding}: {reasons}"), remedy);
            }
            Some(snapshot)
        }
        Err(ClientError::NotRunning(_)) => {
            let file = config.file.display();
            let remedy = format!("to capture, start it: `outrigger run --config {file}`");
            report.warn("runtime", "does not run now".to_owned(), remedy);
            None
        }
        Err(error) => {
            let remedy =
                "ask as the runtime's user, and with the runtime's version of this command";
            report.fail("runtime", error.to_string(), remedy);
            None
        }
    }
}

/// Are the plugins installed, whole, signed, and do they take their configuration?
fn plugins(report: &mut Report, config: &Config) -> Option<Plugins> {
    match Plugins::load(config) {
        Ok(plugins) => {
            for installed in plugins.installed.iter().flatten() {
                let plugin = &installed.plugin;
                let description = &plugin.description;
                report.ok(
                    &format!("plugin {}", plugin.name),
                    format!(
                        "{} {} ({}), verified and configured, sha256 {}…",
                        description.name,
                        description.version,
                        plugin.role.as_str(),
                        &hex(&plugin.digest)[..12]
                    ),
                );
            }
            Some(plugins)
        }
        Err(error) => {
            let remedy = match &error {
                InstallError::Installation(..) => format!(
                    "build and install what is named: `outrigger-plugin install --dir {} \
                     COMPONENT.wasm`; a pin that differs belongs to another build",
                    config.plugins_dir.display()
                ),
                InstallError::Role { .. } => {
                    "correct the plugin's role, or its component, in the configuration".to_owned()
                }
                InstallError::References(_) | InstallError::Load(..) => {
                    "correct the plugin's section of the configuration; its README says what it \
                     takes"
                        .to_owned()
                }
                InstallError::Misfit(_) => {
                    "correct the classes and routes that the configuration gives the plugin: \
                     `outrigger-plugin inspect` says what it knows"
                        .to_owned()
                }
                InstallError::Engine(_) | InstallError::Ticker(_) => {
                    "the host lacks memory or threads: look at its limits".to_owned()
                }
            };
            report.fail("plugins", error.to_string(), remedy);
            None
        }
    }
}

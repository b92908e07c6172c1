//! `outrigger-plugin`: the command.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use outrigger_plugin::{Installer, ToolError, Toolchain, build, inspect};
use outrigger_sandbox::artifact::hex;

/// Builds, installs and inspects plugins.
#[derive(Parser)]
#[command(name = "outrigger-plugin", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  outrigger-plugin build plugins/guests/example-validator --out build
  outrigger-plugin inspect build/example_validator.wasm
  outrigger-plugin install --dir plugins-installed build/example_validator.wasm
  outrigger-plugin inspect --dir plugins-installed example_validator.wasm --json

Exit codes:
  0  done
  1  refused: not a plugin, does not build, imports more than note, or is not signed
  2  wrong arguments
  3  files, keys or the Rust toolchain are in the way";

#[derive(Subcommand)]
enum Verb {
    /// Builds a plugin's folder into a component, the same bytes from any path.
    #[command(after_help = BUILD_ENVIRONMENT)]
    Build {
        /// Folder with the plugin's Cargo.toml.
        folder: PathBuf,
        /// Where to put the component [default: components in the target directory].
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Checks, compiles and signs components, and names them in outrigger.lock.
    Install {
        /// The installation; made, with a key of its own, when it is not there.
        #[arg(long)]
        dir: PathBuf,
        /// Components.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Says what a component is, what it imports, and what it says of itself.
    Inspect {
        /// A component, or an installed artifact; with --dir also a component's installed name.
        file: PathBuf,
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
        /// The installation whose key has signed it [default: the file's own folder].
        #[arg(long)]
        dir: Option<PathBuf>,
    },
}

const BUILD_ENVIRONMENT: &str = "\
Environment:
  OUTRIGGER_GUEST_CARGO       cargo to build with [default: cargo]
  OUTRIGGER_GUEST_RUSTC       rustc for it
  OUTRIGGER_GUEST_LINKER      linker for WebAssembly, for instance wasm-ld-19
  OUTRIGGER_GUEST_BUILD_STD   1: build the standard library from source
  OUTRIGGER_GUEST_TARGET_DIR  target directory [default: target in the plugin's workspace]";

fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("outrigger-plugin: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(verb: Verb) -> Result<(), ToolError> {
    match verb {
        Verb::Build { folder, out } => {
            let path = build(&folder, out.as_deref(), &Toolchain::from_environment())?;
            println!("{}", path.display());
        }
        Verb::Install { dir, files } => {
            let mut installer = Installer::open(&dir)?;
            for (index, file) in files.iter().enumerate() {
                eprintln!(
                    "[{}/{}] compiling {}",
                    index + 1,
                    files.len(),
                    file.display()
                );
                let begun = Instant::now();
                let done = installer.install(file)?;
                println!(
                    "{} {}: {} {} ({}), {} bytes, artifact {} bytes, {} ms, sha256 {}",
                    if done.unchanged {
                        "unchanged"
                    } else {
                        "installed"
                    },
                    done.component,
                    done.entry.plugin,
                    done.entry.version,
                    done.entry.role,
                    done.component_bytes,
                    done.artifact_bytes,
                    begun.elapsed().as_millis(),
                    hex(&done.entry.sha256),
                );
            }
        }
        Verb::Inspect { file, json, dir } => {
            let report = inspect(&file, dir.as_deref())?;
            if json {
                println!("{}", report.to_json());
            } else {
                print!("{report}");
            }
        }
    }
    Ok(())
}

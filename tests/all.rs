//! All tests of the runtime in one binary: one link, not a dozen.

mod common;
mod config;
mod crash;
mod journal_cli;
mod log;
mod rig;
mod tidy;

//! All tests of the runtime in one binary: one link, not a dozen.

mod bad_input;
mod common;
mod config;
mod crash;
mod isolation;
mod journal_cli;
mod log;
mod pipeline;
mod recordings;
mod recovery;
mod rig;
mod tidy;

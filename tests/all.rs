//! All tests of the runtime in one binary: one link, not a dozen.

mod bad_input;
mod budget;
mod common;
mod config;
mod control;
mod crash;
mod dis;
mod doctor;
mod formats;
mod gmti;
mod isolation;
mod journal_cli;
mod ledger;
mod log;
mod memory;
mod missions;
mod partitions;
mod pipeline;
mod profile;
mod readme;
mod recordings;
mod recovery;
mod rig;
mod service;
mod tidy;

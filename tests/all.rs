//! All tests of the runtime in one binary: one link, not a dozen.

mod common;
mod config;
mod crash;
mod rig;
mod tidy;

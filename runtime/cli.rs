//! One file per subcommand, thin: parse, call the library, print.

pub mod audit;
pub mod check;
pub mod ctl;
pub mod doctor;
pub mod journal;
pub mod log;
mod moment;
mod output;
pub mod partitions;
mod place;
pub mod profile;
pub mod run;
pub mod status;
mod text;
mod walk;

/// Exit code: the configuration is wrong.
pub const EXIT_CONFIG: u8 = 1;
/// Exit code: the command line is wrong. clap's own.
pub const EXIT_USAGE: u8 = 2;
/// Exit code: what is named cannot be used, nothing was captured; or there is nothing to ask or to
/// read: no runtime, no such topic, not readable, of a newer format.
pub const EXIT_START: u8 = 3;
/// Exit code: stopped by a failure while running, what was captured is in the journal; or a
/// command was refused, or a check failed.
pub const EXIT_FAILED: u8 = 4;
/// Exit code: what is read is damaged.
pub const EXIT_DAMAGED: u8 = 5;

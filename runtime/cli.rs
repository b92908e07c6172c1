//! One file per subcommand, thin: parse, call the library, print.

pub mod check;
pub mod ctl;
pub mod doctor;
pub mod journal;
pub mod log;
mod moment;
mod output;
mod place;
pub mod run;
pub mod status;
mod text;
mod walk;

/// Exit code: the configuration is wrong.
pub const EXIT_CONFIG: u8 = 1;
/// Exit code: the command line is wrong. clap's own.
pub const EXIT_USAGE: u8 = 2;
/// Exit code: something that the configuration names cannot be used, or there is no runtime to
/// ask; nothing was captured.
pub const EXIT_START: u8 = 3;
/// Exit code: stopped by a failure while running, what was captured is in the journal; or a
/// command was refused, or a check failed.
pub const EXIT_FAILED: u8 = 4;

/// Exit code of the commands that only read, `log` and `journal`: damage was found.
pub const EXIT_DAMAGED: u8 = 1;
/// Exit code of the commands that only read: what was asked for is not there, cannot be read, or
/// is of a newer format; a wrong configuration is among it.
pub const EXIT_UNREADABLE: u8 = 3;

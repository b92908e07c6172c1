//! Mutation fuzzing of the plugins, seeded: not guided by coverage.
//!
//! A case is some frames in a row, taken from the recordings and the plugins' golden inputs and
//! changed without regard to their form; half of the changed frames get their checksum or length
//! put right, or nearly all would end there. Each case meets a fresh plugin, natively, and its
//! answers are held against the rules of [`oracle`]. What breaks one is reduced, and printed as
//! hexadecimal with its seed and the command that makes it again.

pub mod case;
pub mod corpus;
pub mod mutate;
pub mod oracle;
pub mod run;
pub mod targets;

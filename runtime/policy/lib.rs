//! Pure decisions of the runtime.
//!
//! Nothing here reads a clock, draws a random number, logs, or does I/O: time arrives as an
//! argument and decisions leave as values, so equal inputs replay equal runs. Only `std` is used.

#![forbid(unsafe_code)]

pub mod body;
pub mod breaker;
pub mod budget;
pub mod claims;
pub mod columns;
pub mod drift;
pub mod labels;
pub mod ledger;
pub mod limits;
pub mod packed;
pub mod plan;
pub mod shed;
pub mod state;
pub mod topology;
pub mod verdict;

pub use columns::Columns;
pub use packed::Packed;

//! A simulated bus: a seeded scenario becomes datagrams, with its truth beside it.
//!
//! ```text
//! scenario ─▶ motion ─▶ faults ─▶ format ─▶ pace ─▶ sink
//!                └─────────┴──▶ truth
//! ```
//!
//! It owns what happens on the bus in demonstrations, tests and benchmarks. What always holds:
//! the same seed, scenario and start give the same bytes. It knows nothing of the runtime.

pub mod faults;
pub mod format;
pub mod geodesy;
pub mod motion;
pub mod pace;
pub mod platform;
pub mod random;
pub mod report;
pub mod run;
pub mod scenario;
pub mod sink;
pub mod traffic;
pub mod truth;

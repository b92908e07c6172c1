//! Outrigger: placeholder of the map, written with the last module.
pub mod config;
pub mod pipeline;
pub mod record;

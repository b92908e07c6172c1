//! Outrigger: placeholder of the map, written with the last module.
pub mod audit;
pub mod cli;
pub mod config;
pub mod control;
pub mod pipeline;
pub mod record;
pub mod rulings;
pub mod snapshot;
pub mod topics;
pub mod data;
pub mod install;
pub mod keys;
pub mod governor;
pub mod run;
pub mod status;

//! The tool from outside: its library on a directory, and its command.

mod build;
mod command;
mod fixtures;
mod install;
mod run;

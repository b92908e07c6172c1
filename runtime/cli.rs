//! One file per subcommand, thin: parse, call the library, print.

pub mod check;

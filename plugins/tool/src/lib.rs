//! Builds, installs and inspects plugins.
//!
//! - [`build`]: a plugin's folder to a component, the same bytes from any path;
//! - [`install`]: a component to native code, checked, signed and named in `outrigger.lock`;
//! - [`inspect`]: what a component is, imports and says of itself.
//!
//! The only part of the project with a compiler. What a component may import, and what an artifact
//! is, says `outrigger_sandbox`, for the tool and the runtime alike.

pub mod build;
mod error;
mod files;
pub mod inspect;
pub mod install;
mod key;

pub use build::{Toolchain, build};
pub use error::ToolError;
pub use inspect::{Report, inspect};
pub use install::{Installed, Installer};

//! What a component may import, and which role its exports make it.
//!
//! A plugin can compute, and nothing else: its one import with a function in it is
//! `outrigger:plugin/host`, and that function is `note`.

use std::fmt;

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentInstance, ComponentItem};

const PACKAGE: &str = "outrigger:plugin/";
/// Major version of the contract that this host speaks.
const MAJOR: &str = "1";

/// What a plugin does, by what it exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Frames to messages.
    Decoder,
    /// Verdicts on messages.
    Validator,
    /// Where messages go.
    Router,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Decoder, Self::Validator, Self::Router];

    /// As in the configuration and in `wit/`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decoder => "decoder",
            Self::Validator => "validator",
            Self::Router => "router",
        }
    }

    /// From [`as_str`](Self::as_str).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// As in an artifact's header.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Decoder => 1,
            Self::Validator => 2,
            Self::Router => 3,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a component is no plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorldError {
    /// It imports WASI: name of the import.
    Wasi(String),
    /// It imports something else than its world: name of the import.
    UndeclaredImport(String),
    /// It imports or exports another major version of the contract: name.
    OtherMajor(String),
    /// It does not export `outrigger:plugin/plugin`.
    NotAPlugin,
    /// It exports the interface of no role, or of several.
    Roles(Vec<Role>),
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wasi(name) => write!(
                f,
                "imports {name}: this host has no WASI; stub it into the component at build time"
            ),
            Self::UndeclaredImport(name) => write!(
                f,
                "imports {name}: a plugin may import only note of {PACKAGE}host"
            ),
            Self::OtherMajor(name) => write!(
                f,
                "uses {name}: this host speaks version {MAJOR} of {PACKAGE}*"
            ),
            Self::NotAPlugin => write!(f, "does not export {PACKAGE}plugin: not a plugin"),
            Self::Roles(roles) if roles.is_empty() => f.write_str(
                "exports none of decoder, validator and router: a plugin has exactly one role",
            ),
            Self::Roles(roles) => {
                let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
                write!(
                    f,
                    "exports {}: a plugin has exactly one role",
                    names.join(" and ")
                )
            }
        }
    }
}

impl std::error::Error for WorldError {}

/// Names of what a component imports and exports, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Imports.
    pub imports: Vec<String>,
    /// Exports.
    pub exports: Vec<String>,
}

/// What a component imports and exports, whatever it is.
pub fn names_of(component: &Component) -> Names {
    let engine = component.engine();
    let ty = component.component_type();
    let imports = ty.imports(engine).map(|(name, _)| name.to_owned());
    let exports = ty.exports(engine).map(|(name, _)| name.to_owned());
    Names {
        imports: imports.collect(),
        exports: exports.collect(),
    }
}

/// Checks what a component imports and exports, and says its role.
///
/// # Errors
/// Names the first import or export that a plugin may not have, or the one that it lacks.
pub fn role_of(component: &Component) -> Result<Role, WorldError> {
    let engine = component.engine();
    let ty = component.component_type();
    for (name, item) in ty.imports(engine) {
        check_import(engine, name, &item.ty)?;
    }
    let mut is_plugin = false;
    let mut roles = Vec::new();
    for (name, _) in ty.exports(engine) {
        let Some((interface, version)) = own_interface(name) else {
            continue;
        };
        if !is_major(version) {
            return Err(WorldError::OtherMajor(name.to_owned()));
        }
        is_plugin |= interface == "plugin";
        roles.extend(Role::from_name(interface));
    }
    match roles.as_slice() {
        _ if !is_plugin => Err(WorldError::NotAPlugin),
        [role] => Ok(*role),
        _ => Err(WorldError::Roles(roles)),
    }
}

/// Interface and version of a name like `outrigger:plugin/host@1.0.0`.
fn own_interface(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(PACKAGE)?.split_once('@')
}

fn is_major(version: &str) -> bool {
    version.split('.').next() == Some(MAJOR)
}

fn check_import(engine: &Engine, name: &str, item: &ComponentItem) -> Result<(), WorldError> {
    let undeclared = |name: String| Err(WorldError::UndeclaredImport(name));
    if name.starts_with("wasi:") {
        return Err(WorldError::Wasi(name.to_owned()));
    }
    let (Some((interface, version)), ComponentItem::ComponentInstance(instance)) =
        (own_interface(name), item)
    else {
        return undeclared(name.to_owned());
    };
    if !is_major(version) {
        return Err(WorldError::OtherMajor(name.to_owned()));
    }
    match first_beyond_types(engine, instance, interface == "host") {
        Some(inner) => undeclared(format!("{name} ({inner})")),
        None => Ok(()),
    }
}

/// The first export of an imported instance that is more than a type, `note` excepted when
/// allowed. An instance that holds only types gives a guest nothing to call.
fn first_beyond_types(
    engine: &Engine,
    instance: &ComponentInstance,
    note_allowed: bool,
) -> Option<String> {
    instance
        .exports(engine)
        .find(|(name, item)| match &item.ty {
            ComponentItem::Type(_) => false,
            ComponentItem::ComponentFunc(_) => !(note_allowed && *name == "note"),
            ComponentItem::CoreFunc(_)
            | ComponentItem::Module(_)
            | ComponentItem::Component(_)
            | ComponentItem::ComponentInstance(_)
            | ComponentItem::Resource(_) => true,
        })
        .map(|(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests;

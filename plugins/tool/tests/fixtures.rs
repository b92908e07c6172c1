//! Components from readable text.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use outrigger_plugin::build::componentise;
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn text(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// A core module's text as a component of the world `validator-plugin`.
pub fn validator(module: &str) -> Vec<u8> {
    let mut module = wat::parse_str(module).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(repository().join("wit")).unwrap();
    let world = resolve
        .select_world(&[package], Some("validator-plugin"))
        .unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    componentise(&module).unwrap()
}

/// The smallest validator; `version` is five characters and makes another digest.
pub fn tiny(version: &str) -> Vec<u8> {
    validator(&text("validator.wat").replace("1.2.3", version))
}

/// Writes a component into `folder`.
pub fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

//! Hostile guests: components made of the readable text in `tests/fixtures/guests`, and installed
//! beside the project's own plugins.
//!
//! `decoder.wat` and `validator.wat` are whole; every other file is a part that takes the place of
//! one of the last functions of `validator.wat`.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::common::{installation, plugin_tool, root, succeed};

/// Functions of `validator.wat` that a part may take the place of, as they stand there.
const REPLACEABLE: [(&str, &str); 3] = [
    ("(func $evil ", "(func $evil (param $answer i32))"),
    (
        "(func $configured ",
        "(func $configured (result i32) (i32.const 4096))",
    ),
    ("(func $begin", "(func $begin)"),
];

fn folder() -> PathBuf {
    root().join("tests/fixtures/guests")
}

/// Text of a guest, whole.
fn text(name: &str) -> String {
    let own = fs::read_to_string(folder().join(format!("{name}.wat"))).unwrap();
    if own.contains("(module") {
        return own;
    }
    let mut whole = fs::read_to_string(folder().join("validator.wat")).unwrap();
    let mut places = REPLACEABLE
        .iter()
        .filter(|(begins, _)| own.contains(begins));
    let (_, replaced) = places.next().expect("a part takes the place of a function");
    assert!(
        whole.contains(replaced) && places.next().is_none(),
        "{name}"
    );
    // Each guest is another component, and so another digest.
    whole = whole.replace(replaced, &own);
    whole
}

/// A guest's text as a component.
fn component(module: &str) -> Vec<u8> {
    let role = match module.contains("outrigger:plugin/decoder@") {
        true => "decoder",
        false => "validator",
    };
    let mut module = wat::parse_str(module).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join("wit")).unwrap();
    let world = resolve
        .select_world(&[package], Some(&format!("{role}-plugin")))
        .unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().validate(true).module(&module);
    encoder.and_then(|mut encoder| encoder.encode()).unwrap()
}

/// Names of all guests.
fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Directory with the project's plugins and every guest, as `NAME.wasm`. Changed by nobody.
pub fn installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let mut key = DefaultHasher::new();
        installation().hash(&mut key);
        for name in names() {
            (&name, text(&name)).hash(&mut key);
        }
        let tool = fs::read(plugin_tool()).unwrap();
        tool.hash(&mut key);
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let to = kept.join(format!("guests-{:016x}", key.finish()));
        if !to.exists() {
            // Made aside, so that it is never there in part; who comes second is told so.
            let aside = tempfile::tempdir_in(kept).unwrap();
            install(aside.path());
            if let Err(error) = fs::rename(aside.path(), &to) {
                assert!(to.exists(), "{error}");
            }
        }
        to
    })
}

fn install(directory: &Path) {
    for entry in fs::read_dir(installation()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, directory.join(path.file_name().unwrap())).unwrap();
    }
    let components = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = names()
        .iter()
        .map(|name| {
            let path = components.path().join(format!("{name}.wasm"));
            fs::write(&path, component(&text(name))).unwrap();
            path
        })
        .collect();
    let mut tool = Command::new(plugin_tool());
    succeed(tool.arg("install").arg("--dir").arg(directory).args(paths));
}

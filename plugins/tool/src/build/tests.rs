//! What a plugin's folder must be, before any compiler runs.
#![allow(clippy::unwrap_used)]

use super::*;

fn name_of(manifest: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    crate_name(folder.path()).map_err(|error| {
        let text = error.to_string();
        let path = folder.path().display().to_string();
        text.replace(&path, "FOLDER")
    })
}

#[test]
fn component_is_named_like_the_crate() {
    let manifest = "[package]\nname = \"area-router\"\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]";
    assert_eq!(name_of(manifest), Ok("area_router".into()));
}

#[test]
fn folder_that_is_no_plugin_is_refused() {
    let refused = |manifest| name_of(manifest).unwrap_err();
    assert_eq!(
        refused("[workspace]"),
        "FOLDER/Cargo.toml: not a plugin: it has no package.name"
    );
    assert_eq!(
        refused("[package]\nname = \"sdk\""),
        "FOLDER/Cargo.toml: not a plugin: lib.crate-type must be [\"cdylib\", \"rlib\"]"
    );
    let absent = build(
        Path::new("/nowhere/at/all"),
        None,
        &Toolchain::from_environment(),
    );
    let error = absent.unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().starts_with("/nowhere/at/all: "));
}

#[test]
fn toolchain_that_cannot_be_run_says_how_to_name_another() {
    let toolchain = Toolchain {
        cargo: "/nowhere/cargo".into(),
        ..Toolchain::from_environment()
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let error = workspace_of(folder, &toolchain).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("cannot run /nowhere/cargo: "), "{text}");
    assert!(text.contains("OUTRIGGER_GUEST_CARGO"), "{text}");
}

#[test]
fn module_without_a_world_is_no_component() {
    let module = wat::parse_str("(module (import \"env\" \"f\" (func)))").unwrap();
    let error = componentise(&module).unwrap_err();
    assert!(error.contains("env"), "{error}");
    assert!(componentise(b"\0asm").is_err());
}

//! What may be installed, and what an installation then gives to the runtime.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use outrigger_plugin::{Installer, ToolError, inspect};
use outrigger_sandbox::artifact::digest;
use outrigger_sandbox::engine::engine;
use outrigger_sandbox::{ArtifactError, Installation, InstallationError, Role};

use crate::fixtures::{text, tiny, validator, written};

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Installs a component and says why it was refused.
fn refused(component: &[u8]) -> ToolError {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("installed");
    let path = written(folder.path(), "plugin.wasm", component);
    let mut installer = Installer::open(&directory).unwrap();
    let error = installer.install(&path).unwrap_err();
    assert_eq!(
        files(&directory),
        ["installation.key", "installation.pub"],
        "nothing is left of a refused component"
    );
    assert_eq!(error.exit_code(), 1);
    error
}

fn refusal(component: &[u8]) -> String {
    let text = refused(component).to_string();
    let start = text.find("plugin.wasm: ").unwrap();
    text[start..].to_owned()
}

#[test]
fn installed_component_loads_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("installed");
    let bytes = tiny("1.2.3");
    let path = written(folder.path(), "tiny.wasm", &bytes);
    let done = Installer::open(&directory).unwrap().install(&path).unwrap();
    assert!(!done.unchanged);
    assert_eq!(
        (done.entry.plugin.as_str(), done.entry.version.as_str()),
        ("tiny", "1.2.3")
    );
    let installation = Installation::open(&directory).unwrap();
    assert_eq!(installation.entry("tiny.wasm").unwrap(), &done.entry);
    let artifact = installation
        .load("tiny.wasm", Some(digest(&bytes)), &engine().unwrap())
        .unwrap();
    assert_eq!(
        (artifact.role, artifact.sha256),
        (Role::Validator, digest(&bytes))
    );
    let (header, artifact_bytes) = installation.verify("tiny.wasm").unwrap();
    assert_eq!(
        (header.name.as_str(), artifact_bytes),
        ("tiny.wasm", done.artifact_bytes)
    );
}

#[test]
fn second_install_replaces_the_first_and_leaves_others() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("installed");
    let one = written(folder.path(), "one.wasm", &tiny("1.2.3"));
    let two = written(folder.path(), "two.wasm", &tiny("2.0.0"));
    let mut installer = Installer::open(&directory).unwrap();
    installer.install(&one).unwrap();
    let two = installer.install(&two).unwrap().entry.artifact;
    drop(installer);
    fs::write(&one, tiny("1.2.4")).unwrap();
    let mut installer = Installer::open(&directory).unwrap();
    let again = installer.install(&one).unwrap();
    assert!(!again.unchanged);
    assert!(installer.install(&one).unwrap().unchanged);
    let mut expected = vec![
        again.entry.artifact,
        two,
        "installation.key".into(),
        "installation.pub".into(),
        "outrigger.lock".into(),
    ];
    expected.sort();
    assert_eq!(files(&directory), expected);
}

#[test]
fn undeclared_import_is_refused() {
    let component = wat::parse_str(text("undeclared.wat")).unwrap();
    assert_eq!(
        refusal(&component),
        "plugin.wasm: imports sea:chart/files@1.0.0: \
         a plugin may import only note of outrigger:plugin/host"
    );
}

#[test]
fn wasi_is_refused() {
    let component = wat::parse_str(text("wasi.wat")).unwrap();
    let text = refusal(&component);
    assert!(text.contains("imports wasi:clocks/monotonic-clock@0.2.0: this host has no WASI"));
}

#[test]
fn wrong_world_is_refused() {
    let component = wat::parse_str(text("no_role.wat")).unwrap();
    assert!(refusal(&component).contains("exports none of decoder, validator and router"));
    let nothing = wat::parse_str("(component)").unwrap();
    assert!(refusal(&nothing).contains("does not export outrigger:plugin/plugin"));
}

#[test]
fn what_is_no_component_is_refused() {
    let module = wat::parse_str("(module)").unwrap();
    assert!(refusal(&module).starts_with("plugin.wasm: not a valid component: "));
    assert!(refusal(b"").starts_with("plugin.wasm: not a valid component: "));
    let whole = tiny("1.2.3");
    assert!(matches!(
        refused(&whole[..whole.len() / 2]),
        ToolError::Invalid(..)
    ));
}

#[test]
fn features_that_are_off_do_not_compile() {
    for text in [
        "(component (core module (memory i64 1)))",
        "(component (core module (memory 1) (memory 1)))",
        "(component (core module (memory 1 1 shared)))",
    ] {
        let component = wat::parse_str(text).unwrap();
        assert!(
            matches!(refused(&component), ToolError::Invalid(..)),
            "{text}"
        );
    }
}

#[test]
fn description_is_asked_under_limits_and_checked() {
    let describe = "(result i32) i32.const 1024)";
    let with = |body: &str| {
        let changed = text("validator.wat").replace(describe, &format!("(result i32) {body})"));
        refusal(&validator(&changed))
    };
    let text_of_endless = with("(loop $again (br $again)) i32.const 1024");
    assert!(
        text_of_endless.contains("does not start"),
        "{text_of_endless}"
    );
    let text_of_trap = with("unreachable");
    assert!(text_of_trap.contains("does not start"), "{text_of_trap}");
    let no_name = refusal(&validator(
        &text("validator.wat").replace("\"tiny\"", "\"Tiny\""),
    ));
    assert!(
        no_name.contains("describes itself wrongly: name has the name \"Tiny\""),
        "{no_name}"
    );
}

#[test]
fn changed_artifact_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("installed");
    let path = written(folder.path(), "tiny.wasm", &tiny("1.2.3"));
    let done = Installer::open(&directory).unwrap().install(&path).unwrap();
    let artifact = directory.join(&done.entry.artifact);
    let whole = fs::read(&artifact).unwrap();
    let engine = engine().unwrap();
    let load = || {
        let loaded = Installation::open(&directory)
            .unwrap()
            .load("tiny.wasm", None, &engine);
        match loaded {
            Ok(_) => None,
            Err(InstallationError::Artifact(_, error)) => Some(error),
            Err(error) => panic!("{error}"),
        }
    };
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    fs::write(&artifact, changed).unwrap();
    assert!(matches!(load(), Some(ArtifactError::WrongSignature)));
    fs::write(&artifact, &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(load(), Some(ArtifactError::CutShort)));
    fs::write(&artifact, &whole).unwrap();
    assert!(load().is_none());
    // Another installation's artifact of the same component.
    let other = folder.path().join("other");
    let foreign = Installer::open(&other).unwrap().install(&path).unwrap();
    fs::copy(other.join(foreign.entry.artifact), &artifact).unwrap();
    assert!(matches!(load(), Some(ArtifactError::WrongSignature)));
    fs::write(&artifact, &whole).unwrap();
    let pinned = Installation::open(&directory)
        .unwrap()
        .load("tiny.wasm", Some([1; 32]), &engine);
    assert!(matches!(
        pinned,
        Err(InstallationError::Artifact(
            _,
            ArtifactError::WrongDigest { .. }
        ))
    ));
}

#[test]
fn private_key_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    drop(Installer::open(directory).unwrap());
    let key = directory.join("installation.key");
    let mode = fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let text = Installer::open(directory).err().unwrap().to_string();
    assert!(text.contains("others can read it (mode 640)"), "{text}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    drop(Installer::open(directory).unwrap());
    let public = directory.join("installation.pub");
    fs::write(&public, "00".repeat(32)).unwrap();
    let text = Installer::open(directory).err().unwrap().to_string();
    assert!(
        text.contains("does not belong to installation.key"),
        "{text}"
    );
}

#[test]
fn lost_private_key_is_not_replaced_behind_the_operators_back() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("installed");
    let path = written(folder.path(), "tiny.wasm", &tiny("1.2.3"));
    Installer::open(&directory).unwrap().install(&path).unwrap();
    fs::remove_file(directory.join("installation.key")).unwrap();
    let error = Installer::open(&directory).err().unwrap();
    assert_eq!(error.exit_code(), 3);
    assert!(
        error
            .to_string()
            .contains("missing, but plugins are installed")
    );
}

#[test]
fn inspect_says_what_a_component_is_and_can_do() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("installed");
    let bytes = tiny("1.2.3");
    let path = written(folder.path(), "tiny.wasm", &bytes);
    let done = Installer::open(&directory).unwrap().install(&path).unwrap();
    let of_component = inspect(&path, None).unwrap();
    let of_artifact = inspect(&directory.join(&done.entry.artifact), None).unwrap();
    let of_name = inspect(Path::new("tiny.wasm"), Some(&directory)).unwrap();
    assert_eq!(of_artifact, of_name);
    assert_eq!(of_component.sha256, digest(&bytes));
    assert_eq!(of_component.description, of_artifact.description);
    assert_eq!(of_component.component_bytes, Some(bytes.len() as u64));
    assert!(of_artifact.installed && !of_component.installed);
    // This one imports nothing at all.
    let shown = of_component.to_string();
    assert!(shown.starts_with("tiny 1.2.3: validator\n"), "{shown}");
    let trust = "imports:   nothing — this plugin can compute, and nothing else\n";
    assert!(shown.contains(trust), "{shown}");
    let json = of_artifact.to_json();
    assert_eq!(json["role"], "validator");
    assert_eq!(json["artifact_bytes"], done.artifact_bytes);
    assert_eq!(json["component_bytes"], serde_json::Value::Null);
}

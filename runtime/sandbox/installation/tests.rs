//! What an installation's files must be.
#![allow(clippy::unwrap_used)]

use std::fs;

use ed25519_dalek::SigningKey;

use super::*;
use crate::engine::engine;

fn entry() -> Entry {
    Entry {
        sha256: [0x1f; 32],
        artifact: "ais-1f1f1f1f1f1f.cwasm".into(),
        role: Role::Decoder,
        plugin: "ais".into(),
        version: "1.2.3".into(),
    }
}

fn lock() -> Lock {
    let components = ["ais.wasm", "odd \"\\\n name.wasm"];
    Lock {
        components: components.map(|name| (name.to_owned(), entry())).into(),
    }
}

/// A directory with a lock file and a public key.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(LOCK_FILE), lock().render()).unwrap();
    let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
    fs::write(directory.path().join(PUBLIC_KEY_FILE), hex(key.as_bytes())).unwrap();
    directory
}

fn refused(path: &Path) -> String {
    match Installation::open(path) {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn lock_file_comes_back_as_it_went() {
    assert_eq!(Lock::parse(&lock().render()), Ok(lock()));
    assert_eq!(Lock::parse(&Lock::default().render()), Ok(Lock::default()));
}

#[test]
fn lock_file_is_read_strictly() {
    let cases = [
        ("version = 2", "version 2, not 1"),
        ("", "missing field `version`"),
        ("version = 1\nother = 2", "unknown field `other`"),
    ];
    for (text, cause) in cases {
        let error = Lock::parse(text).unwrap_err();
        assert!(error.contains(cause), "{error}");
    }
    let text = lock().render();
    let error = Lock::parse(&text.replacen("1f1f", "1f1", 1)).unwrap_err();
    assert_eq!(error, "ais.wasm: sha256 must be 64 hex digits");
    let error = Lock::parse(&text.replacen("decoder", "encoder", 1)).unwrap_err();
    assert_eq!(error, "ais.wasm: role \"encoder\" is not known");
}

#[test]
fn nothing_installed_names_the_command() {
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().to_owned(), directory.path().join("absent")] {
        let expected = format!(
            "{0}: no plugins installed: run outrigger-plugin install --dir {0} COMPONENT.wasm",
            path.display()
        );
        assert_eq!(refused(&path), expected);
    }
}

#[test]
fn unreadable_files_are_named() {
    let directory = directory();
    let key = directory.path().join(PUBLIC_KEY_FILE);
    fs::write(&key, "not hex").unwrap();
    assert_eq!(
        refused(directory.path()),
        format!("{}: not a public key in hex", key.display())
    );
    let lock = directory.path().join(LOCK_FILE);
    fs::write(&lock, [0xff]).unwrap();
    assert_eq!(
        refused(directory.path()),
        format!("{}: not UTF-8", lock.display())
    );
    fs::write(&lock, vec![b'#'; LOCK_BYTES_MAX as usize + 1]).unwrap();
    assert_eq!(
        refused(directory.path()),
        format!("{}: larger than {LOCK_BYTES_MAX} bytes", lock.display())
    );
}

#[test]
fn components_and_artifacts_that_are_not_there_are_named() {
    let directory = directory();
    let path = directory.path();
    let installation = Installation::open(path).unwrap();
    let engine = engine().unwrap();
    let refused = |component| {
        let error = installation.load(component, None, &engine).err().unwrap();
        error.to_string()
    };
    assert_eq!(
        refused("other.wasm"),
        format!(
            "other.wasm is not installed in {0}: \
             run outrigger-plugin install --dir {0} other.wasm",
            path.display()
        )
    );
    let artifact = path.join(entry().artifact);
    assert_eq!(
        refused("ais.wasm"),
        format!(
            "{}: missing: run outrigger-plugin install with ais.wasm again",
            artifact.display()
        )
    );
    fs::write(&artifact, "text").unwrap();
    let error = refused("ais.wasm");
    let expected = format!("{}: not an installed plugin", artifact.display());
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn artifact_outside_of_the_directory_is_out_of_reach() {
    let directory = directory();
    let text = lock()
        .render()
        .replace("ais-1f1f1f1f1f1f.cwasm", "../x.cwasm");
    fs::write(directory.path().join(LOCK_FILE), text).unwrap();
    let installation = Installation::open(directory.path()).unwrap();
    let error = installation.load("ais.wasm", None, &engine().unwrap());
    assert!(matches!(error, Err(InstallationError::Io(..))));
}

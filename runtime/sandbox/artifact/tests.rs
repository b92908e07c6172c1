//! Only whole, unchanged, own artifacts are run.
#![allow(clippy::unwrap_used)]

use ed25519_dalek::{Signer, SigningKey};

use super::*;
use crate::engine::{compile, config, engine};

/// The smallest component with a validator's exports.
const COMPONENT: &str = r#"(component
    (instance $none)
    (export "outrigger:plugin/plugin@1.0.0" (instance $none))
    (export "outrigger:plugin/validator@1.0.0" (instance $none))
)"#;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn sealed_with(engine: &Engine, role: Role, key: &SigningKey) -> Vec<u8> {
    let binary = wat::parse_str(COMPONENT).unwrap();
    let component = compile(engine, &binary).unwrap();
    let code = component.serialize().unwrap();
    let sha256 = digest(COMPONENT.as_bytes());
    let sign = |bytes: &[u8]| key.sign(bytes).to_bytes();
    seal("example.wasm", role, sha256, &code, sign)
}

fn sealed(engine: &Engine) -> Vec<u8> {
    sealed_with(engine, Role::Validator, &key())
}

fn open(bytes: &[u8], engine: &Engine) -> Result<Artifact, ArtifactError> {
    Artifact::open(bytes, &key().verifying_key(), None, engine)
}

fn refused(bytes: &[u8], engine: &Engine) -> ArtifactError {
    match open(bytes, engine) {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

#[test]
fn what_was_sealed_opens() {
    let engine = engine().unwrap();
    let artifact = open(&sealed(&engine), &engine).unwrap();
    assert_eq!(artifact.name, "example.wasm");
    assert_eq!(artifact.role, Role::Validator);
    assert_eq!(artifact.sha256, digest(COMPONENT.as_bytes()));
}

#[test]
fn every_flipped_bit_is_refused() {
    let engine = engine().unwrap();
    let whole = sealed(&engine);
    let header_len = 8 + 4 + 1 + 1 + "example.wasm".len() + 32 + 8;
    // Every bit of header and signature; of the code, every 97th byte.
    let header = 0..header_len;
    let code = (header_len..whole.len() - SIGNATURE_LENGTH).step_by(97);
    let signature = whole.len() - SIGNATURE_LENGTH..whole.len();
    let mut bytes = whole.clone();
    for index in header.chain(code).chain(signature) {
        for bit in 0..8 {
            bytes[index] ^= 1 << bit;
            let error = refused(&bytes, &engine);
            let expected = match (index, &error) {
                (0..8, ArtifactError::NotAnArtifact) => true,
                (8..12, ArtifactError::NewerFormat(_)) => true,
                // Role, length of the name, the name, the length: form or signature.
                (12..66, ArtifactError::NotAnArtifact | ArtifactError::CutShort) => true,
                (_, ArtifactError::WrongSignature) => index >= 12,
                (_, _) => false,
            };
            assert!(expected, "byte {index} bit {bit}: {error}");
            bytes[index] ^= 1 << bit;
        }
    }
    assert!(open(&bytes, &engine).is_ok());
}

#[test]
fn cut_or_lengthened_artifact_is_refused() {
    let engine = engine().unwrap();
    let whole = sealed(&engine);
    for len in (0..8).chain((8..300).step_by(7)).chain([whole.len() - 1]) {
        match refused(&whole[..len], &engine) {
            ArtifactError::NotAnArtifact if len < 8 => {}
            ArtifactError::CutShort => {}
            error => panic!("{len}: {error}"),
        }
    }
    let mut longer = whole;
    longer.push(0);
    assert!(matches!(refused(&longer, &engine), ArtifactError::CutShort));
}

#[test]
fn what_is_no_artifact_says_what_to_do() {
    let engine = engine().unwrap();
    for bytes in [&b""[..], b"\0asm\x0d\0\x01\0", b"\x7fELF"] {
        let error = refused(bytes, &engine).to_string();
        assert!(error.starts_with("not an installed plugin: run outrigger-plugin install"));
    }
}

#[test]
fn newer_format_is_named() {
    let engine = engine().unwrap();
    let mut bytes = sealed(&engine);
    bytes[8] = 2;
    assert_eq!(
        refused(&bytes, &engine).to_string(),
        "format version 2 is newer than 1: run the outrigger-plugin install of this release"
    );
}

#[test]
fn another_installations_signature_is_refused() {
    let engine = engine().unwrap();
    let other = SigningKey::from_bytes(&[8; 32]);
    let bytes = sealed_with(&engine, Role::Validator, &other);
    assert!(matches!(
        refused(&bytes, &engine),
        ArtifactError::WrongSignature
    ));
}

#[test]
fn wrong_digest_names_both() {
    let engine = engine().unwrap();
    let bytes = sealed(&engine);
    let key = key().verifying_key();
    let right = digest(COMPONENT.as_bytes());
    assert!(Artifact::open(&bytes, &key, Some(right), &engine).is_ok());
    let error = Artifact::open(&bytes, &key, Some([0xab; 32]), &engine)
        .err()
        .unwrap();
    let expected = format!(
        "wrong component: SHA-256 must be {}, not {}",
        "ab".repeat(32),
        hex(&right)
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn artifact_of_other_settings_is_refused() {
    let mut other = config();
    other.consume_fuel(false);
    let other = Engine::new(&other).unwrap();
    let error = refused(&sealed(&other), &engine().unwrap());
    assert!(matches!(error, ArtifactError::OtherEngine(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("fuel"), "{text}");
    assert!(
        text.ends_with("run outrigger-plugin install again"),
        "{text}"
    );
}

#[test]
fn header_must_tell_the_components_role() {
    let engine = engine().unwrap();
    let bytes = sealed_with(&engine, Role::Router, &key());
    assert_eq!(
        refused(&bytes, &engine).to_string(),
        "installed as a router, but the component is a validator"
    );
}

#[test]
fn hex_comes_back_and_refuses_what_it_is_not() {
    let bytes = digest(b"x");
    assert_eq!(from_hex(&hex(&bytes)), Some(bytes));
    for text in ["", "0", "zz", "0é", "+1", "000"] {
        assert_eq!(from_hex::<1>(text), None, "{text}");
    }
}

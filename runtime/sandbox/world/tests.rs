//! Which components are plugins. Each component is readable text.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::engine::{compile, engine};

/// An instance export without content, as a component's text.
fn exports(names: &[&str]) -> String {
    let each = names.iter().enumerate();
    each.map(|(index, name)| {
        format!("(instance $e{index}) (export \"{name}\" (instance $e{index}))")
    })
    .collect()
}

const VALIDATOR: [&str; 2] = [
    "outrigger:plugin/plugin@1.0.0",
    "outrigger:plugin/validator@1.0.0",
];

fn role(component: &str) -> Result<Role, WorldError> {
    let engine = engine().unwrap();
    let binary = wat::parse_str(format!("(component {component})")).unwrap();
    role_of(&compile(&engine, &binary).unwrap())
}

fn refused(component: &str) -> String {
    role(&format!("{component} {}", exports(&VALIDATOR)))
        .unwrap_err()
        .to_string()
}

#[test]
fn role_is_what_the_component_exports() {
    for expected in Role::ALL {
        let interface = format!("outrigger:plugin/{expected}@1.2.3");
        let names = exports(&[
            "outrigger:plugin/plugin@1.0.0",
            &interface,
            "other:thing/x@9.0.0",
        ]);
        assert_eq!(role(&names), Ok(expected));
    }
}

#[test]
fn note_and_instances_of_types_may_be_imported() {
    let declared = r#"
        (import "outrigger:plugin/host@1.0.0" (instance
            (type $level (enum "debug" "info"))
            (export "level" (type (eq $level)))
        ))
        (import "outrigger:plugin/types@1.0.0" (instance
            (type $packed (record (field "ends" (list u32)) (field "bytes" (list u8))))
            (export "packed" (type (eq $packed)))
        ))
    "#;
    assert_eq!(
        role(&format!("{declared} {}", exports(&VALIDATOR))),
        Ok(Role::Validator)
    );
    let note = r#"(import "outrigger:plugin/host@1.4.0" (instance
        (export "note" (func (param "text" string)))))"#;
    assert_eq!(
        role(&format!("{note} {}", exports(&VALIDATOR))),
        Ok(Role::Validator)
    );
}

#[test]
fn undeclared_import_is_refused_by_name() {
    let other = refused(r#"(import "sea:chart/depth@1.0.0" (instance (export "at" (func))))"#);
    assert_eq!(
        other,
        "imports sea:chart/depth@1.0.0: a plugin may import only note of outrigger:plugin/host"
    );
    let bare = refused(r#"(import "note" (func))"#);
    assert!(bare.starts_with("imports note: "), "{bare}");
    let clock =
        refused(r#"(import "outrigger:plugin/host@1.0.0" (instance (export "now" (func))))"#);
    assert!(
        clock.starts_with("imports outrigger:plugin/host@1.0.0 (now): "),
        "{clock}"
    );
    // Only `host` may hold `note`; a resource is more than a type.
    let elsewhere =
        refused(r#"(import "outrigger:plugin/types@1.0.0" (instance (export "note" (func))))"#);
    assert!(elsewhere.contains("types@1.0.0 (note)"), "{elsewhere}");
    let resource = refused(
        r#"(import "outrigger:plugin/types@1.0.0" (instance (export "file" (type (sub resource)))))"#,
    );
    assert!(resource.contains("types@1.0.0 (file)"), "{resource}");
}

#[test]
fn wasi_is_refused_by_name() {
    let text =
        refused(r#"(import "wasi:clocks/wall-clock@0.2.0" (instance (export "now" (func))))"#);
    assert_eq!(
        text,
        "imports wasi:clocks/wall-clock@0.2.0: this host has no WASI; \
         stub it into the component at build time"
    );
    // Even without a function in it.
    assert!(refused(r#"(import "wasi:io/error@0.2.0" (instance))"#).contains("no WASI"));
}

#[test]
fn wrong_world_is_refused() {
    assert_eq!(role(""), Err(WorldError::NotAPlugin));
    assert_eq!(role(&exports(&VALIDATOR[1..])), Err(WorldError::NotAPlugin));
    assert_eq!(
        role(&exports(&VALIDATOR[..1])),
        Err(WorldError::Roles(Vec::new()))
    );
    let both = [VALIDATOR[0], VALIDATOR[1], "outrigger:plugin/router@1.0.0"];
    let error = role(&exports(&both)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "exports validator and router: a plugin has exactly one role"
    );
    let next = [VALIDATOR[0], "outrigger:plugin/validator@2.0.0"];
    let error = role(&exports(&next)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "uses outrigger:plugin/validator@2.0.0: this host speaks version 1 of outrigger:plugin/*"
    );
    let import = refused(r#"(import "outrigger:plugin/host@2.0.0" (instance))"#);
    assert!(
        import.starts_with("uses outrigger:plugin/host@2.0.0: "),
        "{import}"
    );
}

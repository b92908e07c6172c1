#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;

use super::command::{Command, parse};
use super::sockets::{bind, connect};

#[test]
fn a_socket_is_for_its_owner_and_goes_with_its_maker() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.sock");
    std::fs::write(&path, "left over").unwrap();
    std::fs::write(dir.path().join("a.sock.new"), "left over").unwrap();
    let (_listener, bound) = bind(dir.path(), "a.sock").unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    connect(&path).unwrap();
    drop(bound);
    assert!(!path.exists());
}

#[test]
fn a_socket_that_another_has_replaced_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.sock");
    let (_first, first_bound) = bind(dir.path(), "a.sock").unwrap();
    let (_second, second_bound) = bind(dir.path(), "a.sock").unwrap();
    drop(first_bound);
    connect(&path).unwrap();
    drop(second_bound);
    assert!(!path.exists());
}

#[test]
fn no_path_is_too_long() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("d".repeat(200));
    std::fs::create_dir(&deep).unwrap();
    let (_listener, _bound) = bind(&deep, "a.sock").unwrap();
    connect(&deep.join("a.sock")).unwrap();
}

#[test]
fn commands_read_as_they_are_written() {
    let tap = "harbour".to_owned();
    let plugin = "ais".to_owned();
    for (command, text) in [
        (
            Command::Pause { tap: tap.clone() },
            r#"{"command":"pause","tap":"harbour"}"#,
        ),
        (
            Command::Resume { tap },
            r#"{"command":"resume","tap":"harbour"}"#,
        ),
        (
            Command::Lift { plugin },
            r#"{"command":"lift","plugin":"ais"}"#,
        ),
        (Command::Snapshot {}, r#"{"command":"snapshot"}"#),
    ] {
        assert_eq!(serde_json::to_string(&command).unwrap(), text);
        assert_eq!(parse(text.as_bytes()), Ok(command));
    }
}

#[test]
fn what_is_no_command_is_refused_without_being_quoted() {
    for text in ["", "{", "[1]", "\"secret\"", r#"{"command":"secret"}"#] {
        let answer = parse(text.as_bytes()).unwrap_err();
        assert!(!answer.ok);
        assert!(!answer.message.contains("secret"), "{}", answer.message);
    }
}

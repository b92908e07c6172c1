//! A folder is made once for each key, and never half.
#![allow(clippy::unwrap_used)]

use super::*;

fn key_of(path: &Path) -> String {
    let mut key = Key::default();
    key.files(path, &["README.md"]).unwrap();
    key.finish()
}

#[test]
fn key_follows_names_and_contents_but_not_what_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("src")).unwrap();
    fs::write(root.join("src/a"), "one").unwrap();
    let first = key_of(root);
    fs::create_dir_all(root.join("target")).unwrap();
    fs::write(root.join("target/x"), "built").unwrap();
    fs::write(root.join("README.md"), "words").unwrap();
    fs::write(root.join(".hidden"), "x").unwrap();
    assert_eq!(key_of(root), first);
    fs::rename(root.join("src/a"), root.join("src/b")).unwrap();
    let renamed = key_of(root);
    assert_ne!(renamed, first);
    fs::write(root.join("src/b"), "two").unwrap();
    assert_ne!(key_of(root), renamed);
}

#[test]
fn folder_is_made_once_and_not_at_all_by_a_maker_that_fails() {
    let kind = tempfile::tempdir().unwrap();
    let kind = kind.path();
    let failed = folder(kind, "k", false, |aside| {
        fs::write(aside.join("half"), "").unwrap();
        Err(Failure::new("no", "try again"))
    });
    assert!(failed.is_err() && !kind.join("k").exists());
    let make = |text: &'static str| {
        move |aside: &Path| {
            assert!(!aside.join("half").exists());
            fs::write(aside.join("made"), text).unwrap();
            Ok(())
        }
    };
    for text in ["first", "never"] {
        let path = folder(kind, "k", false, make(text)).unwrap();
        assert_eq!(fs::read_to_string(path.join("made")).unwrap(), "first");
    }
    let path = folder(kind, "k", true, make("anew")).unwrap();
    assert_eq!(fs::read_to_string(path.join("made")).unwrap(), "anew");
}

#[test]
fn only_so_many_folders_are_kept() {
    let kind = tempfile::tempdir().unwrap();
    for number in 0..FOLDERS_MAX + 3 {
        folder(kind.path(), &format!("{number:02}"), false, |_| Ok(())).unwrap();
    }
    let folders = fs::read_dir(kind.path()).unwrap();
    let folders = folders.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(folders.count(), FOLDERS_MAX);
    let last = format!("{:02}", FOLDERS_MAX + 2);
    assert!(kind.path().join(last).is_dir());
}

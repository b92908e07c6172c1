#![allow(clippy::unwrap_used)]

use super::*;
use cap_std::ambient_authority;

fn dir() -> (tempfile::TempDir, Dir) {
    let temp = tempfile::tempdir().unwrap();
    let dir = Dir::open_ambient_dir(temp.path(), ambient_authority()).unwrap();
    (temp, dir)
}

fn snapshot(next_block: u64) -> Snapshot {
    Snapshot {
        log_id: [7; 16],
        next_block,
        identity: Identity {
            build: "b".into(),
            configuration: "c".into(),
            plugins: vec![("p".into(), "d".into())],
        },
        folded: Folded {
            taps: vec![("harbour".into(), 5)],
            classes: vec!["echo".into()],
            health: vec![(
                "p".into(),
                Health {
                    faults: 1,
                    good_rows: 2,
                    quarantined: true,
                },
            )],
            stores: vec![StorePart {
                plugin: "p".into(),
                label: "open".into(),
                tap: Some("harbour".into()),
                kept: vec![Kept {
                    key: b"k".to_vec(),
                    value: b"v".to_vec(),
                    class: 1,
                    domain: 2,
                    seen_ns: 3,
                    touched: 4,
                }],
            }],
            shed: vec!["echo".into()],
        },
    }
}

#[test]
fn a_snapshot_reads_back_and_only_two_are_kept() {
    let (_temp, dir) = dir();
    for block in [256, 512, 1024] {
        write(&dir, &snapshot(block), || {}).unwrap();
    }
    let (newest, damaged) = newest(&dir).unwrap();
    assert_eq!(newest, Some(snapshot(1024)));
    assert!(damaged.is_empty());
    assert_eq!(names(&dir).unwrap().len(), SNAPSHOTS_KEPT);
}

#[test]
fn any_changed_byte_or_cut_falls_back_to_the_one_before_and_is_said() {
    let (_temp, dir) = dir();
    write(&dir, &snapshot(1), || {}).unwrap();
    write(&dir, &snapshot(2), || {}).unwrap();
    let name = names(&dir).unwrap().pop().unwrap();
    let good = dir.read(&name).unwrap();
    let broken = (0..good.len())
        .map(|at| {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            bytes
        })
        .chain((0..good.len()).map(|end| good[..end].to_vec()));
    for bytes in broken {
        dir.write(&name, bytes).unwrap();
        let (newest, damaged) = newest(&dir).unwrap();
        assert_eq!(newest, Some(snapshot(1)));
        assert!(matches!(damaged[..], [SnapshotError::Damaged(..)]));
    }
}

#[test]
fn a_newer_version_is_refused_by_name() {
    let (_temp, dir) = dir();
    let snapshot = snapshot(3);
    let mut file = FileRef::from(&snapshot);
    file.version = SNAPSHOT_VERSION + 1;
    let mut bytes = rmp_serde::to_vec(&file).unwrap();
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    dir.write("3.snapshot", bytes).unwrap();
    assert_eq!(
        newest(&dir).unwrap_err().to_string(),
        "snapshots/3.snapshot has version 2, newer than this build's 1"
    );
}

#[test]
fn a_large_snapshot_pauses_before_each_piece_and_lent_keys_are_written_as_own_ones() {
    let mut own = snapshot(1);
    own.folded.stores[0].kept = (0..1_000_u64)
        .map(|at| Kept {
            key: at.to_be_bytes().to_vec(),
            value: vec![1; 1_000],
            class: 1,
            domain: 2,
            seen_ns: 3,
            touched: at,
        })
        .collect();
    let mut pauses = 0;
    let mut written = Vec::new();
    write_file(&mut written, &own, || pauses += 1).unwrap();
    assert!(pauses >= written.len() / WRITE_BYTES, "{pauses}");

    let Folded {
        taps,
        classes,
        health,
        shed,
        ..
    } = own.folded.clone();
    let part = &own.folded.stores[0];
    let lent = Snapshot {
        log_id: own.log_id,
        next_block: own.next_block,
        identity: own.identity.clone(),
        folded: Folded {
            taps,
            classes,
            health,
            stores: vec![StorePart {
                plugin: part.plugin.clone(),
                label: part.label.clone(),
                tap: part.tap.clone(),
                kept: part.kept.iter().collect(),
            }],
            shed,
        },
    };
    let mut again = Vec::new();
    write_file(&mut again, &lent, || {}).unwrap();
    assert_eq!(again, written);
}

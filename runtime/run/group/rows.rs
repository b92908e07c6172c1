//! State as records of the state topic, and back.

use outrigger_kafka::Table;
use outrigger_policy::state::Kept;
use outrigger_policy::verdict::Health;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};

use crate::pipeline::{Change, Folded, StorePart};

/// Key of what is folded apart from keys. No key of state is of this length.
pub(super) const APART: &[u8] = b"";

const PLAIN: &str = "names, numbers and bytes are plain data";

/// A record of the state topic: what a key of a plugin has.
#[derive(Serialize, Deserialize)]
struct Row {
    value: ByteBuf,
    /// Validators: name of the class, since its number is the configuration's.
    class: Option<String>,
    /// Decoders: 0.
    number: u16,
    seen_ns: u64,
    touched: u64,
}

/// Plugin, label, tap of a decoder, key.
type RowKey = (String, String, Option<String>, ByteBuf);

/// What is folded apart from keys: latest capture time; plugins with faults, good rows, quarantine.
#[derive(Serialize, Deserialize)]
struct Apart {
    time_ns: u64,
    health: Vec<(String, u32, u32, bool)>,
}

/// The record of what is folded apart from keys.
pub(super) fn pack_apart(folded: Folded) -> Vec<u8> {
    let apart = Apart {
        time_ns: folded.taps.first().map_or(0, |(_, time_ns)| *time_ns),
        health: folded
            .health
            .into_iter()
            .map(|(name, health)| (name, health.faults, health.good_rows, health.quarantined))
            .collect(),
    };
    rmp_serde::to_vec(&apart).expect(PLAIN)
}

/// A record of the state topic: key, and value unless the key is gone.
pub(super) type StateRecord = (Vec<u8>, Option<Vec<u8>>);

/// The record of a change.
pub(super) fn pack(classes: &[String], change: Change) -> StateRecord {
    let Change {
        plugin,
        label,
        tap,
        key,
        kept,
    } = change;
    let is_decoder = tap.is_some();
    let key = rmp_serde::to_vec(&(plugin, label, tap, Bytes::new(&key))).expect(PLAIN);
    let value = kept.map(|kept| {
        let class = classes.get(usize::from(kept.class)).cloned();
        let row = Row {
            value: ByteBuf::from(kept.value),
            class: class.filter(|_| !is_decoder),
            number: if is_decoder { kept.class } else { 0 },
            seen_ns: kept.seen_ns,
            touched: kept.touched,
        };
        rmp_serde::to_vec(&row).expect(PLAIN)
    });
    (key, value)
}

/// What a partition of the state topic holds, folded.
///
/// # Errors
/// A record is none of these.
pub(super) fn unpack(
    classes: &[String],
    tap_name: &str,
    table: Table,
) -> Result<Folded, rmp_serde::decode::Error> {
    let mut folded = Folded {
        classes: classes.to_vec(),
        taps: vec![(tap_name.to_owned(), 0)],
        ..Folded::default()
    };
    for (key, value) in table {
        if key == APART {
            let apart: Apart = rmp_serde::from_slice(&value)?;
            folded.taps = vec![(tap_name.to_owned(), apart.time_ns)];
            let health = apart.health.into_iter();
            folded.health = health
                .map(|(name, faults, good_rows, quarantined)| {
                    let health = Health {
                        faults,
                        good_rows,
                        quarantined,
                    };
                    (name, health)
                })
                .collect();
            continue;
        }
        let (plugin, label, tap, key): RowKey = rmp_serde::from_slice(&key)?;
        let row: Row = rmp_serde::from_slice(&value)?;
        let class = match &row.class {
            None => Some(row.number),
            Some(name) => {
                let at = classes.iter().position(|class| class == name);
                at.and_then(|at| u16::try_from(at).ok())
            }
        };
        let Some(class) = class else { continue };
        let kept = Kept {
            key: key.into_vec(),
            value: row.value.into_vec(),
            class,
            domain: 0,
            seen_ns: row.seen_ns,
            touched: row.touched,
        };
        let mut stores = folded.stores.iter_mut();
        let same = |part: &&mut StorePart| {
            (&part.plugin, &part.label, &part.tap) == (&plugin, &label, &tap)
        };
        match stores.find(same) {
            Some(part) => part.kept.push(kept),
            None => folded.stores.push(StorePart {
                plugin,
                label,
                tap,
                kept: vec![kept],
            }),
        }
    }
    for part in &mut folded.stores {
        part.kept.sort_unstable_by_key(|kept| kept.touched);
    }
    Ok(folded)
}

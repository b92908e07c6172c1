//! What the decisions of the core cost: state, the form of bodies, and the checks of what a plugin
//! claims. Natively, on one thread.
//!
//! `cargo bench --bench policy [-- --quick]`

mod history;

use std::hint::black_box;
use std::time::Instant;

use outrigger_policy::Packed;
use outrigger_policy::body::check_body;
use outrigger_policy::claims::{Anomalies, Changes, Claimed, DecodeAsked, Decoded, Judgement};
use outrigger_policy::state::{StateBounds, StateStore, Touch};

/// Keys in the store.
const KEYS: [usize; 3] = [1_000, 100_000, 1_000_000];
/// State of a key, bytes: that of the track validator.
const VALUE_BYTES: usize = 60;
/// Messages in a batch.
const BATCH: usize = 256;
const ROUNDS: usize = 41;
const ROUNDS_QUICK: usize = 3;
/// Batches in a round.
const BATCHES: usize = 200;
const CAPTURED_NS: u64 = 1_790_000_000_000_000_000;

fn rounds() -> usize {
    if history::is_quick() {
        ROUNDS_QUICK
    } else {
        ROUNDS
    }
}

/// Median nanoseconds per message of a call that takes a batch.
fn measure(mut call: impl FnMut()) -> f64 {
    let mut times = Vec::new();
    for _ in 0..rounds() {
        let start = Instant::now();
        for _ in 0..BATCHES {
            call();
        }
        times.push(start.elapsed().as_nanos() as f64 / (BATCHES * BATCH) as f64);
    }
    history::median(&mut times)
}

fn say(what: &str, ns: f64) {
    println!("{what:<44} {ns:>7.1} ns");
    history::Line::new("policy", what)
        .ns_per_message(ns)
        .append();
}

fn main() {
    println!(
        "per message, median of {} rounds, batches of {BATCH}",
        rounds()
    );
    for keys in KEYS {
        state(keys);
    }
    let body = body();
    let ns = measure(|| {
        for _ in 0..BATCH {
            black_box(check_body(black_box(&body))).expect("it is a body");
        }
    });
    say(&format!("check_body, {} bytes", body.len()), ns);
    claims(&body);
}

/// Applies batches of distinct keys, spread over all, with a new value for each.
fn state(keys: usize) {
    let bounds = StateBounds {
        value_bytes_max: 1_024,
        keys_max: keys,
        age_ns_max: u64::MAX,
    };
    let mut store = StateStore::new(bounds);
    let names: Vec<Vec<u8>> = (0..keys)
        .map(|key| format!("mmsi:{:09}", 200_000_000 + key).into_bytes())
        .collect();
    let value = [7u8; VALUE_BYTES];
    let mut time_ns = CAPTURED_NS;
    let mut apply = |rows: &[usize]| {
        time_ns += 1_000_000;
        let touches = rows.iter().map(|&at| Touch {
            key: &names[at],
            class: 0,
            time_ns,
        });
        let changes: Vec<(&[u8], &[u8])> = rows
            .iter()
            .map(|&at| (&names[at][..], &value[..]))
            .collect();
        let evicted = store.apply(0, touches, &changes);
        assert!(evicted.expect("small enough").is_empty(), "there is room");
    };
    let all: Vec<usize> = (0..keys).collect();
    for rows in all.chunks(BATCH) {
        apply(rows);
    }
    // An odd step walks all keys, far from one another.
    let mut at = 0;
    let mut rows = vec![0; BATCH];
    let ns = measure(|| {
        for row in &mut rows {
            at = (at + 7_919) % keys;
            *row = at;
        }
        apply(&rows);
    });
    say(&format!("state, apply, {keys} keys"), ns);
    let mut at = 0;
    let ns = measure(|| {
        for _ in 0..BATCH {
            at = (at + 7_919) % keys;
            black_box(store.get(&names[at]));
        }
    });
    say(&format!("state, get, {keys} keys"), ns);
}

/// A canonical track's body.
fn body() -> Vec<u8> {
    let mut body = vec![0x8c];
    let key = |body: &mut Vec<u8>, name: &str| {
        body.push(0xa0 | name.len() as u8);
        body.extend_from_slice(name.as_bytes());
    };
    for (name, text) in [
        ("track_id", "mmsi:219000001"),
        ("platform_id", "219000001"),
        ("platform_class", "class-a"),
    ] {
        key(&mut body, name);
        key(&mut body, text);
    }
    for name in [
        "lat_deg",
        "lon_deg",
        "speed_mps",
        "course_deg",
        "heading_deg",
        "turn_rate_dps",
        "accuracy_m",
    ] {
        key(&mut body, name);
        body.push(0xcb);
        body.extend_from_slice(&55.25f64.to_be_bytes());
    }
    key(&mut body, "time_ns");
    body.push(0xcf);
    body.extend_from_slice(&CAPTURED_NS.to_be_bytes());
    key(&mut body, "time_source");
    key(&mut body, "capture");
    body
}

fn packed(value: &[u8], count: usize) -> Packed {
    let mut packed = Packed::default();
    for _ in 0..count {
        packed.push(value);
    }
    packed
}

fn claims(body: &[u8]) {
    let rows: Vec<u64> = (1..=BATCH as u64).collect();
    let decoded = Decoded {
        classes: vec![0; BATCH],
        keys: packed(b"mmsi:219000001", BATCH),
        event_ns: vec![CAPTURED_NS; BATCH],
        markings: vec![outrigger_policy::claims::NO_MARKING; BATCH],
        bodies: packed(body, BATCH),
        source_ends: (1..=BATCH as u32).collect(),
        sources: rows.clone(),
        ..Decoded::default()
    };
    let asked = DecodeAsked {
        sequences: &rows,
        slots: 0,
        classes: 5,
        causes: 8,
        skips: 3,
        markings: 0,
        outputs_per_input_max: 64,
        output_bytes_max: 4_096,
        state_bytes_max: 1_024,
    };
    // A check takes its claim, so each has a copy; the copy's own time is taken off.
    let copy = measure(|| drop(black_box(decoded.clone())));
    let both = measure(|| {
        let checked = Claimed::new(black_box(decoded.clone())).check(&asked);
        drop(black_box(checked.expect("it is sound")));
    });
    say("claims, a decoder's answer, bodies too", both - copy);
    let judgement = Judgement {
        verdicts: vec![0; BATCH],
        anomalies: Anomalies::default(),
        changes: Changes {
            changed: (0..BATCH as u32).collect(),
            states: packed(&[7; VALUE_BYTES], BATCH),
        },
    };
    let copy = measure(|| drop(black_box(judgement.clone())));
    let both = measure(|| {
        let checked = Claimed::new(black_box(judgement.clone())).check(BATCH, BATCH, 6, 1_024);
        drop(black_box(checked.expect("it is sound")));
    });
    say("claims, a validator's answer without anomaly", both - copy);
}

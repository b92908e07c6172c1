//! Properties of states.
#![allow(clippy::unwrap_used)]

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Older {
    seen: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Newer {
    seen: u32,
    #[serde(default)]
    name: Option<String>,
}

fn bytes_of(state: &impl State) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.encode(&mut bytes);
    bytes
}

#[test]
fn field_appended_with_a_default_reads_older_states() {
    let newer: Newer = read(&bytes_of(&Older { seen: 7 })).unwrap();
    assert_eq!(
        newer,
        Newer {
            seen: 7,
            name: None
        }
    );
}

#[test]
#[should_panic(expected = "a kept state cannot be read by this version")]
fn state_of_a_newer_version_is_a_fault_that_says_so() {
    let newer = Newer {
        seen: 1,
        name: Some("x".into()),
    };
    let _ = read::<Older>(&bytes_of(&newer));
}

#[test]
fn only_changed_states_are_returned() {
    let mut stored = packed::empty(0);
    for seen in 0..4 {
        packed::push(&mut stored, &bytes_of(&Older { seen }));
    }
    packed::push(&mut stored, b"");
    packed::push(&mut stored, b"");
    let mut slots = Slots::<Older>::new(stored);
    assert_eq!(slots.get(0), &Some(Older { seen: 0 })); // read
    *slots.get(1) = Some(Older { seen: 1 }); // set to what it was
    *slots.get(2) = Some(Older { seen: 9 }); // changed
    *slots.get(3) = None; // removed
    *slots.get(4) = Some(Older { seen: 5 }); // new
    assert_eq!(slots.get(5), &None); // nothing, before and after
    let (changed, states) = slots.finish();
    assert_eq!(changed, [2, 3, 4]);
    let states: Vec<_> = packed::iter(&states).collect();
    let [second, fourth] = [9, 5].map(|seen| bytes_of(&Older { seen }));
    assert_eq!(states, [second.as_slice(), b"", fourth.as_slice()]);
}

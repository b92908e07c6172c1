#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

const BOUNDS: StateBounds = StateBounds {
    value_bytes_max: 8,
    keys_max: 3,
    age_ns_max: 100,
};

fn touch(key: &[u8], time_ns: u64) -> Touch<'_> {
    Touch {
        key,
        class: 0,
        time_ns,
    }
}

fn keys(kept: &[Kept]) -> Vec<&[u8]> {
    kept.iter().map(|kept| &kept.key[..]).collect()
}

#[test]
fn the_key_unseen_for_longest_is_evicted_first() {
    let mut store = StateStore::new(BOUNDS);
    for (time, key) in [b"a", b"b", b"c"].iter().enumerate() {
        let touches = [touch(*key, time as u64)];
        let evicted = store.apply(0, touches.into_iter(), &[(*key, b"1")]);
        assert_eq!(evicted, Ok(vec![]));
    }
    let again = store.apply(0, [touch(b"a", 9)].into_iter(), &[]);
    assert_eq!(again, Ok(vec![]));
    let evicted = store
        .apply(0, [touch(b"d", 10)].into_iter(), &[(b"d", b"1")])
        .expect("within bounds");
    assert_eq!(keys(&evicted), [b"b"]);
    assert_eq!(store.len(), 3);
}

#[test]
fn a_value_over_the_bound_leaves_everything_as_it_was() {
    let mut store = StateStore::new(BOUNDS);
    let refused = store.apply(
        0,
        [touch(b"a", 1), touch(b"b", 1)].into_iter(),
        &[(b"a", b"1"), (b"b", b"123456789")],
    );
    assert_eq!(
        refused,
        Err(TooLarge {
            bytes: 9,
            bytes_max: 8
        })
    );
    assert!(store.is_empty());
    assert_eq!(store.bytes(), 0);
}

#[test]
fn keys_age_by_the_capture_time_of_their_own_tap() {
    let mut store = StateStore::new(BOUNDS);
    let _ = store.apply(0, [touch(b"old", 1_000)].into_iter(), &[(b"old", b"1")]);
    let _ = store.apply(1, [touch(b"new", 5)].into_iter(), &[(b"new", b"1")]);
    assert!(!store.has_expired(0, 1_099));
    assert!(!store.has_expired(1, 104));
    assert_eq!(keys(&store.expire(0, 1_100, 10)), [b"old"]);
    assert_eq!(store.get(b"new"), Some(&b"1"[..]));
    assert_eq!(keys(&store.expire(1, 105, 10)), [b"new"]);
    assert!(store.is_empty());
}

#[test]
fn an_empty_value_removes_the_key() {
    let mut store = StateStore::new(BOUNDS);
    let _ = store.apply(0, [touch(b"a", 1)].into_iter(), &[(b"a", b"12")]);
    assert_eq!(store.bytes(), 3);
    let _ = store.apply(0, [touch(b"a", 2)].into_iter(), &[(b"a", b"")]);
    assert_eq!((store.len(), store.bytes()), (0, 0));
}

/// One step of a random life: key, time, domain, new value's length (none: only seen).
type Step = (u8, u64, u16, Option<usize>);

fn live(store: &mut StateStore, steps: &[Step]) -> Vec<Kept> {
    let mut evicted = Vec::new();
    for &(key, time, domain, value) in steps {
        evicted.extend(store.expire(domain, time, usize::MAX));
        let key = [key];
        let value = value.map(|length| vec![7u8; length]);
        let changes: Vec<(&[u8], &[u8])> =
            value.iter().map(|value| (&key[..], &value[..])).collect();
        evicted.extend(
            store
                .apply(domain, [touch(&key, time)].into_iter(), &changes)
                .expect("within bounds"),
        );
    }
    evicted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn bounds_hold_and_a_snapshot_changes_nothing(
        steps in prop::collection::vec(
            (0u8..12, 0u64..400, 0u16..2, prop::option::of(0usize..=8)), 0..120),
        cut in 0usize..120,
    ) {
        let cut = cut.min(steps.len());
        let mut whole = StateStore::new(BOUNDS);
        let mut first = StateStore::new(BOUNDS);
        let mut evicted = live(&mut first, &steps[..cut]);
        let kept: Vec<Kept> = first.kept().into_iter().cloned().collect();
        let mut second = StateStore::restore(BOUNDS, kept).expect("within bounds");
        evicted.extend(live(&mut second, &steps[cut..]));
        let undisturbed = live(&mut whole, &steps);
        let plain = |kept: &Kept| (kept.key.clone(), kept.value.clone(), kept.seen_ns);
        prop_assert_eq!(
            evicted.iter().map(plain).collect::<Vec<_>>(),
            undisturbed.iter().map(plain).collect::<Vec<_>>()
        );
        prop_assert!(whole.len() <= BOUNDS.keys_max);
        prop_assert_eq!(
            whole.kept().into_iter().map(plain).collect::<Vec<_>>(),
            second.kept().into_iter().map(plain).collect::<Vec<_>>()
        );
        let bytes: usize = whole.kept().iter().map(|k| k.key.len() + k.value.len()).sum();
        prop_assert_eq!(whole.bytes(), bytes as u64);
    }
}

#[test]
fn only_what_changed_since_the_last_time_is_taken() {
    let mut store = StateStore::new(BOUNDS);
    store
        .apply(0, [touch(b"a", 1)].into_iter(), &[(b"a", b"1")])
        .unwrap();
    assert_eq!(store.take_changes(), [], "nobody asked before");
    store.track();
    let touches = [touch(b"a", 2), touch(b"b", 2), touch(b"none", 2)];
    store
        .apply(0, touches.into_iter(), &[(b"b", b"2")])
        .unwrap();
    // A key that was only touched has another time; one that has no state is not kept.
    let taken = store.take_changes();
    let [(first, Some(a)), (second, Some(b))] = &taken[..] else {
        panic!("{taken:?}");
    };
    assert_eq!(
        (&first[..], &a.value[..], a.seen_ns),
        (&b"a"[..], &b"1"[..], 2)
    );
    assert_eq!(
        (&second[..], &b.value[..], b.seen_ns),
        (&b"b"[..], &b"2"[..], 2)
    );
    assert_eq!(store.take_changes(), []);
    // Evicted by number, by age, and removed by the plugin.
    let touches = [touch(b"c", 3), touch(b"d", 3)];
    store
        .apply(0, touches.into_iter(), &[(b"c", b"3"), (b"d", b"3")])
        .unwrap();
    store
        .apply(0, [touch(b"c", 4)].into_iter(), &[(b"c", b"")])
        .unwrap();
    assert_eq!(keys(&store.expire(0, 102, 1)), [b"b"]);
    let taken = store.take_changes();
    let seen: Vec<_> = taken
        .iter()
        .map(|(key, kept)| (&key[..], kept.is_some()))
        .collect();
    let expected: [(&[u8], bool); 4] = [(b"a", false), (b"b", false), (b"c", false), (b"d", true)];
    assert_eq!(seen, expected);
}

proptest! {
    /// Whoever applies every change that was taken to an empty store has what the store has, also
    /// when it is restored from them.
    #[test]
    fn changes_add_up_to_the_store(
        steps in prop::collection::vec((0u8..6, 0u64..300, 0u8..4, any::<bool>()), 1..60),
    ) {
        let mut store = StateStore::new(BOUNDS);
        store.track();
        let mut mirror = std::collections::BTreeMap::new();
        for (key, time_ns, value, take) in steps {
            let key = [key];
            let value = vec![value; usize::from(value)];
            match time_ns {
                250.. => drop(store.expire(0, time_ns, 2)),
                _ => drop(store.apply(0, [touch(&key, time_ns)].into_iter(), &[(&key, &value)])),
            }
            if take {
                for (key, kept) in store.take_changes() {
                    match kept {
                        Some(kept) => mirror.insert(key, kept),
                        None => mirror.remove(&key),
                    };
                }
            }
        }
        for (key, kept) in store.take_changes() {
            match kept {
                Some(kept) => mirror.insert(key, kept),
                None => mirror.remove(&key),
            };
        }
        let mut all: Vec<Kept> = mirror.into_values().collect();
        all.sort_by_key(|kept| kept.touched);
        prop_assert_eq!(all.iter().collect::<Vec<_>>(), store.kept());
        let restored = StateStore::restore(BOUNDS, all.clone()).unwrap();
        prop_assert_eq!(restored.kept(), store.kept());
        prop_assert_eq!(restored.bytes(), store.bytes());
    }
}

#![allow(clippy::unwrap_used)]

use super::*;

/// Source: `UtilsTest.testMurmur2` of Apache Kafka's clients.
#[test]
fn murmur2_is_kafkas() {
    let cases: [(&[u8], i32); 6] = [
        (b"21", -973_932_308),
        (b"foobar", -790_332_482),
        (b"a-little-bit-long-string", -985_981_536),
        (b"a-little-bit-longer-string", -1_486_304_829),
        (
            b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
            -58_897_971,
        ),
        (b"abc", 479_470_107),
    ];
    for (key, hash) in cases {
        assert_eq!(murmur2(key).cast_signed(), hash);
    }
}

fn load(keys: u32, records: impl Fn(u32) -> u64) -> Load {
    let mut load = Load::default();
    for key in 0..keys {
        for at in 0..records(key) {
            load.add(format!("{key:09}").as_bytes(), 100, at * 1_000_000_000);
        }
    }
    load
}

#[test]
fn even_keys_may_be_spread_until_they_are_few() {
    let load = load(200, |_| 10);
    let spreads = spreads(&load);
    assert_eq!(spreads.len(), 64);
    let sum: f64 = spreads[3].keys.1 * 4.0;
    assert!((sum - 200.0).abs() < 1e-9);
    assert_eq!((spreads[0].hottest, spreads[0].skew), (1.0, 1.0));
    let advice = advise(&load, &spreads);
    assert!((2..=20).contains(&advice.partitions), "{advice:?}");
    let chosen = spreads[advice.partitions as usize - 1];
    assert!(chosen.skew <= SKEW_MAX && chosen.keys.1 >= KEYS_PER_PARTITION_MIN);
    assert!(judge(1, &spreads, &advice).unwrap().starts_with("under"));
    assert!(judge(64, &spreads, &advice).unwrap().starts_with("over"));
    assert_eq!(judge(advice.partitions, &spreads, &advice), None);
}

#[test]
fn one_busy_key_allows_no_more_than_its_share() {
    let load = load(1_000, |key| if key == 7 { 4_000 } else { 1 });
    let spreads = spreads(&load);
    assert!(spreads[63].hottest >= 0.8);
    assert_eq!(advise(&load, &spreads).partitions, 1);
}

#[test]
fn a_rate_beyond_one_partition_asks_for_more_whatever_the_keys() {
    let mut load = Load::default();
    load.add(b"only", 250_000_000, 0);
    load.add(b"only", 250_000_000, 10_000_000_000);
    let spreads = spreads(&load);
    assert_eq!(advise(&load, &spreads).partitions, 5);
}

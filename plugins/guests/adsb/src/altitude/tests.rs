use super::*;

#[test]
fn steps_of_25_feet_are_read_as_the_references_do() {
    // 8D40621D58C382D690C8AC2863A7: 38,000 ft.
    assert_eq!(code_12(0xc38), Code::Feet(38_000));
    assert_eq!(code_12(0), Code::None);
    assert_eq!(code_13(1 << 6), Code::Metric);
}

/// The code counts in a Gray code: neighbours of 100 ft differ in one bit, and each is there once.
#[test]
fn the_hundred_foot_code_climbs_by_single_bits() {
    let mut codes = std::collections::BTreeMap::new();
    for bits in (0..1u32 << 13).filter(|bits| bits & 0x50 == 0 && *bits != 0) {
        if let Code::Feet(feet) = code_13(bits) {
            assert_eq!(codes.insert(feet, bits), None, "{feet} ft twice");
        }
    }
    assert_eq!(codes.len(), 1_280);
    assert_eq!(codes.first_key_value().map(|(feet, _)| *feet), Some(-1_200));
    assert_eq!(codes.last_key_value().map(|(feet, _)| *feet), Some(126_700));
    let all: Vec<_> = codes.into_iter().collect();
    for pair in all.windows(2) {
        assert_eq!(pair[1].0 - pair[0].0, 100);
        assert_eq!((pair[1].1 ^ pair[0].1).count_ones(), 1, "{pair:?}");
    }
}

#[test]
fn a_squawk_is_four_octal_digits() {
    // 2A00516D492B80: 0356 (ICAO Doc 9871 example, as pyModeS tests it).
    assert_eq!(squawk(0x516d & 0x1fff), 0o356);
    assert_eq!(squawk(0x1fbf), 0o7777);
}

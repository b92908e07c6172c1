#![allow(clippy::unwrap_used)]

use super::*;
use crate::bits::Me;

fn heard(digits: &str, at_us: u64) -> (Heard, message::Position) {
    let value = u64::from_str_radix(&digits[8..22], 16).unwrap();
    let [_, bytes @ ..] = value.to_be_bytes();
    let me = Me::new(bytes);
    let when = When {
        at_us,
        sequence: at_us,
    };
    (Heard { when, me }, message::Position::read(me).unwrap())
}

/// The published pair, two seconds apart.
const EVEN: &str = "8D40621D58C382D690C8AC2863A7";
const ODD: &str = "8D40621D58C386435CC412692AD6";
/// Another aircraft, elsewhere.
const FOREIGN_ODD: &str = "8d3981015807e4989051d734c3e4";

fn run(frames: &[(&str, u64)]) -> Vec<Result<Method, Unresolved>> {
    let mut kept = Kept::default();
    frames
        .iter()
        .map(|(digits, at_us)| {
            let (heard, message) = heard(digits, *at_us);
            resolve(heard, &message, &mut kept, None).map(|found| found.method)
        })
        .collect()
}

#[test]
fn a_pair_is_taken_up_to_ten_seconds_and_no_longer() {
    for (apart_us, expected) in [
        (AIR_PAIR_US_MAX, Ok(Method::Global)),
        (AIR_PAIR_US_MAX + 1, Err(Unresolved::Unpaired)),
    ] {
        assert_eq!(run(&[(ODD, 0), (EVEN, apart_us)])[1], expected);
        // Capture times may step back.
        assert_eq!(run(&[(ODD, apart_us), (EVEN, 0)])[1], expected);
    }
}

#[test]
fn one_frame_is_resolved_by_the_last_position_for_180_seconds() {
    let at = |age_us| run(&[(ODD, 0), (EVEN, 2_000_000), (ODD, 2_000_000 + age_us)])[2];
    assert_eq!(at(LOCAL_AGE_US_MAX), Ok(Method::Local));
    assert_eq!(at(LOCAL_AGE_US_MAX + 1), Err(Unresolved::Unpaired));
}

#[test]
fn frames_of_two_aircraft_are_no_pair() {
    let got = run(&[(EVEN, 0), (FOREIGN_ODD, 100_000)]);
    assert_eq!(got[1], Err(Unresolved::Inconsistent));
    // Nor do they move an aircraft that is known.
    let got = run(&[
        (ODD, 0),
        (EVEN, 2_000_000),
        (FOREIGN_ODD, 2_100_000),
        (EVEN, 2_500_000),
    ]);
    assert_eq!(got[1], Ok(Method::Global));
    assert_eq!(got[2], Err(Unresolved::Inconsistent));
    assert_eq!(got[3], Ok(Method::Local));
}

fn airborne(place: u32, at_us: u64) -> (Heard, message::Position) {
    // Type code 11, even and odd in turn; the place is the latitude's step.
    let odd = u64::from(place & 1);
    let me = 11 << 51 | odd << 34 | u64::from(place) << 17;
    let [_, bytes @ ..] = me.to_be_bytes();
    let me = Me::new(bytes);
    let when = When { at_us, sequence: 0 };
    (Heard { when, me }, message::Position::read(me).unwrap())
}

#[test]
fn equal_bits_are_a_repeat_for_2_2_seconds() {
    // As often as an aircraft sends, six in that time.
    let step_us = 400_000;
    let mut kept = Kept::default();
    for place in 0..20u32 {
        let at_us = u64::from(place) * step_us;
        let (heard, message) = airborne(place, at_us);
        assert!(!is_repeat(heard, &kept), "{place}");
        let _ = resolve(heard, &message, &mut kept, None);
        for earlier in 0..=place {
            let sent_us = u64::from(earlier) * step_us;
            let (again, _) = airborne(earlier, at_us);
            let expected = at_us - sent_us <= REPEAT_US_MAX;
            assert_eq!(is_repeat(again, &kept), expected, "{earlier} after {place}");
        }
    }
}

/// What hovers sends the same for long: it is heard again when the time is over.
#[test]
fn equal_bits_later_than_that_are_a_position() {
    let mut kept = Kept::default();
    let (first, message) = airborne(0, 0);
    let _ = resolve(first, &message, &mut kept, None);
    assert!(is_repeat(airborne(0, REPEAT_US_MAX).0, &kept));
    assert!(!is_repeat(airborne(0, REPEAT_US_MAX + 1).0, &kept));
}

#[test]
fn what_is_kept_for_repeats_is_bounded() {
    let mut kept = Kept::default();
    for place in 0..1_000 {
        let (heard, message) = airborne(place, u64::from(place));
        let _ = resolve(heard, &message, &mut kept, None);
    }
    assert_eq!(kept.seen.iter().flatten().count(), SEEN_MAX);
    // The oldest were forgotten.
    assert!(!is_repeat(airborne(0, 1_000).0, &kept));
    assert!(is_repeat(airborne(999, 1_000).0, &kept));
}

#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn bounds_are_numbers_times_or_spans() {
    assert_eq!(Bound::parse("0"), Ok(Bound::Seq(0)));
    assert_eq!(
        Bound::parse("18446744073709551615"),
        Ok(Bound::Seq(u64::MAX))
    );
    assert_eq!(Bound::parse("-5m"), Ok(Bound::Ago(300 * SECOND_NS)));
    assert_eq!(Bound::parse("-2d"), Ok(Bound::Ago(172_800 * SECOND_NS)));
    // Source: date --utc --date=@1582979696
    let time = 1_582_979_696 * SECOND_NS;
    for text in [
        "2020-02-29T12:34:56Z",
        "2020-02-29 12:34:56z",
        "2020-02-29T14:04:56+01:30",
        "2020-02-29T07:34:56-05:00",
    ] {
        assert_eq!(Bound::parse(text), Ok(Bound::Time(time)), "{text}");
    }
    let fraction = Bound::parse("2020-02-29T12:34:56.0250000019Z");
    assert_eq!(fraction, Ok(Bound::Time(time + 25_000_001)));
}

#[test]
fn other_bounds_are_refused() {
    for text in [
        "",
        "-",
        "-5",
        "-5w",
        "-m",
        "5m",
        "18446744073709551616",
        "-99999999999d",
        "2020-02-30T00:00:00Z",
        "2019-02-29T00:00:00Z",
        "2020-13-01T00:00:00Z",
        "2020-02-29T24:00:00Z",
        "2020-02-29T12:34:56",
        "2020-02-29T12:34:56.Z",
        "2020-02-29T12:34:56+1:30",
        "2020-02-29T12:34:56+-1:30",
        "2020-02-29",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "2020-02-29T12:34:5éZ",
    ] {
        // The empty text has no digit that is none.
        assert!(Bound::parse(text).is_err(), "{text}");
    }
}

#[test]
fn times_read_back_as_they_are_written() {
    for day in 0..200_000_u64 {
        let ns = (day * 86_400 + day % 86_400) * SECOND_NS;
        assert_eq!(Bound::parse(&utc(ns)), Ok(Bound::Time(ns)));
    }
    let (date, time) = date_and_time(1_582_979_696 * SECOND_NS + 25_999_999);
    assert_eq!(
        (date.as_str(), time.as_str()),
        ("2020-02-29", "12:34:56.025")
    );
}

#[test]
fn spans_are_settled_by_now() {
    assert_eq!(Bound::Ago(5).settle(12), Bound::Time(7));
    assert_eq!(Bound::Ago(13).settle(12), Bound::Time(0));
    assert_eq!(Bound::Seq(3).settle(12), Bound::Seq(3));
}

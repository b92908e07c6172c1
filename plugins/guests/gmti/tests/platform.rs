//! The sensor's platform as a canonical track: class, identity and values.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use common::{CAPTURED_NS, host, host_with, location, mission_of, packet};
use outrigger_sdk::{AltDatum, Body, Source, TimeSource, Track};
use serde_json::json;

/// 2026-04-29, 00:00 UTC.
const REFERENCE_NS: u64 = 20_572 * 86_400_000_000_000;

fn classes(frames: &[Vec<u8>]) -> Vec<&'static str> {
    let given = json!({ "source_classes": false });
    let frames: Vec<_> = frames
        .iter()
        .map(|frame| (CAPTURED_NS, &frame[..]))
        .collect();
    let outcome = host_with(&given).decode(CAPTURED_NS, &frames);
    assert_eq!(outcome.rejects, []);
    let messages = outcome.messages.iter();
    messages.map(|message| message.class).collect()
}

#[test]
fn a_platform_is_a_track_with_all_that_its_segment_says() {
    let frame = packet(
        5,
        b"XN",
        0,
        &[(1, mission_of(36)), (13, location(3_600_500))],
    );
    let outcome = host().decode(CAPTURED_NS, &[(CAPTURED_NS, &frame)]);
    let message = &outcome.messages[1];
    assert_eq!(
        (message.class, message.key.as_str()),
        ("track.air", "SENSOR-1-7")
    );
    assert_eq!(message.marking, Some("unclassified.special"));
    let track = Track::decode(message.class, &message.body).unwrap();
    let time_ns = REFERENCE_NS + 3_600_500_000_000;
    assert_eq!((message.event_ns, track.time_ns), (time_ns, time_ns));
    let mut expected = Track::new(track.track_id, time_ns, TimeSource::TimeOfTrack);
    expected.lat_deg = Some(45.0);
    expected.lon_deg = Some(-22.5);
    expected.alt_m = Some(9_000.0);
    expected.alt_datum = Some(AltDatum::Geometric);
    expected.course_deg = Some(90.0);
    expected.speed_mps = Some(200.0);
    expected.climb_mps = Some(0.0);
    expected.source = Some(Source::Other);
    assert_eq!(track, expected);
    assert_eq!(track.track_id, "SENSOR-1-7");
}

#[test]
fn the_class_is_that_of_the_type_in_the_mission_and_air_without_one() {
    assert_eq!(
        classes(&[packet(2, b"XN", 0, &[(13, location(5))])]),
        ["track.air"]
    );
    for platform_type in 0..=255 {
        let segments = [(1, mission_of(platform_type)), (13, location(5))];
        let expected: &[&str] = match platform_type {
            10 => &[],
            13..=15 | 26 | 33 => &["track.ground"],
            _ => &["track.air"],
        };
        let frame = packet(2, b"XN", 0, &segments);
        assert_eq!(classes(&[frame]), expected, "{platform_type}");
    }
}

#[test]
fn the_type_is_kept_for_later_packets_of_the_same_marking_only() {
    let frames = [
        packet(2, b"XN", 0, &[(1, mission_of(15))]),
        packet(2, b"XN", 0, &[(13, location(5))]),
        packet(5, b"XN", 0, &[(13, location(5))]),
        packet(2, b"XN", 0, &[(1, mission_of(9)), (13, location(6))]),
    ];
    assert_eq!(classes(&frames), ["track.ground", "track.air", "track.air"]);
}

//! What holds of every answer, whatever the frames. A rule that is broken panics.
//!
//! The SDK's host adds its own: sources rise and end in the batch, indices point at what the plugin
//! declared, texts are UTF-8, and a fresh instance answers alike.

use std::collections::BTreeSet;

use outrigger_sdk::testing::{DecodedBatch, DecodedMessage, DecoderHost, Given, ValidatorHost};
use outrigger_sdk::{Body, Configuration, Decoder, Track, Validator};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::case::Case;

/// Bytes of a key, at most; the host refuses more.
const KEY_BYTES_MAX: usize = 255;
/// Bytes of a body, at most, where nothing else is configured; the host refuses more.
const BODY_BYTES_MAX: usize = 4_096;
/// Messages of a frame, at most, where nothing else is configured; the host refuses more.
const MESSAGES_PER_FRAME_MAX: usize = 64;

/// Which numbers a decoder writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Those in the range of the track's schema.
    InRange,
    /// Those that were sent, also out of range: judging them is a validator's.
    AsSent,
}

/// Holds a decoder's answers to a case against the rules.
///
/// # Panics
/// If the decoder does, or breaks a rule.
pub fn decoder<D: Decoder>(configuration: &Configuration, values: Values, case: &Case) {
    let (whole, kept) = decode::<D>(configuration, case, case.len());
    for message in &whole.messages {
        assert_message(message, values);
    }
    let mut seen: BTreeSet<u64> = whole
        .messages
        .iter()
        .flat_map(|message| message.sources.iter().copied())
        .collect();
    seen.extend(whole.rejects.iter().map(|reject| reject.sequence));
    seen.extend(whole.skips.iter().map(|(sequence, _)| *sequence));
    for sequence in 1..=case.len() as u64 {
        assert!(
            seen.contains(&sequence),
            "frame {sequence} became nothing: no message, reject or skip, not even when what was \
             kept ({kept} states) was evicted"
        );
    }
    assert!(
        seen.last().is_none_or(|last| *last <= case.len() as u64),
        "a frame that never was"
    );
    let mut of_frame = std::collections::BTreeMap::<u64, usize>::new();
    for message in &whole.messages {
        // The last of its frames is the one that completed it.
        if let Some(last) = message.sources.last() {
            *of_frame.entry(*last).or_default() += 1;
        }
    }
    for (sequence, count) in of_frame {
        assert!(
            count <= MESSAGES_PER_FRAME_MAX,
            "frame {sequence} became {count} messages"
        );
    }
    let (single, _) = decode::<D>(configuration, case, 1);
    assert_eq!(single, whole, "one frame a batch, against all in one");
}

/// Decodes in batches of `batch`, then evicts all; with the number of states that were kept.
fn decode<D: Decoder>(
    configuration: &Configuration,
    case: &Case,
    batch: usize,
) -> (DecodedBatch, usize) {
    let mut host = DecoderHost::<D>::new(configuration.clone()).expect("the parameters are right");
    let now_ns = case.iter().map(|(captured_ns, _)| *captured_ns).max();
    let now_ns = now_ns.unwrap_or(0);
    let frames: Vec<(u64, &[u8])> = case
        .iter()
        .map(|(captured_ns, bytes)| (*captured_ns, bytes.as_slice()))
        .collect();
    let mut all = DecodedBatch::default();
    for frames in frames.chunks(batch.max(1)) {
        let some = host.decode(now_ns, frames);
        all.messages.extend(some.messages);
        all.rejects.extend(some.rejects);
        all.skips.extend(some.skips);
    }
    let keys = host.keys();
    for key in &keys {
        all.rejects.extend(host.evict(now_ns, key));
    }
    (all, keys.len())
}

fn assert_message(message: &DecodedMessage, values: Values) {
    let class = message.class;
    assert!(
        (1..=KEY_BYTES_MAX).contains(&message.key.len()),
        "{class}: a key of {} bytes",
        message.key.len()
    );
    assert!(
        message.body.len() <= BODY_BYTES_MAX,
        "{class}: a body of {} bytes",
        message.body.len()
    );
    let mut rest = message.body.as_slice();
    let mut reader = rmp_serde::Deserializer::new(&mut rest);
    if let Err(error) = IgnoredAny::deserialize(&mut reader) {
        panic!("{class}: the body is no MessagePack: {error}");
    }
    assert!(
        rest.is_empty(),
        "{class}: {} bytes after the body",
        rest.len()
    );
    if class.starts_with("track.") {
        match Track::decode(class, &message.body) {
            Ok(track) => assert_track(class, &track, values),
            Err(error) => panic!("{class}: the body is no track: {error}"),
        }
    }
}

/// No number is without value; where the decoder says so, each is in range and a position is whole
/// or absent.
fn assert_track(class: &str, track: &Track, values: Values) {
    let within = |name: &str, value: Option<f64>, least: f64, most: f64| {
        if let Some(value) = value {
            let (least, most) = match values {
                Values::InRange => (least, most),
                Values::AsSent => (f64::MIN, f64::MAX),
            };
            assert!(
                (least..=most).contains(&value),
                "{class}: {name} is {value}, not {least} to {most}"
            );
        }
    };
    within("lat_deg", track.lat_deg, -90.0, 90.0);
    within("lon_deg", track.lon_deg, -180.0, 180.0);
    within("course_deg", track.course_deg, 0.0, 360.0);
    within("heading_deg", track.heading_deg, 0.0, 360.0);
    within("speed_mps", track.speed_mps, 0.0, f64::MAX);
    for (name, value) in [
        ("alt_m", track.alt_m),
        ("climb_mps", track.climb_mps),
        ("turn_rate_dps", track.turn_rate_dps),
    ] {
        within(name, value, f64::MIN, f64::MAX);
    }
    let whole = track.lat_deg.is_some() == track.lon_deg.is_some();
    assert!(
        whole || values == Values::AsSent,
        "{class}: half a position"
    );
}

/// Holds a validator's answers to a case against the rules. Frames that are no track are left out:
/// the host gives a validator only what a decoder wrote.
///
/// # Panics
/// If the validator does, or breaks a rule.
pub fn validator<V: Validator>(configuration: &Configuration, class: &'static str, case: &Case) {
    let messages: Vec<Given> = case
        .iter()
        .filter_map(|(captured_ns, body)| {
            let track = Track::decode(class, body).ok()?;
            Some(Given {
                class,
                key: track.track_id.to_string(),
                captured_ns: *captured_ns,
                event_ns: track.time_ns,
                severity: None,
                body: body.clone(),
            })
        })
        .collect();
    let judge = |batch: usize| {
        let mut host =
            ValidatorHost::<V>::new(configuration.clone()).expect("the parameters are right");
        let batches = messages.chunks(batch.max(1));
        let judged: Vec<_> = batches.flat_map(|batch| host.validate(0, batch)).collect();
        judged
    };
    let whole = judge(messages.len());
    for anomaly in whole.iter().flatten() {
        assert!(anomaly.score <= 1_000, "{anomaly:?}: more than sure");
        assert!(
            anomaly.evidence.values().all(|value| value.is_finite()),
            "{anomaly:?}: evidence without value"
        );
    }
    // Compared as text: numbers that are none equal nothing.
    assert_eq!(
        format!("{:?}", judge(1)),
        format!("{whole:?}"),
        "one message a batch, against all in one"
    );
}

use super::*;
use crate::packed::Packed;

fn asked(sequences: &[u64]) -> DecodeAsked<'_> {
    DecodeAsked {
        sequences,
        slots: 2,
        classes: 2,
        causes: 1,
        skips: 1,
        markings: 1,
        outputs_per_input_max: 4,
        output_bytes_max: 100,
        state_bytes_max: 4,
    }
}

fn decoded() -> Decoded {
    let one = |bytes: &[u8]| [bytes].into_iter().collect::<Packed>();
    Decoded {
        classes: vec![1],
        keys: one(b"key"),
        event_ns: vec![5],
        markings: vec![NO_MARKING],
        bodies: one(b"\x80"),
        source_ends: vec![2],
        sources: vec![3, 11],
        rejects: Rejects {
            sequences: vec![7],
            causes: vec![0],
            details: one(b"why"),
        },
        skip_frames: vec![0],
        skip_kinds: vec![0],
        changes: Changes {
            changed: vec![1],
            states: one(b"abc"),
        },
    }
}

/// A named way to spoil an answer.
type Spoil<T> = (&'static str, fn(&mut T));

#[test]
fn a_good_answer_is_believed() {
    assert!(Claimed::new(decoded()).check(&asked(&[10, 11])).is_ok());
}

#[test]
fn every_broken_column_of_a_decoder_is_refused_by_name() {
    let spoils: [Spoil<Decoded>; 20] = [
        ("classes", |d| d.classes[0] = 2),
        ("keys", |d| d.keys = Packed::default()),
        ("keys", |d| d.keys.ends[0] = 9),
        ("keys", |d| d.keys = [&[0xff_u8][..]].into_iter().collect()),
        ("keys", |d| d.keys = [&b""[..]].into_iter().collect()),
        ("keys", |d| {
            d.keys = [&[b'a'; 256][..]].into_iter().collect()
        }),
        ("event-ns", |d| d.event_ns.clear()),
        ("markings", |d| d.markings[0] = 1),
        ("bodies", |d| {
            d.bodies = [&b"\x90"[..]].into_iter().collect()
        }),
        ("source-ends", |d| d.source_ends[0] = 0),
        ("source-ends", |d| d.source_ends[0] = 1),
        ("sources", |d| d.sources = vec![11, 10]),
        ("sources", |d| d.sources = vec![3, 9]),
        ("rejects.sequences", |d| d.rejects.sequences[0] = 12),
        ("rejects.causes", |d| d.rejects.causes[0] = 1),
        ("skips.frames", |d| d.skip_frames[0] = 2),
        ("skips.kinds", |d| d.skip_kinds[0] = 1),
        ("changed", |d| d.changes.changed[0] = 2),
        ("changed", |d| {
            d.changes.changed = vec![1, 1];
            d.changes.states.push(b"x");
        }),
        ("states", |d| {
            d.changes.states = [&b"abcde"[..]].into_iter().collect()
        }),
    ];
    for (column, spoil) in spoils {
        let mut answer = decoded();
        spoil(&mut answer);
        let error = Claimed::new(answer)
            .check(&asked(&[10, 11]))
            .expect_err(column)
            .to_string();
        assert!(error.starts_with(column), "{column}: {error}");
    }
}

#[test]
fn messages_must_be_in_the_order_of_their_last_frames() {
    let mut answer = decoded();
    answer.classes.push(0);
    answer.keys.push(b"k");
    answer.event_ns.push(0);
    answer.markings.push(0);
    answer.bodies.push(b"\x80");
    answer.source_ends.push(3);
    answer.sources.push(10);
    let error = Claimed::new(answer).check(&asked(&[10, 11]));
    assert_eq!(
        error.expect_err("out of order"),
        ClaimError::Order {
            column: "messages",
            row: 1
        }
    );
}

fn judgement() -> Judgement {
    Judgement {
        verdicts: vec![0, 1],
        anomalies: Anomalies {
            messages: vec![1],
            rules: vec![0],
            severities: vec![2],
            scores: vec![1_000],
            details: [&b"\x80"[..]].into_iter().collect(),
        },
        changes: Changes::default(),
    }
}

#[test]
fn every_broken_column_of_a_validator_is_refused_by_name() {
    assert!(Claimed::new(judgement()).check(2, 1, 1, 4).is_ok());
    let spoils: [Spoil<Judgement>; 9] = [
        ("verdicts", |j| j.verdicts.push(0)),
        ("verdicts[0]", |j| j.verdicts[0] = 1),
        ("verdicts[1]", |j| j.verdicts[1] = 0),
        ("verdicts", |j| j.verdicts[1] = 2),
        ("anomalies", |j| j.anomalies.messages[0] = 2),
        ("rules", |j| j.anomalies.rules[0] = 1),
        ("severities", |j| j.anomalies.severities[0] = 0),
        ("scores", |j| j.anomalies.scores[0] = 1_001),
        ("details", |j| j.anomalies.details.bytes[0] = 0xc0),
    ];
    for (column, spoil) in spoils {
        let mut answer = judgement();
        spoil(&mut answer);
        let error = Claimed::new(answer)
            .check(2, 1, 1, 4)
            .expect_err(column)
            .to_string();
        assert!(error.starts_with(column), "{column}: {error}");
    }
}

#[test]
fn anomalies_and_deliveries_per_message_are_bounded() {
    let mut answer = judgement();
    let most = ANOMALIES_PER_MESSAGE_MAX;
    answer.anomalies = Anomalies {
        messages: vec![1; most + 1],
        rules: vec![0; most + 1],
        severities: vec![1; most + 1],
        scores: vec![0; most + 1],
        details: std::iter::repeat_n(&b"\x80"[..], most + 1).collect(),
    };
    let error = Claimed::new(answer).check(2, 1, 1, 4).expect_err("bounded");
    assert_eq!(
        error,
        ClaimError::Many {
            column: "anomalies",
            got: most + 1,
            most
        }
    );
}

#[test]
fn every_broken_column_of_a_router_is_refused_by_name() {
    let good = || Deliveries {
        messages: vec![0, 1],
        routes: vec![0, 1],
        rewritten: vec![OWN_BODY, 0],
        bodies: [&b"\x80"[..]].into_iter().collect(),
    };
    assert!(Claimed::new(good()).check(2, 2, 10).is_ok());
    let spoils: [Spoil<Deliveries>; 6] = [
        ("deliveries", |d| d.messages = vec![1, 0]),
        ("deliveries", |d| d.messages[1] = 2),
        ("routes", |d| d.routes[1] = 2),
        ("rewritten", |d| d.rewritten[1] = 1),
        ("rewritten", |d| d.rewritten.clear()),
        ("bodies", |d| d.bodies.bytes[0] = 0x90),
    ];
    for (column, spoil) in spoils {
        let mut answer = good();
        spoil(&mut answer);
        let error = Claimed::new(answer)
            .check(2, 2, 10)
            .expect_err(column)
            .to_string();
        assert!(error.starts_with(column), "{column}: {error}");
    }
}

#[test]
fn keys_of_frames_are_bounded() {
    let keys = |count: usize| FrameKeys {
        key_ends: vec![0, count as u32],
        keys: std::iter::repeat_n(&b"k"[..], count).collect(),
    };
    assert!(Claimed::new(keys(FRAME_KEYS_MAX)).check(2).is_ok());
    assert!(Claimed::new(keys(FRAME_KEYS_MAX + 1)).check(2).is_err());
    assert!(Claimed::new(keys(1)).check(3).is_err());
}

//! The three traits, each by a small plugin, through the columns.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    Anomalies, Decoded, Deliveries, Fields, Frame, FrameStates, Keys, Message, Rejects,
    RoutedMessage, Text, TimeSource, Track,
};

/// Joins frames: `k+text` is kept under `k`, `k.text` ends it, `?` is skipped, else rejected.
struct Joiner;

impl Decoder for Joiner {
    type State = Vec<(u64, String)>;

    fn describe() -> Description {
        Description::new("joiner", "1.0.0")
            .keyed()
            .class("text", "{}")
            .causes(&["malformed", "unfinished"])
            .skips(&["question"])
            .markings(&["secret"])
    }

    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        configuration.no_parameters()?;
        Ok(Self)
    }

    fn keys(&self, frame: &Frame, keys: &mut Keys) {
        if frame.payload.len() > 1 {
            keys.push(&frame.payload[..1]);
        }
    }

    fn decode(
        &mut self,
        _now_ns: u64,
        frame: &Frame,
        states: &mut FrameStates<Self::State>,
        out: &mut Decoded,
    ) {
        match frame.payload {
            b"?" => out.skip("question"),
            [_, b'+', text @ ..] => {
                let part = (frame.sequence, String::from_utf8_lossy(text).into_owned());
                states.get(0).get_or_insert_default().push(part);
            }
            [key, b'.', text @ ..] => {
                let parts = states.get(0).take().unwrap_or_default();
                let earlier: Vec<_> = parts.iter().rev().map(|(sequence, _)| *sequence).collect();
                let mut whole: String = parts.into_iter().map(|(_, text)| text).collect();
                whole += &String::from_utf8_lossy(text);
                let body = BTreeMap::from([("text".to_owned(), whole)]);
                let key = char::from(*key).to_string();
                let added = out
                    .message("text", &key, frame.captured_ns, &body)
                    .with_earlier(&earlier);
                if text == b"!" {
                    added.with_marking("secret");
                }
            }
            _ => out.reject("malformed", "no sign"),
        }
    }

    fn expire(&mut self, _now_ns: u64, key: &[u8], state: Self::State, out: &mut Rejects) {
        for (sequence, _) in state {
            out.reject(sequence, "unfinished", &String::from_utf8_lossy(key));
        }
    }
}

#[test]
fn decoder_joins_frames_across_batches() {
    let mut host = DecoderHost::<Joiner>::new(no_parameters()).unwrap();
    let first = host.decode(
        9,
        &[(1, b"a+x"), (2, b"b+u"), (3, b"?"), (4, b""), (5, b"a+y")],
    );
    assert!(first.messages.is_empty());
    assert_eq!(first.skips, [(3, "question")]);
    let reject = Reject {
        sequence: 4,
        cause: "malformed",
        detail: "no sign".into(),
    };
    assert_eq!(first.rejects, [reject]);
    let second = host.decode(9, &[(6, b"c.alone"), (7, b"a.!")]);
    let [alone, joined] = &second.messages[..] else {
        panic!("{second:?}");
    };
    assert_eq!(
        (alone.key.as_str(), alone.sources.as_slice()),
        ("c", &[6][..])
    );
    assert_eq!(alone.marking, None);
    assert_eq!(joined.sources, [1, 5, 7]);
    assert_eq!(joined.marking, Some("secret"));
    let body: BTreeMap<String, String> = joined.read();
    assert_eq!(body["text"], "xy!");
    assert_eq!(host.keys(), [b"b".to_vec()]);
    let expired = host.evict(9, b"b");
    assert_eq!((expired[0].sequence, expired[0].cause), (2, "unfinished"));
    assert!(host.keys().is_empty());
}

/// Counts messages of a key in its state, and says so at every second one.
struct Every {
    second: u32,
}

impl Validator for Every {
    type Body = Track;
    type State = u32;

    fn describe() -> Description {
        Description::new("every", "1.0.0")
            .reads("track.air")
            .reads("track.sea")
            .rules(&["silent", "every"])
    }

    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        let parameters: BTreeMap<String, u32> = configuration.parameters()?;
        let second = parameters.get("second").copied().unwrap_or(2);
        if second == 0 {
            return Err(ConfigureError::parameter("second", "at least 1", second));
        }
        Ok(Self { second })
    }

    fn validate(&mut self, message: &Message<Track>, seen: &mut Option<u32>, out: &mut Anomalies) {
        let count = seen.get_or_insert(0);
        *count += 1;
        if count.is_multiple_of(self.second) {
            out.minor("every", 1_500, |evidence| {
                evidence.integer("count", i64::from(*count));
                evidence.number("speed_mps", message.body.speed_mps.unwrap_or(f64::NAN));
            });
        }
    }

    fn expire(&mut self, _: u64, class: &str, key: &str, seen: u32, out: &mut Anomalies) {
        assert_eq!((class, key), ("track.sea", "k1"));
        out.critical("silent", 10, |evidence| {
            evidence.integer("count", i64::from(seen));
        });
    }
}

fn track(key: &str, speed_mps: f64) -> Given {
    let track = Track {
        speed_mps: Some(speed_mps),
        ..Track::new(Text::new(key).unwrap(), 5, TimeSource::Capture)
    };
    Given::new("track.sea", key, 5, &track)
}

#[test]
fn validator_counts_per_key_in_order() {
    let mut host = ValidatorHost::<Every>::new(no_parameters()).unwrap();
    let batch = [
        track("k1", 1.0),
        track("k2", 2.0),
        track("k1", 3.0),
        track("k1", 4.0),
    ];
    let found = host.validate(9, &batch);
    let said: Vec<_> = found.iter().map(Vec::len).collect();
    assert_eq!(said, [0, 0, 1, 0]);
    let anomaly = &found[2][0];
    assert_eq!(
        (anomaly.rule, anomaly.severity, anomaly.score),
        ("every", Severity::Minor, 1_000)
    );
    let evidence = BTreeMap::from([("count".into(), 2.0), ("speed_mps".into(), 3.0)]);
    assert_eq!(anomaly.evidence, evidence);
    assert_eq!((host.state("k1"), host.state("k2")), (Some(3), Some(1)));
    let silent = host.evict(9, "k1");
    assert_eq!(
        (silent[0].rule, silent[0].severity),
        ("silent", Severity::Critical)
    );
    assert_eq!(host.state("k1"), None);
}

#[test]
fn parameters_are_refused_with_rule_and_value() {
    let refused = ValidatorHost::<Every>::new(parameters(&BTreeMap::from([("second", 0)])));
    let error = refused.err().unwrap();
    assert_eq!(
        error.to_string(),
        "parameter: second must be at least 1, not 0"
    );
    let refused = DecoderHost::<Joiner>::new(parameters(&BTreeMap::from([("x", 0)])));
    let error = refused.err().unwrap();
    assert_eq!(
        error.to_string(),
        "parameter: this plugin has no parameters"
    );
}

/// Remembers in the plugin itself, which is wrong.
struct Forgetful(u32);

impl Validator for Forgetful {
    type Body = crate::Unread;
    type State = ();

    fn describe() -> Description {
        Description::new("forgetful", "1.0.0")
            .reads("track.sea")
            .rules(&["odd"])
    }

    fn configure(_: &Configuration) -> Result<Self, ConfigureError> {
        Ok(Self(0))
    }

    fn validate(&mut self, _: &Message<crate::Unread>, _: &mut Option<()>, out: &mut Anomalies) {
        self.0 += 1;
        for _ in 0..12 * (self.0 % 2) {
            out.major("odd", 0, |_| {});
        }
    }
}

#[test]
#[should_panic(expected = "what is learned must live in the state")]
fn learning_outside_of_the_state_is_found() {
    let mut host = ValidatorHost::<Forgetful>::new(no_parameters()).unwrap();
    host.validate(0, &[track("k", 0.0)]);
    host.validate(0, &[track("k", 0.0)]);
}

#[test]
fn eight_anomalies_of_a_message_are_kept() {
    let mut host = ValidatorHost::<Forgetful>::new(no_parameters()).unwrap();
    assert_eq!(host.validate(0, &[track("k", 0.0)])[0].len(), 8);
}

/// Fast tracks go out without identity, slow ones as they are, anomalies nowhere.
struct Splitter;

impl Router for Splitter {
    type Body = Fields;

    fn describe() -> Description {
        Description::new("splitter", "1.0.0")
            .reads("track.sea")
            .routes(&["slow", "fast"])
    }

    fn configure(_: &Configuration) -> Result<Self, ConfigureError> {
        Ok(Self)
    }

    fn route(&mut self, message: &RoutedMessage<Fields>, out: &mut Deliveries) {
        assert_eq!(message.label, "low");
        if message.severity.is_some() {
            return;
        }
        if message.body.number("speed_mps").is_some_and(|v| v > 10.0) {
            out.deliver_rewritten("fast", &message.body.without(&["track_id"]));
        }
        out.deliver("slow");
    }
}

#[test]
fn router_delivers_rewrites_and_withholds() {
    let mut host = RouterHost::<Splitter>::new(no_parameters(), "low").unwrap();
    let mut anomaly = track("c", 1.0);
    anomaly.severity = Some(Severity::Minor);
    let batch = [track("a", 1.0), anomaly, track("b", 11.0)];
    let went = host.route(&batch);
    let routes = |index: usize| went[index].iter().map(|d| d.route).collect::<Vec<_>>();
    assert_eq!(
        (routes(0), routes(1), routes(2)),
        (vec!["slow"], vec![], vec!["fast", "slow"])
    );
    assert_eq!(went[2][1].body, batch[2].body);
    let rewritten = Fields::decode("track.sea", &went[2][0].body).unwrap();
    assert_eq!(
        rewritten.names().collect::<Vec<_>>(),
        ["speed_mps", "time_ns", "time_source"]
    );
}

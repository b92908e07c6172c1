//! Properties of the canonical track message.
#![allow(clippy::unwrap_used)]

use super::*;

fn full() -> Track {
    Track {
        platform_id: Text::new("244660000"),
        callsign: Text::new("PD1234"),
        platform_class: Text::new("class-a"),
        lat_deg: Some(52.25),
        lon_deg: Some(-4.5),
        alt_m: Some(12.0),
        alt_datum: Some(AltDatum::Geometric),
        speed_mps: Some(0.0),
        course_deg: Some(359.9),
        climb_mps: Some(-1.5),
        heading_deg: Some(1.0),
        turn_rate_dps: Some(0.5),
        source: Some(Source::SystemTrack),
        accuracy_m: Some(10.0),
        ..Track::new(
            Text::new("mmsi:244660000").unwrap(),
            1_700_000_000_000_000_000,
            TimeSource::UtcSecond,
        )
    }
}

fn encoded(track: &Track) -> Vec<u8> {
    let mut bytes = Vec::new();
    track.encode(&mut bytes);
    bytes
}

fn json(bytes: &[u8]) -> serde_json::Value {
    rmp_serde::from_slice(bytes).unwrap()
}

#[test]
fn full_and_bare_tracks_come_back_as_they_went() {
    let bare = Track::new(Text::new("x").unwrap(), 0, TimeSource::Capture);
    for track in [full(), bare] {
        let bytes = encoded(&track);
        assert_eq!(Track::decode("track.sea", &bytes).unwrap(), track);
        // Canonical: what serde's own encoder would write of the same values.
        let mut canonical = Vec::new();
        msgpack::canonicalise(&bytes, &mut canonical).unwrap();
        assert_eq!(canonical, bytes);
    }
    assert!(encoded(&full()).len() <= Pairs::BYTES_MAX);
}

#[test]
fn schema_names_the_same_keys_in_the_same_order_as_the_body() {
    let schema: serde_json::Value = serde_json::from_str(TRACK_SCHEMA).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(properties.keys().collect::<Vec<_>>(), KEYS);
    let body = json(&encoded(&full()));
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), KEYS);
    let bare = Track::new(Text::new("x").unwrap(), 0, TimeSource::Capture);
    let bare = json(&encoded(&bare));
    let required: Vec<_> = bare.as_object().unwrap().keys().collect();
    assert_eq!(schema["required"], serde_json::json!(required));
    for (key, property) in properties {
        let value = &body[key];
        let fits = match property.get("enum") {
            Some(words) => words.as_array().unwrap().contains(value),
            None => match property["type"].as_str().unwrap() {
                "string" => value.is_string(),
                "integer" => value.is_u64(),
                _ => value.is_f64(),
            },
        };
        assert!(fits, "{key}: {value}");
    }
    for (property, words) in [
        ("alt_datum", AltDatum::ALL.map(AltDatum::as_str).to_vec()),
        (
            "time_source",
            TimeSource::ALL.map(TimeSource::as_str).to_vec(),
        ),
        ("source", Source::ALL.map(Source::as_str).to_vec()),
    ] {
        assert_eq!(properties[property]["enum"], serde_json::json!(words));
    }
    assert_eq!(
        properties["callsign"]["maxLength"],
        serde_json::json!(TRACK_TEXT_BYTES_MAX)
    );
}

#[test]
fn every_source_comes_back() {
    for source in Source::ALL {
        let track = Track {
            source: Some(source),
            ..full()
        };
        let bytes = encoded(&track);
        assert_eq!(Track::decode("track.sea", &bytes).unwrap(), track);
        assert_eq!(json(&bytes)["source"], serde_json::json!(source));
    }
}

#[test]
fn keys_in_any_order_and_unknown_keys_are_read() {
    let mut reversed = serde_json::Map::new();
    let body = json(&encoded(&full()));
    for (key, value) in body.as_object().unwrap().iter().rev() {
        reversed.insert(key.clone(), value.clone());
        reversed.insert(
            format!("x_{key}"),
            serde_json::json!({"a": [1, {"b": null}]}),
        );
    }
    let bytes = rmp_serde::to_vec(&reversed).unwrap();
    assert_eq!(Track::decode("track.sea", &bytes).unwrap(), full());
}

#[test]
fn wrong_bodies_are_refused_by_the_name_of_the_key() {
    let cases = [
        (
            serde_json::json!({"time_ns": 1, "time_source": "capture"}),
            "track_id: absent",
        ),
        (
            serde_json::json!({"track_id": ""}),
            "track_id: empty, or longer than 31 bytes",
        ),
        (
            serde_json::json!({"track_id": "a", "lat_deg": "b"}),
            "lat_deg: not a number",
        ),
        (
            serde_json::json!({"track_id": "a", "time_ns": 1, "time_source": "wrist"}),
            "time_source: not a word of the schema",
        ),
        (
            serde_json::json!({"track_id": "a", "source": "sonar"}),
            "source: not a word of the schema",
        ),
        (
            serde_json::json!({"track_id": "a", "time_ns": -1}),
            "time_ns: not a whole number, or negative",
        ),
        (serde_json::json!([1]), "not a map"),
    ];
    for (body, message) in cases {
        let bytes = rmp_serde::to_vec(&body).unwrap();
        let error = Track::decode("track.sea", &bytes).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn every_cut_of_a_track_is_refused() {
    let bytes = encoded(&full());
    for len in 0..bytes.len() {
        assert!(Track::decode("track.sea", &bytes[..len]).is_err(), "{len}");
    }
    let mut longer = bytes;
    longer.push(0xc0);
    assert!(Track::decode("track.sea", &longer).is_err());
}

#[test]
fn numbers_that_are_not_finite_are_absent() {
    let track = Track {
        lat_deg: Some(f64::NAN),
        speed_mps: Some(f64::INFINITY),
        ..full()
    };
    let read = Track::decode("track.sea", &encoded(&track)).unwrap();
    assert_eq!((read.lat_deg, read.speed_mps), (None, None));
}

#[test]
fn texts_are_one_to_thirty_one_bytes() {
    assert!(Text::new("").is_none());
    assert!(Text::format(format_args!("")).is_none());
    let longest = "a".repeat(TRACK_TEXT_BYTES_MAX);
    assert_eq!(Text::new(&longest).unwrap(), longest.as_str());
    assert!(Text::new(&format!("{longest}b")).is_none());
    assert!(Text::format(format_args!("{longest}{}", 1)).is_none());
    assert_eq!(
        Text::format(format_args!("mmsi:{:09}", 2_446_600)).unwrap(),
        "mmsi:002446600"
    );
    assert_eq!(Text::ascii(longest.as_bytes()), Text::new(&longest));
    assert!(Text::ascii(b"").is_none());
    assert!(Text::ascii(format!("{longest}b").as_bytes()).is_none());
    assert!(Text::ascii("Müritz".as_bytes()).is_none());
}

#[test]
fn every_word_comes_back_as_it_went() {
    let words = (AltDatum::ALL.into_iter().cycle())
        .zip(TimeSource::ALL.into_iter().cycle())
        .zip(Source::ALL);
    for ((alt_datum, time_source), source) in words {
        let track = Track {
            alt_datum: Some(alt_datum),
            time_source,
            source: Some(source),
            ..full()
        };
        let body = json(&encoded(&track));
        assert_eq!(body["alt_datum"], alt_datum.as_str());
        assert_eq!(body["time_source"], time_source.as_str());
        assert_eq!(body["source"], source.as_str());
        assert_eq!(Track::decode("track.sea", &encoded(&track)).unwrap(), track);
    }
}

#[test]
fn times_of_any_size_are_written_in_their_shortest_form() {
    for shift in 0..64 {
        for time_ns in [(1 << shift) - 1, 1 << shift] {
            let track = Track { time_ns, ..full() };
            let bytes = encoded(&track);
            let mut canonical = Vec::new();
            msgpack::canonicalise(&bytes, &mut canonical).unwrap();
            assert_eq!(canonical, bytes);
            assert_eq!(Track::decode("track.sea", &bytes).unwrap(), track);
        }
    }
}

#[test]
fn one_more_map_is_the_last_pair_of_a_track_of_any_size() {
    // From the fewest fields to all, over the sizes at which a map's head grows.
    let mut tracks = vec![Track::new(Text::new("x").unwrap(), 0, TimeSource::Capture)];
    let mut track = full();
    tracks.push(track);
    for fewer in [
        |track: &mut Track| track.accuracy_m = None,
        |track: &mut Track| track.source = None,
        |track: &mut Track| track.turn_rate_dps = None,
    ] {
        fewer(&mut track);
        tracks.push(track);
    }
    for track in tracks {
        let mut bytes = vec![0xff];
        track.encode_with(&mut bytes, "more", |map| {
            map.unsigned("one", 1u8);
        });
        let mut expected = json(&encoded(&track));
        expected["more"] = serde_json::json!({ "one": 1 });
        assert_eq!(json(&bytes[1..]), expected);
        let mut canonical = Vec::new();
        msgpack::canonicalise(&bytes[1..], &mut canonical).unwrap();
        assert_eq!(canonical, bytes[1..]);
    }
}

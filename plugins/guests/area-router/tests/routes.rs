//! Where messages go, and what leaves with them.
#![allow(missing_docs, clippy::unwrap_used)]

use area_router::AreaRouter;
use outrigger_sdk::testing::{Delivery, Given, RouterHost, parameters};
use outrigger_sdk::{Body, Fields, Text, TimeSource, Track};
use serde_json::{Value, json};

fn router(given: &Value) -> RouterHost<AreaRouter> {
    RouterHost::new(parameters(given), "restricted").unwrap()
}

fn harbour() -> Value {
    json!({
        "area": { "south": 54.9, "west": 12.7, "north": 55.4, "east": 13.9 },
        "redact": ["callsign"],
        "redact_route": "outside",
    })
}

fn ship(lat_deg: Option<f64>) -> Track {
    Track {
        callsign: Text::new("SGLX"),
        platform_class: Text::new("class-a"),
        lat_deg,
        lon_deg: lat_deg.map(|_| 13.0),
        ..Track::new(
            Text::new("mmsi:219000001").unwrap(),
            1,
            TimeSource::Receiver,
        )
    }
}

fn given(class: &'static str, track: &Track) -> Given {
    Given::new(class, &track.track_id, track.time_ns, track)
}

fn one(router: &mut RouterHost<AreaRouter>, message: Given) -> Delivery {
    let mut deliveries = router.route(&[message]).remove(0);
    assert_eq!(deliveries.len(), 1);
    deliveries.remove(0)
}

#[test]
fn messages_go_inside_as_they_are_and_outside_without_the_redacted_field() {
    let mut router = router(&harbour());
    let inside = given("track.sea", &ship(Some(55.0)));
    let delivery = one(&mut router, inside.clone());
    assert_eq!((delivery.route, delivery.rewritten), ("inside", false));
    assert_eq!(delivery.body, inside.body);

    let outside = given("track.sea", &ship(Some(56.0)));
    let delivery = one(&mut router, outside);
    assert_eq!((delivery.route, delivery.rewritten), ("outside", true));
    let left = Track::decode("track.sea", &delivery.body).unwrap();
    let expected = Track {
        callsign: None,
        ..ship(Some(56.0))
    };
    assert_eq!(left, expected);
    // Not a byte of it is left.
    assert!(!delivery.body.windows(4).any(|bytes| bytes == b"SGLX"));
}

#[test]
fn a_body_without_the_field_leaves_untouched() {
    let mut router = router(&harbour());
    let nameless = Track {
        callsign: None,
        ..ship(Some(56.0))
    };
    let delivery = one(&mut router, given("track.sea", &nameless));
    assert_eq!((delivery.route, delivery.rewritten), ("outside", false));
}

#[test]
fn messages_without_a_position_stay_inside_unless_told_otherwise() {
    let half = Track {
        lon_deg: None,
        ..ship(Some(56.0))
    };
    for track in [ship(None), half] {
        let delivery = one(&mut router(&harbour()), given("track.sea", &track));
        assert_eq!((delivery.route, delivery.rewritten), ("inside", false));
    }
    let mut told = harbour();
    told["absent_route"] = json!("outside");
    let delivery = one(&mut router(&told), given("track.sea", &ship(None)));
    assert_eq!((delivery.route, delivery.rewritten), ("outside", true));
}

#[test]
fn a_position_that_is_none_is_in_no_area() {
    let mut world = harbour();
    world["area"] = json!({ "south": -90, "west": -180, "north": 90, "east": 180 });
    let mut router = router(&world);
    for lat in [91.0, -90.5, f64::INFINITY] {
        // A number that is not finite is no number in a body, and so absent.
        let expected = if lat.is_finite() { "outside" } else { "inside" };
        let delivery = one(&mut router, given("track.sea", &ship(Some(lat))));
        assert_eq!(delivery.route, expected, "{lat}");
    }
}

#[test]
fn a_class_can_have_a_route_whatever_the_position() {
    let mut by_class = harbour();
    by_class["classes"] = json!({ "track.air": "outside", "static.sea": "inside" });
    let mut router = router(&by_class);
    let delivery = one(&mut router, given("track.air", &ship(Some(55.0))));
    assert_eq!((delivery.route, delivery.rewritten), ("outside", true));
    let delivery = one(&mut router, given("static.sea", &ship(Some(56.0))));
    assert_eq!((delivery.route, delivery.rewritten), ("inside", false));
    let delivery = one(&mut router, given("track.sea", &ship(Some(55.0))));
    assert_eq!(delivery.route, "inside");
}

#[test]
fn redaction_can_be_of_several_fields_and_on_the_other_route() {
    let mut other = harbour();
    other["redact"] = json!(["callsign", "platform_class", "lon_deg"]);
    other["redact_route"] = json!("inside");
    let mut router = router(&other);
    let delivery = one(&mut router, given("track.sea", &ship(Some(55.0))));
    let body = Fields::decode("track.sea", &delivery.body).unwrap();
    let names: Vec<&str> = body.names().collect();
    assert_eq!(names, ["track_id", "lat_deg", "time_ns", "time_source"]);
    let delivery = one(&mut router, given("track.sea", &ship(Some(56.0))));
    assert!(!delivery.rewritten);
}

#[test]
fn any_of_several_areas_is_inside() {
    let mut router = router(&json!({ "areas": {
        "harbour": { "south": 54.9, "west": 12.7, "north": 55.4, "east": 13.9 },
        "approach": { "polygon": [[57.0, 12.0], [58.0, 13.0], [57.0, 14.0]] },
    } }));
    for (lat, expected) in [
        (55.0, "inside"),
        (57.5, "inside"),
        (56.0, "outside"),
        (58.1, "outside"),
    ] {
        let delivery = one(&mut router, given("track.sea", &ship(Some(lat))));
        assert_eq!(delivery.route, expected, "{lat}");
    }
}

#[test]
fn each_message_goes_once_and_batches_make_no_difference() {
    let messages: Vec<Given> = (0..600)
        .map(|place: u32| {
            let mut track =
                ship((!place.is_multiple_of(7)).then(|| 54.0 + f64::from(place % 20) / 10.0));
            track.time_ns = place.into();
            given(["track.sea", "track.air"][place as usize % 2], &track)
        })
        .collect();
    let run = |batch: usize| -> Vec<Vec<Delivery>> {
        let mut router = router(&harbour());
        let batches = messages.chunks(batch);
        batches.flat_map(|batch| router.route(batch)).collect()
    };
    let whole = run(256);
    assert_eq!(run(1), whole);
    assert_eq!(run(7), whole);
    for (place, deliveries) in whole.iter().enumerate() {
        assert_eq!(deliveries.len(), 1);
        let track = Track::decode("track.sea", &deliveries[0].body).unwrap();
        assert_eq!(track.time_ns, place as u64);
    }
}

#[test]
fn bad_parameters_are_refused_with_name_rule_and_value() {
    let bounds = |name: &str, value: Value| {
        let mut given = harbour();
        given["area"][name] = value;
        given
    };
    let polygon = |vertices: Value| json!({ "areas": { "bay": { "polygon": vertices } } });
    let with = |name: &str, value: Value| {
        let mut given = harbour();
        given[name] = value;
        given
    };
    for (given, expected) in [
        (json!({}), "areas must be 1 to 64 areas, not 0"),
        (
            bounds("north", json!(90.5)),
            "area.north must be -90 to 90, not 90.5",
        ),
        (
            bounds("west", json!(-181)),
            "area.west must be -180 to 180, not -181",
        ),
        (
            bounds("south", json!(56.0)),
            "area.south must be at most north, 55.4, not 56",
        ),
        (
            bounds("east", Value::Null),
            "area.east must be given, or a polygon, not absent",
        ),
        (
            bounds("polygon", json!([[0, 0], [0, 1], [1, 1]])),
            "area.south must be absent beside a polygon, not 54.9",
        ),
        (
            bounds("up", json!(1)),
            "area.up: unknown field `up`, expected one of `south`, `west`, `north`, `east`, `polygon`",
        ),
        (
            polygon(json!([[0, 0], [0, 1]])),
            "areas.bay.polygon must be 3 to 256 vertices, not 2",
        ),
        (
            polygon(json!([[0, 0], [0, 1], [91, 1]])),
            "areas.bay.polygon[2] must be a latitude of -90 to 90 and a longitude of -180 to 180, not [91, 1]",
        ),
        (
            polygon(json!([[0, 170], [1, -170], [2, 170]])),
            "areas.bay.polygon[1] must be within 180 degrees of longitude of the vertex before, for a polygon cannot cross the antimeridian, not [1, -170]",
        ),
        (
            with("classes", json!({ "track.land": "inside" })),
            "classes must be routes of track.sea, track.air, static.sea, station.base, aid.navigation, not track.land",
        ),
        (
            with("redact_route", json!("away")),
            "redact_route: unknown variant `away`, expected `inside` or `outside`",
        ),
        (
            with(
                "redact",
                json!((0..33).map(|n| n.to_string()).collect::<Vec<_>>()),
            ),
            "redact must be at most 32 fields, not 33",
        ),
        (
            with("redacted", json!(["callsign"])),
            "redacted: unknown field `redacted`, expected one of `area`, `areas`, `classes`, `absent_route`, `redact`, `redact_route`",
        ),
    ] {
        let error = RouterHost::<AreaRouter>::new(parameters(&given), "").err();
        assert_eq!(error.unwrap().to_string(), format!("parameter: {expected}"));
    }
}

//! Every GMTI recording against what stanag4607 0.1.0 makes of it.
//!
//! The reference gives the header's fields, and the content of each segment as bytes. So each
//! body is written back into the bytes of its segment, field by field, and must give the same
//! ones: a field that is read wrongly, shifted, scaled or lost shows.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use common::{CAPTURED_NS, Message, SAMPLES, host, read, recordings, value};
use serde_json::{Value, json};

/// Writes fields in the standard's order.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn int(&mut self, value: f64, width: usize) {
        let whole = value.round();
        assert!((value - whole).abs() < 1e-6, "{value} is no whole number");
        let bytes = (whole as i64).to_be_bytes();
        self.0.extend_from_slice(&bytes[8 - width..]);
    }

    /// A field of a body in units of which `scale` make one.
    fn field(&mut self, body: &Value, name: &str, scale: f64, width: usize) {
        let value = body[name].as_f64().unwrap_or_else(|| panic!("{name}"));
        self.int(value * scale, width);
    }

    /// The same, when the mask has it.
    fn when(&mut self, there: bool, body: &Value, name: &str, scale: f64, width: usize) {
        assert_eq!(there, body.get(name).is_some(), "{name}");
        if there {
            self.field(body, name, scale, width);
        }
    }

    fn angle(&mut self, there: bool, body: &Value, name: &str, circle_deg: f64, width: usize) {
        self.when(
            there,
            body,
            name,
            2f64.powi(8 * width as i32) / circle_deg,
            width,
        );
    }

    fn text(&mut self, body: &Value, name: &str, width: usize) {
        let text = body[name].as_str().unwrap_or_default();
        self.0
            .extend_from_slice(format!("{text:width$}").as_bytes());
    }
}

fn from_hex(text: &Value) -> Vec<u8> {
    common::from_hex(text.as_str().unwrap())
}

const SECOND_NS: u64 = 1_000_000_000;
const DAY_NS: u64 = 86_400 * SECOND_NS;
/// 2026-04-29, the reference date of all recordings.
const REFERENCE_NS: u64 = 20_572 * DAY_NS;

fn time_ms(body: &Value) -> f64 {
    let time_ns = body["time_ns"].as_u64().unwrap();
    assert_eq!(body["time_source"], "time-of-track");
    (time_ns - REFERENCE_NS) as f64 / 1e6
}

fn mission_bytes(body: &Value) -> Vec<u8> {
    let mut out = Bytes::default();
    out.text(body, "mission_plan", 12);
    out.text(body, "flight_plan", 12);
    out.field(body, "platform_type", 1.0, 1);
    out.text(body, "platform_configuration", 10);
    let date = body["reference_date"].as_str().unwrap();
    for (part, width) in date.split('-').zip([2, 1, 1]) {
        out.int(part.parse().unwrap(), width);
    }
    out.0
}

fn platform_bytes(body: &Value) -> Vec<u8> {
    let mut out = Bytes::default();
    out.int(time_ms(body), 4);
    out.angle(true, body, "lat_deg", 180.0, 4);
    out.angle(true, body, "lon_deg", 360.0, 4);
    out.field(body, "alt_m", 100.0, 4);
    out.angle(true, body, "course_deg", 360.0, 2);
    out.field(body, "speed_mps", 1_000.0, 4);
    out.field(body, "climb_mps", 10.0, 1);
    out.0
}

fn dwell_bytes(mask: u64, body: &Value, targets: &[Value]) -> Vec<u8> {
    let has = |field: u32| mask >> (65 - field) & 1 == 1;
    let mut out = Bytes(mask.to_be_bytes().to_vec());
    out.field(body, "revisit_index", 1.0, 2);
    out.field(body, "dwell_index", 1.0, 2);
    out.int(f64::from(u8::from(body["last_dwell"] == true)), 1);
    out.field(body, "target_count", 1.0, 2);
    out.int(time_ms(body), 4);
    out.angle(true, body, "sensor_lat_deg", 180.0, 4);
    out.angle(true, body, "sensor_lon_deg", 360.0, 4);
    out.field(body, "sensor_alt_m", 100.0, 4);
    out.angle(has(10), body, "lat_scale_deg", 180.0, 4);
    out.angle(has(11), body, "lon_scale_deg", 360.0, 4);
    out.when(has(12), body, "along_track_deviation_m", 100.0, 4);
    out.when(has(13), body, "cross_track_deviation_m", 100.0, 4);
    out.when(has(14), body, "alt_deviation_m", 100.0, 2);
    out.angle(has(15), body, "sensor_course_deg", 360.0, 2);
    out.when(has(16), body, "sensor_speed_mps", 1_000.0, 4);
    out.when(has(17), body, "sensor_climb_mps", 10.0, 1);
    out.when(has(18), body, "course_deviation_deg", 1.0, 1);
    out.when(has(19), body, "speed_deviation_mps", 1_000.0, 2);
    out.when(has(20), body, "climb_deviation_mps", 100.0, 2);
    out.angle(has(21), body, "platform_heading_deg", 360.0, 2);
    out.angle(has(22), body, "platform_pitch_deg", 180.0, 2);
    out.angle(has(23), body, "platform_roll_deg", 180.0, 2);
    out.angle(true, body, "centre_lat_deg", 180.0, 4);
    out.angle(true, body, "centre_lon_deg", 360.0, 4);
    out.field(body, "range_half_extent_m", 0.128, 2);
    out.angle(true, body, "angle_half_extent_deg", 360.0, 2);
    out.angle(has(28), body, "sensor_heading_deg", 360.0, 2);
    out.angle(has(29), body, "sensor_pitch_deg", 180.0, 2);
    out.angle(has(30), body, "sensor_roll_deg", 180.0, 2);
    out.when(has(31), body, "least_velocity_mps", 10.0, 1);
    for (place, target) in targets.iter().enumerate() {
        assert_eq!(time_ms(target), time_ms(body));
        assert_eq!(target["source"], "gmti");
        assert_eq!(target["gmti"]["place"], place);
        target_bytes(mask, body, target, &mut out);
    }
    out.0
}

fn target_bytes(mask: u64, dwell: &Value, body: &Value, out: &mut Bytes) {
    let has = |field: u32| mask >> (34 - field) & 1 == 1;
    let extras = &body["gmti"];
    out.when(has(1), extras, "report_index", 1.0, 2);
    if has(2) {
        out.angle(true, body, "lat_deg", 180.0, 4);
        out.angle(true, body, "lon_deg", 360.0, 4);
    }
    assert_eq!(extras["reduced_resolution"], has(4));
    if has(4) {
        for (name, centre, scale) in [
            ("lat_deg", "centre_lat_deg", "lat_scale_deg"),
            ("lon_deg", "centre_lon_deg", "lon_scale_deg"),
        ] {
            let moved_deg = body[name].as_f64().unwrap() - dwell[centre].as_f64().unwrap();
            out.int(moved_deg / dwell[scale].as_f64().unwrap(), 2);
        }
    }
    out.when(has(6), body, "alt_m", 1.0, 2);
    out.when(has(7), extras, "radial_velocity_mps", 100.0, 2);
    out.when(has(8), extras, "wrap_velocity_mps", 100.0, 2);
    out.when(has(9), extras, "signal_to_noise_db", 1.0, 1);
    out.when(has(10), extras, "target_class", 1.0, 1);
    out.when(has(11), extras, "target_class_percent", 1.0, 1);
    out.when(has(12), extras, "range_deviation_m", 100.0, 2);
    out.when(has(13), extras, "cross_range_deviation_m", 10.0, 2);
    out.when(has(14), extras, "height_deviation_m", 1.0, 1);
    out.when(has(15), extras, "radial_velocity_deviation_mps", 100.0, 2);
    out.when(has(16), extras, "truth_application", 1.0, 1);
    out.when(has(17), extras, "truth_entity", 1.0, 4);
    out.when(has(18), extras, "radar_cross_section_db", 2.0, 1);
}

/// The packet sub-map as the reference's header.
fn header(body: &Value) -> Value {
    let packet = body.get("gmti").unwrap_or(body)["packet"].clone();
    let hex = |text: &Value, width: usize| {
        let text = text.as_str().unwrap_or_default();
        let padded = format!("{text:width$}");
        padded
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let classes = [
        "top-secret",
        "secret",
        "confidential",
        "restricted",
        "unclassified",
    ];
    let class = classes
        .iter()
        .position(|class| packet["classification"] == *class);
    json!({
        "version_id": hex(&packet["version"], 2),
        "nationality": hex(&packet["nationality"], 2),
        "security_classification": class.unwrap() + 1,
        "classification_system": hex(&packet["classification_system"], 2),
        "security_codes": packet["security_codes"],
        "exercise_indicator": packet["exercise_indicator"],
        "platform_id": hex(&packet["platform"], 10),
        "mission_id": packet["mission_id"],
        "job_id": packet["job_id"],
    })
}

#[test]
fn every_segment_of_every_recording_is_read_to_the_same_bytes() {
    let Some(folder) = recordings() else { return };
    let mut counts = std::collections::BTreeMap::new();
    for sample in SAMPLES {
        let frame = read(&folder.join(format!("{sample}.gmti")));
        let reference = read(&folder.join(format!("{sample}.stanag4607.jsonl")));
        let reference: Value = serde_json::from_slice(&reference).expect("one record a sample");
        let outcome = host().decode(CAPTURED_NS, &[(CAPTURED_NS, &frame)]);
        assert_eq!(
            (&outcome.rejects[..], &outcome.skips[..]),
            (&[][..], &[][..])
        );

        let mut expected = reference["header"].clone();
        let size = expected.as_object_mut().unwrap().remove("packet_size");
        assert_eq!(size, Some(json!(frame.len())));
        for message in &outcome.messages {
            assert_eq!(header(&value(message)), expected, "{sample}");
            // The system ZZ is listed nowhere.
            assert_eq!(message.marking, Some("unclassified.special"));
            *counts.entry(message.class).or_insert(0) += 1;
        }

        let mut messages = outcome.messages.iter().peekable();
        for segment in reference["segments"].as_array().unwrap() {
            let bytes = from_hex(&segment["payload"]);
            let number = segment["segment_type"].as_u64().unwrap();
            let message: &Message = messages.next().expect("a message for each segment");
            let body = value(message);
            let (class, written) = match number {
                1 => ("gmti.mission", mission_bytes(&body)),
                2 => {
                    let mask = u64::from_be_bytes(bytes[..8].try_into().unwrap());
                    let mut targets = Vec::new();
                    while let Some(target) =
                        messages.next_if(|next| next.class == "detection.ground")
                    {
                        targets.push(value(target));
                    }
                    ("gmti.dwell", dwell_bytes(mask, &body, &targets))
                }
                13 => ("track.air", platform_bytes(&body)),
                _ => {
                    assert_eq!(body["segment_type"], number);
                    assert_eq!(body["length_bytes"], bytes.len());
                    ("gmti.segment", from_hex(&body["content"]))
                }
            };
            assert_eq!(message.class, class, "{sample}");
            assert_eq!(written, bytes, "{sample}: segment of type {number}");
        }
        assert!(messages.next().is_none(), "{sample}: a message too many");
    }
    println!("{counts:?}");
    let expected = [
        ("detection.ground", 4),
        ("gmti.dwell", 2),
        ("gmti.mission", 3),
        ("gmti.segment", 3),
        ("track.air", 2),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
}

//! GMTI end to end, by the program itself, from the file through journal and sandbox to the logs of
//! topics. A packet that says who may see it raises the label of what is made of it above its tap's,
//! and no topic below takes it; and the largest packet that is taken fits the default fuel.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use outrigger::record::hex;

use crate::common::{installation, recordings};
use crate::rig::Site;

const CLASSES: [&str; 5] = [
    "gmti.mission",
    "gmti.dwell",
    "track.air",
    "gmti.segment",
    "detection.ground",
];

const SAMPLES: [&str; 3] = [
    "mission_dwell_hi_res_targets",
    "platform_location_mixed_time_basis",
    "free_text_and_test_status",
];

/// Labels, from low to high; two that only the highest is above.
const ORDER: &str = r#"[["open", "partner", "top"], ["open", "restricted", "secret", "top"]]"#;

/// Which label each marking has.
const MARKINGS: [(&str, &str); 10] = [
    ("unclassified", "open"),
    ("restricted", "restricted"),
    ("confidential", "secret"),
    ("secret", "secret"),
    ("top-secret", "top"),
    ("unclassified.special", "restricted"),
    ("restricted.special", "secret"),
    ("confidential.special", "secret"),
    ("secret.special", "top"),
    ("top-secret.special", "top"),
];

/// Packets of the recordings, one a line; the second list has the first packet with its
/// classification changed to each of the five.
fn packets(folder: &Path) -> (Vec<String>, Vec<String>) {
    let read = |name: &str| std::fs::read(folder.join(format!("{name}.gmti"))).unwrap();
    let recorded = SAMPLES.map(read);
    let changed = (1..=5).map(|number| {
        let mut packet = recorded[0].clone();
        packet[8] = number;
        hex(&packet)
    });
    let changed = changed.collect();
    (recorded.iter().map(|packet| hex(packet)).collect(), changed)
}

/// Two taps of different labels, one decoder, and a topic for each class.
fn configuration(topic_label: &str, markings: &[(&str, &str)], parameters: &str) -> String {
    let writes = CLASSES.map(|class| format!("{class:?}")).join(", ");
    let markings: Vec<String> = markings
        .iter()
        .map(|(marking, label)| format!("{marking:?} = {label:?}"))
        .collect();
    let mut text = format!("[labels]\norder = {ORDER}\n");
    for (tap, label) in [("radar", "open"), ("ally", "partner")] {
        text += &format!(
            "[taps.{tap}]\nkind = \"lines\"\npath = \"{tap}.txt\"\nencoding = \"hex\"\n\
             pace = \"flat-out\"\nlabel = {label:?}\n"
        );
    }
    text += &format!(
        "[plugins.gmti]\ncomponent = \"gmti_decoder.wasm\"\nrole = \"decoder\"\n\
         taps = [\"radar\", \"ally\"]\nwrites = [{writes}]\nmarkings = {{ {} }}\n\
         parameters = {{ {parameters} }}\n",
        markings.join(", ")
    );
    for class in CLASSES {
        let topic = class.replace('.', "-");
        // One class goes where the test says, the others where everything may.
        let label = match class {
            "detection.ground" => topic_label,
            _ => "top",
        };
        text += &format!(
            "[classes.{class:?}]\ntopic = {topic:?}\n[topics.{topic:?}]\nlabel = {label:?}\n"
        );
    }
    text
}

/// How many records each topic has of each tap, class and label.
fn count(site: &Site) -> BTreeMap<(String, String, String), usize> {
    let data = site.data("data");
    let mut counts = BTreeMap::new();
    for class in CLASSES {
        for record in data.records(&class.replace('.', "-")) {
            assert_eq!(record.class, class);
            let of = (record.tap, record.class, record.label);
            *counts.entry(of).or_default() += 1;
        }
    }
    assert_eq!(data.dead_letters(), []);
    counts
}

fn run(recorded: &[String], parameters: &str) -> BTreeMap<(String, String, String), usize> {
    let site = Site::new(installation());
    for tap in ["radar", "ally"] {
        site.write(&format!("{tap}.txt"), recorded.join("\n"));
    }
    site.configure("data", "", &configuration("top", &MARKINGS, parameters));
    let status = site.run_well("data", &[]);
    let frames = 2 * recorded.len() as u64;
    assert_eq!(status.ledger.captured, frames, "every packet is captured");
    assert_eq!(status.ledger.processed, frames, "and processed");
    count(&site)
}

#[test]
fn a_marking_raises_the_label_of_its_messages_above_the_taps() {
    let Some(folder) = recordings("gmti") else {
        return;
    };
    let (recorded, _) = packets(&folder);
    // What the reference finds in the three packets, and per tap the join of its label with the
    // marking's.
    let found = [
        ("gmti.mission", 3),
        ("gmti.dwell", 2),
        ("track.air", 2),
        ("gmti.segment", 3),
        ("detection.ground", 4),
    ];
    for (parameters, open, partner) in [
        // An unknown system with codes: unclassified.special, which is restricted here.
        ("", "restricted", "top"),
        // The same system, declared one's own, and its codes harmless: unclassified, open.
        ("systems = [\"ZZ\"], plain_codes = 0x41", "open", "partner"),
    ] {
        let mut expected = BTreeMap::new();
        for (class, number) in found {
            for (tap, label) in [("radar", open), ("ally", partner)] {
                let of = (tap.to_owned(), class.to_owned(), label.to_owned());
                expected.insert(of, number);
            }
        }
        assert_eq!(run(&recorded, parameters), expected, "{parameters}");
    }
}

#[test]
fn each_message_carries_the_join_of_its_taps_label_and_its_own_marking() {
    let Some(folder) = recordings("gmti") else {
        return;
    };
    let (_, changed) = packets(&folder);
    let counts = run(&changed, "systems = [\"ZZ\"], plain_codes = 0x41");
    let labels = |tap: &str| -> BTreeMap<&str, usize> {
        let dwells = counts
            .iter()
            .filter(|((of, class, _), _)| of == tap && class == "gmti.dwell");
        dwells
            .map(|((_, _, label), count)| (label.as_str(), *count))
            .collect()
    };
    // Top secret, secret and confidential, restricted, unclassified.
    let expected = [("open", 1), ("restricted", 1), ("secret", 2), ("top", 1)];
    assert_eq!(labels("radar"), BTreeMap::from(expected));
    // Beside the tap's own label only the highest is above both.
    assert_eq!(labels("ally"), BTreeMap::from([("partner", 1), ("top", 4)]));
}

#[test]
fn a_topic_that_a_marking_could_leak_into_is_refused_with_the_path() {
    let site = Site::new(installation());
    for tap in ["radar", "ally"] {
        site.write(&format!("{tap}.txt"), "");
    }
    site.configure("data", "", &configuration("partner", &MARKINGS, ""));
    let errors = site.run_badly("data", &[], 1);
    let expected = "topics.detection-ground.label: label partner does not dominate label top, \
                    which could reach it: ally (marked confidential) -> detection.ground -> \
                    detection-ground";
    assert!(errors.contains(expected), "{errors}");
    assert!(
        !site.path("data").join("journal").exists(),
        "nothing was captured"
    );
}

#[test]
fn a_marking_without_a_label_refuses_to_start() {
    let site = Site::new(installation());
    for tap in ["radar", "ally"] {
        site.write(&format!("{tap}.txt"), "");
    }
    site.configure("data", "", &configuration("top", &MARKINGS[..9], ""));
    let errors = site.run_badly("data", &[], 3);
    assert!(
        errors.contains("top-secret.special has no label"),
        "{errors}"
    );
}

/// Runs one packet alone under the default limits, so that no neighbour's fuel helps; says how
/// many messages it gave.
fn run_alone(packet: &[u8]) -> usize {
    let site = Site::new(installation());
    site.write("radar.txt", hex(packet));
    site.write("ally.txt", "");
    site.configure("data", "", &configuration("top", &MARKINGS, ""));
    let status = site.run_well("data", &[]);
    assert_eq!(status.ledger.processed, 1);
    let plugin = &status.plugins[0];
    println!("{} fuel for {} bytes", plugin.fuel, packet.len());
    assert!(plugin.faults.is_empty(), "{:?}", plugin.faults);
    count(&site).values().sum()
}

/// A packet of these segments: type and content.
fn packet(segments: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut packet = b"41\0\0\0\0XN\x05XN\0\0\x01SENSOR-123".to_vec();
    packet.extend_from_slice(&[0xff; 8]);
    for (number, content) in segments {
        packet.push(*number);
        packet.extend_from_slice(&(content.len() as u32 + 5).to_be_bytes());
        packet.extend_from_slice(content);
    }
    let size = packet.len() as u32;
    packet[2..6].copy_from_slice(&size.to_be_bytes());
    packet
}

#[test]
fn the_largest_packets_that_are_taken_fit_the_default_fuel() {
    // 63 targets with every field but the reduced positions, of 32 bytes each.
    let mask: u64 = 0xff00_03c3_9fff_0000;
    let mut dwell = mask.to_be_bytes().to_vec();
    dwell.extend_from_slice(&[0, 1, 0, 1, 1, 0, 63]);
    dwell.extend_from_slice(&[0x12; 16 + 12]);
    dwell.extend(std::iter::repeat_n(0x21, 32 * 63));
    assert_eq!(run_alone(&packet(&[(2, dwell)])), 64);
    // As many segments, each of the most bytes that are kept.
    let segments = vec![(6, vec![b'A'; 256]); 64];
    assert_eq!(run_alone(&packet(&segments)), 64);
}

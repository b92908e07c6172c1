//! Every recording through the whole program, from its file flat out and over real sockets: every
//! frame is accounted for, and of each class there are as many messages as the reference decodings
//! make them. What is in the messages is compared by the plugins' own tests.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use outrigger::record::{Record, hex};
use outrigger::status::StatusSnapshot;
use serde_json::Value;

use crate::common::{installation, recordings};
use crate::rig::live::{over_tcp, over_udp};
use crate::rig::{Data, Site};

/// A format: its decoder, what it makes, and what its README asks for.
struct Format {
    component: &'static str,
    classes: &'static [&'static str],
    limits: &'static str,
}

const AIS: Format = Format {
    component: "ais_decoder.wasm",
    classes: &[
        "track.sea",
        "track.air",
        "static.sea",
        "station.base",
        "aid.navigation",
    ],
    limits: "",
};
const ASTERIX: Format = Format {
    component: "asterix_decoder.wasm",
    classes: &[
        "track.air",
        "asterix.cat021",
        "asterix.cat034",
        "asterix.cat048",
        "asterix.cat062",
    ],
    // Datagrams of twenty records in batches of 256.
    limits: "message_fuel = 600_000\nmemory_bytes_max = 16_777_216\ncall_bytes_max = 8_388_608",
};
const MODE_S: Format = Format {
    component: "adsb_decoder.wasm",
    classes: &[
        "track.air",
        "mode-s.identification",
        "mode-s.velocity",
        "mode-s.emergency",
        "mode-s.status",
        "mode-s.target",
        "mode-s.surveillance",
    ],
    limits: "",
};
const DIS: Format = Format {
    component: "dis_decoder.wasm",
    classes: &["track.air", "track.sea", "track.ground", "dis.entity-state"],
    limits: "",
};
const GMTI: Format = Format {
    component: "gmti_decoder.wasm",
    classes: &[
        "gmti.mission",
        "gmti.dwell",
        "track.air",
        "track.ground",
        "gmti.platform",
        "gmti.segment",
        "detection.ground",
    ],
    // Whatever the packets say, here everybody may see it.
    limits: r#"markings = { unclassified = "unlabelled", restricted = "unlabelled", confidential = "unlabelled", secret = "unlabelled", top-secret = "unlabelled", "unclassified.special" = "unlabelled", "restricted.special" = "unlabelled", "confidential.special" = "unlabelled", "secret.special" = "unlabelled", "top-secret.special" = "unlabelled" }"#,
};

impl Format {
    /// One tap, one decoder, a topic for each class.
    fn configuration(&self, tap: &str) -> String {
        let Self {
            component,
            classes,
            limits,
        } = self;
        let writes: Vec<String> = classes.iter().map(|class| format!("{class:?}")).collect();
        let writes = writes.join(", ");
        let mut text = format!(
            "[taps.bus]\n{tap}\n[plugins.decoder]\ncomponent = {component:?}\n\
             role = \"decoder\"\ntaps = [\"bus\"]\nwrites = [{writes}]\n{limits}\n"
        );
        for class in *classes {
            let topic = class.replace('.', "-");
            text += &format!("[classes.{class:?}]\ntopic = {topic:?}\n[topics.{topic:?}]\n");
        }
        text
    }

    /// Runs a file to its end.
    fn play(&self, site: &Site, tap: &str) -> (StatusSnapshot, Data) {
        site.configure("data", "", &self.configuration(tap));
        let status = site.run_well("data", &[]);
        (status, site.data("data"))
    }
}

fn file(kind: &str, path: &Path) -> String {
    let path = path.to_str().unwrap();
    format!("kind = {kind:?}\npath = {path:?}\npace = \"flat-out\"")
}

/// Files of one datagram each, as a recording of hexadecimal lines.
fn datagrams(site: &Site, files: &[PathBuf]) -> String {
    let lines: Vec<String> = files
        .iter()
        .map(|path| hex(&std::fs::read(path).unwrap()))
        .collect();
    let path = site.write("datagrams.hex", lines.join("\n"));
    file("lines", &path) + "\nencoding = \"hex\""
}

/// A recording or a reference as text, unpacked.
fn read(path: &Path) -> String {
    String::from_utf8_lossy(&crate::rig::recordings::read(path)).into_owned()
}

/// Lines of a reference decoding.
fn reference(path: &Path) -> Vec<Value> {
    let text = read(path);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

type Counts = BTreeMap<&'static str, usize>;

/// How many records there are of each class that has any.
fn counts(data: &Data, format: &Format) -> Counts {
    let all = format
        .classes
        .iter()
        .map(|class| (*class, records(data, class).len()));
    all.filter(|(_, count)| *count > 0).collect()
}

fn records(data: &Data, class: &str) -> Vec<Record> {
    data.records(&class.replace('.', "-"))
}

/// Every frame was taken or is a dead letter, and no call failed.
fn assert_accounted(status: &StatusSnapshot, frames: usize, rejected: usize) {
    let ledger = &status.ledger;
    assert_eq!(
        (ledger.captured, ledger.processed, ledger.rejected),
        (frames as u64, (frames - rejected) as u64, rejected as u64)
    );
    assert_eq!((ledger.difference, ledger.lost_before), (0, 0));
    let plugin = &status.plugins[0];
    assert!(plugin.faults.is_empty(), "{:?}", plugin.faults);
}

fn frames(data: &Data) -> Vec<Vec<u8>> {
    data.frames().into_iter().map(|frame| frame.bytes).collect()
}

/// Plays what a file gave as datagrams: keys of each class and dead letters are the same, in order.
fn assert_same_over_udp(site: &Site, format: &Format, file: &Data, classes: &[&str]) {
    let frames = frames(file);
    let rejected = file.dead_letters().len();
    let status = over_udp(site, |tap| format.configuration(tap), &frames);
    assert_accounted(&status, frames.len(), rejected);
    assert_same(format, file, &site.data("udp"), classes);
}

fn assert_same(format: &Format, file: &Data, live: &Data, classes: &[&str]) {
    let keys = |data: &Data, class: &str| -> Vec<Vec<u8>> {
        let records = records(data, class).into_iter();
        records.map(|record| record.key.into_bytes()).collect()
    };
    for class in classes {
        assert!(format.classes.contains(class));
        assert!(keys(live, class) == keys(file, class), "{class}");
    }
    let dead = |data: &Data| -> Vec<String> {
        let letters = data.dead_letters().into_iter();
        letters
            .map(|letter| format!("{:?} {:?}", letter.cause, letter.stage))
            .collect()
    };
    assert_eq!(dead(live), dead(file));
}

#[test]
fn ais_recordings_come_through_from_files_and_over_udp() {
    let Some(folder) = recordings("ais") else {
        return;
    };
    for (name, reference_name) in [
        ("dma_ais-sample.txt.gz", "dma_ais-sample.pyais.jsonl.gz"),
        (
            "dma_538004030_drift_1.ais",
            "dma_538004030_drift_1.pyais.jsonl.gz",
        ),
        (
            "dma_219165000_ssc_1.ais",
            "dma_219165000_ssc_1.pyais.jsonl.gz",
        ),
        ("gpsd_ais-nmea.log", "gpsd_ais-nmea.pyais.jsonl"),
        (
            "signalk_nais300-merrimac.log",
            "signalk_nais300-merrimac.pyais.jsonl",
        ),
    ] {
        let mut expected = Counts::new();
        for message in reference(&folder.join(reference_name)) {
            let class = match message["msg"]["msg_type"].as_u64().unwrap() {
                1..=3 | 18 | 19 | 27 => "track.sea",
                9 => "track.air",
                5 | 24 => "static.sea",
                4 | 11 => "station.base",
                21 => "aid.navigation",
                _ => continue,
            };
            *expected.entry(class).or_default() += 1;
            if message["msg"]["msg_type"] == 19 {
                *expected.entry("static.sea").or_default() += 1;
            }
        }
        let site = Site::new(installation());
        let (status, data) = AIS.play(&site, &file("lines", &folder.join(name)));
        let lines = read(&folder.join(name)).lines().count();
        assert_accounted(&status, lines, 0);
        assert_eq!(counts(&data, &AIS), expected, "{name}");
        assert_same_over_udp(&site, &AIS, &data, AIS.classes);
    }
}

#[test]
fn asterix_recordings_come_through_from_files_and_over_udp() {
    let Some(folder) = recordings("asterix") else {
        return;
    };
    // Datagrams, those with a block of CAT065, and tracks. A block of a category that is not decoded is
    // rejected where it begins; what stands before it in the datagram is not. A plot without a radar
    // site has no position, so it is no track.
    for (name, datagram_count, rejected, tracks) in [
        ("transcoded_switzerland_cat062.pcap", 778, 0, 12_971),
        ("croatia_cat_034_048.pcap", 100, 0, 0),
        ("croatia_cat_062_065.pcap", 1, 1, 2),
        ("croatia_cat062cat065.raw", 1, 1, 2),
        ("croatia_cat048.raw", 1, 0, 0),
        ("croatia_cat21_re.ast", 1, 0, 2),
    ] {
        let path = folder.join(name);
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let packed = folder.join(format!("{stem}.astdec.jsonl.gz"));
        let plain = folder.join(format!("{stem}.astdec.jsonl"));
        let mut expected = Counts::new();
        if tracks > 0 {
            expected.insert("track.air", tracks);
        }
        for record in reference(if packed.exists() { &packed } else { &plain }) {
            let class = match record["category"].as_u64().unwrap() {
                21 => "asterix.cat021",
                34 => "asterix.cat034",
                48 => "asterix.cat048",
                62 => "asterix.cat062",
                _ => continue,
            };
            *expected.entry(class).or_default() += 1;
        }
        let site = Site::new(installation());
        let tap = match path.extension().unwrap().to_str() {
            Some("pcap") => file("pcap", &path),
            _ => datagrams(&site, &[path]),
        };
        let (status, data) = ASTERIX.play(&site, &tap);
        assert_accounted(&status, datagram_count, rejected);
        assert_eq!(counts(&data, &ASTERIX), expected, "{name}");
        for letter in data.dead_letters() {
            let (_, detail) = letter.stage.unwrap();
            assert!(
                detail.starts_with("CAT065: category not decoded at byte "),
                "{detail}"
            );
        }
        assert_same_over_udp(&site, &ASTERIX, &data, ASTERIX.classes);
    }
}

#[test]
fn what_cannot_be_decoded_is_a_dead_letter_with_its_place_and_never_a_message() {
    let Some(folder) = recordings("asterix/undecodable") else {
        return;
    };
    for (name, datagram_count) in [
        ("croatia_asterix.pcap", 100),
        ("croatia_cat_001_002.pcap", 1),
    ] {
        let site = Site::new(installation());
        let (status, data) = ASTERIX.play(&site, &file("pcap", &folder.join(name)));
        assert_accounted(&status, datagram_count, datagram_count);
        assert_eq!(counts(&data, &ASTERIX), Counts::new(), "{name}");
        let dead = data.dead_letters();
        assert_eq!(dead.len(), datagram_count);
        for letter in dead {
            let (stage, detail) = letter.stage.unwrap();
            assert_eq!(stage, "decode:decoder");
            assert!(detail.contains(" at byte "), "{detail}");
        }
        assert_same_over_udp(&site, &ASTERIX, &data, ASTERIX.classes);
    }
}

#[test]
fn dis_recordings_come_through_from_files_and_over_udp() {
    let Some(folder) = recordings("dis") else {
        return;
    };
    let raw = |name: &str| folder.join("pdus").join(format!("{name}.raw"));
    let pdus = [
        "ElectromagneticEmissionPdu-single-system",
        "EntityStatePdu-26",
        "SetDataPdu-multi-variable-datums",
        "SignalPdu",
        "TransmitterPdu",
    ];
    let captures = [
        "opendis7_Entity90DegreesTurn",
        "opendis7_PdusaveGAZ69Patroling",
    ];
    for (name, decoded) in captures
        .map(|name| (name, vec![name.to_owned()]))
        .into_iter()
        .chain([("pdus", pdus.map(|name| format!("pdus/{name}")).to_vec())])
    {
        let all: Vec<Value> = decoded
            .iter()
            .flat_map(|name| reference(&folder.join(format!("{name}.opendis.jsonl"))))
            .collect();
        let entities = all.iter().filter(|pdu| pdu["pduType"] == 1).count();
        let cut = all.iter().filter(|pdu| !pdu["error"].is_null()).count();
        let site = Site::new(installation());
        let tap = match name {
            "pdus" => datagrams(&site, &pdus.map(raw)),
            capture => file("pcap", &folder.join(format!("{capture}.pcap"))),
        };
        let (status, data) = DIS.play(&site, &tap);
        assert_accounted(&status, all.len(), cut);
        let expected = [("dis.entity-state", entities), ("track.ground", entities)];
        assert_eq!(counts(&data, &DIS), expected.into(), "{name}");
        // Everything else is skipped by its name.
        let skipped: u64 = status.plugins[0].skips.values().sum();
        assert_eq!(skipped as usize, all.len() - entities - cut, "{name}");
        assert_same_over_udp(&site, &DIS, &data, DIS.classes);
    }
}

#[test]
fn gmti_recordings_come_through_from_files_and_over_udp() {
    let Some(folder) = recordings("gmti") else {
        return;
    };
    let names = [
        "mission_dwell_hi_res_targets",
        "platform_location_mixed_time_basis",
        "free_text_and_test_status",
    ];
    let mut expected = Counts::new();
    for name in names {
        for packet in reference(&folder.join(format!("{name}.stanag4607.jsonl"))) {
            for segment in packet["segments"].as_array().unwrap() {
                let class = match segment["segment_type"].as_u64().unwrap() {
                    1 => "gmti.mission",
                    2 => "gmti.dwell",
                    // The mission segment names an aircraft.
                    13 => "track.air",
                    _ => "gmti.segment",
                };
                *expected.entry(class).or_default() += 1;
                if class == "gmti.dwell" {
                    // D5, target report count: two bytes behind D1 to D4 of 8, 2, 2 and 1.
                    let payload = segment["payload"].as_str().unwrap();
                    let targets = usize::from_str_radix(&payload[26..30], 16).unwrap();
                    *expected.entry("detection.ground").or_default() += targets;
                }
            }
        }
    }
    let files = names.map(|name| folder.join(format!("{name}.gmti")));
    let site = Site::new(installation());
    let (status, data) = GMTI.play(&site, &datagrams(&site, &files));
    assert_accounted(&status, 3, 0);
    assert_eq!(counts(&data, &GMTI), expected);
    assert_same_over_udp(&site, &GMTI, &data, GMTI.classes);
}

/// Frames by what rs1090 finds in them: a class, `position`, `df-11`, and so on.
fn mode_s_reference(path: &Path) -> BTreeMap<String, u64> {
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for message in reference(path) {
        let kind = match (message["df"].as_str(), message["bds"].as_str()) {
            (None, _) => "df-24".to_owned(),
            (Some("17" | "18"), Some(bds)) => match bds {
                "05" | "06" => "position",
                "08" => "mode-s.identification",
                "09" => "mode-s.velocity",
                "61" => "mode-s.emergency",
                "62" => "mode-s.target",
                "65" => "mode-s.status",
                "id24" => "type-24",
                "NoPosition" => "type-0",
                other => panic!("{other}"),
            }
            .to_owned(),
            (Some("4" | "5" | "20" | "21"), _) => "mode-s.surveillance".to_owned(),
            (Some(df), _) => format!("df-{df}"),
        };
        *found.entry(kind).or_default() += 1;
    }
    found
}

/// Every frame became what rs1090 finds in it, or says why it did not: positions without their other
/// half or far off, addresses that nobody has shown yet, parities and values that cannot be.
fn assert_mode_s(status: &StatusSnapshot, data: &Data, reference: &BTreeMap<String, u64>) {
    let mut found: BTreeMap<String, u64> = counts(data, &MODE_S)
        .into_iter()
        .map(|(class, count)| (class.to_owned(), count as u64))
        .collect();
    found.remove("track.air");
    let mut add = |kind: &str, count: u64| *found.entry(kind.to_owned()).or_default() += count;
    let tracks = records(data, "track.air").len() as u64;
    // Most positions find their other half.
    assert!(8 * tracks > 7 * reference["position"], "{tracks} tracks");
    add("position", tracks);
    for (kind, count) in &status.plugins[0].skips {
        match kind.as_str() {
            "position-unpaired" | "position-inconsistent" | "position-no-reference" | "repeat" => {
                add("position", *count);
            }
            "address-unconfirmed" => add("mode-s.surveillance", *count),
            other => add(other, *count),
        }
    }
    for letter in data.dead_letters() {
        let (_, detail) = letter.stage.unwrap();
        match letter.cause.as_deref() {
            Some("parity") if detail.starts_with("parity of an all-call reply") => add("df-11", 1),
            Some("value") => add("mode-s.surveillance", 1),
            _ => panic!("{:?}: {detail}", letter.cause),
        }
    }
    assert_eq!(found, *reference);
}

#[test]
fn the_long_flight_comes_through_from_its_file_and_as_beast_over_tcp() {
    let Some(folder) = recordings("adsb") else {
        return;
    };
    let expected = mode_s_reference(&folder.join("rs1090_long_flight.rs1090.jsonl.gz"));
    let site = Site::new(installation());
    let tap = file("lines", &folder.join("rs1090_long_flight.csv.gz"));
    let tap = format!("{tap}\nencoding = \"hex\"\ntime_column = true");
    let (status, data) = MODE_S.play(&site, &tap);
    let frames = frames(&data);
    assert_accounted(&status, 172_432, data.dead_letters().len());
    assert_mode_s(&status, &data, &expected);

    let mut bytes = Vec::new();
    for frame in &frames {
        bytes.push(0x1a);
        for &byte in &frame[1..] {
            bytes.push(byte);
            if byte == 0x1a {
                bytes.push(byte);
            }
        }
    }
    // What ends the last frame is the start of the next.
    bytes.extend_from_slice(&[0x1a, b'1']);
    let configuration = |tap: &str| MODE_S.configuration(tap);
    let status = over_tcp(&site, configuration, "beast", &bytes, frames.len());
    let live = site.data("tcp");
    assert_accounted(&status, frames.len(), data.dead_letters().len());
    // Two hours pass in seconds, and with them what is forgotten meanwhile.
    assert_mode_s(&status, &live, &expected);
    assert_same(&MODE_S, &data, &live, TIMELESS);
}

#[test]
fn los_angeles_comes_through_from_its_file_and_over_udp() {
    let Some(folder) = recordings("adsb") else {
        return;
    };
    let expected = mode_s_reference(&folder.join("adsb_deku_lax.rs1090.jsonl.gz"));
    let site = Site::new(installation());
    let tap = file("lines", &folder.join("adsb_deku_lax.avr.gz"));
    let (status, data) = MODE_S.play(&site, &tap);
    assert_accounted(&status, 215_606, data.dead_letters().len());
    assert_mode_s(&status, &data, &expected);

    let configuration = |tap: &str| MODE_S.configuration(tap);
    let status = over_udp(&site, configuration, &frames(&data));
    let live = site.data("udp");
    assert_accounted(&status, 215_606, data.dead_letters().len());
    assert_mode_s(&status, &live, &expected);
    assert_same(&MODE_S, &data, &live, TIMELESS);
}

/// What a Mode S frame says by itself, whenever it comes.
const TIMELESS: &[&str] = &[
    "mode-s.identification",
    "mode-s.velocity",
    "mode-s.emergency",
    "mode-s.status",
    "mode-s.target",
];

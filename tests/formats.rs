//! Recordings of ASTERIX and of Mode S through the whole program, flat out and over real sockets:
//! every frame is accounted for, and the messages are as many as the reference decoders find.

#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;

use outrigger::status::StatusSnapshot;
use rustix::process::Signal;

use crate::common::{installation, recordings};
use crate::rig::{Data, Frame, Site};

const ASTERIX: [&str; 5] = [
    "track.air",
    "asterix.cat021",
    "asterix.cat034",
    "asterix.cat048",
    "asterix.cat062",
];
const MODE_S: [&str; 7] = [
    "track.air",
    "mode-s.identification",
    "mode-s.velocity",
    "mode-s.emergency",
    "mode-s.status",
    "mode-s.target",
    "mode-s.surveillance",
];

/// One tap, one decoder, a topic for each class.
fn configuration(tap: &str, component: &str, limits: &str, classes: &[&str]) -> String {
    let writes: Vec<String> = classes.iter().map(|class| format!("{class:?}")).collect();
    let writes = writes.join(", ");
    let mut text = format!(
        "[taps.bus]\n{tap}\n[plugins.decoder]\ncomponent = {component:?}\nrole = \"decoder\"\n\
         taps = [\"bus\"]\nwrites = [{writes}]\n{limits}\n"
    );
    for class in classes {
        let topic = class.replace('.', "-");
        text += &format!("[classes.{class:?}]\ntopic = {topic:?}\n[topics.{topic:?}]\n");
    }
    text
}

fn asterix(tap: &str) -> String {
    // As the plugin's README asks for datagrams of twenty records in batches of 256.
    let limits =
        "message_fuel = 600_000\nmemory_bytes_max = 16_777_216\ncall_bytes_max = 8_388_608";
    configuration(tap, "asterix_decoder.wasm", limits, &ASTERIX)
}

fn mode_s(tap: &str) -> String {
    configuration(tap, "adsb_decoder.wasm", "", &MODE_S)
}

fn file(kind: &str, path: &Path) -> String {
    let path = path.to_str().unwrap();
    format!("kind = {kind:?}\npath = {path:?}\npace = \"flat-out\"")
}

/// A recording as text, unpacked.
fn read(path: &Path) -> String {
    String::from_utf8(crate::rig::recordings::read(path)).unwrap()
}

fn assert_accounted(status: &StatusSnapshot, frames: u64) {
    let ledger = &status.ledger;
    assert_eq!(
        (ledger.captured, ledger.processed + ledger.rejected),
        (frames, frames)
    );
    assert_eq!((ledger.difference, ledger.lost_before), (0, 0));
    let plugin = &status.plugins[0];
    assert!(plugin.faults.is_empty(), "{:?}", plugin.faults);
}

fn records(data: &Data, class: &str) -> usize {
    data.records(&class.replace('.', "-")).len()
}

/// Plays frames as datagrams onto a tap of that configuration, a part at a time, so that no buffer
/// overflows; and ends the run.
fn over_udp(site: &Site, configuration: impl Fn(&str) -> String, frames: &[Frame]) {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = free.local_addr().unwrap();
    drop(free);
    let tap = format!(
        "kind = \"udp\"\naddress = \"127.0.0.1\"\nport = {}",
        to.port()
    );
    site.configure("udp", "", &configuration(&tap));
    let mut running = site.start("udp", &[]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent = 0;
    for part in frames.chunks(100) {
        for frame in part {
            sender.send_to(&frame.bytes, to).unwrap();
        }
        sent += part.len() as u64;
        running.wait_status("datagrams", |status| status.ledger.captured == sent);
    }
    let status = running.wait_status("all of it", |status| status.ledger.waiting == 0);
    assert_accounted(&status, sent);
    running.signal(Signal::TERM);
    assert_eq!(running.end().0, Some(0));
}

#[test]
fn asterix_comes_through_from_a_capture_and_over_udp() {
    let Some(folder) = recordings("asterix") else {
        return;
    };
    // Datagrams, and records by the reference decoder.
    for (name, datagrams, counts) in [
        (
            "transcoded_switzerland_cat062.pcap",
            778,
            vec![("asterix.cat062", 12_971), ("track.air", 12_971)],
        ),
        (
            "croatia_cat_034_048.pcap",
            100,
            vec![("asterix.cat034", 34), ("asterix.cat048", 128)],
        ),
    ] {
        let site = Site::new(installation());
        let tap = file("pcap", &folder.join(name));
        site.configure("data", "", &asterix(&tap));
        assert_accounted(&site.run_well("data", &[]), datagrams);
        let data = site.data("data");
        over_udp(&site, asterix, &data.frames());
        for data in [data, site.data("udp")] {
            for (class, count) in &counts {
                assert_eq!(records(&data, class), *count, "{name}: {class}");
            }
            assert!(data.dead_letters().is_empty(), "{name}");
        }
    }
}

#[test]
fn the_long_flight_comes_through_whole() {
    let Some(folder) = recordings("adsb") else {
        return;
    };
    let site = Site::new(installation());
    let tap = file("lines", &folder.join("rs1090_long_flight.csv.gz"));
    let tap = format!("{tap}\nencoding = \"hex\"\ntime_column = true");
    site.configure("data", "", &mode_s(&tap));
    assert_accounted(&site.run_well("data", &[]), 172_432);
    let reference = read(&folder.join("rs1090_long_flight.pymodes_df17_18.jsonl.gz"));
    let found = |from: u64, to: u64| {
        let messages = reference.lines();
        let messages =
            messages.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let of = messages.filter(|message| {
            let code = message["typecode"].as_u64();
            message["crc_valid"] == true && code.is_some_and(|code| (from..=to).contains(&code))
        });
        of.count()
    };
    let data = site.data("data");
    println!(
        "{} identifications, {} velocities, {} tracks, {} dead letters",
        records(&data, "mode-s.identification"),
        records(&data, "mode-s.velocity"),
        records(&data, "track.air"),
        data.dead_letters().len(),
    );
    assert_eq!(records(&data, "mode-s.identification"), found(1, 4));
    assert_eq!(records(&data, "mode-s.velocity"), found(19, 19));
}

#[test]
fn los_angeles_comes_through_whole() {
    let Some(folder) = recordings("adsb") else {
        return;
    };
    let site = Site::new(installation());
    let tap = file("lines", &folder.join("adsb_deku_lax.avr.gz"));
    site.configure("data", "", &mode_s(&tap));
    assert_accounted(&site.run_well("data", &[]), 215_606);
}

#[test]
fn beast_comes_over_tcp_as_it_comes_from_a_file() {
    const FRAMES: usize = 20_000;
    let Some(folder) = recordings("adsb") else {
        return;
    };
    let lines = read(&folder.join("rs1090_long_flight.csv.gz"));
    let part: Vec<&str> = lines.lines().take(FRAMES).collect();
    let site = Site::new(installation());
    let path = site.write("part.csv", part.join("\n"));
    let tap = file("lines", &path);
    let tap = format!("{tap}\nencoding = \"hex\"\ntime_column = true");
    site.configure("data", "", &mode_s(&tap));
    assert_accounted(&site.run_well("data", &[]), FRAMES as u64);
    let data = site.data("data");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let tap = format!("kind = \"tcp\"\nconnect = \"127.0.0.1:{port}\"\nframing = \"beast\"");
    site.configure("tcp", "", &mode_s(&tap));
    let mut running = site.start("tcp", &[]);
    let (mut stream, _) = listener.accept().unwrap();
    let mut bytes = Vec::new();
    for frame in data.frames() {
        bytes.push(0x1a);
        for &byte in &frame.bytes[1..] {
            bytes.push(byte);
            if byte == 0x1a {
                bytes.push(byte);
            }
        }
    }
    // What ends the last frame is the start of the next.
    bytes.extend_from_slice(&[0x1a, b'1']);
    stream.write_all(&bytes).unwrap();
    let status = running.wait_status("the stream", |status| {
        status.ledger.captured == FRAMES as u64 && status.ledger.waiting == 0
    });
    assert_accounted(&status, FRAMES as u64);
    running.signal(Signal::TERM);
    assert_eq!(running.end().0, Some(0));
    // Times differ, and with them what is a pair of positions; these two need none.
    let live = site.data("tcp");
    for class in ["mode-s.identification", "mode-s.surveillance"] {
        let count = records(&data, class);
        assert!(count > 50, "{class}: {count}");
        assert_eq!(records(&live, class), count, "{class}");
    }
}

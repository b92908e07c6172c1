//! Bad input on taps, and plugins that are not what they should be: nothing panics, every frame is
//! accounted for, and the message says what to do.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;
use std::net::UdpSocket;
use std::path::Path;

use outrigger::status::StatusSnapshot;
use rustix::process::Signal;

use crate::common::installation;
use crate::rig::disk::Small;
use crate::rig::guests::installed;
use crate::rig::recordings::Timed;
use crate::rig::{Random, Site, wait_for};

const AIS: &str = r#"
[plugins.ais]
component = "ais_decoder.wasm"
role = "decoder"
taps = ["bus"]
writes = ["track.sea", "static.sea"]
[classes."track.sea"]
topic = "tracks"
[classes."static.sea"]
topic = "tracks"
[topics.tracks]
"#;

fn lines(more: &str) -> String {
    format!(
        "[taps.bus]\nkind = \"lines\"\npath = \"frames.txt\"\npace = \"flat-out\"\n{more}\n{AIS}"
    )
}

/// Sentences cut, spoiled, repeated, or replaced by noise; empty and oversized ones between.
fn bad_frames(seed: u64, count: usize) -> Vec<Vec<u8>> {
    let recording = Timed::simulated(20);
    let good: Vec<&[u8]> = recording
        .text
        .lines()
        .map(|line| line.split_once(',').unwrap().1.as_bytes())
        .collect();
    let mut random = Random::new(seed);
    let mut frames = Vec::new();
    for at in 0..count {
        let mut frame = good[random.below(good.len() as u64) as usize].to_vec();
        match at % 8 {
            0 => {}
            1 => frame.truncate(random.below(frame.len() as u64) as usize),
            2 => {
                let place = random.below(frame.len() as u64) as usize;
                frame[place] ^= 1 << random.below(8);
            }
            3 => {
                frame = (0..random.below(200))
                    .map(|_| random.next() as u8)
                    .collect()
            }
            4 => frame.clear(),
            5 => frame = vec![b'!'; 2_000],
            6 => frame = [&frame[..], b"\r\n", &frame[..]].concat(),
            _ => frame.insert(0, 0xff),
        }
        frames.push(frame);
    }
    frames
}

fn hex(frames: &[Vec<u8>]) -> String {
    let mut text = String::new();
    for frame in frames {
        for byte in frame {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    text
}

/// Every captured frame is somewhere, and every rejected one is a dead letter with a cause.
fn balances(status: &StatusSnapshot, site: &Site, name: &str) {
    let ledger = &status.ledger;
    println!("{ledger:?}");
    assert_eq!(ledger.difference, 0);
    assert_eq!(ledger.waiting, 0);
    let data = site.data(name);
    assert_eq!(data.frames().len() as u64, ledger.captured - ledger.shed);
    let dead = data.dead_letters();
    assert!(ledger.rejected > 0 && dead.len() as u64 >= ledger.rejected);
    for record in &dead {
        let (stage, _) = record.stage.as_ref().unwrap();
        assert_eq!(stage, "decode:ais");
        assert!(!record.cause.as_ref().unwrap().is_empty());
        assert!(record.frame.is_some());
    }
    // Bad input is no fault of the plugin.
    assert!(status.plugins.iter().all(|plugin| plugin.faults.is_empty()));
}

#[test]
fn bad_lines_are_rejected_and_accounted_for() {
    let site = Site::new(installation());
    let frames = bad_frames(11, 8_000);
    site.write("frames.txt", hex(&frames) + "zz\n8\n");
    let text = lines("encoding = \"hex\"\nframe_bytes_max = 1_000");
    site.configure("data", "", &text);
    let status = site.run_well("data", &[]);
    balances(&status, &site, "data");
    let tap = &status.taps[0];
    let long = frames.iter().filter(|frame| frame.len() > 1_000).count() as u64;
    let empty = frames.iter().filter(|frame| frame.is_empty()).count() as u64;
    assert_eq!((tap.oversized, tap.empty, tap.malformed), (long, empty, 2));
    assert_eq!(tap.frames + long + empty, frames.len() as u64);
}

#[test]
fn bad_datagrams_are_rejected_and_accounted_for() {
    let site = Site::new(installation());
    let port = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let text = format!(
        "[taps.bus]\nkind = \"udp\"\naddress = \"127.0.0.1\"\nport = {port}\n\
         datagram_bytes_max = 1_000\n{AIS}"
    );
    site.configure("data", "", &text);
    let mut running = site.start("data", &[]);
    let frames = bad_frames(13, 2_000);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent = 0;
    for chunk in frames.chunks(100) {
        for frame in chunk {
            sender.send_to(frame, ("127.0.0.1", port)).unwrap();
            sent += 1;
        }
        // Not faster than the socket's buffer takes them.
        running.wait_status("the datagrams", |status| {
            let tap = &status.taps[0];
            tap.frames + tap.oversized + tap.empty >= sent
        });
    }
    running.wait_status("the end", |status| status.ledger.waiting == 0);
    running.signal(Signal::TERM);
    let (code, out, errors) = running.end();
    assert_eq!(code, Some(0), "{out}{errors}");
    let oversized = frames.iter().filter(|frame| frame.len() > 1_000).count();
    let data = site.data("data");
    let captured: Vec<Vec<u8>> = data.frames().into_iter().map(|frame| frame.bytes).collect();
    let expected: Vec<&Vec<u8>> = frames.iter().filter(|frame| frame.len() <= 1_000).collect();
    let without_empty = expected.iter().filter(|frame| !frame.is_empty()).count();
    println!("{} captured, {oversized} oversized", captured.len());
    assert!(captured.len() == expected.len() || captured.len() == without_empty);
    assert!(!data.dead_letters().is_empty());
}

/// A capture file with these payloads as UDP datagrams over Ethernet, a second apart.
fn pcap(payloads: &[&[u8]]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for (at, payload) in payloads.iter().enumerate() {
        let udp_bytes = 8 + payload.len() as u16;
        let ip_bytes = 20 + udp_bytes;
        let mut packet = vec![0; 12];
        packet.extend_from_slice(&[0x08, 0x00, 0x45, 0]);
        packet.extend_from_slice(&ip_bytes.to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        packet.extend_from_slice(&[0x10, 0, 0x20, 0]);
        packet.extend_from_slice(&udp_bytes.to_be_bytes());
        packet.extend_from_slice(&[0, 0]);
        packet.extend_from_slice(payload);
        let length = packet.len() as u32;
        for word in [1_700_000_000 + at as u32, 0, length, length] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(&packet);
    }
    file
}

#[test]
fn capture_file_cut_in_the_middle_gives_what_is_whole() {
    let site = Site::new(installation());
    let recording = Timed::simulated(5);
    let sentences: Vec<&[u8]> = recording
        .text
        .lines()
        .take(50)
        .map(|line| line.split_once(',').unwrap().1.as_bytes())
        .collect();
    let whole = pcap(&sentences);
    site.write("frames.pcap", &whole[..whole.len() - 10]);
    let text =
        format!("[taps.bus]\nkind = \"pcap\"\npath = \"frames.pcap\"\npace = \"flat-out\"\n{AIS}");
    site.configure("data", "", &text);
    let status = site.run_well("data", &[]);
    assert_eq!(status.taps[0].frames, 49);
    assert_eq!(status.ledger.difference, 0);
    let said = status.taps[0].last_error.as_deref().unwrap_or_default();
    assert_eq!(said, "after packet 49: the file ends within a record");
}

/// A copy of an installation that may be changed.
fn own_installation(site: &Site) -> std::path::PathBuf {
    let own = site.path("own");
    fs::create_dir(&own).unwrap();
    for entry in fs::read_dir(installation()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, own.join(path.file_name().unwrap())).unwrap();
    }
    own
}

/// The artifact of a component.
fn artifact(installation: &Path, begins: &str) -> std::path::PathBuf {
    let mut entries = fs::read_dir(installation)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(begins)
        })
        .unwrap()
}

/// Refused to start, and nothing was captured.
fn refused(site: &Site, plugins: &Path, text: &str, expected: &str) {
    let plugins = plugins.display();
    let text = format!("[runtime]\ndata_dir = \"data\"\nplugins_dir = \"{plugins}\"\n{text}");
    site.write("data.toml", text);
    let errors = site.run_badly("data", &[], 3);
    let said: Vec<&str> = errors
        .lines()
        .filter_map(|line| line.strip_prefix("outrigger: "))
        .collect();
    assert_eq!(said, [expected]);
    assert!(
        !site.path("data").exists(),
        "nothing is made of a data directory"
    );
}

#[test]
fn plugin_that_is_not_what_it_should_be_is_refused() {
    let site = Site::new(installation());
    site.write("frames.txt", "x\n");
    let text = lines("");
    let own = own_installation(&site);
    let own_text = own.display().to_string();

    let nowhere = site.path("nowhere");
    let shown = nowhere.display();
    refused(
        &site,
        &nowhere,
        &text,
        &format!(
            "{shown}: no plugins installed: run outrigger-plugin install --dir {shown} \
             COMPONENT.wasm"
        ),
    );
    let unknown = text.replace("ais_decoder.wasm", "radar.wasm");
    refused(
        &site,
        &own,
        &unknown,
        &format!(
            "plugins.ais: radar.wasm is not installed in {own_text}: run outrigger-plugin install \
             --dir {own_text} radar.wasm"
        ),
    );
    let pin = "ab".repeat(32);
    let pinned = text.replace("role =", &format!("sha256 = \"{pin}\"\nrole ="));
    let file = artifact(&own, "ais_decoder-");
    let lock = fs::read_to_string(own.join("outrigger.lock")).unwrap();
    let digest = lock
        .split("[components.\"ais_decoder.wasm\"]\nsha256 = \"")
        .nth(1)
        .unwrap();
    let digest = &digest[..64];
    let path = file.display();
    refused(
        &site,
        &own,
        &pinned,
        &format!("plugins.ais: {path}: wrong component: SHA-256 must be {pin}, not {digest}"),
    );
    let wrong_role = text.replace("ais_decoder.wasm", "example_validator.wasm");
    refused(
        &site,
        &own,
        &wrong_role,
        "plugins.ais: role is \"decoder\" in the configuration, but its component is a validator",
    );

    let whole = fs::read(&file).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    fs::write(&file, &changed).unwrap();
    refused(
        &site,
        &own,
        &text,
        &format!(
            "plugins.ais: {path}: not signed by this installation, or changed since: run \
             outrigger-plugin install again if you trust the component"
        ),
    );
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    refused(
        &site,
        &own,
        &text,
        &format!(
            "plugins.ais: {path}: cut short or of a wrong length: run outrigger-plugin install \
             again"
        ),
    );
    fs::remove_file(&file).unwrap();
    refused(
        &site,
        &own,
        &text,
        &format!(
            "plugins.ais: {path}: missing: run outrigger-plugin install with ais_decoder.wasm again"
        ),
    );
}

#[test]
fn class_that_a_plugin_does_not_know_is_refused() {
    let site = Site::new(installation());
    site.write("frames.txt", "x\n");
    let text = lines("").replace("static.sea", "static.land");
    refused(
        &site,
        installation(),
        &text,
        "plugins.ais: class static.land is none of the plugin's classes (track.sea, track.air, \
         static.sea, station.base, aid.navigation)",
    );
}

/// A configuration of the honest decoder behind a UDP tap or a recording.
fn echo(tap: &str) -> String {
    format!(
        "[taps.bus]\n{tap}\n[plugins.decoder]\ncomponent = \"decoder.wasm\"\nrole = \"decoder\"\n\
         taps = [\"bus\"]\nwrites = [\"echo\"]\noutput_bytes_max = 65_535\n\
         call_bytes_max = 33_554_432\nmemory_bytes_max = 67_108_864\nmessage_fuel = 1_000_000\n\
         [classes.echo]\ntopic = \"echoes\"\n[topics.echoes]\n"
    )
}

#[test]
fn live_tap_sheds_and_counts_when_the_disk_is_full() {
    let site = Site::new(installed());
    let Some(_small) = Small::mount(&site.path("data/journal"), "2m") else {
        return;
    };
    let port = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let tap = format!("kind = \"udp\"\naddress = \"127.0.0.1\"\nport = {port}");
    site.configure(
        "data",
        "segment_bytes = 131_072\nblock_bytes_max = 65_536",
        &echo(&tap),
    );
    let mut running = site.start("data", &[]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    // {"a": 8 KiB of zeros}
    let mut frame = vec![0x81, 0xa1, b'a', 0xc5, 0x20, 0x00];
    frame.resize(6 + 0x2000, 0);
    let mut sent = 0;
    // A block that still fits between two that do not ends the trouble for a moment.
    wait_for("the disk to be full, and the tap to say so", || {
        for _ in 0..20 {
            sender.send_to(&frame, ("127.0.0.1", port)).unwrap();
            sent += 1;
        }
        let status = running.status()?;
        let tap = &status.taps[0];
        let trouble = tap.trouble.as_deref().unwrap_or_default();
        (tap.shed_frames >= 20 && trouble.starts_with("shedding: ")).then_some(())
    });
    let settled = running.wait_status("the pipeline to be done", |status| {
        status.ledger.waiting == 0 && status.ledger.difference == 0
    });
    println!("{} sent, {:?}", sent, settled.ledger);
    running.kill();
    // What was acknowledged is there.
    let data = site.data("data");
    assert_eq!(
        data.frames().len() as u64,
        settled.ledger.captured - settled.ledger.shed
    );
    assert_eq!(data.records("echoes").len(), data.frames().len());
}

/// 600 messages {"a": 8 KiB of zeros}, as hexadecimal lines.
fn large_messages() -> String {
    let line = format!("81a161c52000{}\n", "00".repeat(0x2000));
    line.repeat(600)
}

const SMALL_BLOCKS: &str = "segment_bytes = 131_072\nblock_bytes_max = 65_536";

#[test]
fn recording_waits_while_the_disk_is_full() {
    let site = Site::new(installed());
    let Some(small) = Small::mount(&site.path("data/journal"), "2m") else {
        return;
    };
    site.write("frames.txt", large_messages());
    let tap = "kind = \"lines\"\npath = \"frames.txt\"\nencoding = \"hex\"";
    site.configure("data", SMALL_BLOCKS, &echo(tap));
    let mut running = site.start("data", &["--until-idle", "--json"]);
    let status = wait_for("the disk to be full and the pipeline done", || {
        let status = running.status()?;
        (small.is_full() && status.ledger.waiting == 0).then_some(status)
    });
    let tap = &status.taps[0];
    assert!(
        tap.frames > 0 && tap.frames < 600 && !tap.ended,
        "{}",
        tap.frames
    );
    small.grow("32m");
    let (code, out, errors) = running.end();
    assert_eq!(code, Some(0), "{errors}");
    let status: StatusSnapshot = serde_json::from_str(&out).unwrap();
    assert_eq!((status.ledger.captured, status.ledger.shed), (600, 0));
    assert_eq!(site.data("data").records("echoes").len(), 600);
}

#[test]
fn what_was_captured_outlives_a_disk_that_is_full_for_the_outputs() {
    let site = Site::new(installed());
    let Some(small) = Small::mount(&site.path("data"), "6m") else {
        return;
    };
    site.write("frames.txt", large_messages());
    let tap = "kind = \"lines\"\npath = \"frames.txt\"\nencoding = \"hex\"";
    site.configure("data", SMALL_BLOCKS, &echo(tap));
    let mut child = site.run_command("data", &["--until-idle"]).spawn().unwrap();
    // Either the frames or the outputs find no room first; both wait for it.
    wait_for("the disk to be full", || {
        assert_eq!(child.try_wait().unwrap(), None);
        small.is_full().then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let captured = site.data("data").frames().len();
    // All of them where the tap was ahead of the pipeline, which gives way to it.
    assert!(captured > 0 && captured <= 600, "{captured}");
    small.grow("32m");
    site.run_well("data", &[]);
    assert_eq!(site.data("data").records("echoes").len(), 600);
}

#[test]
fn a_run_waits_for_room_for_its_outputs_and_says_so() {
    let site = Site::new(installed());
    let Some(small) = Small::mount(&site.path("data/topics"), "3m") else {
        return;
    };
    site.write("frames.txt", large_messages());
    let tap = "kind = \"lines\"\npath = \"frames.txt\"\nencoding = \"hex\"";
    site.configure("data", SMALL_BLOCKS, &echo(tap));
    let mut running = site.start("data", &["--until-idle", "--json"]);
    let waiting = running.wait_status("outputs that wait", |status| {
        status.pipeline.trouble.is_some()
    });
    assert_eq!(waiting.health.state, "DEGRADED");
    let reason = &waiting.health.reasons[0];
    assert!(
        reason.starts_with("outputs wait: topic echoes: ") && reason.contains("no room"),
        "{reason}"
    );
    small.grow("32m");
    let (code, out, errors) = running.end();
    assert_eq!(code, Some(0), "{errors}");
    let status: StatusSnapshot = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (status.ledger.captured, status.pipeline.trouble),
        (600, None)
    );
    assert_eq!(site.data("data").records("echoes").len(), 600);
}

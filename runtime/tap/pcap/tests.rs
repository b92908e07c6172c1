#![allow(clippy::unwrap_used)]

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::clock::TestClock;
use crate::config::{Pace, TapConfig};
use crate::tests::{gzip, open_tested, payloads, read_all, recordings};
use crate::{TapError, report::TapCounts};

fn config(path: &Path) -> PcapConfig {
    PcapConfig {
        path: path.to_owned(),
        port: None,
        pace: Pace::FlatOut,
        frame_bytes_max: 65_535,
    }
}

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

/// All frames of a capture, and its counts and facts.
fn read(bytes: &[u8]) -> (Vec<(u64, Vec<u8>)>, TapCounts, TapFacts) {
    let file = file(bytes);
    let mut tap = open_tested(&TapConfig::Pcap(config(file.path())), 0);
    let frames = read_all(&mut *tap);
    (frames, tap.counts(), tap.facts())
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    let head = [5_000u16, port, length, 0].map(u16::to_be_bytes).concat();
    [&head, payload].concat()
}

fn ipv4(protocol: u8, fragment: u16, inner: &[u8]) -> Vec<u8> {
    let length = ((20 + inner.len()) as u16).to_be_bytes();
    let fragment = fragment.to_be_bytes();
    let mut packet = vec![
        0x45,
        0,
        length[0],
        length[1],
        0,
        0,
        fragment[0],
        fragment[1],
        64,
    ];
    packet.extend([protocol, 0, 0, 10, 0, 0, 1, 239, 1, 1, 1]);
    packet.extend(inner);
    packet
}

fn ipv6(next: u8, inner: &[u8]) -> Vec<u8> {
    let length = (inner.len() as u16).to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], next, 64];
    packet.extend([0; 32]);
    packet.extend(inner);
    packet
}

fn ethernet(tags: &[u16], ethertype: u16, inner: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 12];
    for tag in tags {
        packet.extend(tag.to_be_bytes());
        packet.extend([0, 7]);
    }
    packet.extend(ethertype.to_be_bytes());
    packet.extend(inner);
    packet
}

/// An Ethernet packet with this UDP payload, to port 5,000.
fn plain(payload: &[u8]) -> Vec<u8> {
    ethernet(&[], 0x0800, &ipv4(17, 0, &udp(5_000, payload)))
}

#[derive(Clone, Copy)]
struct Kind {
    big: bool,
    nanoseconds: bool,
}

const KINDS: [Kind; 4] = [
    Kind {
        big: false,
        nanoseconds: false,
    },
    Kind {
        big: false,
        nanoseconds: true,
    },
    Kind {
        big: true,
        nanoseconds: false,
    },
    Kind {
        big: true,
        nanoseconds: true,
    },
];

fn number(big: bool, value: u32) -> [u8; 4] {
    if big {
        value.to_be_bytes()
    } else {
        value.to_le_bytes()
    }
}

/// A pcap file; packet `i` has the time `i + 1` s and `i` units.
fn pcap(kind: Kind, link_type: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let n = |value| number(kind.big, value);
    let magic = if kind.nanoseconds {
        0xa1b2_3c4d
    } else {
        0xa1b2_c3d4
    };
    let version = if kind.big { 0x0002_0004 } else { 0x0004_0002 };
    let mut file = [magic, version, 0, 0, 65_535, link_type].map(n).concat();
    for (index, packet) in packets.iter().enumerate() {
        let bytes = packet.len() as u32;
        file.extend(
            [index as u32 + 1, index as u32, bytes, bytes]
                .map(n)
                .concat(),
        );
        file.extend(packet);
    }
    file
}

const LITTLE: Kind = KINDS[0];

fn block(big: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    let total = number(big, body.len() as u32 + 12);
    [&number(big, kind)[..], &total, &body, &total].concat()
}

fn section(big: bool) -> Vec<u8> {
    let n = |value| number(big, value);
    let version = if big { 0x0001_0000 } else { 0x0000_0001 };
    let body = [0x1a2b_3c4d, version, u32::MAX, u32::MAX].map(n).concat();
    block(big, 0x0a0d_0d0a, &body)
}

/// An interface with options: code and value.
fn interface(big: bool, link_type: u32, options: &[(u32, &[u8])]) -> Vec<u8> {
    let two = |high: u32, low: u32| {
        let value = if big {
            high << 16 | low
        } else {
            low << 16 | high
        };
        number(big, value)
    };
    let mut body = [two(link_type, 0), number(big, 0)].concat();
    for (code, value) in options {
        body.extend(two(*code, value.len() as u32));
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    body.extend([0; 4]);
    block(big, 1, &body)
}

fn enhanced(big: bool, interface: u32, units: u64, packet: &[u8]) -> Vec<u8> {
    let n = |value| number(big, value);
    let bytes = packet.len() as u32;
    let head = [interface, (units >> 32) as u32, units as u32, bytes, bytes];
    let mut body = head.map(n).concat();
    body.extend(packet);
    body.resize(body.len().next_multiple_of(4), 0);
    // A comment, and the end of options.
    body.extend(
        [
            if big { [0, 1, 0, 2] } else { [1, 0, 2, 0] },
            *b"hi\0\0",
            [0; 4],
        ]
        .concat(),
    );
    block(big, 6, &body)
}

#[test]
fn every_pcap_format_gives_payloads_and_times() {
    for kind in KINDS {
        let bytes = pcap(kind, 1, &[plain(b"one"), plain(b""), plain(b"three")]);
        let (frames, counts, facts) = read(&bytes);
        let unit = if kind.nanoseconds { 1 } else { 1_000 };
        let expected = [
            (1_000_000_000, b"one".to_vec()),
            (2_000_000_000 + unit, vec![]),
            (3_000_000_000 + 2 * unit, b"three".to_vec()),
        ];
        assert_eq!(frames, expected);
        assert_eq!((counts.frames, counts.bytes, facts.kind), (3, 8, "pcap"));
        assert_eq!(facts.cut, None);
    }
}

#[test]
fn kuznetzov_records_are_longer() {
    let mut bytes = pcap(LITTLE, 1, &[]);
    bytes[..4].copy_from_slice(&0xa1b2_cd34u32.to_le_bytes());
    for payload in [b"a", b"b"] {
        let packet = plain(payload);
        let head = [7, 0, packet.len() as u32, packet.len() as u32, 0, 0];
        bytes.extend(head.map(u32::to_le_bytes).concat());
        bytes.extend(packet);
    }
    assert_eq!(payloads(&read(&bytes).0), [b"a", b"b"]);
}

#[test]
fn every_link_type_gives_its_payload() {
    let v4 = ipv4(17, 0, &udp(5_000, b"four"));
    let v6 = ipv6(17, &udp(5_000, b"six!"));
    let with = |head: &[u8], inner: &[u8]| [head, inner].concat();
    let atomic = [44, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 9];
    let atomic = ipv6(60, &[&atomic[..], &udp(5_000, b"atom")].concat());
    let authenticated = [17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let authenticated = ipv6(51, &[&authenticated[..], &udp(5_000, b"auth")].concat());
    let sll = |ethertype: [u8; 2]| with(&[0; 14], &ethertype);
    let sll2 = |ethertype: [u8; 2]| with(&ethertype, &[0; 18]);
    for (link_type, packet, payload) in [
        (1, ethernet(&[], 0x0800, &v4), b"four"),
        (1, ethernet(&[], 0x86dd, &v6), b"six!"),
        (1, ethernet(&[0x8100], 0x0800, &v4), b"four"),
        (1, ethernet(&[0x88a8, 0x8100], 0x86dd, &v6), b"six!"),
        // Ethernet pads to 60 bytes: the padding is no payload.
        (1, with(&ethernet(&[], 0x0800, &v4), &[0; 14]), b"four"),
        (113, with(&sll([8, 0]), &v4), b"four"),
        (113, with(&sll([0x86, 0xdd]), &v6), b"six!"),
        (276, with(&sll2([8, 0]), &v4), b"four"),
        (276, with(&sll2([0x86, 0xdd]), &v6), b"six!"),
        (101, v4.clone(), b"four"),
        (101, v6.clone(), b"six!"),
        (228, v4.clone(), b"four"),
        (229, v6.clone(), b"six!"),
        (12, v4.clone(), b"four"),
        (0, with(&[2, 0, 0, 0], &v4), b"four"),
        (0, with(&[0, 0, 0, 2], &v4), b"four"),
        (0, with(&[30, 0, 0, 0], &v6), b"six!"),
        (108, with(&[0, 0, 0, 24], &v6), b"six!"),
        (101, atomic, b"atom"),
        (101, authenticated, b"auth"),
        // Frame check sequences announced in the upper bits.
        (
            0x5000_0001,
            with(&ethernet(&[], 0x0800, &v4), &[1, 2, 3, 4]),
            b"four",
        ),
    ] {
        let (frames, counts, _) = read(&pcap(LITTLE, link_type, &[packet]));
        assert_eq!(
            payloads(&frames),
            [payload],
            "link type {link_type}: {counts:?}"
        );
    }
}

#[test]
fn what_is_no_whole_datagram_is_counted() {
    let skipped = |packet: Vec<u8>| (packet, "skipped");
    let malformed = |packet: Vec<u8>| (packet, "malformed");
    let truncated = |packet: Vec<u8>| (packet, "truncated");
    let whole = plain(b"0123456789");
    let mut long_udp = plain(b"0123456789");
    long_udp[14 + 20 + 5] += 1;
    let mut short_udp = plain(b"");
    short_udp[14 + 20 + 5] = 7;
    let mut version = plain(b"x");
    version[14] = 0x55;
    let mut header = plain(b"x");
    header[14] = 0x44;
    let more_fragments = ipv4(17, 0x2000, &udp(5_000, b"x"));
    let later_fragment = ipv4(17, 0x0001, &udp(5_000, b"x"));
    let v6_fragment = [17, 0, 0, 1, 0, 0, 0, 9];
    let v6_fragment = ipv6(44, &[&v6_fragment[..], &udp(5_000, b"x")].concat());
    let chain: Vec<u8> = [60, 0, 0, 0, 0, 0, 0, 0].repeat(20);
    for (packet, field) in [
        skipped(ethernet(&[], 0x0806, &[0; 28])),
        skipped(ethernet(&[], 0x0800, &ipv4(6, 0, &[0; 20]))),
        skipped(ethernet(&[], 0x0800, &more_fragments)),
        skipped(ethernet(&[], 0x0800, &later_fragment)),
        skipped(ethernet(&[], 0x86dd, &v6_fragment)),
        skipped(ethernet(&[], 0x86dd, &ipv6(58, &[0; 8]))),
        malformed(long_udp),
        malformed(short_udp),
        malformed(version),
        malformed(header),
        malformed(ethernet(&[0x8100; 5], 0x0800, &ipv4(17, 0, &udp(1, b"x")))),
        malformed(ethernet(&[], 0x86dd, &ipv6(60, &chain))),
        truncated(whole[..whole.len() - 1].to_vec()),
        truncated(whole[..14 + 20 + 3].to_vec()),
        truncated(whole[..16].to_vec()),
        truncated(vec![]),
    ] {
        let (frames, counts, facts) = read(&pcap(LITTLE, 1, &[packet.clone(), plain(b"next")]));
        assert_eq!(payloads(&frames), [b"next"], "{packet:?}");
        let came = [
            ("skipped", counts.skipped),
            ("malformed", counts.malformed),
            ("truncated", counts.truncated),
        ];
        for (name, count) in came {
            assert_eq!(count, u64::from(name == field), "{name} of {packet:?}");
        }
        assert_eq!(facts.first_malformed.is_some(), field == "malformed");
    }
    let (_, counts, facts) = read(&pcap(LITTLE, 147, &[plain(b"x")]));
    assert_eq!(counts.malformed, 1);
    assert_eq!(
        facts.first_malformed.as_deref(),
        Some("packet 1 (link type 147): a link type that is not known")
    );
}

#[test]
fn port_and_size_are_chosen() {
    let packets = [
        ethernet(&[], 0x0800, &ipv4(17, 0, &udp(8_600, b"wanted"))),
        ethernet(&[], 0x0800, &ipv4(17, 0, &udp(8_601, b"other"))),
        ethernet(&[], 0x0800, &ipv4(17, 0, &udp(8_600, b"too long"))),
    ];
    let file = file(&pcap(LITTLE, 1, &packets));
    let config = PcapConfig {
        port: Some(8_600),
        frame_bytes_max: 7,
        ..config(file.path())
    };
    let mut tap = open_tested(&TapConfig::Pcap(config), 0);
    assert_eq!(payloads(&read_all(&mut *tap)), [b"wanted"]);
    let counts = tap.counts();
    assert_eq!((counts.skipped, counts.oversized), (1, 1));
}

#[test]
fn pcapng_in_either_order_of_bytes() {
    for big in [false, true] {
        let offset = if big {
            10i64.to_be_bytes()
        } else {
            10i64.to_le_bytes()
        };
        let bytes = [
            section(big),
            interface(big, 1, &[]),
            interface(big, 101, &[(2, b"eth0"), (9, &[9])]),
            interface(big, 1, &[(9, &[0x80 | 20]), (14, &offset)]),
            enhanced(big, 0, 1_500_001, &plain(b"micro")),
            // A block of another kind, here name resolution.
            block(big, 4, &[0; 8]),
            enhanced(big, 1, 2_000_000_003, &ipv4(17, 0, &udp(5_000, b"nano"))),
            enhanced(big, 2, 3 << 19, &plain(b"binary")),
            enhanced(big, 9, 0, &plain(b"unknown interface")),
            // A simple packet has no time: the one before it is taken.
            block(big, 3, &[&number(big, 43)[..], &plain(b"s")].concat()),
            // The obsolete packet block.
            block(
                big,
                2,
                &[
                    if big { [0, 1, 0, 0] } else { [1, 0, 0, 0] },
                    number(big, 0),
                    number(big, 5),
                    number(big, 29),
                    number(big, 29),
                ]
                .concat()
                .into_iter()
                .chain(ipv4(17, 0, &udp(5_000, b"o")))
                .collect::<Vec<u8>>(),
            ),
        ]
        .concat();
        let (frames, counts, facts) = read(&bytes);
        let expected = [
            (1_500_001_000, b"micro".to_vec()),
            (2_000_000_003, b"nano".to_vec()),
            (11_500_000_000, b"binary".to_vec()),
            (11_500_000_000, b"s".to_vec()),
            (5, b"o".to_vec()),
        ];
        assert_eq!(frames, expected, "big {big}: {facts:?}");
        assert_eq!((counts.malformed, facts.kind), (1, "pcapng"));
        assert_eq!(facts.cut, None);
    }
}

#[test]
fn new_section_forgets_interfaces_and_order() {
    let bytes = [
        section(false),
        interface(false, 1, &[]),
        enhanced(false, 0, 1, &plain(b"a")),
        section(true),
        enhanced(true, 0, 2, &plain(b"lost")),
        interface(true, 101, &[]),
        enhanced(true, 0, 3, &ipv4(17, 0, &udp(5_000, b"b"))),
    ]
    .concat();
    let (frames, counts, _) = read(&bytes);
    assert_eq!(payloads(&frames), [b"a", b"b"]);
    assert_eq!(counts.malformed, 1);
}

#[test]
fn times_that_cannot_be_are_counted() {
    let before_1970 = (-5i64).to_le_bytes();
    let bytes = [
        section(false),
        interface(false, 1, &[(14, &before_1970)]),
        interface(false, 1, &[(9, &[0])]),
        interface(false, 1, &[(9, &[77])]),
        enhanced(false, 0, 1, &plain(b"before the epoch")),
        enhanced(false, 1, u64::MAX, &plain(b"far future")),
        enhanced(false, 2, 1, &plain(b"resolution too fine")),
        enhanced(false, 0, 6_000_000, &plain(b"good")),
    ]
    .concat();
    let (frames, counts, _) = read(&bytes);
    assert_eq!(frames, [(1_000_000_000, b"good".to_vec())]);
    assert_eq!(counts.malformed, 3);
}

fn sample_pcap() -> Vec<u8> {
    pcap(
        LITTLE,
        1,
        &[plain(b"one"), plain(&[7; 40]), plain(b""), plain(b"four")],
    )
}

fn sample_pcapng() -> Vec<u8> {
    let packets = [&b"one"[..], &[7; 40], b"", b"four"].map(|p| enhanced(false, 0, 1, &plain(p)));
    [
        section(false),
        interface(false, 1, &[(9, &[6])]),
        packets.concat(),
    ]
    .concat()
}

#[test]
fn capture_cut_at_every_byte_gives_its_good_part() {
    for whole in [sample_pcap(), sample_pcapng()] {
        let (all, _, _) = read(&whole);
        assert_eq!(all.len(), 4);
        let mut complete = 0;
        for end in MAGIC_BYTES..whole.len() {
            for bytes in [whole[..end].to_vec(), gzip(&whole[..end])] {
                let (frames, counts, facts) = read(&bytes);
                assert_eq!(frames, all[..frames.len()], "cut at {end}");
                // Between two records nothing is missing.
                let cut = facts.cut.is_some();
                assert_eq!(counts.truncated, u64::from(cut), "cut at {end}");
                complete += usize::from(!cut);
                if cut {
                    let text = facts.cut.unwrap();
                    let start = format!("after packet {}: the file ends within ", frames.len());
                    assert!(text.starts_with(&start), "{text}");
                }
            }
        }
        // Before each packet, once plain and once packed; pcapng also before its interface.
        let blocks = if whole == sample_pcap() { 4 } else { 5 };
        assert_eq!(complete, blocks * 2);
    }
}

#[test]
fn damaged_gzip_gives_its_good_part() {
    let packets: Vec<Vec<u8>> = (0..300u16)
        .map(|n| plain(&n.to_be_bytes().repeat(usize::from(n % 50))))
        .collect();
    let whole = pcap(LITTLE, 1, &packets);
    let (all, _, _) = read(&whole);
    let packed = gzip(&whole);
    for end in (packed.len() / 2..packed.len()).step_by(7) {
        let (frames, counts, facts) = read(&packed[..end]);
        assert_eq!(frames, all[..frames.len()]);
        assert_eq!(counts.truncated, 1);
        assert!(
            facts
                .cut
                .unwrap()
                .contains("the gzip stream is cut or damaged")
        );
    }
}

#[test]
fn length_that_is_damage_ends_the_recording_and_says_so() {
    let mut legacy = sample_pcap();
    let second = 24 + 16 + plain(b"one").len();
    legacy[second + 8..second + 12].copy_from_slice(&[0xff; 4]);
    let (frames, counts, facts) = read(&legacy);
    assert_eq!((frames.len(), counts.truncated), (1, 1));
    assert_eq!(
        facts.cut.as_deref(),
        Some("after packet 1: a record claims 4294967295 bytes, which is damage")
    );
    let mut ng = sample_pcapng();
    let at = ng.len() - 4;
    ng[at] ^= 4;
    let (frames, _, facts) = read(&ng);
    assert_eq!(frames.len(), 3);
    assert_eq!(
        facts.cut.as_deref(),
        Some("after packet 3: a block's length differs at its end, which is damage")
    );
}

#[test]
fn packet_larger_than_the_buffer_is_passed_over() {
    let huge = vec![0; PACKET_BYTES_MAX + 70_000];
    let legacy = pcap(LITTLE, 1, &[plain(b"a"), huge.clone(), plain(b"b")]);
    let ng = [
        section(false),
        interface(false, 1, &[]),
        enhanced(false, 0, 1, &plain(b"a")),
        enhanced(false, 0, 1, &huge),
        enhanced(false, 0, 1, &huge[..PACKET_BYTES_MAX + 1]),
        enhanced(false, 0, 1, &plain(b"b")),
    ]
    .concat();
    for (bytes, oversized) in [(legacy, 1), (ng, 2)] {
        let (frames, counts, facts) = read(&bytes);
        assert_eq!(payloads(&frames), [b"a", b"b"]);
        assert_eq!(counts.oversized, oversized);
        assert_eq!(facts.cut, None);
    }
}

#[test]
fn largest_packets_pass_the_buffer_whole() {
    let payload: Vec<u8> = (0..60_000u32).map(|n| n as u8).collect();
    let packets = vec![plain(&payload); 20];
    let (frames, _, _) = read(&pcap(LITTLE, 1, &packets));
    assert_eq!(frames.len(), 20);
    assert!(frames.iter().all(|(_, frame)| *frame == payload));
}

#[test]
fn other_files_are_refused_by_name() {
    for bytes in [&b""[..], b"abc", b"hello, this is text", &gzip(b"text")] {
        let file = file(bytes);
        let clock = Box::new(TestClock::default());
        let error: TapError = match open(&config(file.path()), 0, clock) {
            Ok(_) => panic!("{bytes:?} was opened"),
            Err(error) => error,
        };
        assert!(!error.is_retryable());
        assert_eq!(
            error.to_string(),
            format!(
                "tap pcap {}: cannot read the file: it is neither a pcap nor a pcapng file; for \
                 lines of text or hex use a tap of kind lines",
                file.path().display()
            )
        );
    }
}

#[test]
fn recorded_captures_give_every_datagram() {
    let Some(folder) = recordings() else { return };
    for (name, frames) in [
        ("asterix/transcoded_switzerland_cat062.pcap", Some(778)),
        ("asterix/croatia_cat_034_048.pcap", None),
        ("asterix/croatia_cat_062_065.pcap", None),
        ("dis/opendis7_Entity90DegreesTurn.pcap", Some(171)),
        ("dis/opendis7_PdusaveGAZ69Patroling.pcap", Some(231)),
        ("asterix/undecodable/croatia_asterix.pcap", None),
        ("asterix/undecodable/croatia_cat_001_002.pcap", None),
    ] {
        let path = folder.join(name);
        let mut tap = open_tested(&TapConfig::Pcap(config(&path)), 0);
        let read = read_all(&mut *tap);
        let counts = tap.counts();
        if let Some(frames) = frames {
            assert_eq!(read.len(), frames, "{name}");
        }
        assert!(!read.is_empty(), "{name}");
        assert_eq!(
            [counts.malformed, counts.truncated, counts.oversized],
            [0; 3],
            "{name}"
        );
        // ASTERIX blocks state their length, which adds up to the datagram's.
        if name.starts_with("asterix/") && !name.contains("undecodable") {
            for (_, frame) in &read {
                let mut at = 0;
                while at < frame.len() {
                    at += usize::from(u16::from_be_bytes([frame[at + 1], frame[at + 2]]));
                }
                assert_eq!(at, frame.len(), "{name}");
            }
        }
    }
}

#[test]
fn resumed_capture_is_the_tail_of_the_whole() {
    for bytes in [sample_pcap(), sample_pcapng()] {
        let file = file(&bytes);
        let tap_config = TapConfig::Pcap(config(file.path()));
        let whole = read_all(&mut *open_tested(&tap_config, 0));
        for after in 0..=whole.len() + 1 {
            let tail = read_all(&mut *open_tested(&tap_config, after as u64));
            assert_eq!(tail, whole[after.min(whole.len())..]);
        }
    }
    let Some(folder) = recordings() else { return };
    let path = folder.join("asterix/transcoded_switzerland_cat062.pcap");
    let tap_config = TapConfig::Pcap(config(&path));
    let whole = read_all(&mut *open_tested(&tap_config, 0));
    for after in [1, 255, 256, 257, 777, 778] {
        let tail = read_all(&mut *open_tested(&tap_config, after));
        assert_eq!(tail, whole[after as usize..]);
    }
}

#[test]
fn origin_names_the_file_and_its_length() {
    let file = file(&sample_pcap());
    let tap = open_tested(&TapConfig::Pcap(config(file.path())), 0);
    let path = file.path().canonicalize().unwrap();
    let bytes = sample_pcap().len();
    assert_eq!(tap.origin(), format!("file:{}:{bytes}", path.display()));
    assert!(tap.finite() && tap.recorded_time());
}

proptest! {
    #[test]
    fn damage_never_panics_and_frames_stay_bounded(
        ng in any::<bool>(),
        damage in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = if ng { sample_pcapng() } else { sample_pcap() };
        let length = bytes.len() - MAGIC_BYTES;
        for (at, value) in damage {
            bytes[MAGIC_BYTES + usize::from(at) % length] = value;
        }
        let (frames, _, _) = read(&bytes);
        prop_assert!(frames.iter().all(|(_, frame)| frame.len() <= bytes.len()));
    }

    #[test]
    fn random_packets_never_panic(
        packet in proptest::collection::vec(any::<u8>(), 0..200),
        link_type in prop::sample::select(vec![0u32, 1, 12, 101, 108, 113, 228, 229, 276, 9]),
    ) {
        if let Ok(payload) = udp_payload(link_type, &packet, None) {
            prop_assert!(payload.end <= packet.len());
        }
    }
}

#![allow(clippy::unwrap_used)]

use super::*;

fn tagged(content: &str) -> String {
    format!("\\{content}*{:02x}\\", exclusive_or(content.as_bytes()))
}

fn sentence(content: &str) -> String {
    format!("!{content}*{:02x}", exclusive_or(content.as_bytes()))
}

fn ais(line: &str) -> Sentence<'_> {
    match read_line(0, line.as_bytes()) {
        Ok(Line::Ais(sentence)) => sentence,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn lines_end_at_either_character_and_empty_ones_are_left_out() {
    let frame = b"\r\n  one \r\ntwo\nthree\r\r\n \n";
    let found: Vec<_> = lines(frame).collect();
    assert_eq!(found, [(4, &b"one"[..]), (10, b"two"), (14, b"three")]);
    assert_eq!(lines(b"").count(), 0);
}

#[test]
fn every_field_of_a_sentence_is_read() {
    let line = tagged("g:1-2-1234,s:north,c:1577836800") + &sentence("BSVDO,2,1,7,B,w0,0");
    let read = ais(&line);
    assert_eq!(read.address, b"BSVDO");
    assert!(read.is_own());
    assert_eq!((read.total, read.number, read.group), (2, 1, Some(7)));
    assert_eq!((read.channel, read.payload), (b'B', &b"w0"[..]));
    assert_eq!(read.fill_bits, 0);
    assert_eq!(read.tag.station, b"north");
    assert_eq!(read.tag.group, Some(TagGroup { id: b"1234" }));
    let stamp = Stamp {
        time_ns: 1_577_836_800_000_000_000,
        origin: Origin::TagBlock,
    };
    assert_eq!(read.stamp, Some(stamp));
    assert_eq!(&line.as_bytes()[read.payload_offset as usize..][..2], b"w0");
}

#[test]
fn several_tag_blocks_may_precede_a_sentence() {
    let line = tagged("s:north") + &tagged("c:1577836800123") + &sentence("AIVDM,1,1,,,0,0");
    let read = ais(&line);
    assert_eq!(read.tag.station, b"north");
    assert_eq!(read.tag.time_ns, Some(1_577_836_800_123_000_000));
    assert_eq!((read.channel, read.group), (0, None));
}

#[test]
fn a_time_after_the_checksum_stands_before_one_in_a_tag_block() {
    let line = tagged("c:1577836800") + &sentence("AIVDM,1,1,,A,0,0") + ",r003,1577836801";
    let stamp = ais(&line).stamp.unwrap();
    assert_eq!(stamp.origin, Origin::Trailer);
    assert_eq!(stamp.time_ns, 1_577_836_801_000_000_000);
}

#[test]
fn a_receive_time_is_a_date_with_milliseconds_and_a_checksum() {
    let read = |fields: &str| match read_pghp(fields.as_bytes()) {
        Line::ReceiveTime { time_ns, checksum } => (time_ns, checksum),
        other => panic!("{other:?}"),
    };
    let time = Some(1_384_257_600_011_000_000);
    assert_eq!(
        read("2013,11,12,12,0,0,11,219,,2190067,1,62"),
        (time, Some(0x62))
    );
    assert_eq!(read("2013,11,12,12,0,0,11,219,,2190067,1,00"), (time, None));
    assert_eq!(read("2013,11,12,12,0,0,11,219,,2190067,1,"), (time, None));
    assert_eq!(read("2013,11,31,12,0,0,11,,,,1,62").0, None);
    assert_eq!(read("2013,11,,12,0,0,11,,,,1,62").0, None);
    assert_eq!(read("2013,11,12,12,0,0,1000,,,,1,62").0, None);
    assert_eq!(read("").0, None);
}

#[test]
fn tag_blocks_with_unreadable_values_are_faults() {
    for content in [
        "c:",
        "c:157783680",
        "c:15778368x0",
        "g:1-2",
        "g:1-2-3-4",
        "g:1-2-x",
        "g:1-2-",
    ] {
        let line = tagged(content);
        let fault = read_line(7, line.as_bytes()).unwrap_err();
        assert_eq!(
            (fault.cause, fault.offset),
            (Cause::TagBlock, 8),
            "{content}"
        );
    }
    let long = tagged(&format!("s:{}", "x".repeat(STATION_BYTES_MAX + 1)));
    assert_eq!(
        read_line(0, long.as_bytes()).unwrap_err().cause,
        Cause::TagBlock
    );
}

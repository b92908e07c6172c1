#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const FRAMINGS: [Framing; 9] = [
    Framing::Line,
    prefixed(1, Endian::Big, false),
    prefixed(1, Endian::Big, true),
    prefixed(2, Endian::Big, false),
    prefixed(2, Endian::Little, false),
    prefixed(2, Endian::Little, true),
    prefixed(4, Endian::Big, true),
    prefixed(4, Endian::Little, false),
    Framing::Beast,
];

const fn prefixed(prefix_bytes: u8, endian: Endian, includes_itself: bool) -> Framing {
    Framing::LengthPrefixed {
        prefix_bytes,
        endian,
        includes_itself,
    }
}

/// What a stream came to: frames, and all else by its kind.
#[derive(Debug, Default, PartialEq)]
struct Came {
    frames: Vec<Vec<u8>>,
    other: Vec<Cut>,
}

fn feed(cutter: &mut Cutter, pieces: &[&[u8]]) -> Came {
    let mut came = Came::default();
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let (used, cut) = cutter.cut(rest);
            assert!(used > 0, "every call uses a byte");
            rest = &rest[used..];
            match cut {
                Cut::More => {}
                Cut::Frame => came.frames.push(cutter.frame().to_vec()),
                other => came.other.push(other),
            }
        }
    }
    came
}

fn cut_all(framing: Framing, max: usize, stream: &[u8]) -> Came {
    feed(&mut Cutter::new(framing, max), &[stream])
}

/// The bytes on the wire of frames.
fn encode(framing: Framing, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut wire = Vec::new();
    for frame in frames {
        match framing {
            Framing::Line => {
                wire.extend(frame);
                wire.extend(b"\r\n");
            }
            Framing::LengthPrefixed {
                prefix_bytes,
                endian,
                includes_itself,
            } => {
                let own = if includes_itself { prefix_bytes } else { 0 };
                let length = (frame.len() + usize::from(own)) as u32;
                let count = usize::from(prefix_bytes);
                match endian {
                    Endian::Big => wire.extend(&length.to_be_bytes()[4 - count..]),
                    Endian::Little => wire.extend(&length.to_le_bytes()[..count]),
                }
                wire.extend(frame);
            }
            Framing::Beast => {
                wire.push(frame[0]);
                for &byte in &frame[1..] {
                    wire.push(byte);
                    if byte == BEAST_ESCAPE {
                        wire.push(byte);
                    }
                }
            }
        }
    }
    wire
}

/// Frames that the framing can carry.
fn frames_of(framing: Framing) -> Vec<Vec<u8>> {
    match framing {
        Framing::Line => vec![
            b"a".to_vec(),
            b"!AIVDM,1,1,,A,x*00".to_vec(),
            b"\rb".to_vec(),
        ],
        Framing::LengthPrefixed { .. } => vec![vec![7], vec![0; 19], b"\n\x1a\x1a".to_vec()],
        Framing::Beast => vec![
            beast(b'1', 2, 5),
            beast(b'2', 7, BEAST_ESCAPE),
            beast(b'3', 14, BEAST_ESCAPE),
            beast(b'4', 14, b'3'),
        ],
    }
}

fn beast(kind: u8, payload_bytes: usize, fill: u8) -> Vec<u8> {
    let mut frame = vec![BEAST_ESCAPE, kind];
    frame.extend(vec![fill; 7 + payload_bytes]);
    frame
}

#[test]
fn pieces_give_the_frames_of_the_whole() {
    for framing in FRAMINGS {
        let frames = frames_of(framing);
        let wire = encode(framing, &frames);
        assert_eq!(cut_all(framing, 64, &wire).frames, frames, "{framing:?}");
        for first in 0..=wire.len() {
            for second in first..=wire.len() {
                let pieces = [&wire[..first], &wire[first..second], &wire[second..]];
                let came = feed(&mut Cutter::new(framing, 64), &pieces);
                assert_eq!(came.frames, frames, "{framing:?} at {first} and {second}");
                assert_eq!(came.other, [], "{framing:?} at {first} and {second}");
            }
        }
    }
}

#[test]
fn oversized_is_passed_over_and_the_next_frame_comes() {
    for framing in FRAMINGS {
        if framing == Framing::Beast {
            continue;
        }
        let small = vec![b'x'; 8];
        let wire = encode(
            framing,
            &[small.clone(), vec![b'y'; 9], vec![b'z'; 200], small.clone()],
        );
        for cut in 0..wire.len() {
            let mut cutter = Cutter::new(framing, 8);
            let came = feed(&mut cutter, &[&wire[..cut], &wire[cut..]]);
            assert_eq!(came.frames, [small.clone(), small.clone()], "{framing:?}");
            assert_eq!(came.other, [Cut::Oversized, Cut::Oversized], "{framing:?}");
            assert!(cutter.held.capacity() <= held_bytes_max(framing, 8).next_power_of_two());
        }
    }
    let wire = encode(Framing::Beast, &[beast(b'3', 14, 1), beast(b'1', 2, 1)]);
    let came = cut_all(Framing::Beast, 22, &wire);
    assert_eq!(came.frames, [beast(b'1', 2, 1)]);
    assert_eq!(came.other, [Cut::Oversized]);
}

#[test]
fn empty_frames_are_told() {
    let came = cut_all(Framing::Line, 8, b"\n\r\na\n\n");
    assert_eq!(came.frames, [b"a"]);
    assert_eq!(came.other, [Cut::Empty; 3]);
    let came = cut_all(prefixed(2, Endian::Big, false), 8, &[0, 0, 0, 1, 9, 0, 0]);
    assert_eq!(came.frames, [[9]]);
    assert_eq!(came.other, [Cut::Empty; 2]);
    let came = cut_all(prefixed(2, Endian::Big, true), 8, &[0, 2, 0, 3, 9]);
    assert_eq!(came.frames, [[9]]);
    assert_eq!(came.other, [Cut::Empty]);
}

#[test]
fn length_that_cannot_be_loses_the_stream() {
    // Shorter than itself.
    let came = cut_all(prefixed(4, Endian::Big, true), 8, &[0, 0, 0, 3]);
    assert_eq!(came.other, [Cut::Lost]);
    // Longer than any frame.
    let came = cut_all(prefixed(4, Endian::Little, false), 8, &[0xff; 4]);
    assert_eq!(came.other, [Cut::Lost]);
}

#[test]
fn last_line_needs_no_line_feed() {
    let mut cutter = Cutter::new(Framing::Line, 8);
    assert_eq!(feed(&mut cutter, &[b"a\nbc\r"]).frames, [b"a"]);
    assert_eq!(cutter.finish(), Cut::Frame);
    assert_eq!(cutter.frame(), b"bc");
    assert_eq!(cutter.finish(), Cut::More);

    let mut cutter = Cutter::new(Framing::Line, 2);
    assert_eq!(feed(&mut cutter, &[b"abcd"]).frames.len(), 0);
    assert_eq!(cutter.finish(), Cut::Oversized);
}

#[test]
fn interruption_forgets_the_unfinished_frame() {
    for framing in FRAMINGS {
        let frames = frames_of(framing);
        let wire = encode(framing, &frames);
        let mut cutter = Cutter::new(framing, 64);
        feed(&mut cutter, &[&wire]);
        assert!(!cutter.reset(), "{framing:?}: nothing was unfinished");
        feed(&mut cutter, &[&wire[..wire.len() - 3]]);
        assert!(cutter.reset(), "{framing:?}: the last was");
        assert_eq!(feed(&mut cutter, &[&wire]).frames, frames, "{framing:?}");
    }
}

#[test]
fn beast_is_joined_anywhere_and_found_again() {
    let whole = beast(b'3', 14, 0x42);
    let wire = encode(Framing::Beast, std::slice::from_ref(&whole));
    // Joined in the middle of a message: nothing to count.
    let joined = [&wire[5..], &wire[..]].concat();
    let came = cut_all(Framing::Beast, 64, &joined);
    assert_eq!((came.frames, came.other), (vec![whole.clone()], vec![]));
    // A message cut short by the next.
    let short = [&wire[..], &wire[..9], &wire[..]].concat();
    let came = cut_all(Framing::Beast, 64, &short);
    assert_eq!(came.frames, [whole.clone(), whole.clone()]);
    assert_eq!(came.other, [Cut::Malformed]);
    // Bytes between messages count once.
    let noise = [&wire[..], b"noise", &wire[..]].concat();
    let came = cut_all(Framing::Beast, 64, &noise);
    assert_eq!(came.frames, [whole.clone(), whole.clone()]);
    assert_eq!(came.other, [Cut::Malformed]);
    // Another type, as readsb sends for its receivers, with an escape within.
    let other = [&wire[..], &[0x1a, 0xe3, 1, 2, 0x1a, 0x1a, 3], &wire[..]].concat();
    let came = cut_all(Framing::Beast, 64, &other);
    assert_eq!(came.frames, [whole.clone(), whole]);
    assert_eq!(came.other, [Cut::Skipped]);
}

proptest! {
    #[test]
    fn random_bytes_stay_within_bounds(
        stream in proptest::collection::vec(any::<u8>(), 0..2_000),
        at in 0usize..2_000,
        max in 1usize..40,
    ) {
        for framing in FRAMINGS {
            let at = at.min(stream.len());
            let mut cutter = Cutter::new(framing, max);
            let came = feed(&mut cutter, &[&stream[..at], &stream[at..]]);
            prop_assert!(came.frames.iter().all(|f| !f.is_empty() && f.len() <= max));
            prop_assert!(cutter.held.len() <= held_bytes_max(framing, max));
            prop_assert_eq!(came, cut_all(framing, max, &stream));
        }
    }
}

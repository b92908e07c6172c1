#![allow(clippy::unwrap_used)]

use super::*;
use crate::group::FRAME_GROUPS_MAX;

#[derive(Default)]
struct Slots {
    pending: Option<Kept>,
    groups: [Option<Kept>; FRAME_GROUPS_MAX],
}

impl States for Slots {
    fn pending(&mut self) -> &mut Option<Kept> {
        &mut self.pending
    }

    fn group(&mut self, place: usize) -> &mut Option<Kept> {
        &mut self.groups[place]
    }
}

#[derive(Default)]
struct Out {
    messages: Vec<Vec<u64>>,
    rejects: Vec<(u64, Cause)>,
    skips: Vec<&'static str>,
}

impl Output for Out {
    fn message(&mut self, _: &'static str, _: &str, _: u64, _: &impl Body, earlier: &[u64]) {
        self.messages.push(earlier.to_vec());
    }

    fn reject(&mut self, sequence: u64, cause: Cause, detail: &str) {
        assert!(!detail.is_empty());
        self.rejects.push((sequence, cause));
    }

    fn skip(&mut self, kind: &'static str) {
        self.skips.push(kind);
    }
}

const FIRST: &str = "!BSVDM,2,1,1,B,53uRcl02<VQA<A5B22098U=@tj2222222222220N3`?5540Ht@4jhAiC,0*62";
const SECOND: &str = "!BSVDM,2,2,1,B,`88888888888880,2*67";

/// Lines with their capture times in seconds, one a frame.
fn run(frames: &[(u64, &str)]) -> (Out, Slots) {
    let (mut out, mut slots) = (Out::default(), Slots::default());
    for (sequence, (second, payload)) in frames.iter().enumerate() {
        let input = Input {
            sequence: sequence as u64,
            captured_ns: second * 1_000_000_000,
            payload: payload.as_bytes(),
        };
        decode(input, &mut slots, &mut out);
    }
    (out, slots)
}

fn sentence(content: &str) -> String {
    let sum = content.bytes().fold(0, |sum, byte| sum ^ byte);
    format!("!{content}*{sum:02X}")
}

#[test]
fn a_message_names_the_frames_of_all_its_fragments() {
    let (out, slots) = run(&[(0, FIRST), (5, SECOND)]);
    assert_eq!(out.messages, [[0, 1]]);
    assert_eq!(slots.groups[0], None);
}

#[test]
fn a_group_that_is_too_old_is_lost() {
    let (out, _) = run(&[(0, FIRST), (6, SECOND)]);
    assert!(out.messages.is_empty());
    let expected = [(0, Cause::FragmentLost), (1, Cause::FragmentOrder)];
    assert_eq!(out.rejects, expected);
}

#[test]
fn a_clock_that_steps_back_does_not_make_a_group_old() {
    let (out, _) = run(&[(1_000, FIRST), (0, SECOND)]);
    assert_eq!(out.messages.len(), 1);
}

#[test]
fn an_evicted_group_is_lost_and_an_evicted_time_is_nothing() {
    let (_, slots) = run(&[(0, FIRST), (0, "")]);
    let mut rejects = Vec::new();
    let kept = slots.groups[0].as_ref().unwrap();
    expire(kept, |sequence, cause, _| rejects.push((sequence, cause)));
    assert_eq!(rejects, [(0, Cause::FragmentLost)]);
    let pending = Kept::Pending(Pending {
        time_ns: 1,
        pghp: true,
        checksum: None,
    });
    expire(&pending, |_, _, _| panic!("a time is no frame"));
}

#[test]
fn a_frame_of_one_group_whole_names_itself_once() {
    let both = FIRST.to_owned() + "\r\n" + SECOND;
    let (out, slots) = run(&[(0, &both)]);
    assert_eq!(out.messages, [[0]]);
    assert!(out.rejects.is_empty() && slots.groups[0].is_none());
}

#[test]
fn a_frame_that_begins_a_group_twice_says_what_it_lost() {
    let twice = FIRST.to_owned() + "\n" + FIRST + "\n" + SECOND;
    let (out, _) = run(&[(0, &twice)]);
    assert_eq!(out.messages.len(), 1);
    assert_eq!(out.rejects, [(0, Cause::FragmentLost)]);
}

#[test]
fn every_frame_of_a_message_that_cannot_be_read_is_rejected() {
    let second = sentence("AIVDM,2,2,1,B,0,0");
    let (out, _) = run(&[(0, FIRST), (0, &second)]);
    let mut rejects = out.rejects;
    rejects.sort_unstable_by_key(|(sequence, _)| *sequence);
    let expected = [(0, Cause::PayloadLength), (1, Cause::PayloadLength)];
    assert_eq!(rejects, expected);
}

#[test]
fn fragments_longer_than_a_message_are_rejected() {
    let long = "0".repeat(100);
    let first = sentence(&format!("AIVDM,3,1,1,B,5{long},0"));
    let next = sentence(&format!("AIVDM,3,2,1,B,{long},0"));
    let (out, slots) = run(&[(0, &first), (0, &next)]);
    assert!(slots.groups[0].is_none());
    let mut rejects = out.rejects;
    rejects.sort_unstable_by_key(|(sequence, _)| *sequence);
    let expected = [(0, Cause::FragmentLost), (1, Cause::PayloadLength)];
    assert_eq!(rejects, expected);
}

#[test]
fn types_that_are_counted_are_counted_under_their_name() {
    for message_type in [6, 7, 8, 10, 12, 13, 14, 15, 16, 17, 20, 22, 23, 25, 26] {
        let first = char::from(if message_type < 40 {
            48 + message_type
        } else {
            56
        });
        let line = sentence(&format!("AIVDM,1,1,,A,{first}000000000,0"));
        let (out, _) = run(&[(0, &line)]);
        assert_eq!(out.skips, [format!("type-{message_type}")]);
    }
    // Type 24 with part number 2.
    let (out, _) = run(&[(0, &sentence("AIVDM,1,1,,A,H000008000000000000000000000,0"))]);
    assert_eq!(out.skips, ["type-24"], "{:?}", out.rejects);
}

#[test]
fn a_frame_of_several_lines_is_skipped_once_by_what_says_most() {
    let counted = sentence("AIVDM,1,1,,A,8000000000,0");
    let frame = format!("# hello\n{counted}\n\n$GPGGA,1*4B\n");
    let (out, _) = run(&[(0, &frame), (0, "# hello"), (0, " \r\n")]);
    assert_eq!(out.skips, ["type-8", "comment", "empty"]);
}

/// A type 8 in three fragments: each frame is skipped as one, when it comes.
#[test]
fn fragments_of_a_counted_type_are_each_skipped() {
    let parts = [
        sentence("AIVDM,3,1,4,A,85P5TL0000000000,0"),
        sentence("AIVDM,3,2,4,A,00000000,0"),
        sentence("AIVDM,3,3,4,A,00000000,0"),
    ];
    let [first, second, third] = parts.each_ref().map(String::as_str);
    let (out, slots) = run(&[(0, first), (0, second), (0, third)]);
    assert_eq!(out.skips, ["type-8"; 3]);
    assert_eq!((out.messages.len(), out.rejects.len()), (0, 0));
    assert!(slots.groups.iter().all(Option::is_none));
    // What was skipped is not also lost: neither to the next message, nor to eviction.
    let (out, slots) = run(&[(0, first), (0, first)]);
    assert_eq!(out.skips, ["type-8"; 2]);
    assert_eq!(out.rejects, []);
    expire(slots.groups[0].as_ref().unwrap(), |_, _, _| {
        panic!("counted twice")
    });
    // A fragment that is missing is the fault of the frame after it.
    let (out, _) = run(&[(0, first), (0, third)]);
    assert_eq!(out.skips, ["type-8"]);
    assert_eq!(out.rejects, [(1, Cause::FragmentOrder)]);
}

/// What the first fragment does not say: type 24 with a part that has no meaning.
#[test]
fn fragments_that_turn_out_to_be_counted_are_rejected() {
    // Bits 38 and 39 are 3: the middle two of the seventh character.
    let first = sentence("AIVDM,2,1,4,A,H5P5TL<0000000,0");
    let second = sentence("AIVDM,2,2,4,A,00000000000000,0");
    let (out, _) = run(&[(0, &first), (0, &second)]);
    assert_eq!(out.skips, [] as [&str; 0]);
    let expected = [(0, Cause::MessageType), (1, Cause::MessageType)];
    assert_eq!(out.rejects, expected);
    // In one frame, too.
    let both = format!("{first}\n{second}");
    assert_eq!(run(&[(0, &both)]).0.rejects, [(0, Cause::MessageType)]);
}

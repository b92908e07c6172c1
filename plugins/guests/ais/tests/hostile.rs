//! Bad input: whatever the bytes, no panic, and no message that was not sent.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ais_decoder::fault::Cause;
use common::{CAPTURED_NS, Host, decode_all, file_lines, read, recordings, sentence, value};

const SAMPLES: [&str; 9] = [
    "\\s:2573345,c:1696241893*00\\!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0*24",
    "\\g:1-2-6745,s:rORBCOMM000,c:1411920502*56\\!AIVDM,2,1,6,A,5815:?P2BL3UKMEG>20I8Tv2222222222222221@L@hEK6L`NGPEhBE2CQp3,0*5D",
    "\\g:2-2-6745*5D\\!AIVDM,2,2,6,A,lQ1DTp88880,2*4E",
    "$PGHP,1,2013,11,12,12,0,0,869,219,,2190074,1,05*12",
    "!BSVDM,2,1,1,B,53uRcl02<VQA<A5B22098U=@tj2222222222220N3`?5540Ht@4jhAiC,0*62",
    "!BSVDM,2,2,1,B,`88888888888880,2*67",
    "!AIVDM,1,1,,B,33A0iB100118tfLO:FjPFR?:1P00,0*51,1412524603",
    "!BSVDM,1,1,,A,E>j>R:RT0b:2a@10a7000000000@Hk<j?wCCp10888uP20,4*75",
    "!BSVDO,1,1,,A,4025btQunn;ssPUHb<PF<F102<1e,0*13",
];

/// A line cut short is no message, except where only the receive time after it is gone, or where
/// a tag block before it is whole.
#[test]
fn a_line_cut_at_any_byte_is_never_another_message() {
    for line in SAMPLES {
        let (whole, _) = decode_all([line.as_bytes()], 1);
        let orphan = line.contains(",2,2,");
        assert_eq!(
            !whole.rejects.is_empty(),
            orphan,
            "{line}: {:?}",
            whole.rejects
        );
        for end in 0..line.len() {
            let (cut, mut host) = decode_all([&line.as_bytes()[..end]], 1);
            if line[..end].len() == line.rfind('*').unwrap() + 3 {
                assert_eq!(cut.messages.len(), whole.messages.len(), "{}", &line[..end]);
                let bodies = cut.messages.iter().zip(&whole.messages);
                for (cut, whole) in bodies {
                    assert_eq!(value(cut)["lat_deg"], value(whole)["lat_deg"]);
                }
            } else {
                assert_eq!(cut.messages, [], "{}", &line[..end]);
                assert_eq!(host.evict(), [], "{}", &line[..end]);
                assert_eq!(cut.rejects.len() + cut.skips.len(), 1, "{}", &line[..end]);
            }
        }
    }
}

#[test]
fn every_recorded_line_cut_at_every_byte_makes_no_message() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut files: Vec<PathBuf> = std::fs::read_dir(golden)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "nmea")
        })
        .collect();
    assert!(!files.is_empty());
    if let Some(folder) = recordings() {
        files.extend(
            [
                "gpsd_ais-nmea.log",
                "signalk_nais300-merrimac.log",
                "dma_219165000_ssc_1.ais",
                "dma_538004030_drift_1.ais",
                "dma_ais-sample.txt.gz",
            ]
            .map(|file| folder.join(file)),
        );
    }
    for path in files {
        let bytes = read(&path);
        let lines: Vec<&[u8]> = file_lines(&bytes)
            .into_iter()
            .map(<[u8]>::trim_ascii_end)
            .filter(|line| {
                line.windows(4)
                    .any(|word| word == b"VDM," || word == b"VDO,")
            })
            .collect();
        let mut cuts = 0;
        for line in &lines {
            let Some(star) = line.iter().rposition(|&byte| byte == b'*') else {
                continue;
            };
            // A few golden lines lack their checksum's second digit.
            let whole = (star + 3).min(line.len());
            let frames = (0..whole).map(|end| (CAPTURED_NS, &line[..end]));
            let mut host = Host(Host::default().0.without_rerun());
            let outcome = host.run(frames, 256);
            assert_eq!(outcome.messages, [], "{}", String::from_utf8_lossy(line));
            assert_eq!(host.evict(), []);
            assert_eq!(outcome.rejects.len() + outcome.skips.len(), whole);
            cuts += whole;
        }
        println!(
            "{}: {} lines cut in {cuts} places",
            path.display(),
            lines.len()
        );
    }
}

/// A small generator of known start: the same bytes in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

#[test]
fn random_bytes_become_rejects_or_skips() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut host = Host::default();
    for _ in 0..2_000 {
        let frames: Vec<Vec<u8>> = (0..16)
            .map(|_| {
                let length = random.below(200);
                (0..length).map(|_| random.next() as u8).collect()
            })
            .collect();
        let outcome = host.run(frames.iter().map(|frame| (0, frame.as_slice())), 16);
        assert_eq!(outcome.messages, []);
        assert_eq!(outcome.rejects.len() + outcome.skips.len(), frames.len());
    }
}

/// Sentences that keep their checksum, changed anywhere: every field takes every kind of value.
#[test]
fn changed_sentences_with_right_checksums_never_panic() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut host = Host::default();
    let (mut messages, mut rejects) = (0, 0);
    let mut causes = BTreeSet::new();
    for round in 0..4_000 {
        let frames: Vec<String> = (0..16)
            .map(|_| {
                let sample = SAMPLES[random.below(SAMPLES.len())];
                let start = sample.find(['!', '$']).unwrap();
                let end = sample.rfind('*').unwrap();
                let mut content: Vec<u8> = sample[start + 1..end].bytes().collect();
                for _ in 0..random.below(4) {
                    let at = random.below(content.len());
                    match random.below(3) {
                        0 => content[at] = b' ' + random.below(95) as u8,
                        1 => content.insert(at, b'0' + random.below(72) as u8),
                        _ => drop(content.remove(at)),
                    }
                }
                let content = String::from_utf8(content).unwrap();
                sample[..start].to_owned() + &sentence(&content)
            })
            .collect();
        let frames = frames.iter().map(|frame| (round, frame.as_bytes()));
        let outcome = host.run(frames, 16);
        messages += outcome.messages.len();
        rejects += outcome.rejects.len();
        causes.extend(outcome.rejects.iter().map(|reject| reject.cause));
        for message in &outcome.messages {
            value(message);
        }
    }
    println!("{messages} messages, {rejects} rejects: {causes:?}");
    for cause in Cause::NAMES
        .iter()
        .filter(|&&name| name != "frame-too-long")
    {
        assert!(
            causes.contains(cause) || *cause == "tag-block",
            "{cause} never met"
        );
    }
}

/// A frame's own work is bounded, however much it holds: one reject, and at most the 64 messages
/// that the host takes of a frame.
#[test]
fn a_frame_of_the_largest_size_is_bounded() {
    let junk = vec![b'\n'; 65_535];
    let garbage = b"x\n".repeat(32_767);
    let line = format!("{}\n", SAMPLES[0]);
    let sentences = line.repeat(65_535 / line.len());
    let groups: String = (0..65_535 / 40)
        .map(|at| {
            let (group, channel) = (at % 10, (b'A' + (at / 10 % 26) as u8) as char);
            let first = format!("AIVDM,2,1,{group},{channel},55P5TL01VIaAL@7W,0");
            sentence(&first) + "\n"
        })
        .collect();
    let (outcome, _) = decode_all(
        [&junk[..], &garbage, sentences.as_bytes(), groups.as_bytes()],
        4,
    );
    assert_eq!(outcome.skips, [(1, "empty")]);
    assert_eq!(outcome.messages.len(), 32);

    // A type 19 gives two messages.
    let line =
        sentence("AIVDM,1,1,,B,C6:ijoP00:9NNF4TEspILDN0Vc0jNc1WWV0000000000S2<6R20P,0") + "\n";
    let (twice, _) = decode_all([line.repeat(1_000).as_bytes()], 1);
    assert_eq!((twice.messages.len(), twice.rejects.len()), (64, 1));

    let causes: Vec<_> = outcome
        .rejects
        .iter()
        .map(|reject| (reject.sequence, reject.cause))
        .collect();
    let expected = [
        (2, Cause::SentenceForm.name()),
        (3, Cause::FrameTooLong.name()),
        (4, Cause::FrameTooLong.name()),
    ];
    assert_eq!(causes, expected);
}

#[test]
fn messages_do_not_depend_on_where_batches_end() {
    let mut all = SAMPLES.repeat(40).join("\n");
    if let Some(folder) = recordings() {
        let bytes = read(&folder.join("dma_538004030_drift_1.ais"));
        all += "\n";
        all += std::str::from_utf8(&bytes).unwrap();
    }
    let lines: Vec<&[u8]> = all.lines().map(str::as_bytes).collect();
    // Several lines a datagram, cut so that fragments are apart.
    let datagrams: Vec<Vec<u8>> = lines
        .chunks(5)
        .map(|lines| lines.join(&b"\r\n"[..]))
        .collect();
    for frames in [lines, datagrams.iter().map(Vec::as_slice).collect()] {
        let (alone, host) = decode_all(frames.iter().copied(), 1);
        for batch in [7, 64, 256] {
            let (outcome, same) = decode_all(frames.iter().copied(), batch);
            assert_eq!(outcome, alone, "batches of {batch}");
            assert_eq!(same.kept(), host.kept(), "batches of {batch}");
        }
    }
}

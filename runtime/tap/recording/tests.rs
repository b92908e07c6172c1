#![allow(clippy::unwrap_used)]

use super::*;
use crate::clock::TestClock;
use crate::tests::{limits, read_all};

/// Frames made up: frame `i` is `[i; lengths]`, at these times.
struct Made {
    times_ns: Vec<Option<u64>>,
    bytes: usize,
    next: usize,
    /// Things that are no frame before each frame.
    passed: usize,
    to_pass: usize,
    frame: Vec<u8>,
}

impl Source for Made {
    fn step(&mut self, counts: &mut TapCounts) -> Result<Step, TapError> {
        if self.to_pass > 0 {
            self.to_pass -= 1;
            counts.skipped += 1;
            return Ok(Step::Passed);
        }
        let Some(&time) = self.times_ns.get(self.next) else {
            return Ok(Step::End);
        };
        self.frame = vec![self.next as u8; self.bytes];
        self.next += 1;
        self.to_pass = self.passed;
        Ok(Step::Frame(time))
    }

    fn frame(&self) -> &[u8] {
        &self.frame
    }

    fn facts(&self) -> TapFacts {
        TapFacts::default()
    }

    fn identity(&self) -> String {
        "made".to_owned()
    }

    fn recorded_time(&self) -> bool {
        true
    }
}

fn made(times_ms: &[u64], pace: Pace) -> (RecordingTap<Made>, TestClock) {
    let clock = TestClock::default();
    let source = Made {
        times_ns: times_ms.iter().map(|ms| Some(ms * 1_000_000)).collect(),
        bytes: 10,
        next: 0,
        passed: 0,
        to_pass: 0,
        frame: Vec::new(),
    };
    let tap = RecordingTap::new(source, pace, 0, Box::new(clock.clone()));
    (tap, clock)
}

/// Reads on until the end: for each batch when it came, in milliseconds, and its frames.
fn batches(
    tap: &mut RecordingTap<Made>,
    clock: &TestClock,
    limits: ReadLimits,
) -> Vec<(u128, Vec<u8>)> {
    let mut batches = Vec::new();
    loop {
        let mut into = Columns::new();
        let begun = clock.uptime();
        let progress = tap.read(&mut into, &limits).unwrap();
        let spent = clock.uptime() - begun;
        assert!(spent <= limits.wait + limits.delay, "a read took {spent:?}");
        match progress {
            Progress::Frames => {
                let frames = into.iter().map(|(_, frame)| frame[0]).collect();
                batches.push((clock.uptime().as_millis(), frames));
            }
            Progress::Idle => {}
            Progress::End => return batches,
        }
    }
}

fn waiting() -> ReadLimits {
    ReadLimits {
        wait: Duration::from_millis(50),
        ..limits()
    }
}

#[test]
fn recorded_pace_is_kept() {
    let (mut tap, clock) = made(&[5_000, 5_010, 5_010, 5_200, 7_000], Pace::Recorded(1.0));
    let came = batches(&mut tap, &clock, waiting());
    let expected = [
        (0, vec![0]),
        (10, vec![1, 2]),
        (200, vec![3]),
        (2_000, vec![4]),
    ];
    assert_eq!(came, expected);
    assert_eq!(tap.counts().frames, 5);
}

#[test]
fn factor_divides_the_waits() {
    let (mut tap, clock) = made(&[0, 1_000, 3_000], Pace::Recorded(10.0));
    let came = batches(&mut tap, &clock, waiting());
    assert_eq!(came, [(0, vec![0]), (100, vec![1]), (300, vec![2])]);
    let (mut tap, clock) = made(&[0, 1_000], Pace::Recorded(0.5));
    let came = batches(&mut tap, &clock, waiting());
    assert_eq!(came, [(0, vec![0]), (2_000, vec![1])]);
}

#[test]
fn capture_times_stay_the_recorded_ones() {
    let (mut tap, _clock) = made(&[7, 100, 50], Pace::Recorded(1_000.0));
    let times: Vec<u64> = read_all(&mut tap).iter().map(|(time, _)| *time).collect();
    assert_eq!(times, [7_000_000, 100_000_000, 50_000_000]);
}

#[test]
fn flat_out_never_waits() {
    let (mut tap, clock) = made(&[0, 1_000_000, 5], Pace::FlatOut);
    assert_eq!(batches(&mut tap, &clock, waiting()), [(0, vec![0, 1, 2])]);
    assert_eq!(clock.uptime(), Duration::ZERO);
}

#[test]
fn frames_due_within_the_delay_share_a_batch() {
    let (mut tap, clock) = made(&[0, 4, 9, 11, 30], Pace::Recorded(1.0));
    let limits = ReadLimits {
        delay: Duration::from_millis(10),
        ..waiting()
    };
    let came = batches(&mut tap, &clock, limits);
    let frames: Vec<Vec<u8>> = came.iter().map(|(_, frames)| frames.clone()).collect();
    assert_eq!(frames, [vec![0, 1, 2], vec![3], vec![4]]);
    assert_eq!(came[0].0, 10);
}

#[test]
fn time_that_steps_back_does_not_wait_nor_shift_the_rest() {
    let (mut tap, clock) = made(&[1_000, 1_100, 400, 1_200], Pace::Recorded(1.0));
    let came = batches(&mut tap, &clock, waiting());
    assert_eq!(came, [(0, vec![0]), (100, vec![1, 2]), (200, vec![3])]);
}

#[test]
fn damaged_time_delays_by_an_hour_at_most() {
    let year_ms = 365 * 24 * 3_600_000;
    let (mut tap, clock) = made(&[0, year_ms, 20], Pace::Recorded(1.0));
    let came = batches(&mut tap, &clock, waiting());
    assert_eq!(came, [(0, vec![0]), (3_600_000, vec![1, 2])]);
}

#[test]
fn limits_hold_and_nothing_is_lost_between_reads() {
    for (frames_max, bytes_max) in [(1, 1_000), (3, 1_000), (100, 25), (100, 30), (100, 5)] {
        let (mut tap, _clock) = made(&[0; 20], Pace::FlatOut);
        let limits = ReadLimits {
            frames_max,
            bytes_max,
            ..limits()
        };
        let mut seen = Vec::new();
        loop {
            let mut into = Columns::new();
            if tap.read(&mut into, &limits).unwrap() == Progress::End {
                break;
            }
            assert!(into.len() <= frames_max);
            assert!(into.bytes().len() <= bytes_max || into.len() == 1);
            seen.extend(into.iter().map(|(_, frame)| frame[0]));
        }
        assert_eq!(seen, (0..20).collect::<Vec<u8>>());
    }
}

#[test]
fn full_columns_are_left_alone() {
    let (mut tap, _clock) = made(&[0; 3], Pace::FlatOut);
    let mut into = Columns::new();
    into.push(1, b"x");
    let limits = ReadLimits {
        frames_max: 1,
        ..limits()
    };
    assert_eq!(tap.read(&mut into, &limits).unwrap(), Progress::Idle);
    assert_eq!(into.len(), 1);
}

#[test]
fn frames_are_appended_to_those_there() {
    let (mut tap, _clock) = made(&[0; 3], Pace::FlatOut);
    let mut into = Columns::new();
    into.push(1, b"x");
    assert_eq!(tap.read(&mut into, &limits()).unwrap(), Progress::Frames);
    assert_eq!(into.len(), 4);
    assert_eq!(into.get(0), Some(&b"x"[..]));
    assert_eq!(tap.read(&mut into, &limits()).unwrap(), Progress::End);
}

#[test]
fn long_stretch_without_frames_still_returns() {
    let (mut tap, _clock) = made(&[0, 0], Pace::FlatOut);
    tap.source.passed = 5_000;
    let mut idle = 0;
    let mut frames = 0;
    loop {
        let mut into = Columns::new();
        match tap.read(&mut into, &limits()).unwrap() {
            Progress::Frames => frames += into.len(),
            Progress::Idle => idle += 1,
            Progress::End => break,
        }
    }
    assert_eq!(frames, 2);
    assert!(idle >= 4, "{idle}");
    assert_eq!(tap.counts().skipped, 10_000);
}

#[test]
fn what_resuming_passes_over_is_not_counted_again() {
    let (mut tap, _clock) = made(&[1, 2, 3, 4], Pace::Recorded(1.0));
    tap.source.passed = 2;
    tap.resume_left = 3;
    let frames = read_all(&mut tap);
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].1[0], 3);
    let counts = tap.counts();
    assert_eq!((counts.frames, counts.skipped), (1, 4));
    assert_eq!(tap.facts().resumed, Some(3));
}

//! A recording as a tap: resumed, paced, in batches.

#[cfg(test)]
mod tests;

use std::time::Duration;

use outrigger_policy::Columns;

use crate::clock::Clock;
use crate::config::Pace;
use crate::error::TapError;
use crate::report::{TapCounts, TapFacts};
use crate::{Progress, ReadLimits, Tap};

/// Longest wait between two frames at recorded pace. Reason: one damaged time must not stop a
/// recording for years. A longer gap is cut to it.
const GAP_MAX: Duration = Duration::from_secs(3600);

/// Steps between two looks at the clock while nothing is delivered.
const STEPS_PER_LOOK: u32 = 1024;

/// What a source came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A frame, with its recorded time, nanoseconds since the Unix epoch, if it has one.
    Frame(Option<u64>),
    /// Something that is no frame, counted.
    Passed,
    /// Nothing more.
    End,
}

/// A file's frames in order.
pub(crate) trait Source: Send {
    /// Goes on to the next thing in the file.
    fn step(&mut self, counts: &mut TapCounts) -> Result<Step, TapError>;
    /// The frame of the last step.
    fn frame(&self) -> &[u8];
    /// What is known of the file.
    fn facts(&self) -> TapFacts;
    /// Canonical path and bytes on disk.
    fn identity(&self) -> String;
    /// True when frames have recorded times.
    fn recorded_time(&self) -> bool;
}

/// What came of looking for the next frame.
enum Next {
    Ready(Option<u64>),
    Later,
    Ended,
}

/// A tap that reads a [`Source`].
pub(crate) struct RecordingTap<S> {
    source: S,
    clock: Box<dyn Clock>,
    pace: Pace,
    /// Frames still to be passed over.
    resume_left: u64,
    resumed: u64,
    counts: TapCounts,
    /// The source's frame is read and not delivered yet; its time.
    pending: Option<Option<u64>>,
    /// Latest recorded time so far, and when it was due on the clock's uptime.
    front: Option<(u64, Duration)>,
    ended: bool,
}

impl<S: Source> RecordingTap<S> {
    pub(crate) fn new(source: S, pace: Pace, resume_after: u64, clock: Box<dyn Clock>) -> Self {
        Self {
            source,
            clock,
            pace,
            resume_left: resume_after,
            resumed: 0,
            counts: TapCounts::default(),
            pending: None,
            front: None,
            ended: false,
        }
    }

    /// The next frame to deliver, or nothing by `until`.
    fn next(&mut self, until: Duration) -> Result<Next, TapError> {
        if let Some(time) = self.pending {
            return Ok(Next::Ready(time));
        }
        let mut steps = 0u32;
        loop {
            if self.ended {
                return Ok(Next::Ended);
            }
            // What is passed over was counted by the run that delivered it.
            let mut passed_over = TapCounts::default();
            let counts = match self.resume_left {
                0 => &mut self.counts,
                _ => &mut passed_over,
            };
            match self.source.step(counts)? {
                Step::Frame(_) if self.resume_left > 0 => {
                    self.resume_left -= 1;
                    self.resumed += 1;
                }
                Step::Frame(time) => {
                    self.pending = Some(time);
                    return Ok(Next::Ready(time));
                }
                Step::Passed => {}
                Step::End => self.ended = true,
            }
            steps = (steps + 1) % STEPS_PER_LOOK;
            if steps == 0 && self.clock.uptime() >= until {
                return Ok(Next::Later);
            }
        }
    }

    /// When a frame of this time is due; none at once.
    fn due(&mut self, time_ns: u64) -> Option<Duration> {
        let factor = match self.pace {
            Pace::FlatOut => return None,
            Pace::Recorded(factor) => factor,
        };
        let front = *self
            .front
            .get_or_insert_with(|| (time_ns, self.clock.uptime()));
        // A time that steps back is due with the latest one: frames keep their order.
        let ahead_ns = time_ns.saturating_sub(front.0);
        let wait = Duration::from_nanos((ahead_ns as f64 / factor) as u64).min(GAP_MAX);
        Some(front.1 + wait)
    }

    fn deliver(&mut self, time_ns: u64, due: Option<Duration>, into: &mut Columns) {
        if let (Some(due), Some(front)) = (due, self.front.as_mut())
            && time_ns > front.0
        {
            *front = (time_ns, due);
        }
        let frame = self.source.frame();
        into.push(time_ns, frame);
        self.counts.frames += 1;
        self.counts.bytes += frame.len() as u64;
        self.pending = None;
    }
}

impl<S: Source> Tap for RecordingTap<S> {
    fn read(&mut self, into: &mut Columns, limits: &ReadLimits) -> Result<Progress, TapError> {
        let before = into.len();
        let begun = self.clock.uptime();
        let wall_ns = self.clock.wall_ns();
        let until = begun + limits.wait;
        let mut batch_ends = None;
        while !limits.is_full(into) {
            let recorded = match self.next(until)? {
                Next::Ready(time) => time,
                Next::Later => break,
                Next::Ended if into.len() == before => return Ok(Progress::End),
                Next::Ended => break,
            };
            if limits.refuse(into, self.source.frame().len()) {
                break;
            }
            let due = recorded.and_then(|time_ns| self.due(time_ns));
            if let Some(due) = due {
                let now = self.clock.uptime();
                if due > now {
                    // The first frame is waited for; then one wait covers the rest of the batch.
                    let wake = match batch_ends {
                        None => due.min(until),
                        Some(end) if due > end => break,
                        Some(end) => end,
                    };
                    self.clock.sleep(wake.saturating_sub(now));
                    if due > wake {
                        break;
                    }
                }
                batch_ends.get_or_insert(due.max(now) + limits.delay);
            }
            self.deliver(recorded.unwrap_or(wall_ns), due, into);
        }
        Ok(if into.len() > before {
            Progress::Frames
        } else {
            Progress::Idle
        })
    }

    fn counts(&mut self) -> TapCounts {
        self.counts
    }

    fn facts(&self) -> TapFacts {
        TapFacts {
            resumed: Some(self.resumed),
            ..self.source.facts()
        }
    }

    fn origin(&self) -> String {
        format!("file:{}", self.source.identity())
    }

    fn finite(&self) -> bool {
        true
    }

    fn recorded_time(&self) -> bool {
        self.source.recorded_time()
    }
}

//! The lines of the ledgers, and how they are told.

use std::io::Write as _;

use outrigger_policy::ledger::difference;
use serde_json::{Map, Value, json};

use super::super::moment::utc;
use super::super::output::{Output, Trouble};
use super::super::text::{clean, digits, wrap};
use crate::status::StatusSnapshot;

/// Format of the JSON object. Rises when a field changes its meaning.
const FORMAT: u32 = 1;

/// A term: its name and its count.
pub(super) type Term = (&'static str, u64);

/// A line: what there was, and what became of it.
pub(super) struct Line {
    /// Which ledger: `frames`, `classes`.
    pub(super) ledger: &'static str,
    /// Of what: a tap, a topic.
    pub(super) of: String,
    pub(super) whole: Vec<Term>,
    pub(super) parts: Vec<Term>,
}

impl Line {
    fn difference(&self) -> i64 {
        let counts = |terms: &[Term]| terms.iter().map(|(_, count)| *count).collect::<Vec<_>>();
        difference(&counts(&self.whole), &counts(&self.parts))
    }

    fn text(&self) -> String {
        let side = |terms: &[Term]| {
            let terms = terms.iter();
            let terms: Vec<String> = terms
                .map(|(name, count)| format!("{} {}", digits(*count), name.replace('_', " ")))
                .collect();
            terms.join(" + ")
        };
        let equals = if self.difference() == 0 { "=" } else { "≠" };
        let mut text = format!(
            "{}: {} {equals} {}",
            clean(&self.of),
            side(&self.whole),
            side(&self.parts)
        );
        if self.difference() != 0 {
            text.push_str(&format!("; off by {}", self.difference()));
        }
        text
    }

    fn json(&self) -> Value {
        let side = |terms: &[Term]| {
            let terms = terms.iter();
            let terms = terms.map(|(name, count)| ((*name).to_owned(), json!(count)));
            terms.collect::<Map<_, _>>()
        };
        json!({
            "ledger": self.ledger,
            "of": self.of,
            "whole": side(&self.whole),
            "parts": side(&self.parts),
            "difference": self.difference(),
        })
    }
}

/// Everything that was found.
pub(super) struct Report {
    source: &'static str,
    /// When the counts were taken, nanoseconds since the Unix epoch, and up to which block.
    status: Option<(u64, u64)>,
    lines: Vec<Line>,
    /// What cannot be checked, and why.
    notes: Vec<String>,
    problems: Vec<String>,
    damaged: bool,
}

impl Report {
    pub(super) fn new(source: &'static str, status: Option<&StatusSnapshot>) -> Self {
        Self {
            source,
            status: status.map(|status| (status.now_ns, status.ledger.next_block)),
            lines: Vec::new(),
            notes: Vec::new(),
            problems: Vec::new(),
            damaged: false,
        }
    }

    pub(super) fn line(&mut self, ledger: &'static str, of: &str, whole: &[Term], parts: &[Term]) {
        self.lines.push(Line {
            ledger,
            of: of.to_owned(),
            whole: whole.to_vec(),
            parts: parts.to_vec(),
        });
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    pub(super) fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    pub(super) fn damaged(&mut self, damaged: bool) {
        self.damaged |= damaged;
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.damaged
    }

    pub(super) fn is_good(&self) -> bool {
        self.problems.is_empty() && self.lines.iter().all(|line| line.difference() == 0)
    }

    /// Both ledgers as the runtime counts them, added up here. `last` if it has stopped, so that
    /// threads' counts of different moments must agree too.
    pub(super) fn ledgers(&mut self, status: &StatusSnapshot, last: bool) {
        for tap in &status.frames {
            self.line(
                "frames",
                &tap.tap,
                &[("captured", tap.captured)],
                &[
                    ("processed", tap.processed),
                    ("rejected", tap.rejected),
                    ("shed", tap.shed),
                    ("waiting", tap.waiting),
                ],
            );
        }
        let lost = status.ledger.lost_before;
        self.note(format!("{} frames were lost before capture", digits(lost)));
        for shed in &status.shed {
            let class = shed.class.as_ref();
            self.note(format!(
                "{} shed {} frames and {} messages{}: {}",
                shed.tap,
                digits(shed.frames),
                digits(shed.messages),
                class.map_or_else(String::new, |class| format!(" of {class}")),
                shed.cause
            ));
        }
        for class in &status.deliveries.classes {
            self.line(
                "classes",
                &class.class,
                &[("decoded", class.decoded)],
                &[
                    ("delivered", class.delivered),
                    ("withheld", class.withheld),
                    ("dead", class.dead),
                    ("shed", class.shed),
                ],
            );
        }
        for topic in &status.deliveries.topics {
            self.line(
                "topics",
                &topic.topic,
                &[("made", topic.made)],
                &[
                    ("written", topic.written),
                    ("held", topic.held),
                    ("unwritten", topic.unwritten),
                ],
            );
        }
        for kafka in &status.deliveries.kafka {
            let of = format!("{}.{}", kafka.cluster, kafka.topic);
            self.line(
                "kafka",
                &of,
                &[
                    ("owed_before", kafka.owed_before),
                    ("written", kafka.written),
                    ("again", kafka.again),
                ],
                &[
                    ("delivered", kafka.delivered),
                    ("found", kafka.found),
                    ("waiting", kafka.waiting),
                    ("refused", kafka.refused),
                    ("lost", kafka.lost),
                ],
            );
            let mut topics = status.deliveries.topics.iter();
            if let (true, Some(topic)) = (last, topics.find(|topic| topic.topic == kafka.topic)) {
                self.line(
                    "kafka",
                    &of,
                    &[("written_by_the_pipeline", topic.written)],
                    &[("handed_over", kafka.written)],
                );
            }
        }
        if status.group.is_some() {
            self.note(
                "a group keeps no journal and no topic logs: what it reads and writes is in Kafka"
                    .to_owned(),
            );
        }
    }

    pub(super) fn print(&self, out: &mut Output, json: bool) -> Result<(), Trouble> {
        if json {
            let object = json!({
                "format": FORMAT,
                "source": self.source,
                "status_ns": self.status.map(|(now_ns, _)| now_ns),
                "next_block": self.status.map(|(_, block)| block),
                "good": self.is_good() && !self.damaged,
                "damaged": self.damaged,
                "lines": self.lines.iter().map(Line::json).collect::<Vec<_>>(),
                "problems": self.problems,
                "notes": self.notes,
            });
            writeln!(out, "{object}")?;
            return Ok(());
        }
        let mut text = String::new();
        let of = match (self.source, self.status) {
            ("running", Some((_, block))) => {
                format!("the running runtime, up to block {}", digits(block))
            }
            (_, Some((now_ns, block))) => format!(
                "the last run, which stopped at {}, up to block {}",
                utc(now_ns),
                digits(block)
            ),
            (_, None) => {
                "the logs alone: the last run left no status, because it was killed or is \
                          of an older version"
                    .to_owned()
            }
        };
        wrap(&mut text, "counts of ", "          ", &of);
        let mut ledger = "";
        for line in &self.lines {
            if line.ledger != ledger {
                ledger = line.ledger;
                text.push_str(&format!("\n{}\n", heading(ledger)));
            }
            let verdict = match line.difference() {
                0 => "  OK       ",
                _ => "  DIFFERS  ",
            };
            wrap(&mut text, verdict, "           ", &line.text());
        }
        if !self.problems.is_empty() || !self.notes.is_empty() {
            text.push('\n');
        }
        for problem in &self.problems {
            wrap(&mut text, "  DIFFERS  ", "           ", problem);
        }
        for note in &self.notes {
            wrap(&mut text, "  note     ", "           ", note);
        }
        let wrong = self.lines.iter().filter(|line| line.difference() != 0);
        let wrong = wrong.count() + self.problems.len();
        text.push_str(&match wrong {
            0 => format!("\nOK: {} lines add up\n", self.lines.len()),
            wrong => format!("\nDIFFERS: {wrong} of {} lines and checks\n", {
                self.lines.len() + self.problems.len()
            }),
        });
        out.write_all(text.as_bytes())?;
        Ok(())
    }
}

fn heading(ledger: &str) -> &'static str {
    match ledger {
        "frames" => "FRAMES, by tap",
        "classes" => "MESSAGES, by class",
        "topics" => "RECORDS, by topic",
        "kafka" => "DELIVERIES, by cluster and topic",
        "journal" => "FRAMES IN THE JOURNAL, counted on the disk, by tap",
        _ => "RECORDS IN THE TOPIC LOGS, counted on the disk, by topic",
    }
}

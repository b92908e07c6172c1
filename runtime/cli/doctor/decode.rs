//! Runs the decoders on what was heard, as the runtime would.

use outrigger_policy::Columns;
use outrigger_policy::topology::{TapId, TopicId};

use super::Report;
use super::listen::Heard;
use crate::config::Config;
use crate::install::Plugins;
use crate::pipeline::{FrameArchive, Input, Outbox, Pipeline};
use crate::record::Position;

/// Takes records and forgets them.
struct Nowhere;

impl Outbox for Nowhere {
    fn put(&mut self, _: TopicId, _: Position, _: u64, _: &[u8]) {}
}

impl FrameArchive for Nowhere {
    fn frame(&mut self, _: TapId, _: u64) -> Option<(u64, Vec<u8>)> {
        None
    }
}

/// Decodes what was heard of each tap, and says what came of it.
pub(super) fn check(report: &mut Report, config: &Config, plugins: &Plugins, heard: &[Heard]) {
    let mut pipeline = match Pipeline::new(plugins.setup(config)) {
        Ok(pipeline) => pipeline,
        Err(error) => {
            let remedy = "correct the plugin's section, or install the right component";
            report.fail("plugins", error.to_string(), remedy);
            return;
        }
    };
    let mut block = 0;
    let mut seq = 0;
    for Heard { tap, frames } in heard {
        if frames.is_empty() {
            continue;
        }
        let before = Figures::of(&mut pipeline);
        let mut stopped = None;
        for part in parts(frames, config.journal.block_frames_max) {
            let input = Input {
                block,
                tap: *tap,
                first_seq: seq,
                frames: &part,
                tick_ns: None,
            };
            block += 1;
            seq += part.len() as u64;
            let done = pipeline.process(&input, &mut Nowhere, &mut Nowhere);
            stopped = stopped.or(done.err());
        }
        let Some(decoder) = config.topology.tap(*tap).decoder else {
            continue;
        };
        let decoder = config.topology.plugin(decoder);
        let subject = format!("tap {}", config.tap(*tap).name);
        if let Some(stopped) = stopped {
            report.fail(
                &subject,
                stopped.to_string(),
                "see the plugin's notes in the log",
            );
        }
        let after = Figures::of(&mut pipeline);
        say(
            report,
            config,
            &subject,
            &decoder.name,
            frames.len(),
            &before,
            &after,
        );
    }
}

fn parts(frames: &Columns, frames_max: usize) -> Vec<Columns> {
    let mut parts = Vec::new();
    let mut part = Columns::new();
    for (time_ns, bytes) in frames.iter() {
        part.push(time_ns, bytes);
        if part.len() >= frames_max {
            parts.push(std::mem::take(&mut part));
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Counts so far, each with its name.
struct Figures {
    messages: Vec<u64>,
    rejected: u64,
    /// Rejects by cause and skips by kind, of every plugin: plugin, name, count.
    told: Vec<(String, String, u64)>,
    faults: u64,
}

impl Figures {
    fn of(pipeline: &mut Pipeline) -> Self {
        let views = pipeline.plugins();
        let mut told = Vec::new();
        for view in &views {
            let description = &view.plugin.description;
            let lists = [
                (&description.causes, &view.counters.rejects),
                (&description.skips, &view.counters.skips),
            ];
            for (names, counts) in lists {
                for (name, count) in names.iter().zip(counts) {
                    told.push((view.plugin.name.clone(), name.clone(), *count));
                }
            }
        }
        let counters = pipeline.counters();
        let faults = views.iter().flat_map(|view| view.counters.faults.values());
        Self {
            messages: counters.messages.clone(),
            rejected: counters.rejected.iter().sum(),
            told,
            faults: faults.sum(),
        }
    }
}

fn say(
    report: &mut Report,
    config: &Config,
    subject: &str,
    decoder: &str,
    frames: usize,
    before: &Figures,
    after: &Figures,
) {
    let grown = |now: &[u64], then: &[u64]| -> Vec<u64> {
        now.iter().zip(then).map(|(now, then)| now - then).collect()
    };
    let messages = grown(&after.messages, &before.messages);
    let classes = config.topology.classes().iter().zip(&messages);
    let mut by_class = Vec::new();
    for (class, count) in classes.filter(|(_, count)| **count > 0) {
        by_class.push(format!("{} {count}", class.name));
    }
    let mut causes = Vec::new();
    for ((plugin, name, now), (_, _, then)) in after.told.iter().zip(&before.told) {
        if plugin == decoder && now > then {
            causes.push(format!("{name} {}", now - then));
        }
    }
    let total: u64 = messages.iter().sum();
    let rejected = after.rejected - before.rejected;
    let mut finding = format!("{decoder} makes {total} messages of {frames} frames");
    if !by_class.is_empty() {
        finding.push_str(&format!(" ({})", by_class.join(", ")));
    }
    if !causes.is_empty() {
        finding.push_str(&format!("; rejected or skipped: {}", causes.join(", ")));
    }
    let faults = after.faults - before.faults;
    if faults > 0 {
        finding.push_str(&format!("; {faults} faults of plugins"));
    }
    if total == 0 {
        let remedy = "is this the decoder of this bus's format, and are its classes in `writes`?";
        report.fail(subject, finding, remedy);
    } else if rejected * 2 > frames as u64 || faults > 0 {
        let remedy = "the causes say why; dead letters keep such frames: `outrigger log read \
                      _dead-letters`";
        report.warn(subject, finding, remedy);
    } else {
        report.ok(subject, finding);
    }
}

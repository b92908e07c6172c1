//! `outrigger journal stat`: what the journal holds, and who holds it.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use cap_std::fs::Dir;
use outrigger_journal::ceiling::{Ceiling, CeilingError};
use outrigger_journal::{Block, Head, Kind, ReadError, Reader, Stat, StreamId, heads, stat};
use serde_json::{Value, json};

use super::super::moment::utc;
use super::super::output::{Output, Trouble};
use super::super::place::{Place, PlaceArgs, holder, trouble};
use super::super::text::{clean, counted, digits, size, wrap};
use crate::record::hex;
use crate::snapshot;

/// What a walk over all blocks finds.
#[derive(Default)]
struct Walked {
    blocks: Kinds,
    frames: u64,
    rulings: u64,
    /// By stream: frames held, and the span of their capture times.
    held: BTreeMap<StreamId, Held>,
    /// Blocks and frames that the newest snapshot has not folded in.
    blocks_behind: u64,
    frames_behind: u64,
    /// Blocks behind the last signed head.
    blocks_unsigned: u64,
}

/// Blocks, by kind.
#[derive(Default)]
struct Kinds {
    frames: u64,
    ticks: u64,
    rulings: u64,
    other: u64,
}

#[derive(Clone, Copy)]
struct Held {
    frames: u64,
    bytes: u64,
    min_ns: u64,
    max_ns: u64,
}

/// How the last writer left the journal.
enum End {
    Held(String),
    Clean,
    Unclean,
    Unknown(String),
}

impl End {
    fn of(dir: &Dir) -> Self {
        if let Some(owner) = holder(dir) {
            return Self::Held(owner);
        }
        match Ceiling::load(dir) {
            Ok(Some(ceiling)) if ceiling.clean => Self::Clean,
            Ok(Some(_)) => Self::Unclean,
            Ok(None) => Self::Unknown("the file `ceiling` is absent".to_owned()),
            Err(error @ (CeilingError::Newer(_) | CeilingError::Damaged | CeilingError::Io(_))) => {
                Self::Unknown(error.to_string())
            }
        }
    }

    fn say(&self) -> String {
        match self {
            Self::Held(owner) => format!("in use by {}", clean(owner)),
            Self::Clean => "closed cleanly".to_owned(),
            Self::Unclean => {
                "stopped uncleanly; the next start goes on above the reserved numbers".to_owned()
            }
            Self::Unknown(cause) => format!("unknown: {cause}"),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Held(_) => "in-use",
            Self::Clean => "clean",
            Self::Unclean => "unclean",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// The newest snapshot: the first block it has not folded in, or why there is none.
type Newest = Result<Option<u64>, String>;

pub(super) fn run(out: &mut Output, place: &PlaceArgs, as_json: bool) -> Result<ExitCode, Trouble> {
    let place = place.find()?;
    let dir = place.journal()?;
    let failed = |error: ReadError| trouble("journal", &error);
    let stat = stat(&dir).map_err(failed)?;
    let newest = newest(&place);
    let head = last_head(&dir)?;
    let mut walked = Walked::default();
    let result = walk(&dir, &newest, head, &mut walked);
    let end = End::of(&dir);
    let found = Found {
        stat: &stat,
        walked: &walked,
        end: &end,
        newest: &newest,
        head,
    };
    if as_json {
        writeln!(out, "{}", found.json())?;
    } else {
        found.print(out)?;
    }
    result.map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}

fn newest(place: &Place) -> Newest {
    let dir = match place.snapshots() {
        Ok(dir) => dir,
        Err(_) => return Ok(None),
    };
    match snapshot::newest(&dir) {
        Ok((Some(snapshot), _)) => Ok(Some(snapshot.next_block)),
        Ok((None, damaged)) => match damaged.first() {
            Some(error) => Err(error.to_string()),
            None => Ok(None),
        },
        Err(error) => Err(error.to_string()),
    }
}

fn last_head(dir: &Dir) -> Result<Option<Head>, Trouble> {
    let entries = heads::load(dir)
        .map_err(|error| Trouble::Unreadable(format!("journal, {}: {error}", heads::HEADS_FILE)))?;
    Ok(entries.into_iter().filter_map(Result::ok).next_back())
}

fn walk(
    dir: &Dir,
    newest: &Newest,
    head: Option<Head>,
    walked: &mut Walked,
) -> Result<(), ReadError> {
    let mut reader = Reader::open(dir)?;
    let mut block = Block::default();
    loop {
        match reader.next(&mut block) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            // Retention was faster; what is gone is no longer held.
            Err(ReadError::Gone { .. }) => continue,
            Err(error) => return Err(error),
        }
        let header = &block.header;
        let count = u64::from(header.count);
        match header.kind {
            Kind::Frames => {
                walked.blocks.frames += 1;
                walked.frames += count;
                let held = walked.held.entry(header.stream).or_insert(Held {
                    frames: 0,
                    bytes: 0,
                    min_ns: u64::MAX,
                    max_ns: 0,
                });
                held.frames += count;
                held.bytes += block.columns.bytes().len() as u64;
                held.min_ns = held.min_ns.min(header.time_min_ns);
                held.max_ns = held.max_ns.max(header.time_max_ns);
            }
            Kind::Tick => walked.blocks.ticks += 1,
            Kind::Rulings => {
                walked.blocks.rulings += 1;
                walked.rulings += count;
            }
            Kind::Records => walked.blocks.other += 1,
        }
        if header.block >= newest.as_ref().ok().copied().flatten().unwrap_or(0) {
            walked.blocks_behind += 1;
            walked.frames_behind += count * u64::from(header.kind == Kind::Frames);
        }
        if head.is_none_or(|head| header.block > head.block) {
            walked.blocks_unsigned += 1;
        }
    }
}

struct Found<'a> {
    stat: &'a Stat,
    walked: &'a Walked,
    end: &'a End,
    newest: &'a Newest,
    head: Option<Head>,
}

impl Found<'_> {
    fn print(&self, out: &mut Output) -> Result<(), Trouble> {
        let Self {
            stat,
            walked,
            end,
            newest,
            head,
        } = self;
        let mut text = String::new();
        let mut row = |what: &str, value: String| {
            wrap(&mut text, &format!("{what:<9} "), &" ".repeat(10), &value);
        };
        row("journal", end.say());
        let id = stat.log_id.map(|id| hex(&id));
        row("identity", id.unwrap_or_else(|| "none".to_owned()));
        row(
            "on disk",
            format!(
                "{} in {}",
                size(stat.bytes),
                counted(stat.segments, "segment")
            ),
        );
        let kinds = &walked.blocks;
        let blocks = match (stat.first_block, stat.last_block) {
            (Some(first), Some(last)) => format!(
                "{} to {}: {} of frames, {}, {} of rulings",
                digits(first),
                digits(last),
                digits(kinds.frames),
                counted(kinds.ticks, "tick"),
                digits(kinds.rulings)
            ),
            (Some(_), None) | (None, Some(_)) | (None, None) => "none".to_owned(),
        };
        row("blocks", blocks);
        let frames = match walked.frames {
            0 => "none".to_owned(),
            count => format!(
                "{}, sequence numbers {} to {}",
                digits(count),
                digits(stat.first_seq),
                digits(stat.next_seq.saturating_sub(1))
            ),
        };
        row("frames", frames);
        let gaps = match (stat.blocks_skipped, stat.seqs_skipped) {
            (0, 0) => "none".to_owned(),
            (blocks, seqs) => format!(
                "{} block and {} sequence numbers, by unclean starts or by damage that a start cut off",
                digits(blocks),
                digits(seqs)
            ),
        };
        row("gaps", gaps);
        let snapshot = match newest {
            Ok(Some(next)) => format!(
                "before block {}; {} with {} behind it",
                digits(*next),
                counted(walked.blocks_behind, "block"),
                counted(walked.frames_behind, "frame")
            ),
            Ok(None) => "none".to_owned(),
            Err(cause) => format!("none usable: {cause}"),
        };
        row("snapshot", snapshot);
        let head = match head {
            Some(head) => format!(
                "to block {}, at {}; {} behind it; not checked here",
                digits(head.block),
                utc(head.time_ns),
                counted(walked.blocks_unsigned, "block")
            ),
            None => "no heads: the chain shows accidents, not malice".to_owned(),
        };
        row("signed", head);
        if let Some(tail) = &stat.tail {
            row("tail", format!("good up to {tail}"));
        }
        for stream in &stat.streams {
            text.push('\n');
            wrap(
                &mut text,
                "tap       ",
                "          ",
                &format!("{} from {}", stream.name, stream.origin),
            );
            let mut row = |what: &str, value: String| {
                wrap(&mut text, &format!("  {what:<7} "), "          ", &value);
            };
            match walked.held.get(&stream.id) {
                Some(held) => {
                    let frames = (
                        digits(held.frames),
                        size(held.bytes),
                        digits(stream.records),
                    );
                    row(
                        "frames",
                        format!("{} held, {}; {} ever", frames.0, frames.1, frames.2),
                    );
                    row(
                        "time",
                        format!("{} to {}", utc(held.min_ns), utc(held.max_ns)),
                    );
                }
                None => row(
                    "frames",
                    format!("none held; {} ever", digits(stream.records)),
                ),
            }
            if stream.time_steps > 0 {
                row(
                    "steps",
                    format!(
                        "capture time stepped back {}",
                        counted(stream.time_steps, "time")
                    ),
                );
            }
        }
        out.write_all(text.as_bytes())?;
        Ok(())
    }

    fn json(&self) -> Value {
        let Self {
            stat,
            walked,
            end,
            newest,
            head,
        } = self;
        let taps: Vec<Value> = stat
            .streams
            .iter()
            .map(|stream| {
                let held = walked.held.get(&stream.id);
                json!({
                    "tap": stream.name,
                    "origin": stream.origin,
                    "frames": held.map_or(0, |held| held.frames),
                    "bytes": held.map_or(0, |held| held.bytes),
                    "frames_ever": stream.records,
                    "captured_min_ns": held.map(|held| held.min_ns),
                    "captured_max_ns": held.map(|held| held.max_ns),
                    "time_steps_back": stream.time_steps,
                })
            })
            .collect();
        let any = walked.frames > 0;
        let (owner, cause) = match end {
            End::Held(owner) => (Some(owner), None),
            End::Clean | End::Unclean => (None, None),
            End::Unknown(cause) => (None, Some(cause)),
        };
        json!({
            "state": end.word(),
            "in_use_by": owner,
            "state_cause": cause,
            "log_id": stat.log_id.map(|id| hex(&id)),
            "segments": stat.segments,
            "bytes": stat.bytes,
            "first_block": stat.first_block,
            "last_block": stat.last_block,
            "blocks": {
                "frames": walked.blocks.frames,
                "ticks": walked.blocks.ticks,
                "rulings": walked.blocks.rulings,
            },
            "frames": walked.frames,
            "rulings": walked.rulings,
            "first_seq": any.then_some(stat.first_seq),
            "last_seq": any.then(|| stat.next_seq.saturating_sub(1)),
            "blocks_skipped": stat.blocks_skipped,
            "seqs_skipped": stat.seqs_skipped,
            "snapshot": {
                "next_block": newest.as_ref().ok().copied().flatten(),
                "blocks_behind": walked.blocks_behind,
                "frames_behind": walked.frames_behind,
                "cause": newest.as_ref().err(),
            },
            "signed_to_block": head.map(|head| head.block),
            "signed_ns": head.map(|head| head.time_ns),
            "blocks_unsigned": walked.blocks_unsigned,
            "good_up_to": stat.tail.as_ref().map(ToString::to_string),
            "taps": taps,
        })
    }
}

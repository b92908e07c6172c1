//! `outrigger journal read`: frames as they were captured, or rulings.

use std::io::Write;
use std::process::ExitCode;

use cap_std::fs::Dir;
use outrigger_journal::{Kind, StreamInfo};
use serde_json::{Value, json};

use super::super::log::Format;
use super::super::moment::date_and_time;
use super::super::output::{Output, Trouble};
use super::super::place::trouble;
use super::super::text::{as_text, cut, dump, fit};
use super::super::walk::{At, Walk};
use super::ReadArgs;
use crate::config::hint;
use crate::record::hex;
use crate::rulings::Ruling;
use crate::run::now_ns;

/// Columns of a frame in the table.
const FRAME_COLUMNS: usize = 36;

pub(super) fn run(out: &mut Output, args: &ReadArgs) -> Result<ExitCode, Trouble> {
    let place = args.place.find()?;
    let dir = place.journal()?;
    if let Some(tap) = &args.tap {
        check_tap(&dir, tap)?;
    }
    let walk = Walk {
        dir: &dir,
        name: "journal",
        range: &args.range,
        now_ns: now_ns(),
        rulings: args.rulings,
        follow: None,
    };
    let mut printer = Printer {
        args,
        date: None,
        buffer: Vec::new(),
    };
    walk.run(out, |out, at| match (at.block.header.kind, args.rulings) {
        (Kind::Frames, false) => printer.frame(out, at),
        (Kind::Rulings, true) => printer.ruling(out, at),
        (Kind::Frames | Kind::Rulings | Kind::Tick | Kind::Records, _) => Ok(false),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A tap that never captured anything is more likely a mistake than meant.
fn check_tap(dir: &Dir, tap: &str) -> Result<(), Trouble> {
    let stat = outrigger_journal::stat(dir).map_err(|error| trouble("journal", &error))?;
    let mut names: Vec<&str> = stat
        .streams
        .iter()
        .map(|known| known.name.as_str())
        .collect();
    names.dedup();
    if names.contains(&tap) {
        return Ok(());
    }
    Err(Trouble::Unreadable(format!(
        "no tap {tap:?} in the journal{}\nthere are: {}",
        hint(tap, names.iter().copied()),
        names.join(", ")
    )))
}

struct Printer<'a> {
    args: &'a ReadArgs,
    date: Option<String>,
    buffer: Vec<u8>,
}

impl Printer<'_> {
    fn frame(&mut self, out: &mut Output, at: &At<'_>) -> Result<bool, Trouble> {
        let tap = tap_name(at.streams, at.block.header.stream);
        if self.args.tap.as_ref().is_some_and(|wanted| wanted != tap) {
            return Ok(false);
        }
        match self.args.format {
            Format::Json => {
                let object = json!({
                    "seq": at.seq,
                    "block": at.block.header.block,
                    "tap": tap,
                    "captured_ns": at.time_ns,
                    "frame_hex": hex(at.bytes),
                    "text": as_text(at.bytes),
                });
                writeln!(out, "{object}")?;
            }
            Format::Hex => self.hex(out, at, &format!("seq {}, tap {tap}", at.seq))?,
            Format::Table => {
                let (date, time) = date_and_time(at.time_ns);
                if self.date.is_none() {
                    writeln!(
                        out,
                        "{:>11} {:<12} {:<11} {:>5} FRAME",
                        "SEQ", "TIME (UTC)", "TAP", "BYTES"
                    )?;
                }
                self.date(out, date)?;
                let frame = match as_text(at.bytes) {
                    Some(text) => cut(text, FRAME_COLUMNS),
                    None => cut(
                        &hex(&at.bytes[..at.bytes.len().min(FRAME_COLUMNS)]),
                        FRAME_COLUMNS,
                    ),
                };
                let (seq, bytes, tap) = (at.seq, at.bytes.len(), fit(tap, 11));
                writeln!(out, "{seq:>11} {time} {tap} {bytes:>5} {frame}")?;
            }
        }
        Ok(true)
    }

    fn ruling(&mut self, out: &mut Output, at: &At<'_>) -> Result<bool, Trouble> {
        let block = at.block.header.block;
        let ruling: Ruling = rmp_serde::from_slice(at.bytes).map_err(|error| {
            Trouble::Unreadable(format!(
                "journal, block {block}: the ruling cannot be read, it may be of a newer build: \
                 {error}"
            ))
        })?;
        match self.args.format {
            Format::Json => writeln!(out, "{}", ruling_json(at, &ruling))?,
            Format::Hex => self.hex(out, at, &format!("block {block}, ruling"))?,
            Format::Table => {
                let (date, time) = date_and_time(at.time_ns);
                if self.date.is_none() {
                    writeln!(out, "{:>11} {:<12} RULING", "BLOCK", "TIME (UTC)")?;
                }
                self.date(out, date)?;
                writeln!(out, "{block:>11} {time} {}", cut(&say(&ruling), 55))?;
            }
        }
        Ok(true)
    }

    fn hex(&mut self, out: &mut Output, at: &At<'_>, what: &str) -> Result<(), Trouble> {
        let (date, time) = date_and_time(at.time_ns);
        self.buffer.clear();
        dump(&mut self.buffer, at.bytes);
        writeln!(out, "# {what} at {date}T{time}Z, {} bytes", at.bytes.len())?;
        out.write_all(&self.buffer)?;
        Ok(())
    }

    fn date(&mut self, out: &mut Output, date: String) -> Result<(), Trouble> {
        if self.date.as_ref() != Some(&date) {
            writeln!(out, "{date}")?;
            self.date = Some(date);
        }
        Ok(())
    }
}

/// Name of a stream; a block is never read whose stream the segment does not know.
fn tap_name(streams: &[StreamInfo], id: outrigger_journal::StreamId) -> &str {
    let stream = streams.iter().find(|stream| stream.id == id);
    stream.map_or("", |stream| stream.name.as_str())
}

/// As [`crate::cli::log::fields::RULING`] says.
fn ruling_json(at: &At<'_>, ruling: &Ruling) -> Value {
    let (word, of_block, call, name, uid) = match ruling {
        Ruling::Late { block, call } => ("late", Some(*block), Some(*call), None, None),
        Ruling::Restart { at_block } => ("restart", Some(*at_block), None, None, None),
        Ruling::Lift {
            at_block,
            plugin,
            uid,
        } => ("lift", Some(*at_block), None, Some(plugin), Some(*uid)),
        Ruling::Tap { tap, paused, uid } => {
            let word = if *paused { "pause" } else { "resume" };
            (word, None, None, Some(tap), Some(*uid))
        }
        Ruling::Shed { at_block, .. } => ("shed", Some(*at_block), None, None, None),
        Ruling::Refused(refused) => ("refused", None, None, Some(&refused.topic), None),
    };
    json!({
        "block": at.block.header.block,
        "next_seq": at.seq,
        "time_ns": at.time_ns,
        "ruling": word,
        "of_block": of_block,
        "call": call,
        "name": name,
        "uid": uid,
    })
}

fn say(ruling: &Ruling) -> String {
    match ruling {
        Ruling::Late { block, call } => format!("call {call} of block {block} was late"),
        Ruling::Restart { at_block } => format!("instances restart at block {at_block}"),
        Ruling::Lift {
            at_block,
            plugin,
            uid,
        } => format!("quarantine of {plugin} lifted at block {at_block} by user {uid}"),
        Ruling::Tap { tap, paused, uid } => {
            let done = if *paused { "paused" } else { "resumed" };
            format!("tap {tap} {done} by user {uid}")
        }
        Ruling::Shed { at_block, classes } => match classes.as_slice() {
            [] => format!("nothing is shed from block {at_block} on"),
            classes => format!("{} shed from block {at_block} on", classes.join(", ")),
        },
        Ruling::Refused(refused) => format!(
            "kafka.{} refused a record of topic {}: {}",
            refused.cluster, refused.topic, refused.detail
        ),
    }
}

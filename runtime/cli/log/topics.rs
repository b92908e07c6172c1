//! `outrigger log topics`: one entry per topic.

use std::io::Write;
use std::process::ExitCode;

use outrigger_journal::{Stat, stat};
use serde_json::json;

use super::super::moment::utc;
use super::super::output::{Output, Trouble};
use super::super::place::{PlaceArgs, trouble};
use super::super::text::{digits, fit, size};

pub(super) fn run(out: &mut Output, place: &PlaceArgs, json: bool) -> Result<ExitCode, Trouble> {
    let place = place.find()?;
    let names = place.topic_names()?;
    if !json {
        writeln!(
            out,
            "{:<24} {:>12} {:>27} {:>13}",
            "TOPIC", "RECORDS", "SEQUENCE", "BYTES"
        )?;
    }
    let mut first_trouble = None;
    for name in &names {
        let dir = place.topic(name)?;
        let stat = match stat(&dir) {
            Ok(stat) => stat,
            Err(error) => {
                // The others are listed all the same.
                first_trouble.get_or_insert(trouble(&format!("topic {name}"), &error));
                continue;
            }
        };
        if json {
            print_json(out, name, &stat)?;
        } else {
            print(out, name, &stat)?;
        }
    }
    match first_trouble {
        Some(trouble) => Err(trouble),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Records that are held.
fn records(stat: &Stat) -> u64 {
    let span = stat.next_seq.saturating_sub(stat.first_seq);
    span.saturating_sub(stat.seqs_skipped)
}

fn print(out: &mut Output, name: &str, stat: &Stat) -> Result<(), Trouble> {
    let records = records(stat);
    let sequence = match records {
        0 => "none".to_owned(),
        _some => format!(
            "{} to {}",
            digits(stat.first_seq),
            digits(stat.next_seq.saturating_sub(1))
        ),
    };
    writeln!(
        out,
        "{} {:>12} {sequence:>27} {:>13}",
        fit(name, 24),
        digits(records),
        size(stat.bytes)
    )?;
    if let (Some(first_ns), Some(max_ns)) = (stat.time_first_ns, stat.time_max_ns) {
        writeln!(out, "  captured {} to {}", utc(first_ns), utc(max_ns))?;
    }
    if let (Some((_, written_ns)), 1..) = (stat.written_ns, records) {
        writeln!(out, "  written last at {}", utc(written_ns))?;
    }
    if let Some(tail) = &stat.tail {
        writeln!(out, "  good up to {tail}")?;
    }
    Ok(())
}

fn print_json(out: &mut Output, name: &str, stat: &Stat) -> Result<(), Trouble> {
    let records = records(stat);
    let any = records > 0;
    let object = json!({
        "topic": name,
        "records": records,
        "first_seq": any.then_some(stat.first_seq),
        "last_seq": any.then(|| stat.next_seq.saturating_sub(1)),
        "seqs_skipped": stat.seqs_skipped,
        "captured_first_ns": stat.time_first_ns,
        "captured_max_ns": stat.time_max_ns,
        "bytes": stat.bytes,
        "segments": stat.segments,
        "written_ns": stat.written_ns.filter(|_| any).map(|(_, last)| last),
        "good_up_to": stat.tail.as_ref().map(ToString::to_string),
    });
    writeln!(out, "{object}")?;
    Ok(())
}

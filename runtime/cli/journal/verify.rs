//! `outrigger journal verify`: is what is there what was written, and how far is that proven?

use std::io::Write;
use std::process::ExitCode;

use cap_std::fs::Dir;
use ed25519_dalek::VerifyingKey;
use outrigger_journal::heads::HeadFault;
use outrigger_journal::{Fault, Problem, VerifyReport, verify};
use serde_json::json;

use super::super::output::{Output, Trouble};
use super::super::place::{Place, holder, trouble};
use super::super::text::{counted, digits, size, wrap};
use super::super::{EXIT_DAMAGED, EXIT_START};
use super::VerifyArgs;
use crate::keys::{public_path, verifying_key};
use crate::record::hex;

pub(super) fn run(out: &mut Output, args: &VerifyArgs) -> Result<ExitCode, Trouble> {
    let place = args.place.find()?;
    let (name, dir) = match &args.topic {
        Some(topic) => (format!("topic {topic}"), place.topic(topic)?),
        None => ("journal".to_owned(), place.journal()?),
    };
    let key = find_key(args, &place)?;
    let report = verify(&dir, key.as_ref()).map_err(|error| trouble(&name, &error))?;
    if args.json {
        print_json(out, &name, &dir, &report, key.is_some())?;
    } else {
        print(out, &name, &dir, &report, key.is_some())?;
    }
    Ok(match &report.problem {
        None if unproven(&report, &dir, key.is_some()) => ExitCode::from(EXIT_DAMAGED),
        None => ExitCode::SUCCESS,
        Some(problem) if is_newer(problem) => ExitCode::from(EXIT_START),
        Some(_) => ExitCode::from(EXIT_DAMAGED),
    })
}

/// The key named, else the configuration's. Topic logs have no signed heads, so they need none.
fn find_key(args: &VerifyArgs, place: &Place) -> Result<Option<VerifyingKey>, Trouble> {
    let path = match (&args.key, &place.config, &args.topic) {
        (Some(path), _, _) => path.clone(),
        (None, Some(config), None) => public_path(&config.journal.signing_key),
        (None, Some(_), Some(_)) | (None, None, _) => return Ok(None),
    };
    verifying_key(&path).map(Some).map_err(|error| {
        Trouble::Unreadable(format!(
            "{error}\n--key names the public half; with --data instead of --config signatures \
             are not checked"
        ))
    })
}

/// True if there is a key to prove the log by, and nothing that it signed: a run signs a head with
/// its first sync, so the heads were taken away, or it was killed before.
fn unproven(report: &VerifyReport, dir: &Dir, keyed: bool) -> bool {
    keyed && report.signed_to.is_none() && report.blocks > 0 && holder(dir).is_none()
}

/// True for what another build could read.
fn is_newer(problem: &Problem) -> bool {
    match problem {
        Problem::Damaged(damage) => matches!(damage.fault, Fault::Newer(_)),
        Problem::Head { fault, .. } => matches!(fault, HeadFault::Newer(_)),
        Problem::Ceiling(_) | Problem::AboveCeiling { .. } | Problem::Missing { .. } => false,
    }
}

/// How far the evidence reaches, for people.
fn evidence(report: &VerifyReport, keyed: bool, is_topic: bool) -> String {
    match (report.signed_to, keyed) {
        (Some(block), _) if report.blocks_unsigned == 0 => {
            format!("signed to block {}, the last", digits(block))
        }
        (Some(block), _) => format!(
            "signed to block {}; {} behind it only chained",
            digits(block),
            counted(report.blocks_unsigned, "block")
        ),
        (None, _) if is_topic && report.heads == 0 => {
            "the chain shows accidents; heads are signed in the journal only".to_owned()
        }
        (None, true) => {
            "no head signed by this key: the chain shows accidents, not malice; a run signs one with \
             its first sync"
                .to_owned()
        }
        (None, false) => format!(
            "no key given, so {} went unchecked: the chain shows accidents, not malice",
            counted(report.heads, "signature")
        ),
    }
}

fn print(
    out: &mut Output,
    name: &str,
    dir: &Dir,
    report: &VerifyReport,
    keyed: bool,
) -> Result<(), Trouble> {
    let verdict = match &report.problem {
        None if unproven(report, dir, keyed) => "whole, and NOT PROVEN",
        None => "good",
        Some(problem) if is_newer(problem) => "of a newer format",
        Some(_) => "DAMAGED",
    };
    let mut text = String::new();
    let mut row = |what: &str, value: String| {
        wrap(&mut text, &format!("  {what:<9} "), &" ".repeat(12), &value);
    };
    let blocks = match (report.first_block, report.last_block) {
        (Some(first), Some(last)) => format!(
            "{} good in {}, {} to {}; {}",
            digits(report.blocks),
            counted(report.segments, "segment"),
            digits(first),
            digits(last),
            counted(report.records, "record")
        ),
        (Some(_), None) | (None, Some(_)) | (None, None) => "none".to_owned(),
    };
    row("blocks", blocks);
    if report.blocks_skipped > 0 {
        let skipped = digits(report.blocks_skipped);
        row(
            "skipped",
            format!(
                "{skipped} block numbers, by unclean starts or by damage that a start cut off; the audit log \
                 says which"
            ),
        );
    }
    if report.tail_bytes > 0 {
        let what = match holder(dir) {
            Some(_) => "of a block that is being written",
            None => "of a torn tail, which the next start cuts",
        };
        row("tail", format!("{} {what}", size(report.tail_bytes)));
    }
    row("evidence", evidence(report, keyed, name != "journal"));
    if let Some(problem) = &report.problem {
        row("problem", problem.to_string());
    }
    writeln!(out, "{name} is {verdict}")?;
    out.write_all(text.as_bytes())?;
    Ok(())
}

fn print_json(
    out: &mut Output,
    name: &str,
    dir: &Dir,
    report: &VerifyReport,
    keyed: bool,
) -> Result<(), Trouble> {
    let (segment, offset) = match &report.problem {
        Some(Problem::Damaged(damage)) => (Some(damage.segment), Some(damage.offset)),
        Some(
            Problem::Head { .. }
            | Problem::Ceiling(_)
            | Problem::AboveCeiling { .. }
            | Problem::Missing { .. },
        )
        | None => (None, None),
    };
    let object = json!({
        "log": name,
        "good": report.problem.is_none() && !unproven(report, dir, keyed),
        "log_id": report.log_id.map(|id| hex(&id)),
        "segments": report.segments,
        "blocks": report.blocks,
        "records": report.records,
        "first_block": report.first_block,
        "last_block": report.last_block,
        "blocks_skipped": report.blocks_skipped,
        "tail_bytes": report.tail_bytes,
        "heads": report.heads,
        "heads_before": report.heads_before,
        "signatures_checked": keyed,
        "signed_to_block": report.signed_to,
        "blocks_unsigned": report.blocks_unsigned,
        "problem": report.problem.as_ref().map(ToString::to_string),
        "problem_segment": segment.map(outrigger_journal::segment::file_name),
        "problem_offset": offset,
    });
    writeln!(out, "{object}")?;
    Ok(())
}

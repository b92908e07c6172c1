//! `outrigger log read`: the records of one topic.

use std::io::Write;
use std::process::ExitCode;

use outrigger_journal::Kind;
use outrigger_policy::topology::AUDIT;
use serde_json::{Value, json};

use super::super::output::{Output, Trouble};
use super::super::text::dump;
use super::super::walk::{At, Stop, Walk};
use super::super::{EXIT_USAGE, moment};
use super::table::Table;
use super::{Format, ReadArgs};
use crate::audit::AuditRecord;
use crate::record::{RECORD_VERSION, Record, version_of};
use crate::run::now_ns;

pub(super) fn run(out: &mut Output, args: &ReadArgs) -> Result<ExitCode, Trouble> {
    let filters = args.class.is_some() || args.key.is_some() || args.anomalies;
    if filters && args.topic == AUDIT {
        eprintln!("outrigger: {AUDIT} has neither classes, keys nor anomalies to choose by");
        return Ok(ExitCode::from(EXIT_USAGE));
    }
    let place = args.place.find()?;
    let dir = place.topic(&args.topic)?;
    let stop = match args.follow {
        true => Some(Stop::on_signals().map_err(|error| {
            Trouble::Unreadable(format!("signals cannot be received: {error}"))
        })?),
        false => None,
    };
    let name = format!("topic {}", args.topic);
    let walk = Walk {
        dir: &dir,
        name: &name,
        range: &args.range,
        now_ns: now_ns(),
        rulings: false,
        follow: stop.as_ref(),
    };
    let mut printer = Printer {
        args,
        filters,
        name: &name,
        table: Table::default(),
        buffer: Vec::new(),
    };
    walk.run(out, |out, at| printer.print(out, at))?;
    Ok(ExitCode::SUCCESS)
}

struct Printer<'a> {
    args: &'a ReadArgs,
    filters: bool,
    name: &'a str,
    table: Table,
    buffer: Vec<u8>,
}

impl Printer<'_> {
    /// Prints a record if it is one that was asked for, and says whether it was.
    fn print(&mut self, out: &mut Output, at: &At<'_>) -> Result<bool, Trouble> {
        if at.block.header.kind != Kind::Records {
            return Ok(false);
        }
        let is_audit = self.args.topic == AUDIT;
        let record = match self.args.format {
            Format::Hex if !self.filters => None,
            Format::Json | Format::Table | Format::Hex if is_audit => None,
            Format::Json | Format::Table | Format::Hex => Some(self.decode(at)?),
        };
        if record.as_ref().is_some_and(|record| !self.wanted(record)) {
            return Ok(false);
        }
        match (self.args.format, record) {
            (Format::Hex, _) => self.hex(out, at)?,
            (Format::Json, Some(record)) => line(out, &record.to_json(&self.args.topic, at.seq))?,
            (Format::Table, Some(record)) => self.table.record(out, &record)?,
            (Format::Json, None) => line(out, &audit_json(&self.audit(at)?, at.seq))?,
            (Format::Table, None) => {
                let record = self.audit(at)?;
                self.table.audit(out, &record)?;
            }
        }
        Ok(true)
    }

    fn wanted(&self, record: &Record) -> bool {
        let ReadArgs {
            class,
            key,
            anomalies,
            ..
        } = self.args;
        class.as_ref().is_none_or(|class| *class == record.class)
            && key.as_ref().is_none_or(|key| *key == record.key)
            && !(*anomalies && record.anomalies.is_empty())
    }

    fn hex(&mut self, out: &mut Output, at: &At<'_>) -> Result<(), Trouble> {
        let (date, time) = moment::date_and_time(at.time_ns);
        self.buffer.clear();
        dump(&mut self.buffer, at.bytes);
        writeln!(
            out,
            "# seq {} block {} at {date}T{time}Z, {} bytes",
            at.seq,
            at.block.header.block,
            at.bytes.len()
        )?;
        out.write_all(&self.buffer)?;
        Ok(())
    }

    fn decode(&self, at: &At<'_>) -> Result<Record, Trouble> {
        match version_of(at.bytes) {
            Some(version) if version > RECORD_VERSION => Err(Trouble::Unreadable(format!(
                "{}, seq {}: record version {version} is newer than this build's \
                 {RECORD_VERSION}; read it with the build that wrote it, or a newer one",
                self.name, at.seq
            ))),
            Some(_) | None => Record::decode(at.bytes).map_err(|error| self.no_record(at, &error)),
        }
    }

    fn audit(&self, at: &At<'_>) -> Result<AuditRecord, Trouble> {
        rmp_serde::from_slice(at.bytes).map_err(|error| self.no_record(at, &error))
    }

    fn no_record(&self, at: &At<'_>, error: &dyn std::fmt::Display) -> Trouble {
        Trouble::Damaged(format!(
            "{}, block {}, seq {}: what stands there is no record: {error}",
            self.name, at.block.header.block, at.seq
        ))
    }
}

fn line(out: &mut Output, object: &Value) -> Result<(), Trouble> {
    serde_json::to_writer(&mut *out, object).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// As [`super::fields::AUDIT`] says.
fn audit_json(record: &AuditRecord, seq: u64) -> Value {
    json!({
        "topic": AUDIT,
        "seq": seq,
        "time_ns": record.time_ns,
        "event": record.event,
        "uid": record.uid,
        "pid": record.pid,
        "detail": record.detail,
    })
}

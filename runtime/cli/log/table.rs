//! Records for people: one line each, in 80 columns.

use std::io::Write;

use serde_json::{Map, Value};

use super::super::moment::date_and_time;
use super::super::output::{Output, Trouble};
use super::super::text::{cut, fit, wrap};
use crate::audit::AuditRecord;
use crate::record::{Record, severity_name};

/// Columns of the key. Reason: `mmsi:` and nine digits, or `icao:` and six.
const KEY_COLUMNS: usize = 15;
/// Columns of the class.
const CLASS_COLUMNS: usize = 14;
/// Columns that are left for what is said of it.
const WHAT_COLUMNS: usize = 28;

/// A table as it is being printed: what stands above the next line.
#[derive(Default)]
pub(super) struct Table {
    date: Option<String>,
}

impl Table {
    /// Prints a record.
    pub(super) fn record(&mut self, out: &mut Output, record: &Record) -> Result<(), Trouble> {
        let (date, time) = date_and_time(record.captured_ns);
        let (verdict, what) = judge(record);
        if self.date.is_none() {
            writeln!(
                out,
                "{:<12} {:<KEY_COLUMNS$} {:<CLASS_COLUMNS$} {:<8} WHAT",
                "TIME (UTC)", "KEY", "CLASS", "VERDICT"
            )?;
        }
        self.date(out, date)?;
        let row = format!(
            "{time} {} {} {verdict:<8} {}",
            fit(&record.key, KEY_COLUMNS),
            fit(&record.class, CLASS_COLUMNS),
            cut(&what, WHAT_COLUMNS)
        );
        writeln!(out, "{}", row.trim_end())?;
        Ok(())
    }

    /// Prints a record of the audit log.
    pub(super) fn audit(&mut self, out: &mut Output, record: &AuditRecord) -> Result<(), Trouble> {
        let (date, time) = date_and_time(record.time_ns);
        if self.date.is_none() {
            writeln!(
                out,
                "{:<12} {:<10} {:<8} DETAIL",
                "TIME (UTC)", "EVENT", "USER"
            )?;
        }
        self.date(out, date)?;
        let user = record.uid.map_or(String::new(), |uid| uid.to_string());
        let first = format!("{time} {} {} ", fit(&record.event, 10), fit(&user, 8));
        let mut text = String::new();
        wrap(&mut text, &first, &" ".repeat(33), &record.detail);
        out.write_all(text.as_bytes())?;
        Ok(())
    }

    /// A line of its own for every new day.
    fn date(&mut self, out: &mut Output, date: String) -> Result<(), Trouble> {
        if self.date.as_ref() != Some(&date) {
            writeln!(out, "{date}")?;
            self.date = Some(date);
        }
        Ok(())
    }
}

/// The verdict in a word, and what there is to say: what was wrong, or where it was.
fn judge(record: &Record) -> (&'static str, String) {
    if let Some(cause) = &record.cause {
        let stage = record.stage.as_ref().map_or("", |(stage, _)| stage);
        return ("dead", format!("{cause} {stage}"));
    }
    let worst = record.anomalies.iter().max_by_key(|found| found.severity);
    let Some(worst) = worst else {
        return ("pass", place(&record.body));
    };
    let mut what = worst.rule.clone();
    if let Some((name, number)) = main_number(&worst.detail) {
        what.push_str(&format!(" {name} {}", number_text(number)));
    }
    if record.anomalies.len() > 1 {
        what.push_str(&format!(" +{}", record.anomalies.len() - 1));
    }
    (severity_name(worst.severity), what)
}

/// The first number of the evidence: plugins put first what was found, then what was allowed.
fn main_number(detail: &Value) -> Option<(&str, f64)> {
    detail
        .as_object()?
        .iter()
        .find_map(|(name, value)| Some((name.as_str(), value.as_f64()?)))
}

/// Position and speed of a track, else the first values of the body.
fn place(body: &Value) -> String {
    let Some(body) = body.as_object() else {
        return String::new();
    };
    let number = |name: &str| body.get(name).and_then(Value::as_f64);
    match (number("lat_deg"), number("lon_deg")) {
        (Some(lat), Some(lon)) => {
            let speed = number("speed_mps").map(|speed| format!(" {speed:.1} m/s"));
            format!("{lat:.4} {lon:.4}{}", speed.unwrap_or_default())
        }
        (Some(_), None) | (None, Some(_)) | (None, None) => first_values(body),
    }
}

fn first_values(body: &Map<String, Value>) -> String {
    let mut out = String::new();
    for name in ["name", "callsign"] {
        if let Some(text) = body.get(name).and_then(Value::as_str) {
            out.push_str(text);
            out.push(' ');
        }
    }
    for (name, value) in body {
        if out.chars().count() > WHAT_COLUMNS {
            break;
        }
        match value {
            Value::Number(number) => out.push_str(&format!("{name}={number} ")),
            Value::Bool(flag) => out.push_str(&format!("{name}={flag} ")),
            Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => {}
        }
    }
    out
}

/// A number, short: whole if it is whole, else with three digits that count.
fn number_text(number: f64) -> String {
    if number.fract() == 0.0 || number.abs() >= 1_000.0 {
        format!("{number:.0}")
    } else if number.abs() >= 1.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.3}")
    }
}

//! `cargo xtask failures`: what is lost, repeated or torn when runtime, brokers or network fail, as a
//! table in `tests/kafka/FAILURES.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::Args;
use serde_json::Value;

use crate::guests;
use crate::places::Places;
use crate::progress::{Failure, Progress};
use crate::runner;
use crate::setup;
use crate::suite::without_compiler;

/// What to run.
#[derive(Args, Debug)]
pub struct Options {
    /// Only cases whose test's name contains this; the table keeps the others' rows of the last run
    /// with as many rounds.
    filter: Option<String>,
    /// Many rounds of each case: an hour or two.
    #[arg(long)]
    long: bool,
}

/// Runs the cases one after the other, and writes the table from the rows that they leave.
///
/// # Errors
/// A case fails, or leaves no row; the table is written in any case.
pub fn run(places: &Places, options: &Options, progress: &Progress) -> Result<(), Failure> {
    let toolchain = setup::guest_toolchain(progress)?;
    let built = guests::build(places, &toolchain, false, progress)?;
    let kit = guests::kit(places, &built, progress)?;
    let kind = if options.long { "long" } else { "short" };
    let rows = places.cache.join("failures").join(kind);
    if options.filter.is_none() {
        let _ = fs::remove_dir_all(&rows);
    }
    fs::create_dir_all(&rows).map_err(|error| Failure::io(&rows, &error))?;
    let mut cargo = places.cargo("test");
    without_compiler(cargo.args(["--release", "--locked", "--test", "delivery"]));
    let filter = options.filter.as_deref().unwrap_or_default();
    cargo.arg("--").arg(format!("failures::{filter}"));
    cargo.args(["--nocapture", "--test-threads=1"]);
    cargo
        .env("OUTRIGGER_CACHE", &places.cache)
        .env("OUTRIGGER_TEST_INSTALLATION", kit.installed())
        .env("OUTRIGGER_FAILURES", &rows);
    if options.long {
        cargo.env("OUTRIGGER_FAILURES_LONG", "1");
    }
    let ran = runner::run(&mut cargo, "read the message above");
    let rows = read(&rows)?;
    let pom = places.root.join("tests/kafka/pom.xml");
    let pom = fs::read_to_string(&pom).map_err(|error| Failure::io(&pom, &error))?;
    let path = places.root.join("tests/kafka/FAILURES.md");
    fs::write(&path, page(&rows, kafka_version(&pom), options.long))
        .map_err(|error| Failure::io(&path, &error))?;
    progress.say(&format!("{} rows in {}", rows.len(), path.display()));
    ran
}

/// Rows in their order.
fn read(folder: &Path) -> Result<Vec<Value>, Failure> {
    let mut rows = Vec::new();
    let entries = fs::read_dir(folder).map_err(|error| Failure::io(folder, &error))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let text = fs::read_to_string(&path).map_err(|error| Failure::io(&path, &error))?;
        let row: Value = serde_json::from_str(&text).map_err(|error| {
            let remedy = "remove it, and run the command again";
            Failure::new(format!("{}: {error}", path.display()), remedy)
        })?;
        rows.push(row);
    }
    if rows.is_empty() {
        let remedy = "the cases need Java and Maven: cargo xtask setup says what is missing";
        return Err(Failure::new("no case left a row", remedy));
    }
    rows.sort_by_key(|row| row["place"].as_u64());
    Ok(rows)
}

/// Version of Kafka that the tests' jars have.
fn kafka_version(pom: &str) -> &str {
    let of_kafka = pom.split_once("<artifactId>kafka_");
    let version = of_kafka.and_then(|(_, rest)| rest.split_once("<version>"));
    let version = version.and_then(|(_, rest)| rest.split_once('<'));
    version.map_or("of an unknown version", |(version, _)| version)
}

fn page(rows: &[Value], kafka: &str, long: bool) -> String {
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    let sum = |topic: &str, key: &str| -> i64 {
        let rows = rows.iter();
        rows.map(|row| number(&row[topic][key])).sum()
    };
    let times: i64 = rows.iter().map(|row| number(&row["times"])).sum();
    let librdkafka = rows[0]["librdkafka"].as_str().unwrap_or_default();
    let command = match long {
        true => "cargo xtask failures --long",
        false => "cargo xtask failures",
    };
    let mut text = format!(
        "# Failures, characterised\n\n\
         Written by `{command}`: Apache Kafka {kafka}, librdkafka {librdkafka}, all on one machine. \
         Each case is a test in `tests/delivery/failures`. It runs `outrigger run`, which mirrors a \
         simulated AIS recording to a real broker; something is done to one of them, so often; then \
         Kafka's own Java client reads the topics `read_committed`, and what it finds is held \
         against the topic logs by message ids.\n\n\
         - *lost*: in the topic log, not in Kafka; *repeated*: an id that was there already; *torn*: \
         transactions of which only a part can be seen; *disordered*: records behind one of the same \
         key that was made later.\n\
         - *stopped*: longest time between two records of the topic, by when the broker appended \
         them. It includes what was done, the runtime's starts, and everything until delivery went \
         on.\n\
         - *al*: the at-least-once topic of the same run. Its repeats have identical ids.\n\n\
         | what was done | times | records | lost | repeated | torn | disordered | stopped, s | al \
         records | al lost | al repeated | al stopped, s | remarks |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
    );
    let seconds = |value: &Value| {
        let ms = number(value);
        format!("{}.{}", ms / 1_000, ms % 1_000 / 100)
    };
    for row in rows {
        let (exact, least) = (&row["exact"], &row["least"]);
        let cells = [
            row["what"].as_str().unwrap_or_default().to_owned(),
            number(&row["times"]).to_string(),
            number(&exact["written"]).to_string(),
            number(&exact["lost"]).to_string(),
            number(&exact["repeated"]).to_string(),
            number(&row["torn"]).to_string(),
            number(&exact["out_of_order"]).to_string(),
            seconds(&exact["gap_ms"]),
            number(&least["written"]).to_string(),
            number(&least["lost"]).to_string(),
            number(&least["repeated"]).to_string(),
            seconds(&least["gap_ms"]),
            row["note"].as_str().unwrap_or_default().to_owned(),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    let torn: i64 = rows.iter().map(|row| number(&row["torn"])).sum();
    let _ = writeln!(
        text,
        "\n{} cases, {times} disturbances. Exactly-once topics: {} records, {} lost, {} repeated, \
         {torn} torn, {} disordered. At-least-once topics: {} records, {} lost, {} repeated.",
        rows.len(),
        sum("exact", "written"),
        sum("exact", "lost"),
        sum("exact", "repeated"),
        sum("exact", "out_of_order"),
        sum("least", "written"),
        sum("least", "lost"),
        sum("least", "repeated"),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::{kafka_version, page};
    use serde_json::json;

    #[test]
    fn a_table_has_a_line_for_every_row_and_sums_them() {
        let topic = |lost: i64| {
            json!({"written": 100, "lost": lost, "repeated": 2, "out_of_order": 0,
                "gap_ms": 1_250})
        };
        let row = |place: u64, lost: i64| {
            json!({"place": place, "what": format!("case {place}"), "times": 3, "torn": 0,
                "exact": topic(lost), "least": topic(0), "note": "a remark",
                "librdkafka": "2.12.1"})
        };
        let page = page(&[row(1, 0), row(2, 5)], "4.1.0", false);
        assert!(page.contains("| case 1 | 3 | 100 | 0 | 2 | 0 | 0 | 1.2 | 100 | 0 | 2 | 1.2 |"));
        assert!(page.contains("2 cases, 6 disturbances"));
        assert!(page.contains("200 records, 5 lost, 4 repeated, 0 torn"));
        assert!(page.contains("Kafka 4.1.0, librdkafka 2.12.1"));
    }

    #[test]
    fn the_version_of_kafka_is_read_from_the_pom() {
        let pom =
            "<version>1</version><artifactId>kafka_2.13</artifactId>\n<version>4.1.1</version>";
        assert_eq!(kafka_version(pom), "4.1.1");
    }
}

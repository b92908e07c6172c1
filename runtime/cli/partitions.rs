//! `outrigger partitions`: how many partitions the topics' real keys are worth.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use outrigger_journal::Kind;
use outrigger_policy::topology::{AUDIT, DEAD_LETTERS};
use serde_json::json;

use super::output::{Output, Trouble, with_output};
use super::place::{Place, PlaceArgs};
use super::text::{WIDTH, counted, cut, digits, wrap};
use super::walk::{RangeArgs, Walk};
use crate::config::MirrorConfig;
use crate::partitions::{Advice, Load, Spread, advise, judge, spreads};
use crate::record::View;
use crate::run::now_ns;

/// Candidates that the table shows; --json has them all.
const SHOWN: [u32; 12] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];

/// Counts the keys of the topic logs, and says for 1 to 64 partitions how evenly they would be used,
/// which number to choose and why. Exits with 3 if what is named is not there, with 5 if it is
/// damaged.
#[derive(Args, Debug)]
pub struct PartitionsArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Only this topic; else all but dead letters and the audit log.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    #[command(flatten)]
    range: RangeArgs,
    /// Print one JSON object a topic.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub fn run(args: &PartitionsArgs) -> ExitCode {
    with_output(|out| {
        let place = args.place.find()?;
        let names = match &args.topic {
            Some(topic) => vec![topic.clone()],
            None => place.topic_names()?,
        };
        let own = |name: &&String| *name != AUDIT && *name != DEAD_LETTERS;
        for name in names.iter().filter(own) {
            let load = count(out, args, &place, name)?;
            let spreads = spreads(&load);
            let advice = advise(&load, &spreads);
            let has = mirror(&place, name).map(|mirror| {
                let partitions = u32::try_from(mirror.partitions).unwrap_or(u32::MAX);
                (partitions, judge(partitions, &spreads, &advice))
            });
            let report = Report {
                name,
                load: &load,
                spreads: &spreads,
                advice: &advice,
                has,
            };
            match args.json {
                true => report.json(out)?,
                false => report.text(out)?,
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// What the configuration says of the topic, if it is mirrored.
fn mirror<'p>(place: &'p Place, name: &str) -> Option<&'p MirrorConfig> {
    let topics = &place.config.as_ref()?.topics;
    let topic = topics.iter().find(|topic| topic.name == name)?;
    Some(&topic.mirror).filter(|mirror| mirror.cluster.is_some())
}

fn count(
    out: &mut Output,
    args: &PartitionsArgs,
    place: &Place,
    topic: &str,
) -> Result<Load, Trouble> {
    let dir = place.topic(topic)?;
    let name = format!("topic {topic}");
    let walk = Walk {
        dir: &dir,
        name: &name,
        range: &args.range,
        now_ns: now_ns(),
        rulings: false,
        follow: None,
    };
    let mut load = Load::default();
    walk.run(out, |_, at| {
        if at.block.header.kind != Kind::Records {
            return Ok(false);
        }
        let view = View::of(at.bytes).map_err(|error| {
            Trouble::Damaged(format!("{name}: record {} cannot be read: {error}", at.seq))
        })?;
        load.add(
            view.key.as_bytes(),
            view.body.len() as u64,
            view.captured_ns,
        );
        Ok(true)
    })?;
    Ok(load)
}

struct Report<'a> {
    name: &'a str,
    load: &'a Load,
    spreads: &'a [Spread],
    advice: &'a Advice,
    /// Partitions that it has, and what is to be said of that.
    has: Option<(u32, Option<&'static str>)>,
}

impl Report<'_> {
    fn text(&self, out: &mut Output) -> Result<(), Trouble> {
        let load = self.load;
        let keys = load.keys.len() as u64;
        writeln!(
            out,
            "{}: {} with {}, {:.1} KB/s of bodies",
            cut(self.name, WIDTH / 3),
            counted(load.records(), "record"),
            counted(keys, "key"),
            load.bytes_per_s() / 1e3
        )?;
        if load.keyless > 0 {
            writeln!(out, "  {} without a key go anywhere", digits(load.keyless))?;
        }
        if load.beyond > 0 {
            let beyond = digits(load.beyond);
            writeln!(out, "  {beyond} records of further keys are not counted")?;
        }
        if keys == 0 {
            return Ok(());
        }
        writeln!(
            out,
            "{:>12} {:>12} {:>8} {:>10} {:>10} {:>10}",
            "PARTITIONS", "HOTTEST", "SKEW", "KEYS MIN", "MEAN", "MAX"
        )?;
        for spread in self.spreads {
            let advised = spread.partitions == self.advice.partitions;
            if !advised && !SHOWN.contains(&spread.partitions) {
                continue;
            }
            let Spread {
                partitions,
                hottest,
                skew,
                keys: (min, mean, max),
            } = spread;
            let mark = if advised { "  <" } else { "" };
            let hottest = hottest * 100.0;
            writeln!(
                out,
                "{partitions:>12} {hottest:>10.1} % {skew:>8.2} {min:>10} {mean:>10.1} {max:>10}{mark}"
            )?;
        }
        let mut text = String::new();
        let said = format!("{}: {}", self.advice.partitions, self.advice.why);
        wrap(&mut text, "  recommended ", "  ", &said);
        if let Some((partitions, judged)) = self.has {
            let judged = judged.unwrap_or("it will do");
            wrap(
                &mut text,
                "  configured  ",
                "  ",
                &format!("{partitions}: {judged}"),
            );
        }
        out.write_all(text.as_bytes())?;
        writeln!(out)?;
        Ok(())
    }

    fn json(&self, out: &mut Output) -> Result<(), Trouble> {
        let candidates: Vec<serde_json::Value> = self
            .spreads
            .iter()
            .map(|spread| {
                json!({
                    "partitions": spread.partitions,
                    "hottest_share": spread.hottest,
                    "skew": spread.skew,
                    "keys_min": spread.keys.0,
                    "keys_mean": spread.keys.1,
                    "keys_max": spread.keys.2,
                })
            })
            .collect();
        let object = json!({
            "topic": self.name,
            "records": self.load.records(),
            "keys": self.load.keys.len(),
            "keyless": self.load.keyless,
            "beyond": self.load.beyond,
            "body_bytes_per_s": self.load.bytes_per_s(),
            "recommended": self.advice.partitions,
            "why": self.advice.why,
            "configured": self.has.map(|(partitions, _)| partitions),
            "judged": self.has.and_then(|(_, judged)| judged),
            "candidates": candidates,
        });
        writeln!(out, "{object}")?;
        Ok(())
    }
}

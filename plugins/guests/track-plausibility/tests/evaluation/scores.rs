//! Scores from counts: how likely an anomaly is a fault.
//!
//! For each rule and each step of its ratio of number to limit: how often faults end there, each
//! fault and size counting alike, and how often clean updates do. With one faulty update in a
//! thousand, Bayes gives the share of faults among such anomalies. Ratios that nothing real reached
//! count as half a false alarm. Scores never fall as the ratio grows (pool adjacent violators).

use std::collections::BTreeMap;
use std::fmt::Write;

use track_plausibility::{Rule, SCORE_RATIOS};

use super::run::{Outcome, Raised};
use super::tracks::{Half, Real};

/// Share of updates that are faulty, taken for granted.
pub const PRIOR: f64 = 1e-3;

/// Score of a rule that spoke of no fault here: as likely as not.
pub const UNKNOWN: u16 = 500;

/// Step of a ratio: how many of the knots it reaches, from 0.
pub fn step(ratio: f64) -> usize {
    SCORE_RATIOS
        .iter()
        .filter(|knot| ratio >= **knot)
        .count()
        .saturating_sub(1)
}

/// Per rule and step: share of faults, false alarms a clean update.
pub type Rates = BTreeMap<&'static str, Vec<(f64, f64)>>;

/// Counts one half.
pub fn rates(tracks: &[Real], false_alarms: &[&Raised], outcome: &Outcome, half: Half) -> Rates {
    let updates: usize = tracks
        .iter()
        .filter(|track| track.half() == half)
        .map(|track| track.updates.len())
        .sum();
    let mut rates: Rates = Rule::ALL
        .map(|rule| (rule.name(), vec![(0.0, 0.0); SCORE_RATIOS.len()]))
        .into_iter()
        .collect();
    let cells: Vec<_> = outcome
        .iter()
        .filter(|((_, of, kind, _), trials)| {
            *of == half && !kind.is_harmless() && trials.trials > 0
        })
        .collect();
    for (_, trials) in &cells {
        for (rule, ratio, _) in &trials.first {
            let weight = 1.0 / trials.trials as f64 / cells.len() as f64;
            rates.get_mut(rule).unwrap()[step(*ratio)].0 += weight;
        }
    }
    for raised in false_alarms {
        if raised.track.half() == half {
            let ratio = raised.anomaly.evidence.get("ratio").copied();
            let step = step(ratio.unwrap_or(f64::INFINITY));
            rates.get_mut(raised.anomaly.rule).unwrap()[step].1 += 1.0 / updates as f64;
        }
    }
    rates
}

/// Score per rule and step, permille.
pub fn scores(rates: &Rates, updates: usize) -> BTreeMap<&'static str, Vec<u16>> {
    let least = 0.5 / updates as f64;
    rates
        .iter()
        .map(|(rule, steps)| {
            // Neighbours are joined until scores rise.
            let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
            // A step that no fault ended in goes with the next one.
            let mut empty = 0;
            let whole = whole(rule, steps);
            for (fault, false_alarm) in &whole {
                if *fault == 0.0 && *false_alarm == 0.0 {
                    empty += 1;
                    continue;
                }
                blocks.push((*fault, *false_alarm, 1 + std::mem::take(&mut empty)));
                while let [.., before, last] = &blocks[..]
                    && precision(before, least) > precision(last, least)
                {
                    let joined = (before.0 + last.0, before.1 + last.1, before.2 + last.2);
                    blocks.truncate(blocks.len() - 2);
                    blocks.push(joined);
                }
            }
            match blocks.last_mut() {
                Some(last) => last.2 += empty,
                None => return (*rule, vec![UNKNOWN; steps.len()]),
            }
            let scores = blocks
                .iter()
                .flat_map(|block| {
                    let permille = (1_000.0 * precision(block, least)).round() as u16;
                    std::iter::repeat_n(permille, block.2)
                })
                .collect();
            (*rule, scores)
        })
        .collect()
}

/// A doubled identity is found by how often reports go to and fro: how far says nothing, and all
/// steps are one.
fn whole(rule: &str, steps: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if rule != Rule::DuplicateIdentity.name() {
        return steps.to_vec();
    }
    let mut whole = vec![(0.0, 0.0); steps.len()];
    for (fault, false_alarm) in steps {
        whole[0].0 += fault;
        whole[0].1 += false_alarm;
    }
    whole
}

fn precision(block: &(f64, f64, usize), least: f64) -> f64 {
    let fault = PRIOR * block.0;
    fault / (fault + block.1 + least)
}

/// False for facts, which have no ratio, and for silence, which ends no recording.
pub fn is_counted(rule: Rule) -> bool {
    !matches!(
        rule,
        Rule::Duplicate | Rule::OutOfRange | Rule::NotAvailable | Rule::Silent
    )
}

/// The table as the plugin's source has it.
pub fn source(scores: &BTreeMap<&'static str, Vec<u16>>) -> String {
    let mut out = String::new();
    for rule in Rule::ALL.into_iter().filter(|rule| is_counted(*rule)) {
        writeln!(out, "        Rule::{rule:?} => {:?},", scores[rule.name()]).unwrap();
    }
    out
}

/// Bands of scores: what they promise and what the other half shows.
pub fn reliability(
    tracks: &[Real],
    false_alarms: &[&Raised],
    outcome: &Outcome,
    half: Half,
) -> String {
    let updates: usize = tracks
        .iter()
        .filter(|track| track.half() == half)
        .map(|track| track.updates.len())
        .sum();
    let mut out = String::from(
        "| score | mean | times a rule spoke of a fault | false alarms with it | share of faults, one update in 1,000 faulty |\n|---|---|---|---|---|\n",
    );
    let cells: Vec<_> = outcome
        .iter()
        .filter(|((_, of, kind, _), trials)| {
            *of == half && !kind.is_harmless() && trials.trials > 0
        })
        .collect();
    for (low, high) in [(0, 500), (500, 800), (800, 950), (950, 1_001)] {
        let band = low..high;
        let (mut fault, mut mean, mut count) = (0.0, 0.0, 0);
        for (_, trials) in &cells {
            for (_, _, score) in &trials.first {
                if band.contains(score) {
                    let weight = 1.0 / trials.trials as f64 / cells.len() as f64;
                    fault += weight;
                    mean += weight * f64::from(*score);
                    count += 1;
                }
            }
        }
        let alarms = false_alarms
            .iter()
            .filter(|raised| raised.track.half() == half && band.contains(&raised.anomaly.score))
            .count();
        let faults = PRIOR * fault;
        let share = faults / (faults + alarms as f64 / updates as f64);
        writeln!(
            out,
            "| {low} to {} | {:.0} | {count} | {alarms} | {} |",
            high - 1,
            mean / fault,
            if share.is_finite() {
                format!("{share:.2}")
            } else {
                "–".into()
            },
        )
        .unwrap();
    }
    out
}

//! Runs the validator over tracks as they are, and with faults.

use std::collections::BTreeMap;

use outrigger_sdk::testing::{Anomaly, Given, ValidatorHost, no_parameters};
use outrigger_sdk::{Source, Track};
use track_plausibility::TrackPlausibility;

use super::faults::{Faulty, Kind};
use super::tracks::{Half, Real};
use super::{Random, hash};

fn given(class: &'static str, key: &str, track: &Track) -> Given {
    Given::new(class, key, track.time_ns, track)
}

/// What is said of each of these updates of one track, in one batch after another.
pub fn judge(class: &'static str, key: &str, updates: &[Track]) -> Vec<Option<Anomaly>> {
    let mut host = ValidatorHost::<TrackPlausibility>::new(no_parameters())
        .unwrap()
        .without_rerun();
    let mut said = Vec::with_capacity(updates.len());
    for batch in updates.chunks(256) {
        let batch: Vec<Given> = batch.iter().map(|track| given(class, key, track)).collect();
        for anomalies in host.validate(0, &batch) {
            assert!(
                anomalies.len() < 2,
                "one report, one anomaly: {anomalies:?}"
            );
            said.push(anomalies.into_iter().next());
        }
    }
    said
}

/// An anomaly on a track as it was recorded.
pub struct Raised<'a> {
    pub track: &'a Real,
    pub place: usize,
    pub anomaly: Anomaly,
}

/// All anomalies on unmodified tracks.
pub fn raised(tracks: &[Real]) -> Vec<Raised<'_>> {
    let mut raised = Vec::new();
    for track in tracks {
        let said = judge(track.class, &track.key, &track.updates);
        for (place, anomaly) in said.into_iter().enumerate() {
            raised.extend(anomaly.map(|anomaly| Raised {
                track,
                place,
                anomaly,
            }));
        }
    }
    raised
}

/// Trials of each fault and size in each track, and the seed of where they are.
pub const PER_TRACK: usize = 3;
/// One trial more for so many updates: a long track has more to try.
const UPDATES_PER_TRIAL: usize = 600;
pub const SEED: u64 = 1;

/// Updates before a fault, which the validator learns the track from, and after it.
const BEFORE: usize = 40;
const AFTER: usize = 24;
/// Least of both.
const BEFORE_MIN: usize = 12;
const AFTER_MIN: usize = 10;

/// Trials of one fault of one size in one half of one recording.
#[derive(Clone, Debug, Default)]
pub struct Trials {
    pub trials: usize,
    /// How many were found at the first bad report, at the second, …
    pub found_at: BTreeMap<usize, usize>,
    /// Anomalies in all, in trials with one bad report.
    pub anomalies: usize,
    /// Which rule spoke first.
    pub rules: BTreeMap<&'static str, usize>,
    /// Of each trial and rule that spoke in it, the first time: its ratio of number to limit, its
    /// score.
    pub first: Vec<(&'static str, f64, u16)>,
}

impl Trials {
    /// Share found up to that bad report, 0 to 1.
    pub fn found_by(&self, reports: usize) -> f64 {
        let found: usize = self
            .found_at
            .range(..=reports)
            .map(|(_, count)| count)
            .sum();
        found as f64 / self.trials.max(1) as f64
    }

    /// Mean number of bad reports until it was found.
    pub fn delay(&self) -> f64 {
        let found: usize = self.found_at.values().sum();
        let reports: usize = self.found_at.iter().map(|(at, count)| at * count).sum();
        reports as f64 / found.max(1) as f64
    }

    pub fn add(&mut self, other: &Self) {
        self.trials += other.trials;
        self.anomalies += other.anomalies;
        for (at, count) in &other.found_at {
            *self.found_at.entry(*at).or_default() += count;
        }
        for (rule, count) in &other.rules {
            *self.rules.entry(rule).or_default() += count;
        }
        self.first.extend(other.first.iter().copied());
    }
}

/// By domain, half, fault and size.
pub type Outcome = BTreeMap<(&'static str, Half, Kind, usize), Trials>;

/// What measured a track: faults have sizes by it, and are told apart by it.
pub fn domain(track: &Real) -> &'static str {
    match track.updates[0].source {
        Some(Source::Ais) => "AIS",
        Some(Source::Adsb) => "ADS-B",
        _ => "ASTERIX",
    }
}

/// All of them.
pub const DOMAINS: [&str; 3] = ["AIS", "ADS-B", "ASTERIX"];

/// Puts each fault of each size into each track, `per_track` times at places chosen by the seed.
pub fn inject(tracks: &[Real], per_track: usize, seed: u64) -> Outcome {
    let mut outcome = Outcome::new();
    for track in tracks {
        let domain = domain(track);
        // The other track of an identity clash: the next one of the same recording.
        let others: Vec<&Real> = tracks
            .iter()
            .filter(|other| other.recording == track.recording && other.key != track.key)
            .collect();
        for kind in Kind::ALL {
            for (size, _) in kind.sizes(domain).iter().enumerate() {
                let mut random =
                    Random::new(hash(&track.key) ^ seed ^ ((kind as u64) << 32) ^ size as u64);
                let trials = outcome
                    .entry((domain, track.half(), kind, size))
                    .or_default();
                for _ in 0..per_track + track.updates.len() / UPDATES_PER_TRIAL {
                    trial(track, &others, kind, size, &mut random, trials);
                }
            }
        }
    }
    outcome
}

fn trial(
    track: &Real,
    others: &[&Real],
    kind: Kind,
    size: usize,
    random: &mut Random,
    trials: &mut Trials,
) {
    if track.updates.len() < BEFORE_MIN + AFTER_MIN {
        return;
    }
    let places = track.updates.len() - BEFORE_MIN - AFTER_MIN;
    // A few tries to find a place where the fault means something.
    for _ in 0..8 {
        let onset = BEFORE_MIN + random.below(places + 1);
        let start = onset.saturating_sub(BEFORE);
        let end = (onset + AFTER).min(track.updates.len());
        let window = &track.updates[start..end];
        let size = kind.sizes(domain(track))[size];
        let Some(faulty) = kind.apply(window, onset - start, size, others, random) else {
            continue;
        };
        // Where the real track is odd by itself, nothing is learned.
        if judge(track.class, &track.key, window)
            .iter()
            .any(Option::is_some)
        {
            continue;
        }
        score(track, &faulty, trials);
        return;
    }
}

fn score(track: &Real, faulty: &Faulty, trials: &mut Trials) {
    let said = judge(track.class, &track.key, &faulty.updates);
    trials.trials += 1;
    let mut bad_reports = 0;
    let mut found = false;
    let mut spoken = Vec::new();
    for (place, anomaly) in said.iter().enumerate() {
        bad_reports += usize::from(faulty.bad[place]);
        let Some(anomaly) = anomaly else { continue };
        trials.anomalies += 1;
        if !spoken.contains(&anomaly.rule) {
            spoken.push(anomaly.rule);
            let ratio = anomaly.evidence.get("ratio").copied();
            let ratio = ratio.unwrap_or(f64::INFINITY);
            trials.first.push((anomaly.rule, ratio, anomaly.score));
        }
        if !found {
            found = true;
            // What is found only by a good report, in the fault's wake, counts as the next one.
            let reports = bad_reports + usize::from(!faulty.bad[place]);
            *trials.found_at.entry(reports).or_default() += 1;
            *trials.rules.entry(anomaly.rule).or_default() += 1;
        }
    }
}

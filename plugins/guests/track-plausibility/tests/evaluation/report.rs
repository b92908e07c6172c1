//! `EVALUATION.md`: the whole as Markdown. A test holds the file against it.

use super::tracks::{Half, Real, SPLIT_SEED};
use super::{real, run, scores, tables, tracks};

/// What the figures of the report half cannot show, because both halves were looked at.
const CHOSEN: &str = "
Chosen with anomalies of both halves in view, so that the report half is no blind test of them:

- the floor of 100 m at sea (`SEA.floor_m`);
- the time error of `system-track` (`SYSTEM_TRACK.time_s`, `.late_s`) and `STALE`;
- how far noise and drift are followed (`NOISE_MAX`, `NOISE_WEIGHT`, `NOISE_STEP_MAX`, `NOISE_START`, \
`DRIFT_SHARE`, `DRIFT_NOISE_MAX`, `DRIFT_STEP_S`, `MEMORY_S`, `FLOOR_M` and `DRIFT_FLOOR_M` of heights);
- when two anomalies are one (`CANDIDATE_S`, `CLASH_RATIO`, `AGAIN_MS`), and the list of what is real, below.

Chosen on tracks made by hand (`tests/elsewhere.rs`), with the recordings only checked after: `same_m`, \
`held_s`, `numbered`, `unseen_share`, `position_m` of `radar`, `acceleration_mps2` of `class-a`. All else \
is from physics, formats or published rules, as said at each constant.
";

/// How even the halves are.
fn halves(tracks: &[Real]) -> String {
    let mut out = format!(
        "\nRaw: all anomalies but duplicates, before any reason. Halves are by a hash of the identity, with `SPLIT_SEED` {SPLIT_SEED}. They are not even: "
    );
    let mut parts = Vec::new();
    for (recording, half) in [
        ("rs1090_long_flight", Half::Report),
        ("transcoded_switzerland_cat062.pcap", Half::Report),
        ("dma_ais-sample.txt.gz", Half::Report),
    ] {
        let counts: Vec<usize> = tracks
            .iter()
            .filter(|track| track.recording == recording && track.half() == half)
            .map(|track| track.updates.len())
            .collect();
        let all: usize = counts.iter().sum();
        let most = counts.iter().max().copied().unwrap_or(0);
        parts.push(format!(
            "`{recording}` {:.1} %",
            100.0 * most as f64 / all.max(1) as f64
        ));
    }
    out += &format!(
        "the longest track has this share of the updates of its report half: {}. So the report half of ADS-B is one aircraft, and the seed was chosen so that it is in that half: with another it would leave no more than 461 updates of seven aircraft to report on.\n",
        parts.join(", ")
    );
    out
}

/// The whole as Markdown.
pub fn markdown(tracks: &[tracks::Real], raised: &[run::Raised], outcome: &run::Outcome) -> String {
    let mut out = String::from(
        "# Evaluation\n\nWritten by `cargo xtask evaluate`; the README says what it means.\n\n## False alarms\n\n",
    );
    let alarms = tables::alarms(tracks, raised);
    out += &tables::alarm_table(&alarms);
    out += &halves(tracks);
    out += CHOSEN;
    out += "\nAnomalies that are counted as real, and why:\n\n| recording | track | rules | why |\n|---|---|---|---|\n";
    for (recording, key, rules, why) in real::REAL {
        let rules = rules.join(", ");
        let or_all = |text: &'static str| if text.is_empty() { "all" } else { text };
        out += &format!(
            "| {} | {} | {rules} | {why} |\n",
            or_all(recording),
            or_all(key)
        );
    }
    for domain in run::DOMAINS {
        out += &format!(
            "\n## Detection, {domain}, report half\n\nBold: gross. Delay in bad reports.\n\n![by size](plots/{}.svg)\n\n",
            domain.to_lowercase()
        );
        out += &tables::detection(outcome, domain, Half::Report);
    }
    let (all, found, each) = tables::gross(outcome, Half::Report);
    out += &format!(
        "\nGross faults: {all}, found within three reports {:.2} %; anomalies for each bad report that was found: {each:.3}.\n",
        100.0 * found
    );
    let false_alarms: Vec<&run::Raised> = raised
        .iter()
        .filter(|raised| real::reason(raised).is_none())
        .collect();
    let updates: usize = tracks
        .iter()
        .filter(|track| track.half() == Half::Calibration)
        .map(|track| track.updates.len())
        .sum();
    let rates = scores::rates(tracks, &false_alarms, outcome, Half::Calibration);
    out += &format!(
        "\n## Scores\n\nCounted on the calibration half, at the ratios {:?}; `src/score.rs` has them.\n\n```rust\n{}```\n\nWhat they are worth on the report half:\n\n",
        track_plausibility::SCORE_RATIOS,
        scores::source(&scores::scores(&rates, updates))
    );
    out += &scores::reliability(tracks, &false_alarms, outcome, Half::Report);
    out
}

//! Anomalies on unmodified tracks that are real: the recording is odd there, for the stated reason.
//! Everything else is a false alarm.

use super::run::Raised;

/// Part of the recording's name and track (all when empty), rules, why.
pub const REAL: [(&str, &str, &[&str], &str); 9] = [
    (
        "",
        "",
        &["duplicate"],
        "time and all values equal an earlier report: several receivers, or a datagram twice",
    ),
    (
        "ssc_1",
        "219165000",
        &["speed"],
        "the fault that the recording is labelled for: 102.2 kt of a ship at rest",
    ),
    (
        "drift_1",
        "538004030",
        &["teleport", "duplicate-identity"],
        "ten reports 1.0 to 1.4 km off a track that goes on between them, the last seven at one place",
    ),
    (
        "ais-sample",
        "247088500",
        &[
            "innovation",
            "teleport",
            "time-reversal",
            "velocity-mismatch",
        ],
        "its second of the minute sticks at 9 now and then: steps that took longer, and reversals",
    ),
    (
        "ais-sample",
        "219601000",
        &["frozen-position"],
        "the same position three times, four seconds long, at 36.6 kt",
    ),
    (
        "ais-sample",
        "211209290",
        &["innovation"],
        "a ship at rest, 0.1 kt, whose position jumps by 125 and 233 m and back; its speed is not available between",
    ),
    (
        "switzerland",
        "25-1-60",
        &["climb-rate", "frozen-position", "velocity-mismatch"],
        "stands still on the ground and reports 136 kt at 31,075 ft for 12 minutes",
    ),
    (
        "switzerland",
        "25-1-143",
        &[
            "climb-mismatch",
            "climb-rate",
            "innovation",
            "velocity-mismatch",
        ],
        "flies to the north-west and reports 499 kt to the south-east, then a climb of −16,512 ft/min",
    ),
    (
        "switzerland",
        "25-1-3",
        &["innovation", "velocity-mismatch"],
        "positions for seven minutes on a straight line at 378 kt to 270°, course turning from 296° to 220°",
    ),
];

/// Why it is real, when it is.
pub fn reason(raised: &Raised) -> Option<&'static str> {
    REAL.iter()
        .find(|(recording, key, rules, _)| {
            raised.track.recording.contains(recording)
                && (key.is_empty() || raised.track.key == *key)
                && rules.contains(&raised.anomaly.rule)
        })
        .map(|(.., why)| *why)
}

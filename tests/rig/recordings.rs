//! Recordings: real ones where they are, else one that the bus simulator plays.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use bus_simulator::pace::{Pace, Schedule};
use bus_simulator::run::{BySensor, Plan};
use bus_simulator::scenario::Scenario;
use bus_simulator::sink::Recording;

use crate::common::recordings;

/// A file's bytes, unpacked if its name ends in `.gz`.
pub fn read(path: &Path) -> Vec<u8> {
    let packed = fs::read(path).unwrap();
    if path.extension().is_none_or(|extension| extension != "gz") {
        return packed;
    }
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(&packed[..])
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

/// An AIS recording of some minutes with a time column: the Danish one, or a simulated one.
pub struct Timed {
    /// Lines: seconds since the Unix epoch, a comma, a sentence.
    pub text: String,
    /// Time from the first line to the last, seconds.
    pub duration_s: f64,
}

impl Timed {
    /// The Danish recording where it is, with the receive times of its `$PGHP` lines; else the
    /// simulator's.
    pub fn find() -> Self {
        match recordings("ais/dma_ais-sample.txt.gz") {
            Some(path) => Self::of(&with_receive_times(&read(&path))),
            None => Self::simulated(300),
        }
    }

    /// What the simulator plays in `duration_s` seconds.
    pub fn simulated(duration_s: u64) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let scenario = Scenario::load(&root.join("examples/harbour/scenario.toml")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording.txt");
        let plan = Plan {
            scenario,
            duration_s: Some(duration_s),
            count: None,
            schedule: Schedule {
                pace: Pace::Steady,
                factor: 1.0,
                rate: None,
            },
            udp: BySensor::none(),
            recordings: BySensor::all(Recording::create(&path).unwrap()),
            truth: None,
            progress: false,
        };
        bus_simulator::run::run(plan, &AtomicBool::new(false)).unwrap();
        Self::of(&fs::read_to_string(&path).unwrap())
    }

    /// The first lines of it.
    pub fn first(&self, lines: usize) -> Self {
        let text: Vec<&str> = self.text.lines().take(lines).collect();
        Self::of(&text.join("\n"))
    }

    fn of(text: &str) -> Self {
        let time = |line: Option<&str>| -> f64 {
            let (time, _) = line.unwrap().split_once(',').unwrap();
            time.parse().unwrap()
        };
        let duration_s = time(text.lines().last()) - time(text.lines().next());
        Self {
            text: text.to_owned(),
            duration_s,
        }
    }
}

/// Puts before each line the time that the last `$PGHP` line gave, or its own if it is one.
fn with_receive_times(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let times: Vec<Option<f64>> = text.lines().map(receive_time).collect();
    let first = times.iter().flatten().next().copied().unwrap();
    let mut out = String::new();
    let mut now = first;
    for (line, time) in text.lines().zip(times) {
        now = time.unwrap_or(now);
        writeln!(out, "{now:.3},{line}").unwrap();
    }
    out
}

/// Seconds since the Unix epoch of a line `$PGHP,1,YEAR,MONTH,DAY,HOUR,MINUTE,SECOND,MS,…`.
fn receive_time(line: &str) -> Option<f64> {
    let fields: Vec<i64> = line
        .strip_prefix("$PGHP,1,")?
        .split(',')
        .take(7)
        .map(|field| field.parse().ok())
        .collect::<Option<_>>()?;
    let [year, month, day, hour, minute, second, ms] = fields[..] else {
        return None;
    };
    // Days of the civil calendar, years counted from March.
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds as f64 + ms as f64 / 1_000.0)
}

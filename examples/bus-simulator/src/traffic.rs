//! The scenario played: reports in the order in which they leave, encoded, with their truth.
//!
//! Time is the scenario's own, counted from its start, so a run needs no clock. Memory is bounded
//! by the number of tracks and of faults: nothing grows with the length of the run.

mod stream;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use crate::faults::{self, Injection};
use crate::format::{self, Datagram, Format};
use crate::motion::Motion;
use crate::platform::Class;
use crate::random::Random;
use crate::report::{AisIdentity, Content, Identity, Report};
use crate::scenario::{Group, Scenario};
use crate::truth::{Fault, Values};
use stream::{Stream, StreamKind, interval_s, micro_ns};

const NS_PER_S: u64 = 1_000_000_000;
const NS_PER_MS: u64 = 1_000_000;
/// Share of the report interval by which a report may come early or late: stations choose a free
/// slot within a tenth of the interval (M.1371-5, Annex 2: the selection interval is 0.2 of it).
const JITTER: f64 = 0.1;

/// What leaves next.
#[derive(Debug, Clone)]
pub struct Emission {
    /// Time from the start of the scenario, nanoseconds, a whole number of microseconds.
    pub at_ns: u64,
    /// The moment the content is true for, from the start of the scenario, nanoseconds.
    pub applies_ns: u64,
    /// Place of the track.
    pub track: usize,
    /// Place of the sensor.
    pub sensor: usize,
    /// What was; `None` for identity.
    pub actual: Option<Values>,
    /// What is said; `None` for identity.
    pub reported: Option<Values>,
    /// The injection at work.
    pub fault: Option<Injected>,
}

/// A fault as it reached a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injected {
    /// Number of the injection.
    pub id: u32,
    /// Kind, as in the scenario.
    pub kind: &'static str,
    /// Rule, as a validator names it.
    pub rule: &'static str,
}

impl From<Injected> for Fault {
    fn from(injected: Injected) -> Self {
        Self {
            id: format!("fault-{}", injected.id),
            kind: injected.kind,
            rule: injected.rule,
        }
    }
}

#[derive(Debug)]
struct Track {
    identity: Identity,
    group: usize,
    motion: Motion,
    /// Seconds that the motion has been moved on by.
    second: u64,
}

/// What happens next. The derived order settles ties: streams before repeats, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Stream(usize),
    Repeat(u32),
}

/// A scenario being played.
pub struct Traffic {
    scenario: Scenario,
    base_ns: u64,
    end_ns: u64,
    tracks: Vec<Track>,
    streams: Vec<Stream>,
    formats: Vec<Box<dyn Format>>,
    queue: BinaryHeap<Reverse<(u64, Next)>>,
    /// Faults still to come, by track, in order of time.
    faults: BTreeMap<usize, VecDeque<Injection>>,
    planned: usize,
    /// Reports waiting to be sent again, by fault.
    repeats: BTreeMap<u32, (Emission, Vec<Datagram>)>,
}

impl Traffic {
    /// Plays `scenario` from `base_ns` (nanoseconds since 1970, a whole second) for `duration_s`;
    /// without end when that is `None`.
    ///
    /// # Panics
    /// The scenario was not checked: its motions cannot be built, or its faults not be placed.
    pub fn new(scenario: Scenario, base_ns: u64, duration_s: Option<u64>) -> Self {
        let mut tracks = Vec::new();
        let mut streams = Vec::new();
        let mut queue = BinaryHeap::new();
        for (place, group) in scenario.groups.iter().enumerate() {
            for index in 0..group.count {
                let track = tracks.len();
                // Each track has 65,536 streams of random numbers: motion, then its sensors'.
                let mut next_stream = (track as u64) << 16;
                let mut random = || {
                    next_stream += 1;
                    Random::new(scenario.seed, next_stream)
                };
                tracks.push(Track {
                    identity: identity(group, index),
                    group: place,
                    motion: motion(group, random()),
                    second: 0,
                });
                for &sensor in &group.sensors {
                    for kind in [StreamKind::Position, StreamKind::Identity] {
                        if kind == StreamKind::Identity && group.class.is_fixed() {
                            continue;
                        }
                        let mut random = random();
                        let interval_s = match kind {
                            StreamKind::Position => {
                                interval_s(group, &tracks[track].motion.state())
                            }
                            StreamKind::Identity => group.static_interval_s,
                        };
                        let first_ns = micro_ns(random.between(0.0, interval_s));
                        queue.push(Reverse((first_ns, Next::Stream(streams.len()))));
                        streams.push(Stream::new(track, sensor, kind, random));
                    }
                }
            }
        }
        let planned = faults::plan(scenario.seed, &scenario.faults)
            .expect("a checked scenario's faults have been placed before");
        let count = planned.len();
        let mut faults: BTreeMap<usize, VecDeque<Injection>> = BTreeMap::new();
        for injection in planned {
            faults
                .entry(injection.track)
                .or_default()
                .push_back(injection);
        }
        let formats = scenario
            .sensors
            .iter()
            .map(|sensor| format::for_sensor(sensor, tracks.len()))
            .collect();
        Self {
            base_ns,
            end_ns: duration_s.map_or(u64::MAX, |seconds| seconds * NS_PER_S),
            tracks,
            streams,
            formats,
            queue,
            faults,
            planned: count,
            repeats: BTreeMap::new(),
            scenario,
        }
    }

    /// The scenario being played.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Who track `track` is.
    pub fn identity(&self, track: usize) -> &Identity {
        &self.tracks[track].identity
    }

    /// Faults that the scenario holds.
    pub fn faults_planned(&self) -> usize {
        self.planned
    }

    /// Time zero of the scenario, nanoseconds since 1970 (UTC).
    pub fn base_ns(&self) -> u64 {
        self.base_ns
    }

    /// The next report: its datagrams are appended to `out`. `None` at the end.
    pub fn next(&mut self, out: &mut Vec<Datagram>) -> Option<Emission> {
        loop {
            let Reverse((at_ns, next)) = self.queue.pop()?;
            if at_ns >= self.end_ns {
                return None;
            }
            match next {
                Next::Repeat(id) => {
                    let (mut emission, datagrams) = self
                        .repeats
                        .remove(&id)
                        .expect("a repeat is queued only with its report kept");
                    emission.at_ns = at_ns;
                    out.extend(datagrams);
                    return Some(emission);
                }
                Next::Stream(place) => {
                    let before = out.len();
                    let emission = self.report(place, at_ns, out);
                    // A format may have nothing to say about this one.
                    if out.len() > before {
                        return Some(emission);
                    }
                }
            }
        }
    }

    fn report(&mut self, place: usize, at_ns: u64, out: &mut Vec<Datagram>) -> Emission {
        let stream = &mut self.streams[place];
        let track = &mut self.tracks[stream.track];
        let group = &self.scenario.groups[track.group];
        let second = at_ns / NS_PER_S;
        track.motion.advance(second - track.second);
        track.second = second;
        let state = track.motion.state();

        let interval = match stream.kind {
            StreamKind::Position => {
                interval_s(group, &state) * stream.random.between(1.0 - JITTER, 1.0 + JITTER)
            }
            StreamKind::Identity => group.static_interval_s,
        };
        let next_ns = at_ns + micro_ns(interval);
        self.queue.push(Reverse((next_ns, Next::Stream(place))));

        let mut emission = Emission {
            at_ns,
            applies_ns: second * NS_PER_S,
            track: stream.track,
            sensor: stream.sensor,
            actual: None,
            reported: None,
            fault: None,
        };
        let mut repeat = None;
        let content = match stream.kind {
            StreamKind::Identity => Content::Identity,
            StreamKind::Position => {
                let sensor = &self.scenario.sensors[stream.sensor];
                let mut measured = stream.measure(sensor, &state, at_ns);
                let injection = begin_fault(&mut self.faults, stream.track, at_ns);
                if let Some(injection) = &injection {
                    let injected = Injected {
                        id: injection.id,
                        kind: injection.kind.name(),
                        rule: injection.kind.rule(),
                    };
                    match injection.kind.repeat_delay_ms() {
                        Some(delay_ms) => repeat = Some((injected, at_ns + delay_ms * NS_PER_MS)),
                        None => {
                            let good_ns = stream.good_ns.unwrap_or(at_ns);
                            let since_good_s = (at_ns - good_ns) as f64 / 1e9;
                            injection.alter(&mut measured, since_good_s);
                            emission.fault = Some(injected);
                        }
                    }
                }
                if emission.fault.is_none() {
                    stream.good_ns = Some(at_ns);
                }
                emission.actual = Some(Values::from(&state));
                emission.reported = Some(Values::from(&measured));
                Content::Position(measured)
            }
        };
        let report = Report {
            track: stream.track,
            identity: &track.identity,
            sent_ns: self.base_ns + at_ns,
            applies_ns: self.base_ns + emission.applies_ns,
            content,
        };
        let before = out.len();
        self.formats[stream.sensor].encode(&report, out);
        if let Some((injected, again_ns)) = repeat {
            let mut again = emission.clone();
            again.fault = Some(injected);
            self.repeats
                .insert(injected.id, (again, out[before..].to_vec()));
            self.queue
                .push(Reverse((again_ns, Next::Repeat(injected.id))));
        }
        emission
    }
}

/// The fault at work on `track` at `at_ns`, used up by one report.
fn begin_fault(
    faults: &mut BTreeMap<usize, VecDeque<Injection>>,
    track: usize,
    at_ns: u64,
) -> Option<Injection> {
    let waiting = faults.get_mut(&track)?;
    let first = waiting.front_mut()?;
    if at_ns < first.from_ms * NS_PER_MS {
        return None;
    }
    first.reports_left = first.reports_left.saturating_sub(1);
    let injection = first.clone();
    if first.reports_left == 0 {
        waiting.pop_front();
    }
    Some(injection)
}

fn identity(group: &Group, index: u32) -> Identity {
    let name = group.track_name(index);
    let ais = group.ais.as_ref().map(|ais| {
        let mmsi = ais.mmsi + index;
        AisIdentity {
            mmsi,
            position_message: ais.position_message,
            name: name.to_ascii_uppercase(),
            // Not a form that any administration assigns.
            callsign: format!("X{:06}", mmsi % 1_000_000),
            destination: ais.destination.clone(),
            aid_type: ais.aid_type,
        }
    });
    Identity {
        name,
        class: group.class,
        ais,
    }
}

fn motion(group: &Group, random: Random) -> Motion {
    match group.class {
        Class::BaseStation | Class::Aid => {
            Motion::fixed(group.at.expect("a checked fixed station has a place"))
        }
        Class::Anchored => Motion::anchored(&group.region, group.at, random),
        Class::Cargo | Class::Ferry | Class::Fishing | Class::Pleasure | Class::SarAircraft => {
            Motion::under_way(group.class, &group.region, group.at, group.speed_kt, random)
                .expect("a checked region has room for its class")
        }
    }
}

#[cfg(test)]
mod tests;

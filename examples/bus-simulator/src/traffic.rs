//! The scenario played: reports in the order in which they leave, encoded, with their truth.
//!
//! Time is the scenario's own, counted from its start, so a run needs no clock. Memory is bounded
//! by the number of tracks and of faults: nothing grows with the length of the run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use crate::faults::{self, Injection};
use crate::format::{self, Datagram, Format};
use crate::motion::Motion;
use crate::platform::{Class, MPS_PER_KNOT};
use crate::random::Random;
use crate::report::{AisIdentity, Content, Identity, Measured, Report, State};
use crate::scenario::{Group, Scenario, Sensor};
use crate::truth::{Fault, Values};

const NS_PER_S: u64 = 1_000_000_000;
const NS_PER_MS: u64 = 1_000_000;
/// Share of the report interval by which a report may come early or late: stations choose a free
/// slot within a tenth of the interval (M.1371-5, Annex 2, § 3.3.4.3.2, selection interval 0.2).
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

/// One sensor's reports of one track.
#[derive(Debug)]
struct Stream {
    track: usize,
    sensor: usize,
    kind: StreamKind,
    random: Random,
    error_m: [f64; 2],
    /// When the error was last drawn, and when a report was last left unaltered.
    drawn_ns: Option<u64>,
    good_ns: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StreamKind {
    Position,
    Identity,
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
                        streams.push(Stream {
                            track,
                            sensor,
                            kind,
                            random,
                            error_m: [0.0; 2],
                            drawn_ns: None,
                            good_ns: None,
                        });
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

impl Stream {
    fn measure(&mut self, sensor: &Sensor, state: &State, at_ns: u64) -> Measured {
        self.draw_error(sensor, at_ns);
        let [north_m, east_m] = self.error_m;
        let size_m = north_m.hypot(east_m);
        let position = if size_m > 0.0 {
            let bearing_deg = east_m.atan2(north_m).to_degrees();
            crate::geodesy::place_from(state.position, bearing_deg, size_m)
        } else {
            state.position
        };
        let speed_noise = sensor.speed_noise_kt * MPS_PER_KNOT * self.random.gaussian();
        let course_noise = sensor.course_noise_deg * self.random.gaussian();
        // What stands still has neither a speed nor a course to mistake.
        let moving = state.speed_mps > 0.0;
        Measured {
            position: Some(position),
            speed_mps: Some(if moving {
                (state.speed_mps + speed_noise).max(0.0)
            } else {
                0.0
            }),
            course_deg: Some(crate::geodesy::compass_deg(if moving {
                state.course_deg + course_noise
            } else {
                state.course_deg
            })),
            heading_deg: Some(state.heading_deg),
            turn_rate_deg_s: Some(state.turn_rate_deg_s),
            altitude_m: state.altitude_m,
        }
    }

    /// A first-order Gauss–Markov process: satellite positions wander, they do not jump.
    fn draw_error(&mut self, sensor: &Sensor, at_ns: u64) {
        let memory = match self.drawn_ns {
            Some(drawn_ns) if sensor.correlation_s > 0.0 => {
                (-((at_ns - drawn_ns) as f64 / 1e9) / sensor.correlation_s).exp()
            }
            Some(_) | None => 0.0,
        };
        let fresh = (1.0 - memory * memory).sqrt() * sensor.position_noise_m;
        for error_m in &mut self.error_m {
            *error_m = memory * *error_m + fresh * self.random.gaussian();
        }
        self.drawn_ns = Some(at_ns);
    }
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

/// Time to the next position report: the group's own, or that of M.1371-5, Annex 1, Table 1
/// (class A, by speed and whether the course changes) and Table 2 (others).
fn interval_s(group: &Group, state: &State) -> f64 {
    if let Some(interval_s) = group.report_interval_s {
        return interval_s;
    }
    let speed_kt = state.speed_mps / MPS_PER_KNOT;
    let turning = state.turn_rate_deg_s.abs() > 0.1;
    let class_b = group
        .ais
        .as_ref()
        .is_some_and(|ais| ais.position_message == 18);
    match group.class {
        Class::BaseStation | Class::SarAircraft => 10.0,
        Class::Aid | Class::Anchored => 180.0,
        Class::Cargo | Class::Ferry | Class::Fishing | Class::Pleasure if class_b => {
            if speed_kt > 2.0 { 30.0 } else { 180.0 }
        }
        Class::Cargo | Class::Ferry | Class::Fishing | Class::Pleasure => {
            match (speed_kt, turning) {
                (kt, _) if kt > 23.0 => 2.0,
                (kt, true) if kt > 14.0 => 2.0,
                (kt, false) if kt > 14.0 => 6.0,
                (_, true) => 10.0 / 3.0,
                (_, false) => 10.0,
            }
        }
    }
}

/// Seconds as nanoseconds, rounded to whole microseconds: recordings keep no more.
fn micro_ns(seconds: f64) -> u64 {
    (seconds * 1e6) as u64 * 1_000
}

#[cfg(test)]
mod tests;

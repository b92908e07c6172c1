//! The scenario played: reports in the order in which they leave, encoded, with their truth.
//!
//! Time is the scenario's own, counted from its start, so a run needs no clock. Memory is bounded
//! by the number of tracks and of faults: nothing grows with the length of the run.

mod stream;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use crate::faults::{self, Effect, Good, Injection};
use crate::format::asterix::Source;
use crate::format::{self, Datagram, Format, Placed};
use crate::motion::Motion;
use crate::platform::Class;
use crate::random::Random;
use crate::report::{AircraftIdentity, AisIdentity, Content, Identity, Report, State};
use crate::scenario::{FormatName, Group, Scenario, Sensor};
use crate::truth::{Fault, Values};
use stream::{Stream, StreamKind, beam_ns, interval_s, micro_ns};

const NS_PER_S: u64 = 1_000_000_000;
const NS_PER_MS: u64 = 1_000_000;
/// Share of the report interval by which a report may come early or late: stations choose a free
/// slot within a tenth of the interval (M.1371-5, Annex 2: the selection interval is 0.2 of it).
const JITTER: f64 = 0.1;
/// Time by which a swapped report follows its successor, nanoseconds.
const SWAP_NS: u64 = 20_000_000;

/// What leaves next.
#[derive(Debug, Clone)]
pub struct Emission {
    /// Time from the start of the scenario, nanoseconds, a whole number of microseconds.
    pub at_ns: u64,
    /// The moment the content is true for, from the start of the scenario, nanoseconds.
    pub applies_ns: u64,
    /// The moment for which it claims to hold, from the start of the scenario, nanoseconds.
    pub stamped_ns: u64,
    /// Place of the track.
    pub track: usize,
    /// Place of the track whose identity it gives: another's under a clash of identities.
    pub said: usize,
    /// Place of the sensor.
    pub sensor: usize,
    /// What was; `None` for identity.
    pub actual: Option<Values>,
    /// What is said; `None` for identity.
    pub reported: Option<Values>,
    /// The injection at work.
    pub fault: Option<Injected>,
    /// First and last of the datagrams that carry it, as places in those that leave with it;
    /// `None` for a report that was not sent.
    pub placed: Placed,
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
    /// Other rules that name it rightly.
    pub also: &'static [&'static str],
    /// Whether this is the last report that it spoils.
    pub last: bool,
}

impl From<Injected> for Fault {
    fn from(injected: Injected) -> Self {
        Self {
            id: format!("fault-{}", injected.id),
            kind: injected.kind,
            rule: injected.rule,
            also: injected.also,
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

/// A report on its way to its format.
#[derive(Debug, Clone)]
struct Pending {
    emission: Emission,
    content: Content,
}

/// What is sent later.
#[derive(Debug)]
enum Kept {
    /// As it was sent, byte by byte.
    Sent(Emission, Vec<Datagram>),
    /// To be encoded then.
    Report(Pending),
}

/// What happens next. The derived order settles ties: streams before repeats before what has
/// gathered, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Stream(usize),
    Repeat(u32),
    Gathered(usize),
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
    faults: BTreeMap<(usize, usize), VecDeque<Injection>>,
    planned: usize,
    /// Reports waiting to be sent again, by fault.
    repeats: BTreeMap<u32, Kept>,
    /// Reports waiting for their successor, by stream.
    swapped: BTreeMap<usize, Pending>,
    /// Reports that leave together when their time has come, by sensor and in order of it. At most
    /// as many windows as fit into the sensor's latency, and one.
    gathered: Vec<VecDeque<(u64, Vec<Pending>)>>,
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
        let mut aircraft = 0;
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
                    identity: identity(group, index, &mut aircraft),
                    group: place,
                    // A formation's motions are its leader's.
                    motion: if group.formation_m.is_some() {
                        let leader = (track as u64 - u64::from(index)) << 16;
                        random();
                        motion(group, index, Random::new(scenario.seed, leader + 1))
                    } else {
                        motion(group, index, random())
                    },
                    second: 0,
                });
                for &sensor in &group.sensors {
                    for kind in [StreamKind::Position, StreamKind::Identity] {
                        let spec = &scenario.sensors[sensor];
                        if kind == StreamKind::Identity
                            && (group.class.is_fixed() || !spec.format.tells_identity_apart())
                        {
                            continue;
                        }
                        let mut random = random();
                        let state = tracks[track].motion.state();
                        let interval_s = match kind {
                            StreamKind::Position => period_s(group, spec, &state),
                            StreamKind::Identity => static_interval_s(group, spec),
                        };
                        let first_ns = match &spec.site {
                            Some(site) => {
                                let height_m = state.altitude_m.unwrap_or(0.0);
                                let seen = site.sees(state.position, height_m);
                                beam_ns(None, interval_s, seen.azimuth_deg)
                            }
                            None => micro_ns(random.between(0.0, interval_s)),
                        };
                        queue.push(Reverse((first_ns, Next::Stream(streams.len()))));
                        streams.push(Stream::new(track, sensor, kind, random));
                    }
                }
            }
        }
        let planned = faults::plan(scenario.seed, &scenario.faults)
            .expect("a checked scenario's faults have been placed before");
        let count = planned.len();
        let mut faults: BTreeMap<(usize, usize), VecDeque<Injection>> = BTreeMap::new();
        for injection in planned {
            faults
                .entry((injection.track, injection.sensor))
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
            swapped: BTreeMap::new(),
            gathered: vec![VecDeque::new(); scenario.sensors.len()],
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

    /// The key by which a consumer of `sensor`'s reports knows track `track`.
    pub fn key(&self, track: usize, sensor: usize) -> String {
        let identity = &self.tracks[track].identity;
        let sensor = &self.scenario.sensors[sensor];
        match (sensor.format, &identity.ais, &identity.aircraft) {
            (FormatName::Ais, Some(ais), _) => format!("{:09}", ais.mmsi),
            (FormatName::AdsB, _, Some(aircraft)) => format!("{:06x}", aircraft.icao),
            (FormatName::Cat062 | FormatName::Cat048, _, Some(aircraft)) => {
                let Source { sac, sic } = sensor.source;
                format!("{sac}-{sic}-{}", aircraft.track_number)
            }
            // A checked scenario gives each track the identities that its sensors need.
            (_, _, _) => identity.name.clone(),
        }
    }

    /// The reports that leave next, together: one, or those of an ASTERIX sensor that have
    /// gathered. Their datagrams are appended to `out`, none for a report that is not sent.
    /// `None` at the end.
    pub fn next(&mut self, out: &mut Vec<Datagram>) -> Option<Vec<Emission>> {
        loop {
            let Reverse((at_ns, next)) = self.queue.pop()?;
            if at_ns >= self.end_ns {
                return None;
            }
            let emissions = match next {
                Next::Stream(place) => self.report(place, at_ns, out),
                Next::Gathered(sensor) => {
                    let (_, pending) = self.gathered[sensor]
                        .pop_front()
                        .expect("a window is queued only with its reports kept");
                    self.encode(sensor, pending, at_ns, out)
                }
                Next::Repeat(id) => {
                    let kept = self
                        .repeats
                        .remove(&id)
                        .expect("a repeat is queued only with its report kept");
                    match kept {
                        Kept::Report(pending) => self.send(pending, at_ns, out),
                        Kept::Sent(mut emission, datagrams) => {
                            emission.at_ns = at_ns;
                            out.extend(datagrams);
                            vec![emission]
                        }
                    }
                }
            };
            // A format may have nothing to say, and a report may wait for others.
            if !emissions.is_empty() {
                return Some(emissions);
            }
        }
    }

    /// Measures, spoils and sends one report, and queues the next of its stream.
    fn report(&mut self, place: usize, at_ns: u64, out: &mut Vec<Datagram>) -> Vec<Emission> {
        let stream = &mut self.streams[place];
        let track = &mut self.tracks[stream.track];
        let group = &self.scenario.groups[track.group];
        let sensor = &self.scenario.sensors[stream.sensor];
        let second = at_ns / NS_PER_S;
        track.motion.advance(second - track.second);
        track.second = second;
        // AIS receivers fix once a second, and a report carries the last fix.
        let (state, applies_ns) = match sensor.format {
            FormatName::Ais => (track.motion.state(), second * NS_PER_S),
            FormatName::AdsB | FormatName::Cat062 | FormatName::Cat048 => {
                let part = (at_ns % NS_PER_S) as f64 / NS_PER_S as f64;
                (track.motion.state_after(part), at_ns)
            }
        };
        let seen = sensor
            .site
            .map(|site| site.sees(state.position, state.altitude_m.unwrap_or(0.0)));
        let next_ns = match (stream.kind, seen) {
            (StreamKind::Identity, _) => at_ns + micro_ns(static_interval_s(group, sensor)),
            (StreamKind::Position, Some(seen)) => {
                beam_ns(Some(at_ns), sensor.update_period_s, seen.azimuth_deg)
            }
            (StreamKind::Position, None) => {
                let jitter = if sensor.format.gathers() {
                    1.0
                } else {
                    stream.random.between(1.0 - JITTER, 1.0 + JITTER)
                };
                at_ns + micro_ns(period_s(group, sensor, &state) * jitter)
            }
        };
        self.queue.push(Reverse((next_ns, Next::Stream(place))));
        if seen.is_some_and(|seen| seen.range_m > sensor.range_max_m) {
            return Vec::new();
        }
        let emission = Emission {
            at_ns,
            applies_ns,
            stamped_ns: applies_ns,
            track: stream.track,
            said: stream.track,
            sensor: stream.sensor,
            actual: None,
            reported: None,
            fault: None,
            placed: None,
        };
        match stream.kind {
            StreamKind::Identity => {
                let content = Content::Identity;
                self.send(Pending { emission, content }, at_ns, out)
            }
            StreamKind::Position => self.position(place, &state, emission, out),
        }
    }

    /// Measures, spoils and sends a position report.
    fn position(
        &mut self,
        place: usize,
        state: &State,
        mut emission: Emission,
        out: &mut Vec<Datagram>,
    ) -> Vec<Emission> {
        let stream = &mut self.streams[place];
        let sensor = &self.scenario.sensors[stream.sensor];
        let at_ns = emission.at_ns;
        let mut measured = stream.measure(sensor, state, at_ns);
        emission.stamped_ns = stream.stamp(sensor, emission.applies_ns);
        let key = (stream.track, stream.sensor);
        let begun = begin_fault(&mut self.faults, key, at_ns);
        let mut effect = None;
        if let Some((injection, injected)) = begun {
            let good = Good {
                since_s: (at_ns - stream.good_ns.unwrap_or(at_ns)) as f64 / 1e9,
                position: stream.good_position,
            };
            injection.alter(&mut measured, good);
            emission.stamped_ns = injection.shifted(emission.stamped_ns);
            emission.said = injection.with.unwrap_or(emission.said);
            effect = Some((injection.kind.effect(), injected));
        }
        // What is repeated is itself without a fault: the repeat has it.
        emission.fault = match effect {
            None | Some((Effect::Repeat { .. }, _)) => {
                stream.good_ns = Some(at_ns);
                stream.good_position = measured.position;
                None
            }
            Some((_, injected)) => Some(injected),
        };
        emission.actual = Some(Values::from(state));
        emission.reported = Some(Values::from(&measured));
        let pending = Pending {
            emission,
            content: Content::Position(measured),
        };
        match effect {
            Some((Effect::Drop, _)) => vec![pending.emission],
            Some((Effect::Swap, _)) => {
                self.swapped.insert(place, pending);
                Vec::new()
            }
            Some((Effect::Repeat { delay_ms }, injected)) => {
                let again_ns = at_ns + delay_ms * NS_PER_MS;
                let mut again = pending.clone();
                again.emission.fault = Some(injected);
                let before = out.len();
                let sent = self.send(pending, at_ns, out);
                let kept = match sent.first() {
                    None => Kept::Report(again),
                    Some(sent) => {
                        let mut emission = again.emission;
                        emission.placed = sent.placed;
                        Kept::Sent(emission, out[before..].to_vec())
                    }
                };
                self.keep(injected.id, kept, again_ns);
                sent
            }
            Some((Effect::Alter, _)) | None => {
                let sent = self.send(pending, at_ns, out);
                if let Some(late) = self.swapped.remove(&place)
                    && let Some(injected) = late.emission.fault
                {
                    self.keep(injected.id, Kept::Report(late), at_ns + SWAP_NS);
                }
                sent
            }
        }
    }

    fn keep(&mut self, id: u32, kept: Kept, at_ns: u64) {
        self.repeats.insert(id, kept);
        self.queue.push(Reverse((at_ns, Next::Repeat(id))));
    }

    /// Sends a report now, or lets it wait for those that leave with it.
    fn send(&mut self, pending: Pending, at_ns: u64, out: &mut Vec<Datagram>) -> Vec<Emission> {
        let place = pending.emission.sensor;
        let sensor = &self.scenario.sensors[place];
        if !sensor.format.gathers() {
            return self.encode(place, vec![pending], at_ns, out);
        }
        // Windows begin at whole multiples of their length.
        let gather_ns = micro_ns(sensor.gather_s).max(1_000);
        let leaves_ns = (at_ns / gather_ns + 1) * gather_ns + micro_ns(sensor.latency_s);
        let windows = &mut self.gathered[place];
        match windows.back_mut() {
            Some((known_ns, waiting)) if *known_ns == leaves_ns => waiting.push(pending),
            Some(_) | None => {
                windows.push_back((leaves_ns, vec![pending]));
                self.queue.push(Reverse((leaves_ns, Next::Gathered(place))));
            }
        }
        Vec::new()
    }

    /// Encodes reports that leave together at `at_ns`.
    fn encode(
        &mut self,
        sensor: usize,
        pending: Vec<Pending>,
        at_ns: u64,
        out: &mut Vec<Datagram>,
    ) -> Vec<Emission> {
        let reports: Vec<Report<'_>> = pending
            .iter()
            .map(|pending| Report {
                track: pending.emission.track,
                identity: &self.tracks[pending.emission.said].identity,
                sent_ns: self.base_ns + at_ns,
                applies_ns: self.base_ns + pending.emission.stamped_ns,
                content: pending.content,
            })
            .collect();
        let mut placed = Vec::with_capacity(reports.len());
        self.formats[sensor].encode(&reports, out, &mut placed);
        pending
            .into_iter()
            .zip(placed)
            .filter(|(_, placed)| placed.is_some())
            .map(|(pending, placed)| Emission {
                at_ns,
                placed,
                ..pending.emission
            })
            .collect()
    }
}

/// The fault at work on a track as a sensor reports it, at `at_ns`, used up by one report.
fn begin_fault(
    faults: &mut BTreeMap<(usize, usize), VecDeque<Injection>>,
    key: (usize, usize),
    at_ns: u64,
) -> Option<(Injection, Injected)> {
    let waiting = faults.get_mut(&key)?;
    let first = waiting.front_mut()?;
    if at_ns < first.from_ms * NS_PER_MS {
        return None;
    }
    first.reports_left = first.reports_left.saturating_sub(1);
    let injection = first.clone();
    let injected = Injected {
        id: injection.id,
        kind: injection.kind.name(),
        rule: injection.kind.rule(),
        also: injection.kind.also(),
        last: injection.reports_left == 0,
    };
    if injected.last {
        waiting.pop_front();
    }
    Some((injection, injected))
}

/// Time to the next position report.
fn period_s(group: &Group, sensor: &Sensor, state: &State) -> f64 {
    match sensor.format {
        FormatName::Ais => interval_s(group, state),
        FormatName::AdsB | FormatName::Cat062 | FormatName::Cat048 => sensor.update_period_s,
    }
}

/// Time between reports of identity: the group's own, or six minutes for AIS (M.1371-5, Annex 1)
/// and five seconds for ADS-B (Doc 9871, § A.2.4).
fn static_interval_s(group: &Group, sensor: &Sensor) -> f64 {
    group.static_interval_s.unwrap_or(match sensor.format {
        FormatName::Ais => 360.0,
        FormatName::AdsB | FormatName::Cat062 | FormatName::Cat048 => 5.0,
    })
}

/// Who track `index` of a group is; `aircraft` counts those of the scenario.
fn identity(group: &Group, index: u32, aircraft: &mut u16) -> Identity {
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
    let aircraft = group.aircraft.as_ref().map(|raw| {
        // A checked scenario with ASTERIX has no more than fit; others do not look at it.
        *aircraft = aircraft.wrapping_add(1);
        AircraftIdentity {
            icao: raw.icao + index,
            callsign: if group.count == 1 {
                raw.callsign.clone()
            } else {
                format!("{}{}", raw.callsign, index + 1)
            },
            squawk: raw.squawk,
            track_number: *aircraft,
        }
    });
    Identity {
        name,
        class: group.class,
        ais,
        aircraft,
    }
}

fn motion(group: &Group, index: u32, random: Random) -> Motion {
    match group.class {
        Class::BaseStation | Class::Aid => {
            Motion::fixed(group.at.expect("a checked fixed station has a place"))
        }
        Class::Anchored => Motion::anchored(&group.region, group.at, random),
        Class::Cargo
        | Class::Ferry
        | Class::Fishing
        | Class::Pleasure
        | Class::SarAircraft
        | Class::Airliner
        | Class::LightAircraft
        | Class::Helicopter
        | Class::Fighter
        | Class::Drone => Motion::under_way(&group.task(index), random)
            .expect("a checked region has room for its class"),
    }
}

#[cfg(test)]
mod tests;

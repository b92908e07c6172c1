//! Faults, and how they are put into a track.

use outrigger_sdk::Track;

use super::Random;
use super::tracks::Real;

/// A stretch of a track with a fault in it.
pub struct Faulty {
    pub updates: Vec<Track>,
    /// Which of them are not as they were.
    pub bad: Vec<bool>,
}

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One report is off by so many metres, in any direction.
    OffsetOnce,
    /// All reports from one on are off by so many metres.
    OffsetLasting,
    /// One report is so many kilometres away.
    Teleport,
    /// All reports from one on have so many metres of noise on each axis.
    Noise,
    /// Reported speed grows by so many metres per second with each report.
    SpeedRamp,
    /// Altitude drifts by so many metres per second; the reported rate of climb does not say so.
    AltitudeRamp,
    /// Course and heading point the other way.
    ReversedHeading,
    /// Rate of climb has the other sign.
    ReversedClimb,
    /// The position stays, all else goes on.
    FrozenPosition,
    /// Every value stays, only the time goes on.
    FrozenReport,
    /// One report's time is off by so many seconds.
    TimeShift,
    /// Another track of the recording reports under this identity, the given share of the time.
    IdentityClash,
    /// So many updates in a row are missing: no fault of the track, nothing should be said.
    Dropped,
    /// An update comes so many places late.
    Swapped,
}

impl Kind {
    pub const ALL: [Self; 14] = [
        Self::OffsetOnce,
        Self::OffsetLasting,
        Self::Teleport,
        Self::Noise,
        Self::SpeedRamp,
        Self::AltitudeRamp,
        Self::ReversedHeading,
        Self::ReversedClimb,
        Self::FrozenPosition,
        Self::FrozenReport,
        Self::TimeShift,
        Self::IdentityClash,
        Self::Dropped,
        Self::Swapped,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::OffsetOnce => "position offset, one report",
            Self::OffsetLasting => "position offset, lasting",
            Self::Teleport => "teleport, one report",
            Self::Noise => "position noise",
            Self::SpeedRamp => "speed ramp",
            Self::AltitudeRamp => "altitude ramp",
            Self::ReversedHeading => "reversed course and heading",
            Self::ReversedClimb => "reversed climb",
            Self::FrozenPosition => "frozen position",
            Self::FrozenReport => "frozen report",
            Self::TimeShift => "time shift, one report",
            Self::IdentityClash => "identity clash",
            Self::Dropped => "dropped updates",
            Self::Swapped => "late update",
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Self::OffsetOnce | Self::OffsetLasting | Self::Noise => "m",
            Self::Teleport => "km",
            Self::SpeedRamp => "m/s a report",
            Self::AltitudeRamp => "m/s",
            Self::TimeShift => "s",
            Self::ReversedHeading | Self::ReversedClimb => "m/s at least",
            Self::FrozenPosition | Self::FrozenReport => "m/s at least",
            Self::IdentityClash => "of two reports",
            Self::Dropped | Self::Swapped => "updates",
        }
    }

    /// Sizes, and from which on the fault is gross.
    pub fn sizes(self, domain: &str) -> &'static [f64] {
        let sea = domain == "AIS";
        match self {
            Self::OffsetOnce | Self::OffsetLasting | Self::Noise => {
                if sea {
                    &[50.0, 200.0, 500.0, 2_000.0, 10_000.0]
                } else {
                    &[100.0, 500.0, 1_000.0, 5_000.0, 20_000.0]
                }
            }
            Self::Teleport => &[100.0, 1_000.0, 10_000.0],
            Self::SpeedRamp if sea => &[1.0, 3.0, 10.0],
            Self::SpeedRamp => &[5.0, 20.0, 80.0],
            Self::AltitudeRamp if sea => &[],
            Self::AltitudeRamp => &[5.0, 20.0, 100.0],
            Self::ReversedHeading if sea => &[2.6, 5.0, 8.0],
            Self::ReversedHeading => &[50.0, 100.0],
            Self::ReversedClimb if sea => &[],
            Self::ReversedClimb => &[3.0, 8.0, 12.0],
            Self::FrozenPosition | Self::FrozenReport if sea => &[2.6, 5.0, 8.0],
            Self::FrozenPosition | Self::FrozenReport => &[50.0, 100.0],
            Self::TimeShift => &[-600.0, -120.0, -60.0, -10.0, 10.0, 60.0, 120.0, 600.0],
            Self::IdentityClash => &[1.0],
            Self::Dropped => &[1.0, 3.0, 8.0],
            Self::Swapped => &[1.0, 3.0],
        }
    }

    /// True where a fault of that size is gross: it leaves the track by more than noise, manoeuvre
    /// and reporting interval together could.
    pub fn is_gross(self, domain: &str, size: f64) -> bool {
        let sea = domain == "AIS";
        match self {
            Self::OffsetOnce | Self::OffsetLasting | Self::Noise => {
                size >= if sea { 2_000.0 } else { 5_000.0 }
            }
            Self::Teleport | Self::IdentityClash => true,
            Self::SpeedRamp => size >= if sea { 10.0 } else { 80.0 },
            Self::AltitudeRamp => size >= 100.0,
            Self::ReversedHeading | Self::FrozenPosition | Self::FrozenReport => {
                size >= if sea { 8.0 } else { 100.0 }
            }
            Self::ReversedClimb => size >= 12.0,
            Self::TimeShift => size.abs() >= 120.0,
            Self::Swapped | Self::Dropped => false,
        }
    }

    /// True for what is no fault of the track: nothing should be said.
    pub fn is_harmless(self) -> bool {
        self == Self::Dropped
    }

    /// True for a fault of one report, which should be one anomaly.
    pub fn is_single(self) -> bool {
        matches!(
            self,
            Self::OffsetOnce | Self::Teleport | Self::TimeShift | Self::Swapped
        )
    }

    /// The stretch with the fault from `onset` on; `None` where the fault would not be one, for
    /// instance a frozen position of a ship at rest.
    pub fn apply(
        self,
        window: &[Track],
        onset: usize,
        size: f64,
        others: &[&Real],
        random: &mut Random,
    ) -> Option<Faulty> {
        let mut updates = window.to_vec();
        let mut bad = vec![false; updates.len()];
        match self {
            Self::OffsetOnce | Self::Teleport => {
                let metres = if self == Self::Teleport {
                    size * 1e3
                } else {
                    size
                };
                let place = (onset..updates.len()).find(|place| has_position(&updates[*place]))?;
                shift(&mut updates[place], metres, random.unit() * 360.0);
                bad[place] = true;
            }
            Self::OffsetLasting => {
                let direction = random.unit() * 360.0;
                each(&mut updates, &mut bad, onset, |track| {
                    has_position(track) && {
                        shift(track, size, direction);
                        true
                    }
                });
            }
            Self::Noise => each(&mut updates, &mut bad, onset, |track| {
                has_position(track) && {
                    shift(track, size * random.normal(), 0.0);
                    shift(track, size * random.normal(), 90.0);
                    true
                }
            }),
            Self::SpeedRamp => {
                let mut added_mps = 0.0;
                // A ramp from standstill would be a ship that leaves.
                moving(&updates, onset, 1.0)?;
                each(&mut updates, &mut bad, onset, |track| {
                    track.speed_mps.is_some_and(|speed_mps| {
                        added_mps += size;
                        track.speed_mps = Some(speed_mps + added_mps);
                        true
                    })
                });
            }
            Self::AltitudeRamp => {
                let from_ns = updates[onset].time_ns;
                each(&mut updates, &mut bad, onset, |track| {
                    let seconds = track.time_ns.saturating_sub(from_ns) as f64 / 1e9;
                    track.alt_m.is_some_and(|alt_m| {
                        track.alt_m = Some(alt_m + size * seconds);
                        seconds > 0.0
                    })
                });
            }
            Self::ReversedHeading => {
                moving(&updates, onset, size)?;
                each(&mut updates, &mut bad, onset, |track| {
                    let turned = |deg: f64| (deg + 180.0) % 360.0;
                    track.heading_deg = track.heading_deg.map(turned);
                    track.course_deg = track.course_deg.map(turned);
                    track.course_deg.is_some()
                });
            }
            Self::ReversedClimb => {
                let climbs =
                    |track: &Track| track.climb_mps.is_some_and(|climb| climb.abs() >= size);
                let end = (onset + 4).min(updates.len());
                updates[onset..end].iter().find(|track| climbs(track))?;
                each(&mut updates, &mut bad, onset, |track| {
                    track.climb_mps = track.climb_mps.map(|climb| -climb);
                    track.climb_mps.is_some_and(|climb| climb.abs() > 1.0)
                });
                climbs(&updates[bad.iter().position(|bad| *bad)?]).then_some(())?;
            }
            Self::FrozenPosition | Self::FrozenReport => {
                moving(&updates, onset, size)?;
                let whole = self == Self::FrozenReport;
                let held = *updates[..onset]
                    .iter()
                    .rev()
                    .find(|track| has_position(track) && (!whole || track.speed_mps.is_some()))?;
                each(&mut updates, &mut bad, onset, |track| {
                    has_position(track) && {
                        if whole {
                            let time_ns = track.time_ns;
                            *track = held;
                            track.time_ns = time_ns;
                        } else {
                            (track.lat_deg, track.lon_deg) = (held.lat_deg, held.lon_deg);
                        }
                        true
                    }
                });
            }
            Self::TimeShift => {
                moving(&updates, onset, if is_ship(&updates) { 2.6 } else { 26.0 })?;
                let place = (onset..updates.len()).find(|place| has_position(&updates[*place]))?;
                let time_ns = updates[place].time_ns;
                updates[place].time_ns = time_ns.checked_add_signed((size * 1e9) as i64)?;
                bad[place] = true;
            }
            Self::IdentityClash => return clash(updates, onset, others, random),
            Self::Dropped => {
                let end = (onset + size as usize).min(updates.len() - 1);
                updates.drain(onset..end);
                bad = vec![false; updates.len()];
                bad[onset] = true;
            }
            Self::Swapped => {
                let place = (onset..updates.len()).find(|place| has_position(&updates[*place]))?;
                let to = place + size as usize;
                (to + 4 < updates.len()).then_some(())?;
                let late = updates.remove(place);
                updates.insert(to, late);
                bad[to] = true;
            }
        }
        bad.contains(&true).then_some(Faulty { updates, bad })
    }
}

fn is_ship(updates: &[Track]) -> bool {
    updates[0].source == Some(outrigger_sdk::Source::Ais)
}

fn has_position(track: &Track) -> bool {
    track.position_deg().is_some()
}

fn each(
    updates: &mut [Track],
    bad: &mut [bool],
    onset: usize,
    mut change: impl FnMut(&mut Track) -> bool,
) {
    for (track, bad) in updates.iter_mut().zip(bad).skip(onset) {
        *bad = change(track);
    }
}

/// All reports around the onset move at least that fast.
fn moving(updates: &[Track], onset: usize, speed_mps: f64) -> Option<()> {
    let around = &updates[onset.saturating_sub(6)..(onset + 8).min(updates.len())];
    let mut speeds = around.iter().filter_map(|track| track.speed_mps).peekable();
    speeds.peek()?;
    speeds.all(|speed| speed >= speed_mps).then_some(())
}

/// Moves a position on a sphere of the Earth's mean radius.
fn shift(track: &mut Track, metres: f64, direction_deg: f64) {
    let (Some(lat), Some(lon)) = (track.lat_deg, track.lon_deg) else {
        return;
    };
    let (lat, lon) = (lat.to_radians(), lon.to_radians());
    let angle = metres / 6_371_008.8;
    let direction = direction_deg.to_radians();
    let to = (lat.sin() * angle.cos() + lat.cos() * angle.sin() * direction.cos()).asin();
    let east =
        (direction.sin() * angle.sin() * lat.cos()).atan2(angle.cos() - lat.sin() * to.sin());
    track.lat_deg = Some(to.to_degrees());
    let lon_deg = (lon + east).to_degrees();
    track.lon_deg = Some((lon_deg + 540.0).rem_euclid(360.0) - 180.0);
}

/// Another track's reports among this one's, in order of time: shifted in time where the two were
/// not there at once.
fn clash(
    updates: Vec<Track>,
    onset: usize,
    others: &[&Real],
    random: &mut Random,
) -> Option<Faulty> {
    let at = updates[onset];
    // A track without positions clashes with nothing.
    let placed = updates[..onset].iter().filter(|track| has_position(track));
    (placed.count() >= 3).then_some(())?;
    let needed = updates.len() - onset;
    let far = |other: &Track| match (at.position_deg(), other.position_deg()) {
        (Some((a, b)), Some((c, d))) => (a - c).abs() + (b - d).abs() > 0.05,
        _ => true,
    };
    let candidates: Vec<&&Real> = others
        .iter()
        .filter(|other| other.updates.len() >= needed && other.updates.iter().all(far))
        .collect();
    if candidates.is_empty() {
        return None;
    }
    let other = candidates[random.below(candidates.len())];
    let first = random.below(other.updates.len() - needed + 1);
    let from_ns = other.updates[first].time_ns;
    let mut all: Vec<(Track, bool)> = updates.into_iter().map(|track| (track, false)).collect();
    for track in &other.updates[first..first + needed] {
        let mut track = *track;
        track.time_ns = at.time_ns + track.time_ns.saturating_sub(from_ns);
        track.track_id = at.track_id;
        let bad = has_position(&track);
        all.push((track, bad));
    }
    // Stable: the track's own reports keep their order.
    let tail = &mut all[onset..];
    tail.sort_by_key(|(track, _)| track.time_ns);
    let (updates, bad) = all.into_iter().unzip();
    Some(Faulty { updates, bad })
}

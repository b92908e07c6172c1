//! Body of `track.air`: the canonical track, and under `asterix` what only ASTERIX says.

use outrigger_sdk::{AltDatum, Body, BodyError, Source, Text, Track};

use crate::pack;
use crate::record::{Identity, Record};
use crate::site::Geodetic;
use crate::value::Chars;

/// What the categories have in common: a track, before it is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Air {
    /// Latitude and longitude, degrees, and the item they come from.
    pub position: Option<(Geodetic, &'static str)>,
    /// What a radar's slant range was corrected with.
    pub slant_height_from: Option<&'static str>,
    /// Measured flight level, hundreds of feet of pressure altitude.
    pub level_fl: Option<f64>,
    /// Geometric altitude, metres.
    pub height_m: Option<f64>,
    /// Speed over ground, metres per second.
    pub speed_mps: Option<f64>,
    /// Course over ground, degrees.
    pub course_deg: Option<f64>,
    /// Rate of climb, metres per second.
    pub climb_mps: Option<f64>,
    /// Rate of turn, degrees per second, clockwise.
    pub turn_rate_dps: Option<f64>,
    /// Radius of 95 % confidence of the position, metres.
    pub accuracy_m: Option<f64>,
    /// 24-bit address, when it is one that ICAO gave.
    pub icao_address: Option<Chars>,
    /// Call sign or flight identification.
    pub callsign: Option<Chars>,
    /// Kind of platform.
    pub platform_class: Option<&'static str>,
    /// Mode 3/A code, validated.
    pub mode_3a: Option<Chars>,
    /// A track that is not confirmed yet.
    pub tentative: bool,
    /// The last report of a track.
    pub end_of_track: bool,
    /// A track that was not detected this time.
    pub coasted: bool,
    /// A report that is not of a real target in flight.
    pub report: Option<&'static str>,
    /// True on the ground, false in the air.
    pub on_ground: Option<bool>,
}

/// Feet to metres. Source: international foot.
pub const FOOT_M: f64 = 0.304_8;
/// Flight levels to metres: a hundred feet.
pub const LEVEL_M: f64 = 30.48;
/// Nautical miles to metres. Source: international nautical mile.
pub const MILE_M: f64 = 1_852.0;
/// Radius that holds 95 % of a circular normal distribution, in its standard deviation on one
/// axis: √(−2 ln 0.05).
pub const RADIUS_95: f64 = 2.447_746_830_680_816;

/// Body of `track.air`.
#[derive(Clone, Copy, Debug)]
pub struct TrackBody<'a> {
    /// The record it comes from.
    pub record: Record<'a>,
    /// Whose it is.
    pub identity: Identity,
    /// What it says.
    pub air: Air,
}

impl Body for TrackBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        Err(BodyError("this plugin only writes this body".into()))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Self {
            record,
            identity,
            air,
        } = self;
        let Some(track_id) = Text::new(identity.track_id()) else {
            return;
        };
        let time = record.time;
        let mut track = Track::new(track_id, time.time_ns, time.source);
        let text = |chars: &Chars| Text::new(chars.as_str());
        track.platform_id = air.icao_address.as_ref().and_then(text);
        track.callsign = air.callsign.as_ref().and_then(text);
        track.platform_class = air.platform_class.and_then(Text::new);
        if let Some((place, _)) = air.position {
            track.lat_deg = Some(place.lat_deg);
            track.lon_deg = Some(place.lon_deg);
        }
        let level_m = air.level_fl.map(|level| level * LEVEL_M);
        track.alt_m = level_m.or(air.height_m);
        track.alt_datum = match (level_m, air.height_m) {
            (Some(_), _) => Some(AltDatum::Barometric),
            (None, Some(_)) => Some(AltDatum::Geometric),
            (None, None) => None,
        };
        track.speed_mps = air.speed_mps;
        track.course_deg = air.course_deg;
        track.climb_mps = air.climb_mps;
        track.turn_rate_dps = air.turn_rate_dps;
        track.source = Some(match record.category.number {
            62 => Source::SystemTrack,
            48 => Source::Radar,
            _ => Source::Adsb,
        });
        track.accuracy_m = air.accuracy_m;
        let start = out.len();
        track.encode(out);
        pack::add_pair(out, start);
        pack::text(out, "asterix");
        self.write_extras(out);
    }
}

impl TrackBody<'_> {
    /// What only ASTERIX says: at most 15 pairs, so the head is one byte.
    fn write_extras(&self, out: &mut Vec<u8>) {
        let Self { record, air, .. } = self;
        let start = out.len();
        out.push(0);
        let (sac, sic) = record.source();
        let mut pairs = 3;
        pack::text(out, "category");
        pack::unsigned(out, record.category.number.into());
        pack::text(out, "sac");
        pack::unsigned(out, sac.into());
        pack::text(out, "sic");
        pack::unsigned(out, sic.into());
        if let Some(number) = record.track_number() {
            pairs += 1;
            pack::text(out, "track_number");
            pack::unsigned(out, number.into());
        }
        let mut texts = |out: &mut Vec<u8>, key: &str, value: Option<&str>| {
            if let Some(value) = value {
                pairs += 1;
                pack::text(out, key);
                pack::text(out, value);
            }
        };
        texts(out, "mode_3a", air.mode_3a.as_ref().map(Chars::as_str));
        texts(out, "report", air.report);
        texts(out, "position_from", air.position.map(|(_, from)| from));
        texts(out, "slant_height_from", air.slant_height_from);
        for (key, value) in [("level_fl", air.level_fl), ("height_m", air.height_m)] {
            if let Some(value) = value {
                pairs += 1;
                pack::text(out, key);
                pack::number(out, value);
            }
        }
        for (key, value) in [
            ("on_ground", air.on_ground),
            ("tentative", air.tentative.then_some(true)),
            ("end_of_track", air.end_of_track.then_some(true)),
            ("coasted", air.coasted.then_some(true)),
        ] {
            if let Some(value) = value {
                pairs += 1;
                pack::text(out, key);
                pack::boolean(out, value);
            }
        }
        out[start] = 0x80 | pairs;
    }
}

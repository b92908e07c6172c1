//! Bodies: what a message says, as MessagePack. Keys stand in the order of the schemas in
//! `schemas/`; a value that is not available is absent. Units are SI: knots, feet and nautical
//! miles are converted exactly.

use outrigger_sdk::{AltDatum, Body, BodyError, Source, Text, TimeSource, Track};

use crate::address::{Address, Origin};
use crate::altitude::{Code, FOOT_M};
use crate::map::{Map, add_pair, text};
use crate::message::{
    Emergency, Identification, Position, Status, Target, Velocity, accuracy_m, integrity,
};
use crate::position::Method;

/// Metres per second of a knot.
const KNOT_MPS: f64 = 1_852.0 / 3_600.0;
/// Metres per second of a foot per minute.
const FPM_MPS: f64 = FOOT_M / 60.0;

/// What every message has beside its content.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Sender.
    pub address: Address,
    /// Capture time, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Downlink format.
    pub format: u8,
    /// Type code; extended squitters only.
    pub type_code: Option<u8>,
}

/// A decoder writes bodies; nothing here reads one.
fn unread<T>() -> Result<T, BodyError> {
    Err(BodyError("this plugin only writes this body".into()))
}

/// What is merged into a track, each with its age in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Merged {
    /// Callsign and category.
    pub identification: Option<(Identification, u64)>,
    /// Speed, course and climb.
    pub velocity: Option<(Velocity, u64)>,
    /// Accuracy and integrity.
    pub status: Option<(Status, u64)>,
    /// Mode A code.
    pub squawk: Option<(u16, u64)>,
    /// The callsign is young enough.
    pub callsign_fresh: bool,
}

/// Body of `track.air`: the canonical track, and under `mode_s` what only Mode S says.
#[derive(Clone, Copy, Debug)]
pub struct TrackBody<'a> {
    /// Sender and time.
    pub head: Head,
    /// Position as sent.
    pub message: &'a Position,
    /// Where that is, degrees.
    pub at: crate::cpr::Position,
    /// How it was found.
    pub method: Method,
    /// What was heard before.
    pub merged: Merged,
}

impl TrackBody<'_> {
    /// Course and heading of the surface position's angle, degrees from true north: which of them
    /// it is, and from which north, only the operational status says.
    fn surface_angles(&self) -> (Option<f64>, Option<f64>) {
        let angle = self.message.ground.and_then(|ground| ground.angle_deg);
        match self.merged.status {
            Some((status, _)) if !status.magnetic => match status.angle_is_heading {
                Some(true) => (None, angle),
                Some(false) => (angle, None),
                None => (None, None),
            },
            _ => (None, None),
        }
    }
}

impl Body for TrackBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        unread()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Self {
            head,
            message,
            merged,
            ..
        } = self;
        let address = &head.address;
        let track_id = match address.platform() {
            Some(digits) if address.origin == Origin::Adsb => {
                Text::format(format_args!("icao:{digits}"))
            }
            _ => Text::new(address.key()),
        };
        let Some(track_id) = track_id else { return };
        let mut track = Track::new(track_id, head.time_ns, TimeSource::Capture);
        track.source = Some(match address.origin {
            Origin::Adsb | Origin::Adsr => Source::Adsb,
            Origin::Tisb => Source::Other,
        });
        track.platform_id = address.platform().and_then(Text::new);
        if let Some((identification, _)) = &merged.identification {
            track.platform_class = identification.platform_class().and_then(Text::new);
            if merged.callsign_fresh && identification.is_clean() {
                track.callsign = identification.callsign().and_then(Text::new);
            }
        }
        track.lat_deg = Some(self.at.lat_deg);
        track.lon_deg = Some(self.at.lon_deg);
        if let Some(air) = message.air {
            track.alt_m = air.altitude.metres();
            track.alt_datum = track.alt_m.map(|_| datum(air.geometric));
            if let Some((velocity, _)) = merged.velocity {
                let over_ground = velocity.over_ground();
                track.speed_mps = over_ground.map(|(speed_kt, _)| speed_kt * KNOT_MPS);
                track.course_deg = over_ground.and_then(|(_, course_deg)| course_deg);
                track.climb_mps = climb_mps(&velocity);
            }
        }
        if let Some(ground) = message.ground {
            track.speed_mps = ground.speed_kt.map(|speed_kt| speed_kt * KNOT_MPS);
            (track.course_deg, track.heading_deg) = self.surface_angles();
        }
        track.accuracy_m = merged.status.and_then(|(status, _)| status.accuracy_m());
        let start = out.len();
        track.encode(out);
        add_pair(out, start);
        text(out, "mode_s");
        Map::write(out, |map| self.extras(map));
    }
}

impl TrackBody<'_> {
    /// What only Mode S says of a position.
    fn extras(&self, map: &mut Map<'_>) {
        let Self {
            head,
            message,
            merged,
            ..
        } = self;
        let status = merged.status.map(|(status, _)| status);
        let version_2 = status.filter(|status| status.version == 2);
        let integrity = version_2.and_then(|status| integrity(message, &status));
        map.text("address_type", Some(head.address.kind()));
        map.text("origin", Some(origin(head.address.origin)));
        map.unsigned("type_code", Some(message.type_code));
        map.flag("on_ground", Some(message.cpr.surface));
        map.text("cpr", Some(self.method.word()));
        map.flag("utc_synchronised", Some(message.utc_synchronised));
        if let Some(air) = message.air {
            map.text("surveillance_status", surveillance(air.surveillance_status));
        }
        if let Some(ground) = message.ground {
            map.number("surface_angle_deg", ground.angle_deg);
            map.flag(
                "speed_beyond_scale",
                ground.speed_beyond_scale.then_some(true),
            );
        }
        let mut octal = [0; 4];
        let squawk = merged.squawk.map(|(squawk, _)| digits(squawk, &mut octal));
        map.text("squawk", squawk);
        map.unsigned("version", status.map(|status| status.version));
        map.unsigned("nic", integrity.map(|(nic, _)| nic));
        map.number("containment_m", integrity.and_then(|(_, radius)| radius));
        let rated = status.filter(|status| status.version > 0);
        map.unsigned("nac_p", rated.map(|status| status.nac_p));
        map.unsigned("sil", rated.map(|status| status.sil));
        let velocity = merged.velocity.filter(|_| message.air.is_some());
        map.unsigned("velocity_age_ms", velocity.map(|(_, age_ms)| age_ms));
        let identification = merged.identification.map(|(_, age_ms)| age_ms);
        map.unsigned("identification_age_ms", identification);
        map.unsigned("status_age_ms", merged.status.map(|(_, age_ms)| age_ms));
        map.unsigned("squawk_age_ms", merged.squawk.map(|(_, age_ms)| age_ms));
    }
}

fn datum(geometric: bool) -> AltDatum {
    if geometric {
        AltDatum::Geometric
    } else {
        AltDatum::Barometric
    }
}

fn climb_mps(velocity: &Velocity) -> Option<f64> {
    velocity.climb_fpm.map(|rate| f64::from(rate) * FPM_MPS)
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Adsb => "ads-b",
        Origin::Adsr => "ads-r",
        Origin::Tisb => "tis-b",
    }
}

fn surveillance(status: u8) -> Option<&'static str> {
    match status {
        1 => Some("permanent-alert"),
        2 => Some("temporary-alert"),
        3 => Some("special-position-identification"),
        _ => None,
    }
}

/// Four octal digits.
fn digits(squawk: u16, room: &mut [u8; 4]) -> &str {
    for (place, digit) in room.iter_mut().enumerate() {
        *digit = b'0' + (squawk >> (9 - 3 * place) & 7) as u8;
    }
    std::str::from_utf8(room).unwrap_or_default()
}

impl Map<'_> {
    fn head(&mut self, head: &Head) {
        self.text("track_id", Some(head.address.key()));
        self.text("platform_id", head.address.platform());
        self.unsigned("time_ns", Some(head.time_ns));
        self.text("time_source", Some(TimeSource::Capture.as_str()));
        self.text("address_type", Some(head.address.kind()));
        self.text("origin", Some(origin(head.address.origin)));
        self.unsigned("downlink_format", Some(head.format));
        self.unsigned("type_code", head.type_code);
    }
}

/// Bodies of one message as it was sent, without what was heard before.
macro_rules! body {
    ($(#[$doc:meta])* $name:ident, $content:ty, $fill:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name(pub Head, pub $content);

        impl Body for $name {
            fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
                unread()
            }

            fn encode(&self, out: &mut Vec<u8>) {
                let fill: fn(&mut Map<'_>, &$content) = $fill;
                Map::write(out, |map| {
                    map.head(&self.0);
                    fill(map, &self.1);
                });
            }
        }
    };
}

body!(
    /// Body of `mode-s.identification`.
    IdentificationBody,
    Identification,
    |map, identification| {
        map.text("callsign", identification.callsign());
        let unknown = !identification.is_clean();
        map.flag("unknown_characters", unknown.then_some(true));
        let mut room = [0; 4];
        let set = identification.set.encode_utf8(&mut room);
        map.text("category_set", Some(set));
        map.unsigned("category", Some(identification.category));
        map.text("platform_class", identification.platform_class());
    }
);

body!(
    /// Body of `mode-s.velocity`.
    VelocityBody,
    Velocity,
    |map, velocity| {
        let over_ground = velocity.over_ground();
        map.unsigned("subtype", Some(velocity.subtype));
        map.number("speed_mps", over_ground.map(|(speed, _)| speed * KNOT_MPS));
        map.number("course_deg", over_ground.and_then(|(_, course)| course));
        map.number("heading_deg", velocity.heading_deg);
        let airspeed = velocity.airspeed_kt.map(f64::from);
        map.number("airspeed_mps", airspeed.map(|speed| speed * KNOT_MPS));
        let kind = if velocity.airspeed_true {
            "true"
        } else {
            "indicated"
        };
        map.text("airspeed_type", airspeed.map(|_| kind));
        map.number("climb_mps", climb_mps(velocity));
        let source = if velocity.climb_barometric {
            "barometric"
        } else {
            "geometric"
        };
        map.text("climb_source", velocity.climb_fpm.map(|_| source));
        let difference = velocity.geometric_minus_barometric_ft.map(f64::from);
        map.number(
            "geometric_minus_barometric_m",
            difference.map(|feet| feet * FOOT_M),
        );
        map.unsigned("nac_v", Some(velocity.nac_v));
        map.flag("intent_change", Some(velocity.intent_change));
    }
);

body!(
    /// Body of `mode-s.emergency`.
    EmergencyBody,
    Emergency,
    |map, emergency| {
        map.text("emergency", Some(emergency.word()));
        map.text("squawk", Some(digits(emergency.squawk, &mut [0; 4])));
    }
);

body!(
    /// Body of `mode-s.status`.
    StatusBody,
    Status,
    |map, status| {
        let rated = status.version > 0;
        map.flag("on_ground", Some(status.surface));
        map.unsigned("version", Some(status.version));
        map.flag("nic_supplement_a", rated.then_some(status.nic_a));
        let c = status.surface && status.version == 2;
        map.flag("nic_supplement_c", c.then_some(status.nic_c));
        map.unsigned("nac_p", rated.then_some(status.nac_p));
        map.number("accuracy_m", status.accuracy_m());
        map.unsigned("gva", status.gva.filter(|_| rated));
        map.unsigned("sil", rated.then_some(status.sil));
        let version_2 = status.version == 2;
        map.flag("sil_per_sample", version_2.then_some(status.sil_per_sample));
        map.flag("nic_baro", status.nic_baro.filter(|_| rated));
        map.flag(
            "angle_is_heading",
            status.angle_is_heading.filter(|_| rated),
        );
        map.flag("magnetic_north", rated.then_some(status.magnetic));
    }
);

body!(
    /// Body of `mode-s.target`.
    TargetBody,
    Target,
    |map, target| {
        let altitude = target.altitude_ft.map(|feet| f64::from(feet) * FOOT_M);
        let source = if target.from_fms { "fms" } else { "panel" };
        map.number("selected_alt_m", altitude);
        map.text("selected_alt_source", altitude.map(|_| source));
        map.number("barometric_setting_hpa", target.barometric_setting_hpa);
        map.number("selected_heading_deg", target.heading_deg);
        map.unsigned("nac_p", Some(target.nac_p));
        map.number("accuracy_m", accuracy_m(target.nac_p));
        map.flag("nic_baro", Some(target.nic_baro));
        map.unsigned("sil", Some(target.sil));
        let mode = |place: usize| target.modes.and_then(|modes| modes.get(place).copied());
        map.flag("autopilot", mode(0));
        map.flag("vnav", mode(1));
        map.flag("altitude_hold", mode(2));
        map.flag("approach", mode(3));
        map.flag("lnav", mode(4));
        map.flag("tcas", Some(target.tcas));
    }
);

/// A surveillance or Comm-B reply: downlink formats 4, 5, 20 and 21.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reply {
    /// Flight status, 0 to 7.
    pub flight_status: u8,
    /// Altitude; formats 4 and 20.
    pub altitude: Option<Code>,
    /// Mode A code; formats 5 and 21.
    pub squawk: Option<u16>,
}

body!(
    /// Body of `mode-s.surveillance`.
    ReplyBody,
    Reply,
    |map, reply| {
        // ICAO Annex 10, volume IV, § 3.1.2.6.5.1.
        let on_ground = match reply.flight_status {
            0 | 2 => Some(false),
            1 | 3 => Some(true),
            _ => None,
        };
        let known = reply.flight_status <= 5;
        map.unsigned("flight_status", Some(reply.flight_status));
        map.flag("on_ground", on_ground);
        let alert = matches!(reply.flight_status, 2..=4);
        map.flag("alert", known.then_some(alert));
        let spi = matches!(reply.flight_status, 4 | 5);
        map.flag("special_position_identification", known.then_some(spi));
        let alt_m = reply.altitude.and_then(Code::metres);
        map.number("alt_m", alt_m);
        map.text(
            "alt_datum",
            alt_m.map(|_| AltDatum::Barometric.as_str()),
        );
        let mut room = [0; 4];
        map.text("squawk", reply.squawk.map(|squawk| digits(squawk, &mut room)));
    }
);

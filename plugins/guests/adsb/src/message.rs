//! What the message field of an extended squitter says. Values are as sent, in the units of the
//! standard; `body` gives them in SI units. `None` stands for "not available".
//!
//! Sections are those of RTCA DO-260B; bits count from 1.

use crate::altitude::{self, Code};
use crate::bits::Me;
use crate::cpr::Cpr;

/// Aircraft identification and category: type codes 1 to 4 (§ 2.2.3.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identification {
    /// Eight characters; those that are not of the alphabet are `#`.
    characters: [u8; 8],
    len: usize,
    /// Emitter category set, `A` to `D`.
    pub set: char,
    /// Category within the set, 0 to 7; 0: not said.
    pub category: u8,
}

/// Characters of the identification by code. Source: ICAO Annex 10, volume IV, chapter 3:
/// the six-bit characters of aircraft identification.
const ALPHABET: &[u8; 64] = b"#ABCDEFGHIJKLMNOPQRSTUVWXYZ##### ###############0123456789######";

impl Identification {
    /// Of the message field.
    pub fn read(me: Me) -> Self {
        let mut characters = [0; 8];
        for (place, character) in (0u32..).zip(&mut characters) {
            let code = me.get(9 + 6 * place, 14 + 6 * place);
            *character = ALPHABET[code as usize & 63];
        }
        let len = characters
            .iter()
            .rposition(|character| *character != b' ')
            .map_or(0, |last| last + 1);
        Self {
            characters,
            len,
            // § 2.2.3.2.5.2: type code 4 is set A, 1 is set D.
            set: match me.type_code() {
                4 => 'A',
                3 => 'B',
                2 => 'C',
                _ => 'D',
            },
            category: me.get(6, 8) as u8,
        }
    }

    /// The flight identification or registration, blanks after it removed; `None` when there is
    /// nothing else.
    pub fn callsign(&self) -> Option<&str> {
        let text = std::str::from_utf8(self.characters.get(..self.len)?).ok()?;
        (!text.trim_start().is_empty()).then_some(text)
    }

    /// True if every character is one of the alphabet; others are shown as `#`.
    pub fn is_clean(&self) -> bool {
        !self.characters.contains(&b'#')
    }

    /// The category in words (§ 2.2.3.2.5.2).
    pub fn platform_class(&self) -> Option<&'static str> {
        Some(match (self.set, self.category) {
            ('A', 1) => "light",
            ('A', 2) => "small",
            ('A', 3) => "large",
            ('A', 4) => "high-vortex",
            ('A', 5) => "heavy",
            ('A', 6) => "high-performance",
            ('A', 7) => "rotorcraft",
            ('B', 1) => "glider",
            ('B', 2) => "lighter-than-air",
            ('B', 3) => "parachutist",
            ('B', 4) => "ultralight",
            ('B', 6) => "uav",
            ('B', 7) => "space-vehicle",
            ('C', 1) => "emergency-surface-vehicle",
            ('C', 2) => "surface-vehicle",
            ('C', 3) => "point-obstacle",
            ('C', 4) => "cluster-obstacle",
            ('C', 5) => "line-obstacle",
            _ => return None,
        })
    }
}

/// Airborne and surface position: type codes 5 to 8, 9 to 18, 20 to 22 (§ 2.2.3.2.3, .4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Type code.
    pub type_code: u8,
    /// Position.
    pub cpr: Cpr,
    /// The time is that of a UTC epoch: bit T.
    pub utc_synchronised: bool,
    /// What only an airborne position says.
    pub air: Option<Air>,
    /// What only a surface position says.
    pub ground: Option<Ground>,
}

/// What an airborne position says beside where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Air {
    /// Surveillance status, 0 to 3: 1 permanent alert, 2 temporary alert, 3 special position
    /// identification.
    pub surveillance_status: u8,
    /// Single antenna (version 0, 1) or NIC supplement B (version 2).
    pub nic_b: bool,
    /// Altitude code; above the ellipsoid in type codes 20 to 22.
    pub altitude: Code,
    /// True for type codes 20 to 22.
    pub geometric: bool,
}

/// What a surface position says beside where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ground {
    /// Knots over ground.
    pub speed_kt: Option<f64>,
    /// True if the speed is 175 kt or more: the end of the scale.
    pub speed_beyond_scale: bool,
    /// Heading or ground track, degrees; which of them, and from which north, the operational
    /// status says.
    pub angle_deg: Option<f64>,
}

impl Position {
    /// Of the message field; `None` when the type code is of something else.
    pub fn read(me: Me) -> Option<Self> {
        let type_code = me.type_code();
        let surface = matches!(type_code, 5..=8);
        if !surface && !matches!(type_code, 9..=18 | 20..=22) {
            return None;
        }
        let air = (!surface).then(|| {
            let geometric = type_code >= 20;
            let bits = me.get(9, 20);
            Air {
                surveillance_status: me.get(6, 7) as u8,
                nic_b: me.flag(8),
                altitude: altitude::code_12(bits),
                geometric,
            }
        });
        let ground = surface.then(|| {
            let (speed_kt, speed_beyond_scale) = movement(me.get(6, 12));
            Ground {
                speed_kt,
                speed_beyond_scale,
                angle_deg: me
                    .flag(13)
                    .then(|| f64::from(me.get(14, 20)) * 360.0 / 128.0),
            }
        });
        Some(Self {
            type_code,
            cpr: Cpr {
                odd: me.flag(22),
                surface,
                lat: me.get(23, 39),
                lon: me.get(40, 56),
            },
            utc_synchronised: me.flag(21),
            air,
            ground,
        })
    }
}

/// Speed on the surface, knots: the lower end of each step (§ 2.2.3.2.4.2), and
/// whether it is the scale's end. 0 and 125 to 127 say nothing.
fn movement(code: u32) -> (Option<f64>, bool) {
    let at = |first_kt: f64, first: u32, step_kt: f64| {
        (Some(first_kt + f64::from(code - first) * step_kt), false)
    };
    match code {
        1 => (Some(0.0), false),
        2..=8 => at(0.125, 2, 0.125),
        9..=12 => at(1.0, 9, 0.25),
        13..=38 => at(2.0, 13, 0.5),
        39..=93 => at(15.0, 39, 1.0),
        94..=108 => at(70.0, 94, 2.0),
        109..=123 => at(100.0, 109, 5.0),
        124 => (Some(175.0), true),
        _ => (None, false),
    }
}

/// Airborne velocity: type code 19 (§ 2.2.3.2.6).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Velocity {
    /// Subtype, 1 to 4.
    pub subtype: u8,
    /// Intent changed.
    pub intent_change: bool,
    /// Navigation accuracy category for velocity (version 1, 2), 0 to 7.
    pub nac_v: u8,
    /// Knots to the east and to the north; subtypes 1 and 2.
    pub over_ground_kt: Option<(i32, i32)>,
    /// Heading, degrees; subtypes 3 and 4.
    pub heading_deg: Option<f64>,
    /// Airspeed, knots; subtypes 3 and 4.
    pub airspeed_kt: Option<i32>,
    /// The airspeed is true, not indicated.
    pub airspeed_true: bool,
    /// Rate of climb, feet per minute.
    pub climb_fpm: Option<i32>,
    /// The rate of climb is that of the pressure altitude, not of GNSS.
    pub climb_barometric: bool,
    /// Geometric minus barometric altitude, feet.
    pub geometric_minus_barometric_ft: Option<i32>,
}

impl Velocity {
    /// Of the message field; `None` for a subtype that is reserved.
    pub fn read(me: Me) -> Option<Self> {
        let subtype = me.get(6, 8) as u8;
        // Supersonic subtypes count in steps of 4 kt. Value 0 says nothing, 1 is zero.
        let step = match subtype {
            1 | 3 => 1,
            2 | 4 => 4,
            _ => return None,
        };
        let amount = |first, last, step: i32| match me.get(first, last) as i32 {
            0 => None,
            value => Some((value - 1) * step),
        };
        let signed = |negative: bool, value: i32| if negative { -value } else { value };
        let over_ground = subtype <= 2;
        let east = amount(15, 24, step).map(|speed| signed(me.flag(14), speed));
        let north = amount(26, 35, step).map(|speed| signed(me.flag(25), speed));
        Some(Self {
            subtype,
            intent_change: me.flag(9),
            nac_v: me.get(11, 13) as u8,
            over_ground_kt: east.zip(north).filter(|_| over_ground),
            heading_deg: (!over_ground && me.flag(14))
                .then(|| f64::from(me.get(15, 24)) * 360.0 / 1_024.0),
            airspeed_kt: amount(26, 35, step).filter(|_| !over_ground),
            airspeed_true: me.flag(25),
            climb_fpm: amount(38, 46, 64).map(|rate| signed(me.flag(37), rate)),
            climb_barometric: me.flag(36),
            geometric_minus_barometric_ft: amount(50, 56, 25)
                .map(|difference| signed(me.flag(49), difference)),
        })
    }

    /// Speed over ground, knots, and course, degrees from true north; no course at rest.
    pub fn over_ground(&self) -> Option<(f64, Option<f64>)> {
        let (east, north) = self.over_ground_kt?;
        let (east_kt, north_kt) = (f64::from(east), f64::from(north));
        let speed_kt = libm::sqrt(east_kt * east_kt + north_kt * north_kt);
        let course_deg = ((east, north) != (0, 0)).then(|| {
            let course_deg = libm::atan2(east_kt, north_kt) * 180.0 / std::f64::consts::PI;
            if course_deg < 0.0 {
                course_deg + 360.0
            } else {
                course_deg
            }
        });
        Some((speed_kt, course_deg))
    }
}

/// Emergency and priority status: type code 28, subtype 1 (§ 2.2.3.2.7.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emergency {
    /// 0 none, 1 general, 2 medical, 3 minimum fuel, 4 no communication, 5 unlawful interference,
    /// 6 downed, 7 reserved.
    pub state: u8,
    /// Mode A code, four octal digits.
    pub squawk: u16,
}

impl Emergency {
    /// Of the message field; `None` for another subtype.
    pub fn read(me: Me) -> Option<Self> {
        (me.get(6, 8) == 1).then(|| Self {
            state: me.get(9, 11) as u8,
            squawk: altitude::squawk(me.get(12, 24)),
        })
    }

    /// The state in words.
    pub fn word(self) -> &'static str {
        [
            "none",
            "general",
            "medical",
            "minimum-fuel",
            "no-communication",
            "unlawful-interference",
            "downed",
            "reserved",
        ][usize::from(self.state & 7)]
    }
}

/// Aircraft operational status: type code 31, subtypes 0 and 1 (§ 2.2.3.2.7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// True for subtype 1, sent on the surface.
    pub surface: bool,
    /// Version of ADS-B: 0 DO-260, 1 DO-260A, 2 DO-260B.
    pub version: u8,
    /// NIC supplement A.
    pub nic_a: bool,
    /// NIC supplement C; on the surface, version 2.
    pub nic_c: bool,
    /// Navigation accuracy category for position; version 1, 2.
    pub nac_p: u8,
    /// Geometric vertical accuracy (version 2) or barometric altitude quality (1); airborne.
    pub gva: Option<u8>,
    /// Source integrity level; version 1, 2.
    pub sil: u8,
    /// The integrity level is per sample, not per hour; version 2.
    pub sil_per_sample: bool,
    /// The barometric altitude was cross-checked; airborne.
    pub nic_baro: Option<bool>,
    /// The surface position's angle is a heading, not a track; surface.
    pub angle_is_heading: Option<bool>,
    /// Headings are from magnetic north.
    pub magnetic: bool,
}

impl Status {
    /// The last version of ADS-B that is read: that of DO-260B.
    const VERSION_MAX: u32 = 2;

    /// Of the message field; `None` for a reserved subtype or a later version.
    pub fn read(me: Me) -> Option<Self> {
        let subtype = me.get(6, 8);
        if subtype > 1 || me.get(41, 43) > Self::VERSION_MAX {
            return None;
        }
        let surface = subtype == 1;
        let version = me.get(41, 43) as u8;
        Some(Self {
            surface,
            version,
            nic_a: me.flag(44),
            nic_c: surface && version == 2 && me.flag(20),
            nac_p: me.get(45, 48) as u8,
            gva: (!surface).then(|| me.get(49, 50) as u8),
            sil: me.get(51, 52) as u8,
            sil_per_sample: version == 2 && me.flag(55),
            nic_baro: (!surface).then(|| me.flag(53)),
            angle_is_heading: surface.then(|| me.flag(53)),
            magnetic: me.flag(54),
        })
    }

    /// True for a status of a version after the last one that is read here: its fields may have
    /// moved.
    pub fn is_of_later_version(me: Me) -> bool {
        me.get(6, 8) <= 1 && me.get(41, 43) > Self::VERSION_MAX
    }

    /// Radius of 95 % confidence of the position, metres: NACp's estimated position uncertainty
    /// (§ 2.2.3.2.7.2.7). Version 0 has none.
    pub fn accuracy_m(&self) -> Option<f64> {
        if self.version == 0 {
            return None;
        }
        accuracy_m(self.nac_p)
    }
}

/// Metres of a nautical mile.
const NAUTICAL_MILE_M: f64 = 1_852.0;

/// Estimated position uncertainty of a NACp, metres.
pub fn accuracy_m(nac_p: u8) -> Option<f64> {
    Some(match nac_p {
        1 => 10.0 * NAUTICAL_MILE_M,
        2 => 4.0 * NAUTICAL_MILE_M,
        3 => 2.0 * NAUTICAL_MILE_M,
        4 => NAUTICAL_MILE_M,
        5 => 0.5 * NAUTICAL_MILE_M,
        6 => 0.3 * NAUTICAL_MILE_M,
        7 => 0.1 * NAUTICAL_MILE_M,
        8 => 0.05 * NAUTICAL_MILE_M,
        9 => 30.0,
        10 => 10.0,
        11 => 3.0,
        _ => return None,
    })
}

/// Navigation integrity category of a position and its containment radius in metres, of version 2
/// (§ 2.2.3.2.7.2.6, table 2-69). The radius is absent where none is promised; the category, where
/// the supplements are a combination that has none.
pub fn integrity(position: &Position, status: &Status) -> Option<(u8, Option<f64>)> {
    let (a, c) = (status.nic_a, status.nic_c);
    let b = position.air.is_some_and(|air| air.nic_b);
    let miles = |count: f64| Some(count * NAUTICAL_MILE_M);
    Some(match position.type_code {
        5 | 9 | 20 => (11, Some(7.5)),
        6 | 10 | 21 => (10, Some(25.0)),
        7 => match (a, c) {
            (true, false) => (9, Some(75.0)),
            (false, false) => (8, miles(0.1)),
            _ => return None,
        },
        8 => match (a, c) {
            (true, true) => (7, miles(0.2)),
            (true, false) => (6, miles(0.3)),
            (false, true) => (6, miles(0.6)),
            (false, false) => (0, None),
        },
        11 => match (a, b) {
            (true, true) => (9, Some(75.0)),
            (false, false) => (8, miles(0.1)),
            _ => return None,
        },
        12 => (7, miles(0.2)),
        13 => match (a, b) {
            (false, true) => (6, miles(0.3)),
            (false, false) => (6, miles(0.5)),
            (true, true) => (6, miles(0.6)),
            (true, false) => return None,
        },
        14 => (5, miles(1.0)),
        15 => (4, miles(2.0)),
        16 => match (a, b) {
            (true, true) => (3, miles(4.0)),
            (false, false) => (2, miles(8.0)),
            _ => return None,
        },
        17 => (1, miles(20.0)),
        _ => (0, None),
    })
}

/// Target state and status: type code 29, subtype 1, version 2 (§ 2.2.3.2.7.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// The altitude is the flight management system's, not the one set on the panel.
    pub from_fms: bool,
    /// Selected altitude, feet.
    pub altitude_ft: Option<i32>,
    /// Barometric setting, hectopascals.
    pub barometric_setting_hpa: Option<f64>,
    /// Selected heading, degrees.
    pub heading_deg: Option<f64>,
    /// Navigation accuracy category for position.
    pub nac_p: u8,
    /// The barometric altitude was cross-checked.
    pub nic_baro: bool,
    /// Source integrity level.
    pub sil: u8,
    /// Autopilot, VNAV, altitude hold, approach, LNAV; absent when the modes are not given.
    pub modes: Option<[bool; 5]>,
    /// TCAS/ACAS operates.
    pub tcas: bool,
}

impl Target {
    /// Of the message field; `None` for another subtype.
    pub fn read(me: Me) -> Option<Self> {
        if me.get(6, 7) != 1 {
            return None;
        }
        let steps = |first, last| match me.get(first, last) as i32 {
            0 => None,
            value => Some(value - 1),
        };
        Some(Self {
            from_fms: me.flag(9),
            altitude_ft: steps(10, 20).map(|steps| steps * 32),
            barometric_setting_hpa: steps(21, 29).map(|steps| 800.0 + f64::from(steps) * 0.8),
            heading_deg: me
                .flag(30)
                .then(|| f64::from(me.get(31, 39)) * 180.0 / 256.0),
            nac_p: me.get(40, 43) as u8,
            nic_baro: me.flag(44),
            sil: me.get(45, 46) as u8,
            modes: me.flag(47).then(|| {
                [
                    me.flag(48),
                    me.flag(49),
                    me.flag(50),
                    me.flag(52),
                    me.flag(54),
                ]
            }),
            tcas: me.flag(53),
        })
    }
}

#[cfg(test)]
mod tests;

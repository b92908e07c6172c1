//! Compact position reporting.
//!
//! Source: RTCA DO-260B, § A.1.7 (the same as ICAO Doc 9871, § C.2.6). A position is sent as its
//! place within a zone, with two sizes of zones in turn, "even" and "odd": two of them give the
//! zone, one alone only when the position is known roughly.
//!
//! Pure arithmetic; which frames may be paired is decided in `position`.

/// Steps of a zone: 17 bits.
const STEPS: f64 = 131_072.0;
/// Latitude zones of an even frame; an odd one has one less.
const ZONES: f64 = 60.0;

/// An encoded position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpr {
    /// True for an odd frame.
    pub odd: bool,
    /// True for a position on the surface, in zones of a quarter of the size.
    pub surface: bool,
    /// Latitude within its zone, 17 bits.
    pub lat: u32,
    /// Longitude within its zone, 17 bits.
    pub lon: u32,
}

/// A position, degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// North.
    pub lat_deg: f64,
    /// East, -180 to 180.
    pub lon_deg: f64,
}

impl Position {
    /// Metres to another position, on a sphere of the mean radius of WGS-84 (6,371,008.8 m). Used
    /// for gates of kilometres only, where half a percent does not matter.
    pub fn distance_m(self, other: Self) -> f64 {
        let radians = std::f64::consts::PI / 180.0;
        let half = |a: f64, b: f64| {
            let sine = libm::sin((a - b) * radians / 2.0);
            sine * sine
        };
        let h = half(self.lat_deg, other.lat_deg)
            + libm::cos(self.lat_deg * radians)
                * libm::cos(other.lat_deg * radians)
                * half(self.lon_deg, other.lon_deg);
        2.0 * 6_371_008.8 * libm::asin(libm::sqrt(h.clamp(0.0, 1.0)))
    }
}

/// Lowest latitude, degrees, with fewer than 59, 58, … 3 longitude zones. Source: DO-260B,
/// § A.1.7.2: `NL = n` up to `acos(sqrt((1 - cos(π/30)) / (1 - cos(2π/n))))`. The tests compute
/// it.
const ZONE_LIMITS_DEG: [f64; 57] = [
    10.470471299968,
    14.828174368687,
    18.186263570713,
    21.029394926028,
    23.545044865571,
    25.829247070588,
    27.938987101219,
    29.911356857318,
    31.772097076811,
    33.539934362985,
    35.228995977964,
    36.850251075935,
    38.412418924123,
    39.922566843339,
    41.386518322602,
    42.809140122436,
    44.194549514193,
    45.546267226602,
    46.867332524987,
    48.160391280966,
    49.427764392557,
    50.671501655538,
    51.893424691688,
    53.095161527960,
    54.278174722729,
    55.443784444950,
    56.593187562059,
    57.727473538661,
    58.847637761485,
    59.954592766940,
    61.049177742464,
    62.132166592103,
    63.204274793819,
    64.266165225674,
    65.318453096821,
    66.361710083826,
    67.396467740847,
    68.423220220833,
    69.442426311440,
    70.454510749876,
    71.459864730290,
    72.458845447289,
    73.451774416679,
    74.438934157251,
    75.420562566534,
    76.396843907945,
    77.367894613282,
    78.333740829227,
    79.294282254569,
    80.249232132805,
    81.198013492719,
    82.139569805106,
    83.071994447198,
    83.991735629806,
    84.891661907021,
    85.755416209444,
    86.535369975121,
];

/// Highest latitude, degrees, with two longitude zones; beyond it there is one. Source: same, the
/// only limit that is a latitude itself: at 87° there are two.
const TWO_ZONES_DEG_MAX: f64 = 87.0;

/// Longitude zones at a latitude: 1 to 59.
pub fn longitude_zones(lat_deg: f64) -> u32 {
    let lat_deg = lat_deg.abs();
    let passed = ZONE_LIMITS_DEG.partition_point(|limit| *limit <= lat_deg) as u32;
    59 - passed - u32::from(lat_deg > TWO_ZONES_DEG_MAX)
}

fn modulo(a: f64, b: f64) -> f64 {
    a - b * libm::floor(a / b)
}

/// -180 up to 180 degrees.
fn wrapped(lon_deg: f64) -> f64 {
    modulo(lon_deg + 180.0, 360.0) - 180.0
}

/// What a pair of frames says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Where the later frame was.
    pub later: Position,
    /// Where the earlier one was.
    pub earlier: Position,
}

/// The position of a pair, one even and one odd. On the surface there are eight solutions, and
/// the one nearest to `near` is taken, which must be given; in the air it is not used.
///
/// `None` when the two have different numbers of longitude zones, when a latitude is none, or
/// when they are not a pair.
pub fn global(earlier: Cpr, later: Cpr, near: Option<Position>) -> Option<Pair> {
    if earlier.odd == later.odd || earlier.surface != later.surface {
        return None;
    }
    let (even, odd) = if later.odd {
        (earlier, later)
    } else {
        (later, earlier)
    };
    if !later.surface {
        return solve(even, odd, later.odd, 360.0, 0.0, 0.0);
    }
    let near = near?;
    let mut best: Option<(f64, Pair)> = None;
    for lat_turn_deg in [0.0, -90.0] {
        for lon_turn_deg in [0.0, 90.0, 180.0, 270.0] {
            let Some(pair) = solve(even, odd, later.odd, 90.0, lat_turn_deg, lon_turn_deg) else {
                continue;
            };
            let distance = pair.later.distance_m(near);
            if best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, pair));
            }
        }
    }
    best.map(|(_, pair)| pair)
}

fn solve(
    even: Cpr,
    odd: Cpr,
    later_odd: bool,
    circle_deg: f64,
    lat_turn_deg: f64,
    lon_turn_deg: f64,
) -> Option<Pair> {
    let (even_lat, odd_lat) = (f64::from(even.lat) / STEPS, f64::from(odd.lat) / STEPS);
    let index = libm::floor((ZONES - 1.0) * even_lat - ZONES * odd_lat + 0.5);
    let latitude = |zones: f64, part: f64| {
        let lat_deg = circle_deg / zones * (modulo(index, zones) + part);
        let lat_deg = if circle_deg == 360.0 && lat_deg >= 270.0 {
            lat_deg - 360.0
        } else {
            lat_deg + lat_turn_deg
        };
        (-90.0..=90.0).contains(&lat_deg).then_some(lat_deg)
    };
    let even_lat_deg = latitude(ZONES, even_lat)?;
    let odd_lat_deg = latitude(ZONES - 1.0, odd_lat)?;
    let zones = longitude_zones(even_lat_deg);
    if zones != longitude_zones(odd_lat_deg) {
        return None;
    }
    let (even_lon, odd_lon) = (f64::from(even.lon) / STEPS, f64::from(odd.lon) / STEPS);
    let count = f64::from(zones);
    let index = libm::floor(even_lon * (count - 1.0) - odd_lon * count + 0.5);
    let longitude = |zones: f64, part: f64| {
        let zones = zones.max(1.0);
        wrapped(circle_deg / zones * (modulo(index, zones) + part) + lon_turn_deg)
    };
    let even_at = Position {
        lat_deg: even_lat_deg,
        lon_deg: longitude(count, even_lon),
    };
    let odd_at = Position {
        lat_deg: odd_lat_deg,
        lon_deg: longitude(count - 1.0, odd_lon),
    };
    let (earlier, later) = if later_odd {
        (even_at, odd_at)
    } else {
        (odd_at, even_at)
    };
    Some(Pair { later, earlier })
}

/// The position of one frame that is nearest to `near`: right within half a zone, 180 NM in the
/// air and 45 NM on the surface (DO-260B, § A.1.7). `None` when that latitude is
/// none.
pub fn local(frame: Cpr, near: Position) -> Option<Position> {
    let circle_deg = if frame.surface { 90.0 } else { 360.0 };
    let odd = f64::from(u8::from(frame.odd));
    let nearest = |near_deg: f64, zone_deg: f64, part: f64| {
        let zone = libm::floor(near_deg / zone_deg)
            + libm::floor(0.5 + modulo(near_deg, zone_deg) / zone_deg - part);
        zone_deg * (zone + part)
    };
    let lat_deg = nearest(
        near.lat_deg,
        circle_deg / (ZONES - odd),
        f64::from(frame.lat) / STEPS,
    );
    if !(-90.0..=90.0).contains(&lat_deg) {
        return None;
    }
    let zones = (f64::from(longitude_zones(lat_deg)) - odd).max(1.0);
    let lon_deg = nearest(
        near.lon_deg,
        circle_deg / zones,
        f64::from(frame.lon) / STEPS,
    );
    Some(Position {
        lat_deg,
        lon_deg: wrapped(lon_deg),
    })
}

#[cfg(test)]
mod tests;

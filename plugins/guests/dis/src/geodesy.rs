//! From the earth's centre to its surface: WGS-84 positions, and the local horizon.
//!
//! Every function of this module is from `libm`, so that the same bits come out natively and in
//! the sandbox, on any machine.

use libm::{asin, atan2, cbrt, cos, sin, sqrt};

use crate::pdu::Vector;

/// Semi-major axis, metres. Source: WGS-84 (NGA.STND.0036), table 3.1.
const A_M: f64 = 6_378_137.0;
/// Flattening. Source: same.
const F: f64 = 1.0 / 298.257_223_563;
/// Semi-minor axis, metres.
const B_M: f64 = A_M * (1.0 - F);
/// First eccentricity, squared.
const E2: f64 = F * (2.0 - F);
/// Second eccentricity, squared.
const EP2: f64 = E2 / (1.0 - E2);

/// Distance from the earth's centre of a location that is believed, metres, at least: deeper than
/// any sea or mine, and far above the 43 km below which latitude is ambiguous.
pub const RADIUS_M_MIN: f64 = 6_300_000.0;
/// The same at most: beyond the moon.
pub const RADIUS_M_MAX: f64 = 1e9;
/// Sine of the least angle to the vertical at which an axis has a direction over ground. Reason:
/// below it the rounding of 32-bit angles decides.
const HORIZONTAL_MIN: f64 = 1e-6;

/// A position on WGS-84.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geodetic {
    /// Latitude north, radians.
    pub lat_rad: f64,
    /// Longitude east, radians.
    pub lon_rad: f64,
    /// Height above the ellipsoid, metres.
    pub height_m: f64,
}

/// Length of a vector.
pub fn length([x, y, z]: Vector) -> f64 {
    sqrt(x * x + y * y + z * z)
}

impl Geodetic {
    /// From metres along the earth's axes, no nearer to its centre than [`RADIUS_M_MIN`].
    ///
    /// Closed formula of Heikkinen (1982), as in J. Zhu, "Conversion of Earth-centered
    /// Earth-fixed coordinates to geodetic coordinates", IEEE Transactions on Aerospace and
    /// Electronic Systems 30 (3), 1994. Error against the exact way back, from −50 km to
    /// 40,000 km: `tests.rs` measures it.
    pub fn from_earth([x, y, z]: Vector) -> Self {
        let r2 = x * x + y * y;
        let r = sqrt(r2);
        let z2 = z * z;
        let big_f = 54.0 * B_M * B_M * z2;
        let g = r2 + (1.0 - E2) * z2 - E2 * (A_M * A_M - B_M * B_M);
        let c = E2 * E2 * big_f * r2 / (g * g * g);
        let s = cbrt(1.0 + c + sqrt(c * c + 2.0 * c));
        let k = s + 1.0 / s + 1.0;
        let p = big_f / (3.0 * k * k * g * g);
        let q = sqrt(1.0 + 2.0 * E2 * E2 * p);
        // Rounding can make it a little less than nothing at the poles.
        let inner = 0.5 * A_M * A_M * (1.0 + 1.0 / q)
            - p * (1.0 - E2) * z2 / (q * (1.0 + q))
            - 0.5 * p * r2;
        let r0 = -p * E2 * r / (1.0 + q) + sqrt(inner.max(0.0));
        let d = r - E2 * r0;
        let u = sqrt(d * d + z2);
        let v = sqrt(d * d + (1.0 - E2) * z2);
        let z0 = B_M * B_M * z / (A_M * v);
        Self {
            lat_rad: atan2(z + EP2 * z0, r),
            lon_rad: atan2(y, x),
            height_m: u * (1.0 - B_M * B_M / (A_M * v)),
        }
    }

    /// North, east and down here, along the earth's axes.
    pub fn horizon(&self) -> Horizon {
        let (sin_lat, cos_lat) = (sin(self.lat_rad), cos(self.lat_rad));
        let (sin_lon, cos_lon) = (sin(self.lon_rad), cos(self.lon_rad));
        Horizon {
            north: [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
            east: [-sin_lon, cos_lon, 0.0],
            down: [-cos_lat * cos_lon, -cos_lat * sin_lon, -sin_lat],
        }
    }
}

/// The directions of a place.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    north: Vector,
    east: Vector,
    down: Vector,
}

fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Degrees from radians, 0 up to 360.
fn circle_deg(angle_rad: f64) -> f64 {
    let degrees = angle_rad.to_degrees();
    let turned = if degrees < 0.0 {
        degrees + 360.0
    } else {
        degrees
    };
    if turned >= 360.0 { 0.0 } else { turned }
}

impl Horizon {
    /// The same vector as north, east and down.
    pub fn local(&self, vector: Vector) -> Vector {
        [
            dot(self.north, vector),
            dot(self.east, vector),
            dot(self.down, vector),
        ]
    }
}

/// Motion over ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// Metres per second over ground.
    pub speed_mps: f64,
    /// Degrees clockwise from true north; absent at rest.
    pub course_deg: Option<f64>,
    /// Metres per second, up.
    pub climb_mps: f64,
}

impl Motion {
    /// From a velocity along the earth's axes, metres per second.
    pub fn new(horizon: &Horizon, velocity_mps: Vector) -> Self {
        let [north, east, down] = horizon.local(velocity_mps);
        let speed_mps = sqrt(north * north + east * east);
        Self {
            speed_mps,
            course_deg: (speed_mps > 0.0).then(|| circle_deg(atan2(east, north))),
            // Never a negative nothing.
            climb_mps: 0.0 - down,
        }
    }
}

/// The axes of an entity, along the earth's axes.
#[derive(Clone, Copy, Debug)]
pub struct Axes {
    forward: Vector,
    right: Vector,
    down: Vector,
}

impl Axes {
    /// From Euler angles ψ, θ, φ, radians: turned by ψ about z, then by θ about the new y, then by
    /// φ about the new x. Source: IEEE 1278.1-2012, 6.2.33 (Euler angles).
    pub fn new([psi, theta, phi]: Vector) -> Self {
        let (sin_psi, cos_psi) = (sin(psi), cos(psi));
        let (sin_theta, cos_theta) = (sin(theta), cos(theta));
        let (sin_phi, cos_phi) = (sin(phi), cos(phi));
        Self {
            forward: [cos_psi * cos_theta, sin_psi * cos_theta, -sin_theta],
            right: [
                cos_psi * sin_theta * sin_phi - sin_psi * cos_phi,
                sin_psi * sin_theta * sin_phi + cos_psi * cos_phi,
                cos_theta * sin_phi,
            ],
            down: [
                cos_psi * sin_theta * cos_phi + sin_psi * sin_phi,
                sin_psi * sin_theta * cos_phi - cos_psi * sin_phi,
                cos_theta * cos_phi,
            ],
        }
    }

    /// A vector along the entity's axes, along the earth's.
    pub fn to_earth(&self, [forward, right, down]: Vector) -> Vector {
        let mut earth = [0.0; 3];
        for (axis, value) in earth.iter_mut().enumerate() {
            *value =
                forward * self.forward[axis] + right * self.right[axis] + down * self.down[axis];
        }
        earth
    }
}

/// How an entity lies against the horizon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attitude {
    /// Degrees clockwise from true north; absent when it points up or down.
    pub heading_deg: Option<f64>,
    /// Degrees, nose up.
    pub pitch_deg: f64,
    /// Degrees, right side down; absent when it points up or down.
    pub roll_deg: Option<f64>,
    sin_roll: f64,
    cos_roll: f64,
    cos_pitch: f64,
}

impl Attitude {
    /// Of these axes over this horizon.
    pub fn new(horizon: &Horizon, axes: &Axes) -> Self {
        let [north, east, down] = horizon.local(axes.forward);
        let cos_pitch = sqrt(north * north + east * east);
        let level = cos_pitch >= HORIZONTAL_MIN;
        // The axes' own down and right, measured against the local vertical.
        let (sin_roll, cos_roll) = (dot(horizon.down, axes.right), dot(horizon.down, axes.down));
        let size = sqrt(sin_roll * sin_roll + cos_roll * cos_roll).max(f64::MIN_POSITIVE);
        Self {
            heading_deg: level.then(|| circle_deg(atan2(east, north))),
            pitch_deg: asin((-down).clamp(-1.0, 1.0)).to_degrees(),
            roll_deg: level.then(|| atan2(sin_roll, cos_roll).to_degrees()),
            sin_roll: sin_roll / size,
            cos_roll: cos_roll / size,
            cos_pitch,
        }
    }

    /// Rate at which the heading turns, degrees per second, clockwise, for these rates about the
    /// entity's own axes, radians per second. `None` when it points up or down.
    ///
    /// Source: kinematics of Euler angles, ψ' = (q sin φ + r cos φ) / cos θ, in the local frame.
    pub fn turn_rate_dps(&self, [_, pitch_rps, yaw_rps]: Vector) -> Option<f64> {
        self.heading_deg?;
        let turn_rps = (pitch_rps * self.sin_roll + yaw_rps * self.cos_roll) / self.cos_pitch;
        Some(turn_rps.to_degrees())
    }
}

#[cfg(test)]
mod tests;

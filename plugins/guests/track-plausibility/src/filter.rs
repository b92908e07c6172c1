//! A Kalman filter on positions alone, so that what a platform reports of its velocity can be held
//! against what its positions say.
//!
//! Constant velocity with white acceleration that is constant over an interval (Bar-Shalom, Li,
//! Kirubarajan, *Estimation with Applications to Tracking and Navigation*, § 6.3.2). Noise is alike
//! on both axes, so one covariance of three numbers serves both.

use crate::plane::Vector;

/// The estimate, relative to the last accepted position. Kept as `f32`: a millimetre in 10 km.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Filter {
    /// Estimated position less the last accepted one, metres, east and north.
    pub offset_m: [f32; 2],
    /// Estimated velocity, metres per second, east and north.
    pub velocity_mps: [f32; 2],
    /// Variances and covariance on each axis: position (m²), both (m²/s), velocity (m²/s²).
    pub covariance: [f32; 3],
    /// Positions since it started, at most 255.
    pub updates: u8,
}

/// Positions after which the estimated velocity is one: two make it, the third corrects it.
const MATURE_UPDATES: u8 = 3;

/// The estimate extrapolated to a later time.
#[derive(Clone, Copy, Debug)]
pub struct Predicted {
    pub position_m: Vector,
    velocity_mps: Vector,
    covariance: [f64; 3],
    updates: u8,
}

impl Filter {
    /// Starts at a position with a velocity and its standard deviation.
    pub fn start(position_m: f64, velocity: Vector, speed_mps: f64) -> Self {
        Self {
            offset_m: [0.0; 2],
            velocity_mps: [velocity.east as f32, velocity.north as f32],
            covariance: [
                (position_m * position_m) as f32,
                0.0,
                (speed_mps * speed_mps) as f32,
            ],
            updates: 1,
        }
    }

    /// The estimated velocity, when enough positions stand behind it.
    pub fn velocity(&self) -> Option<Vector> {
        (self.updates >= MATURE_UPDATES).then(|| vector(self.velocity_mps))
    }

    /// False when a number grew beyond what is kept.
    pub fn is_finite(&self) -> bool {
        let numbers = [self.offset_m, self.velocity_mps];
        let mut all = numbers.as_flattened().iter().chain(&self.covariance);
        all.all(|number| number.is_finite())
    }

    /// The estimate after `interval_s` under manoeuvres of this standard deviation.
    pub fn predict(&self, interval_s: f64, manoeuvre_mps2: f64) -> Predicted {
        let velocity_mps = vector(self.velocity_mps);
        let [pp, pv, vv] = self.covariance.map(f64::from);
        // Noise of a constant acceleration over the interval.
        let at = manoeuvre_mps2 * interval_s;
        let half = at * interval_s / 2.0;
        Predicted {
            position_m: vector(self.offset_m).plus(velocity_mps.times(interval_s)),
            velocity_mps,
            covariance: [
                pp + interval_s * (2.0 * pv + interval_s * vv) + half * half,
                pv + interval_s * vv + half * at,
                vv + at * at,
            ],
            updates: self.updates,
        }
    }

    /// The same estimate seen from another position and time: for a report that applies earlier.
    pub fn rewound(&self, offset_m: Vector, interval_s: f64) -> Self {
        let place = vector(self.offset_m)
            .plus(vector(self.velocity_mps).times(interval_s))
            .minus(offset_m);
        Self {
            offset_m: [place.east as f32, place.north as f32],
            ..*self
        }
    }
}

impl Predicted {
    /// Variance of the innovation on each axis, for a measurement of this variance.
    pub fn variance(&self, measured: f64) -> f64 {
        self.covariance[0] + measured
    }

    /// Takes up a measurement, which becomes the place that the estimate is relative to.
    pub fn update(&self, measured_m: Vector, variance: f64) -> Filter {
        let [pp, pv, vv] = self.covariance;
        let gain = pp / (pp + variance);
        let gain_velocity = pv / (pp + variance);
        let innovation = measured_m.minus(self.position_m);
        let place = self
            .position_m
            .plus(innovation.times(gain))
            .minus(measured_m);
        let velocity = self.velocity_mps.plus(innovation.times(gain_velocity));
        Filter {
            offset_m: [place.east as f32, place.north as f32],
            velocity_mps: [velocity.east as f32, velocity.north as f32],
            covariance: [
                (pp * (1.0 - gain)) as f32,
                (pv * (1.0 - gain)) as f32,
                (vv - gain_velocity * pv) as f32,
            ],
            updates: self.updates.saturating_add(1),
        }
    }
}

fn vector([east, north]: [f32; 2]) -> Vector {
    Vector {
        east: f64::from(east),
        north: f64::from(north),
    }
}

#[cfg(test)]
mod tests;

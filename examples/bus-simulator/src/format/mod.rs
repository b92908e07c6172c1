//! Wire formats. Each turns reports into datagrams, and keeps what its wire needs between them.

pub mod ais;

use crate::report::Report;
use crate::scenario::{FormatName, Sensor};

/// What one send puts on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// The payload.
    pub bytes: Vec<u8>,
    /// Types of the messages that begin in it, in the words of the format's standard.
    pub messages: Vec<&'static str>,
}

/// A wire format, as one sensor speaks it.
///
/// Equal reports in equal order must give equal bytes: no clock, no randomness.
pub trait Format: Send {
    /// Appends the datagrams of `report` to `out`: none when the format has no message for it.
    fn encode(&mut self, report: &Report<'_>, out: &mut Vec<Datagram>);
}

/// The format that `sensor` speaks, for a scenario of `tracks` tracks.
pub fn for_sensor(sensor: &Sensor, tracks: usize) -> Box<dyn Format> {
    match sensor.format {
        FormatName::Ais => Box::new(ais::Ais::new(tracks, sensor.sentences_per_datagram)),
    }
}

//! Wire formats. Each turns reports into datagrams, and keeps what its wire needs between them.

pub mod adsb;
pub mod ais;
pub mod asterix;

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

/// First and last datagram that carry a report, as places in the datagrams of one call; `None`
/// when the format has no message for it.
pub type Placed = Option<[usize; 2]>;

/// A wire format, as one sensor speaks it.
///
/// Equal reports in equal order must give equal bytes: no clock, no randomness.
pub trait Format: Send {
    /// Appends the datagrams of `reports`, which leave together and in this order, to `out`, and
    /// for each report to `placed` where among them it is, counted from the first of this call.
    fn encode(&mut self, reports: &[Report<'_>], out: &mut Vec<Datagram>, placed: &mut Vec<Placed>);
}

/// The format that `sensor` speaks, for a scenario of `tracks` tracks.
pub fn for_sensor(sensor: &Sensor, tracks: usize) -> Box<dyn Format> {
    match sensor.format {
        FormatName::Ais => Box::new(ais::Ais::new(tracks, sensor.sentences_per_datagram)),
        FormatName::AdsB => Box::new(adsb::AdsB::new(
            tracks,
            sensor.encoding,
            sensor.frames_per_datagram,
        )),
        FormatName::Cat062 => Box::new(asterix::Cat062::new(
            sensor.source,
            sensor.records_per_datagram,
        )),
        FormatName::Cat048 => Box::new(asterix::Cat048::new(
            sensor.source,
            sensor.site.expect("a checked radar has a site"),
            sensor.records_per_datagram,
        )),
    }
}

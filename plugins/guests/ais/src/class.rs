//! Classes: which message goes where, under which key and time.

use crate::body::{AidBody, BaseBody, Head, Mmsi, StaticBody, TrackBody};
use crate::decode::Output;
use crate::nmea::Stamp;
use crate::report::Report;
use crate::time::EventTime;

/// Positions of ships: types 1, 2, 3, 18, 19, 27.
pub const TRACK_SEA: &str = "track.sea";
/// Positions of search and rescue aircraft: type 9.
pub const TRACK_AIR: &str = "track.air";
/// Static and voyage data: types 5, 19, 24.
pub const STATIC_SEA: &str = "static.sea";
/// Base stations and answers to UTC inquiries: types 4, 11.
pub const STATION_BASE: &str = "station.base";
/// Aids to navigation: type 21.
pub const AID_NAVIGATION: &str = "aid.navigation";

/// Writes the messages of a report that was received at `received` in this frame and the
/// `earlier` ones: two for type 19, none for a type that is counted only, else one.
pub fn write(report: &Report, received: Stamp, own: bool, earlier: &[u64], out: &mut impl Output) {
    let head = |mmsi, second| Head {
        mmsi: Mmsi::new(mmsi),
        time: EventTime::resolve(received, second),
        own,
    };
    match report {
        Report::Movement(movement) => {
            let head = head(movement.mmsi, movement.second);
            let class = match movement.message_type {
                9 => TRACK_AIR,
                _ => TRACK_SEA,
            };
            add(class, &head, &TrackBody(head, movement), earlier, out);
        }
        Report::Static(data) => {
            let head = head(data.mmsi, None);
            add(STATIC_SEA, &head, &StaticBody(head, data), earlier, out);
        }
        Report::Both(movement, data) => {
            let head = head(movement.mmsi, movement.second);
            add(TRACK_SEA, &head, &TrackBody(head, movement), earlier, out);
            add(STATIC_SEA, &head, &StaticBody(head, data), earlier, out);
        }
        Report::Base(base) => {
            let head = head(base.mmsi, base.second);
            add(STATION_BASE, &head, &BaseBody(head, base), earlier, out);
        }
        Report::Aid(aid) => {
            let head = head(aid.mmsi, Some(aid.second));
            add(AID_NAVIGATION, &head, &AidBody(head, aid), earlier, out);
        }
        Report::Counted(_) => {}
    }
}

fn add(
    class: &'static str,
    head: &Head,
    body: &impl outrigger_sdk::Body,
    earlier: &[u64],
    out: &mut impl Output,
) {
    out.message(class, head.mmsi.as_str(), head.time.time_ns, body, earlier);
}

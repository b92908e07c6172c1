//! DIS end to end, by the program itself: recorded datagrams become tracks, and the largest datagram
//! that is taken fits the default fuel.

#![allow(clippy::unwrap_used)]

use outrigger::record::hex;
use outrigger::status::StatusSnapshot;

use crate::common::{installation, recordings};
use crate::rig::Site;

const CLASSES: [&str; 4] = ["track.air", "track.sea", "track.ground", "dis.entity-state"];

fn configuration(tap: &str) -> String {
    let writes = CLASSES.map(|class| format!("{class:?}")).join(", ");
    let mut text = format!(
        "[taps.exercise]\n{tap}\npace = \"flat-out\"\n[plugins.dis]\n\
         component = \"dis_decoder.wasm\"\nrole = \"decoder\"\ntaps = [\"exercise\"]\n\
         writes = [{writes}]\n"
    );
    for class in CLASSES {
        let topic = class.replace('.', "-");
        text += &format!("[classes.{class:?}]\ntopic = {topic:?}\n[topics.{topic:?}]\n");
    }
    text
}

fn run(site: &Site, tap: &str) -> StatusSnapshot {
    site.configure("data", "", &configuration(tap));
    let status = site.run_well("data", &[]);
    let plugin = &status.plugins[0];
    println!("{} fuel for {} frames", plugin.fuel, plugin.rows);
    assert!(plugin.faults.is_empty(), "{:?}", plugin.faults);
    status
}

#[test]
fn recorded_datagrams_become_tracks_and_counts() {
    let Some(folder) = recordings("dis") else {
        return;
    };
    // Datagrams, Entity States, and those that the recording has cut: as the reference finds them.
    for (name, datagrams, entities, cut) in [
        ("opendis7_Entity90DegreesTurn", 171, 97, 1),
        ("opendis7_PdusaveGAZ69Patroling", 231, 137, 0),
    ] {
        let site = Site::new(installation());
        let path = folder.join(format!("{name}.pcap"));
        let path = path.to_str().unwrap();
        let status = run(&site, &format!("kind = \"pcap\"\npath = {path:?}"));
        let ledger = &status.ledger;
        assert_eq!(
            (ledger.captured, ledger.rejected),
            (datagrams, cut),
            "{name}"
        );
        assert_eq!(ledger.difference, 0, "{name}");
        let data = site.data("data");
        for class in ["track.ground", "dis.entity-state"] {
            assert_eq!(
                data.records(&class.replace('.', "-")).len(),
                entities,
                "{name}: {class}"
            );
        }
        assert_eq!(data.dead_letters().len() as u64, cut, "{name}");
    }
}

#[test]
fn the_largest_datagram_that_is_taken_fits_the_default_fuel() {
    const PARAMETERS: u8 = 16;
    let mut pdu = vec![7, 1, 1, 1, 0xff, 0xff, 0xff, 0xff];
    pdu.extend_from_slice(&(144 + 16 * u16::from(PARAMETERS)).to_be_bytes());
    // Status, identity, force; types of the longest numbers that have a track.
    pdu.extend_from_slice(&[0; 2]);
    pdu.extend_from_slice(&[0xff; 7]);
    pdu.push(PARAMETERS);
    for _ in 0..2 {
        pdu.extend_from_slice(&[1, 2, 0xff, 0xff, 1, 0xff, 0xff, 0xff]);
    }
    pdu.extend_from_slice(&[0x42; 12]);
    for metres in [4_177_853.0f64, 855_019.0, 4_728_267.0] {
        pdu.extend_from_slice(&metres.to_be_bytes());
    }
    // Angles, appearance, body axes (algorithm 8) and its parameters, and the rest.
    pdu.extend_from_slice(&[0x3f; 16]);
    pdu.push(8);
    pdu.resize(128, 0x3f);
    pdu.extend_from_slice(b"\x01ELEVENCHARS");
    pdu.resize(144 + 16 * usize::from(PARAMETERS), 0xaa);

    let site = Site::new(installation());
    site.write("exercise.txt", hex(&pdu.repeat(12)));
    let tap = "kind = \"lines\"\npath = \"exercise.txt\"\nencoding = \"hex\"";
    let status = run(&site, tap);
    assert_eq!((status.ledger.processed, status.ledger.rejected), (1, 0));
    for class in ["track-air", "dis-entity-state"] {
        assert_eq!(site.data("data").records(class).len(), 12, "{class}");
    }
}

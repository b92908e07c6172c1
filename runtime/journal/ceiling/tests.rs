#![allow(clippy::unwrap_used)]

use super::*;
use crate::support::Place;

const CEILING: Ceiling = Ceiling {
    log_id: [3; 16],
    block: 70,
    seq: 80,
    block_end: 60,
    clean: true,
};

fn stored() -> (Place, Vec<u8>) {
    let place = Place::new();
    let dir_file = place.dir.open(".").unwrap().into_std();
    CEILING.store(&place.dir, &dir_file).unwrap();
    let bytes = std::fs::read(place.path().join(CEILING_FILE)).unwrap();
    (place, bytes)
}

fn load(place: &Place, bytes: &[u8]) -> Result<Option<Ceiling>, CeilingError> {
    std::fs::write(place.path().join(CEILING_FILE), bytes).unwrap();
    Ceiling::load(&place.dir)
}

#[test]
fn what_was_stored_is_loaded() {
    let (place, _) = stored();
    assert_eq!(Ceiling::load(&place.dir).unwrap(), Some(CEILING));
    assert_eq!(Ceiling::load(&Place::new().dir).unwrap(), None);
}

#[test]
fn one_damaged_byte_loses_nothing() {
    let (place, whole) = stored();
    for index in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[index] ^= 0xff;
        assert_eq!(load(&place, &bytes).unwrap(), Some(CEILING), "byte {index}");
    }
}

#[test]
fn a_file_cut_short_is_right_or_refused() {
    let (place, whole) = stored();
    for len in 0..whole.len() {
        match load(&place, &whole[..len]) {
            Ok(ceiling) => assert_eq!(ceiling, Some(CEILING)),
            Err(error) => {
                assert!(len < COPY_BYTES);
                assert_eq!(
                    error.to_string(),
                    "ceiling: both copies are damaged, so numbers cannot be continued safely"
                );
            }
        }
    }
}

#[test]
fn a_newer_ceiling_is_refused_as_newer() {
    let (place, mut bytes) = stored();
    bytes[8] = 7;
    let crc = crc32c::crc32c(&bytes[..16]);
    bytes[16..20].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(
        load(&place, &bytes).unwrap_err().to_string(),
        "ceiling: format version 7 is newer than this build's 1"
    );
}

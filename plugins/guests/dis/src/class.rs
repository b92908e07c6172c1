//! Which class an entity's track goes to, and what kind of platform it is.
//!
//! Source: SISO-REF-010 v35: entity kind (UID 7), platform domain (UID 8), categories of
//! platforms on land (UID 9), in the air (UID 10), on (UID 11) and under water (UID 12).

use crate::pdu::EntityType;

/// Aircraft.
pub const TRACK_AIR: &str = "track.air";
/// Ships and submarines.
pub const TRACK_SEA: &str = "track.sea";
/// Vehicles and people.
pub const TRACK_GROUND: &str = "track.ground";
/// Every entity, as its PDU says it.
pub const ENTITY_STATE: &str = "dis.entity-state";

const PLATFORM: u8 = 1;
const LIFE_FORM: u8 = 3;
const LAND: u8 = 1;
const AIR: u8 = 2;
const SURFACE: u8 = 3;
const SUBSURFACE: u8 = 4;

/// Class of the track; `None` for what has none: munitions, things in space, features, supplies,
/// radios, sensors, and what says it is none of these.
pub fn track_class(entity: &EntityType) -> Option<&'static str> {
    match (entity.kind, entity.domain) {
        (PLATFORM, LAND) | (LIFE_FORM, LAND) => Some(TRACK_GROUND),
        (PLATFORM, AIR) => Some(TRACK_AIR),
        (PLATFORM, SURFACE | SUBSURFACE) => Some(TRACK_SEA),
        _ => None,
    }
}

/// Word for the kind of platform; `None` where the category says nothing.
pub fn platform_class(entity: &EntityType) -> Option<&'static str> {
    match (entity.kind, entity.domain) {
        (LIFE_FORM, _) => Some("life-form"),
        (PLATFORM, LAND) => land(entity.category),
        (PLATFORM, AIR) => air(entity.category),
        (PLATFORM, SURFACE) => surface(entity.category),
        (PLATFORM, SUBSURFACE) => match entity.category {
            8 => Some("unmanned-underwater-vehicle"),
            1..=14 => Some("submarine"),
            _ => None,
        },
        _ => None,
    }
}

fn land(category: u8) -> Option<&'static str> {
    Some(match category {
        1 => "tank",
        2 | 3 => "armoured-vehicle",
        4 => "self-propelled-artillery",
        5 | 10 => "towed-artillery",
        6 | 7 => "wheeled-vehicle",
        8 | 9 => "tracked-vehicle",
        24..=26 | 92 => "train",
        27 | 81 | 82 | 93 => "civilian-vehicle",
        28 => "air-defence",
        50 => "unmanned-ground-vehicle",
        80 => "motorcycle",
        83..=86 => "truck",
        _ => return None,
    })
}

fn air(category: u8) -> Option<&'static str> {
    Some(match category {
        1 => "fighter",
        2 => "attack",
        3 => "bomber",
        4 => "cargo-tanker",
        5 => "patrol",
        6 => "electronic-warfare",
        7 => "reconnaissance",
        8 => "early-warning",
        9 => "air-sea-rescue",
        20..=26 | 90..=92 => "helicopter",
        40 => "trainer",
        50 => "unmanned-aircraft",
        57 | 84..=88 => "civil-aircraft",
        80 | 81 => "ultralight",
        83 => "glider",
        93 => "autogyro",
        100 => "balloon",
        101 => "airship",
        _ => return None,
    })
}

fn surface(category: u8) -> Option<&'static str> {
    Some(match category {
        1 | 12 => "carrier",
        2 | 3 | 13 | 52 => "cruiser",
        4 | 5 => "destroyer",
        6 | 50 => "frigate",
        7 | 62..=64 => "patrol-craft",
        8 => "mine-countermeasures",
        9..=11 | 54..=56 => "amphibious",
        14 | 15 => "fast-craft",
        19 => "unmanned-surface-vehicle",
        20 => "littoral-combat-ship",
        16..=18 | 53 | 57 | 58 | 60 => "auxiliary",
        80 => "passenger-vessel",
        81 => "cargo-ship",
        82 => "tanker",
        65 | 84 | 85 | 88 => "pleasure-craft",
        86 => "fishing-vessel",
        100 => "rescue-vessel",
        _ => return None,
    })
}

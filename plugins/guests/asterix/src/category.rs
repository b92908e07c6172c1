//! The categories: their items, what every record of them must have, and where the items are
//! that more is done with.

pub mod cat021;
pub mod cat034;
pub mod cat048;
pub mod cat062;

use crate::table::Item;

/// A category.
#[derive(Debug)]
pub struct Category {
    /// Its number.
    pub number: u8,
    /// Class of its messages that have every item.
    pub class: &'static str,
    /// Items by field reference number, counted from 0; `None` for one that is spare.
    pub items: &'static [Option<Item>],
    /// Items without which a record is none, by field reference number, counted from 0.
    pub required: &'static [usize],
    /// Items that are a time of day, by field reference number, counted from 0.
    pub times: &'static [usize],
}

/// Class of the canonical track.
pub const TRACK_AIR: &str = "track.air";
/// Class of CAT021 with every item.
pub const CLASS_021: &str = "asterix.cat021";
/// Class of CAT034 with every item.
pub const CLASS_034: &str = "asterix.cat034";
/// Class of CAT048 with every item.
pub const CLASS_048: &str = "asterix.cat048";
/// Class of CAT062 with every item.
pub const CLASS_062: &str = "asterix.cat062";

/// ADS-B target reports. I021/010, 040 and 080 are present in every report (encoding rules of
/// § 5.2).
pub static CAT021: Category = Category {
    number: 21,
    class: CLASS_021,
    items: cat021::ITEMS,
    required: &[0, 1, 10],
    times: &[4, 7, 11, 13, 27],
};

/// Monoradar service messages. I034/010 and 000 are present in every message (encoding rules of
/// § 5.2).
pub static CAT034: Category = Category {
    number: 34,
    class: CLASS_034,
    items: cat034::ITEMS,
    required: &[0, 1],
    times: &[2],
};

/// Monoradar target reports. I048/010 and 020 are present in every report (encoding rules of
/// § 5.2); 140 unless all clocks have failed.
pub static CAT048: Category = Category {
    number: 48,
    class: CLASS_048,
    items: cat048::ITEMS,
    required: &[0, 2],
    times: &[1],
};

/// System tracks. I062/010, 040, 070 and 080 are present in every track (encoding rules of § 5.2).
pub static CAT062: Category = Category {
    number: 62,
    class: CLASS_062,
    items: cat062::ITEMS,
    required: &[0, 3, 11, 12],
    times: &[3],
};

/// All of them.
pub static CATEGORIES: [&Category; 4] = [&CAT021, &CAT034, &CAT048, &CAT062];

/// The category of that number, if it is one of them.
pub fn category(number: u8) -> Option<&'static Category> {
    match number {
        21 => Some(&CAT021),
        34 => Some(&CAT034),
        48 => Some(&CAT048),
        62 => Some(&CAT062),
        _ => None,
    }
}

/// Most field reference numbers of a category: seven octets of seven.
pub const FIELDS_MAX: usize = 49;

const _: () = {
    let lengths = [
        cat021::ITEMS.len(),
        cat034::ITEMS.len(),
        cat048::ITEMS.len(),
        cat062::ITEMS.len(),
    ];
    let mut index = 0;
    while index < lengths.len() {
        assert!(lengths[index] <= FIELDS_MAX && lengths[index].is_multiple_of(7));
        index += 1;
    }
};

//! Taps that carry messages already, and the classes that they carry.

use super::build::{Errors, position};
use super::spread::insert;
use super::{ClassId, Description, TapId, TopologyError};

/// By tap, the classes that it carries, if it carries messages; by class, the taps.
pub(super) fn link_carriers(
    description: &Description,
    errors: &mut Errors,
) -> (Vec<Option<Vec<ClassId>>>, Vec<Vec<TapId>>) {
    let mut carried = vec![None; description.taps.len()];
    let mut carriers = vec![Vec::new(); description.classes.len()];
    for (name, classes) in &description.carriers {
        let tap = position(&description.taps, name).expect("a carrier is one of the taps");
        let mut ids = Vec::new();
        for class in classes {
            match position(&description.classes, class) {
                None => errors.push(TopologyError::UnknownCarried(name.clone(), class.clone())),
                Some(at) if ids.contains(&ClassId::new(at)) => {}
                Some(at) => {
                    ids.push(ClassId::new(at));
                    insert(&mut carriers[at], TapId::new(tap));
                }
            }
        }
        carried[tap] = Some(ids);
    }
    (carried, carriers)
}

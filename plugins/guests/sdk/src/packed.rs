//! Values packed end to end, as they cross the boundary.

pub(crate) use crate::bindings::types::Packed;
use crate::msgpack::append;

/// No values, with room for `values` values.
pub(crate) fn empty(values: usize) -> Packed {
    Packed {
        ends: Vec::with_capacity(values),
        bytes: Vec::new(),
    }
}

/// Number of values.
pub(crate) fn len(packed: &Packed) -> usize {
    packed.ends.len()
}

/// Value `index`.
///
/// # Panics
/// If there is none: the host promises columns of equal length.
pub(crate) fn get(packed: &Packed, index: usize) -> &[u8] {
    let start = match index {
        0 => 0,
        _ => packed.ends[index - 1] as usize,
    };
    &packed.bytes[start..packed.ends[index] as usize]
}

/// All values in order.
pub(crate) fn iter(packed: &Packed) -> impl Iterator<Item = &[u8]> {
    let mut start = 0usize;
    packed.ends.iter().map(move |&end| {
        let value = &packed.bytes[start..end as usize];
        start = end as usize;
        value
    })
}

/// Ends the value whose bytes were appended to `packed.bytes` since the last end.
///
/// # Panics
/// Past 4 GiB, which no guest memory reaches.
pub(crate) fn close(packed: &mut Packed) {
    let end = u32::try_from(packed.bytes.len()).expect("guest memory is smaller than 4 GiB");
    packed.ends.push(end);
}

/// Appends one value.
pub(crate) fn push(packed: &mut Packed, value: &[u8]) {
    append(&mut packed.bytes, value);
    close(packed);
}

/// Packs names.
pub(crate) fn names<'a>(values: impl IntoIterator<Item = &'a str>) -> Packed {
    let mut packed = empty(0);
    for value in values {
        push(&mut packed, value.as_bytes());
    }
    packed
}

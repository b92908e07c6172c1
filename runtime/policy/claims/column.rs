//! Checks of one column, each named in its error.

use std::ops::Range;

use super::error::ClaimError;
use crate::body::check_body;
use crate::packed::Packed;

pub(super) fn range(column: &'static str, row: usize, value: impl Into<u64>) -> ClaimError {
    ClaimError::Range {
        column,
        row,
        value: value.into(),
    }
}

pub(super) fn length(column: &'static str, got: usize, want: usize) -> Result<(), ClaimError> {
    if got == want {
        Ok(())
    } else {
        Err(ClaimError::Length { column, got, want })
    }
}

pub(super) fn many(column: &'static str, got: usize, most: usize) -> Result<(), ClaimError> {
    if got <= most {
        Ok(())
    } else {
        Err(ClaimError::Many { column, got, most })
    }
}

pub(super) fn below<T: Copy + Into<u64>>(
    column: &'static str,
    values: &[T],
    bound: usize,
) -> Result<(), ClaimError> {
    match values
        .iter()
        .position(|&value| value.into() >= bound as u64)
    {
        None => Ok(()),
        Some(row) => Err(range(column, row, values[row])),
    }
}

/// Checks that `rows` never decreases, points at messages, and names each at most `most` times.
pub(super) fn per_message(
    column: &'static str,
    rows: &[u32],
    messages: usize,
    most: usize,
) -> Result<(), ClaimError> {
    many(column, rows.len(), messages * most)?;
    below(column, rows, messages)?;
    if let Some(row) = rows.windows(2).position(|pair| pair[0] > pair[1]) {
        return Err(ClaimError::Order {
            column,
            row: row + 1,
        });
    }
    match rows.chunk_by(|a, b| a == b).find(|run| run.len() > most) {
        None => Ok(()),
        Some(run) => many(column, run.len(), most),
    }
}

pub(super) fn packed(
    column: &'static str,
    values: &Packed,
    count: usize,
) -> Result<(), ClaimError> {
    length(column, values.len(), count)?;
    values
        .check()
        .map_err(|error| ClaimError::Packed { column, error })
}

pub(super) fn sizes(
    column: &'static str,
    values: &Packed,
    allowed: Range<usize>,
) -> Result<(), ClaimError> {
    for (row, value) in values.iter().enumerate() {
        if !allowed.contains(&value.len()) {
            return Err(ClaimError::Size {
                column,
                row,
                bytes: value.len(),
            });
        }
    }
    Ok(())
}

pub(super) fn bodies(
    column: &'static str,
    values: &Packed,
    bytes_max: usize,
) -> Result<(), ClaimError> {
    sizes(column, values, 1..bytes_max + 1)?;
    for (row, value) in values.iter().enumerate() {
        check_body(value).map_err(|error| ClaimError::Body { column, row, error })?;
    }
    Ok(())
}

/// Checks ends that count entries of another column: `rows` of them, never decreasing, the last
/// one being `total`, and every step within `step`.
pub(super) fn ends(
    column: &'static str,
    values: &[u32],
    rows: usize,
    total: usize,
    step: Range<usize>,
) -> Result<(), ClaimError> {
    length(column, values.len(), rows)?;
    let mut before = 0u32;
    for (row, &end) in values.iter().enumerate() {
        let inside = end
            .checked_sub(before)
            .is_some_and(|count| step.contains(&(count as usize)));
        if !inside {
            return Err(range(column, row, end));
        }
        before = end;
    }
    length(column, before as usize, total)
}

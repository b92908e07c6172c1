//! Why an answer is refused.

use crate::body::BodyError;
use crate::columns::ColumnsError;

/// Why an answer is refused. Column names are those of the WIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// A column has another length than its neighbours.
    Length {
        /// The column.
        column: &'static str,
        /// Entries it has.
        got: usize,
        /// Entries it must have.
        want: usize,
    },
    /// A packed column's ends do not hold.
    Packed {
        /// The column.
        column: &'static str,
        /// What does not hold.
        error: ColumnsError,
    },
    /// A value is outside its range.
    Range {
        /// The column.
        column: &'static str,
        /// Row of the value.
        row: usize,
        /// The value.
        value: u64,
    },
    /// Values are not in the stated order.
    Order {
        /// The column.
        column: &'static str,
        /// Row that breaks it.
        row: usize,
    },
    /// More entries than allowed.
    Many {
        /// What there is too much of.
        column: &'static str,
        /// Entries.
        got: usize,
        /// The bound.
        most: usize,
    },
    /// A value is longer, or shorter, than allowed.
    Size {
        /// The column.
        column: &'static str,
        /// Row of the value.
        row: usize,
        /// Its size, in bytes.
        bytes: usize,
    },
    /// A body or an evidence map has not the form of one.
    Body {
        /// The column.
        column: &'static str,
        /// Row of the body.
        row: usize,
        /// What is wrong.
        error: BodyError,
    },
    /// A key is not UTF-8.
    Key {
        /// Row of the key.
        row: usize,
    },
    /// A message's verdict and its anomalies contradict each other.
    Verdict {
        /// Row of the message.
        row: usize,
    },
}

impl std::fmt::Display for ClaimError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length { column, got, want } => {
                write!(f, "{column} has {got} entries, not {want}")
            }
            Self::Packed { column, error } => write!(f, "{column}: {error}"),
            Self::Range { column, row, value } => {
                write!(f, "{column}[{row}] is {value}, which is out of range")
            }
            Self::Order { column, row } => write!(f, "{column}[{row}] is out of order"),
            Self::Many { column, got, most } => {
                write!(f, "{column}: {got} entries, at most {most} are allowed")
            }
            Self::Size { column, row, bytes } => {
                write!(
                    f,
                    "{column}[{row}] has {bytes} bytes, which is out of range"
                )
            }
            Self::Body { column, row, error } => write!(f, "{column}[{row}]: {error}"),
            Self::Key { row } => write!(f, "keys[{row}] is not UTF-8"),
            Self::Verdict { row } => {
                write!(
                    f,
                    "verdicts[{row}] contradicts the anomalies of that message"
                )
            }
        }
    }
}

impl std::error::Error for ClaimError {}

//! Columns: records as three flat arrays, the one shape that frames and records have on disk, in
//! memory and at a plugin's boundary.
//!
//! Record `i` has the time `times_ns[i]` and the bytes `bytes[ends[i-1]..ends[i]]`, with
//! `ends[-1] = 0`. `times_ns` and `ends` always have the same length, `ends` never decreases, and
//! its last value is `bytes.len()`.

/// Records packed end to end, each with a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    times_ns: Vec<u64>,
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

/// Why columns read from disk or from a guest are not columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnsError {
    /// `times_ns` and `ends` differ in length.
    Length,
    /// `ends` decreases at this index.
    Order(usize),
    /// The last end is not the number of bytes.
    Bytes,
}

impl std::fmt::Display for ColumnsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length => f.write_str("times and ends differ in length"),
            Self::Order(index) => write!(f, "end {index} is smaller than the one before"),
            Self::Bytes => f.write_str("the last end is not the number of bytes"),
        }
    }
}

impl std::error::Error for ColumnsError {}

impl Columns {
    /// No records.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks three arrays from outside and takes them.
    ///
    /// # Errors
    /// Names the invariant that does not hold.
    pub fn from_parts(
        times_ns: Vec<u64>,
        ends: Vec<u32>,
        bytes: Vec<u8>,
    ) -> Result<Self, ColumnsError> {
        if times_ns.len() != ends.len() {
            return Err(ColumnsError::Length);
        }
        check_ends(&ends, bytes.len())?;
        Ok(Self {
            times_ns,
            ends,
            bytes,
        })
    }

    /// Times, ends and bytes, so that a reader can fill the same memory again.
    pub fn into_parts(self) -> (Vec<u64>, Vec<u32>, Vec<u8>) {
        (self.times_ns, self.ends, self.bytes)
    }

    /// Appends one record.
    ///
    /// # Panics
    /// If all bytes together would pass `u32::MAX`; callers bound a block far below.
    pub fn push(&mut self, time_ns: u64, record: &[u8]) {
        let end = u32::try_from(self.bytes.len() + record.len())
            .expect("a block is bounded far below 4 GiB");
        self.bytes.extend_from_slice(record);
        self.ends.push(end);
        self.times_ns.push(time_ns);
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True without records.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Removes all records, keeps the memory.
    pub fn clear(&mut self) {
        self.times_ns.clear();
        self.ends.clear();
        self.bytes.clear();
    }

    /// The bytes of record `index`, none past the end.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 {
            0
        } else {
            self.ends[index - 1] as usize
        };
        self.bytes.get(start..end)
    }

    /// Time and bytes of every record, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut start = 0usize;
        self.times_ns
            .iter()
            .zip(&self.ends)
            .map(move |(&time, &end)| {
                let record = &self.bytes[start..end as usize];
                start = end as usize;
                (time, record)
            })
    }

    /// Times, nanoseconds since the Unix epoch.
    pub fn times_ns(&self) -> &[u64] {
        &self.times_ns
    }

    /// Ends, in bytes.
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Checks that `ends` never decreases and that its last value is `bytes_len` (0 without values).
///
/// # Errors
/// Names the invariant that does not hold.
pub fn check_ends(ends: &[u32], bytes_len: usize) -> Result<(), ColumnsError> {
    let mut last = 0u32;
    for (index, &end) in ends.iter().enumerate() {
        if end < last {
            return Err(ColumnsError::Order(index));
        }
        last = end;
    }
    if last as usize == bytes_len {
        Ok(())
    } else {
        Err(ColumnsError::Bytes)
    }
}

//! A case: frames in a row.

/// Frames, each with its capture time in nanoseconds since the Unix epoch. For a validator the
/// bytes are bodies of tracks.
pub type Case = Vec<(u64, Vec<u8>)>;

/// Frames of a case, at most. More would only be slower: no plugin needs more for one message but
/// in groups, which have their own tests.
pub const CASE_FRAMES_MAX: usize = 12;

/// A case as an argument of the program: `TIME:HEX`, with spaces between frames.
pub fn to_text(case: &Case) -> String {
    let frames = case.iter().map(|(captured_ns, bytes)| {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{captured_ns}:{digits}")
    });
    frames.collect::<Vec<_>>().join(" ")
}

/// Reads what [`to_text`] wrote; `None` if it is something else.
pub fn from_text(text: &str) -> Option<Case> {
    let frames = text.split_whitespace().map(|frame| {
        let (captured_ns, digits) = frame.split_once(':')?;
        Some((captured_ns.parse().ok()?, from_hex(digits)?))
    });
    frames.collect()
}

/// Bytes of hexadecimal digits; `None` if some are none, or one is left over.
pub fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let nibbles: Vec<u8> = digits
        .chars()
        .map(|digit| digit.to_digit(16).map(|nibble| nibble as u8))
        .collect::<Option<_>>()?;
    let pairs = nibbles.chunks_exact(2);
    pairs
        .remainder()
        .is_empty()
        .then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

//! AIVDM sentences (IEC 61162-1): at most 82 characters with `!` and the line end.

use super::bits::Bits;

/// Characters of a message in one sentence: 82 less `!AIVDM,n,n,s,c,` (15), `,f*hh` (5) and the
/// line end (2).
const PAYLOAD_CHARS_MAX: usize = 60;

/// Writes sentences, and numbers the messages that need several.
#[derive(Debug, Default)]
pub struct Sentences {
    next_id: u8,
}

impl Sentences {
    /// The sentences of one message, each with its line end, on VHF channel `channel`.
    pub fn wrap(&mut self, bits: &Bits, channel: char) -> impl Iterator<Item = String> {
        let (payload, fill) = bits.armoured();
        let parts: Vec<String> = payload
            .chunks(PAYLOAD_CHARS_MAX)
            .map(|chars| chars.iter().copied().map(char::from).collect())
            .collect();
        let count = parts.len();
        let id = if count > 1 {
            let id = self.next_id;
            self.next_id = (self.next_id + 1) % 10;
            id.to_string()
        } else {
            String::new()
        };
        parts.into_iter().enumerate().map(move |(place, part)| {
            // Only the last character can have fill bits.
            let fill = if place + 1 == count { fill } else { 0 };
            let body = format!("AIVDM,{count},{},{id},{channel},{part},{fill}", place + 1);
            let sum = body.bytes().fold(0, |sum, byte| sum ^ byte);
            format!("!{body}*{sum:02X}\r\n")
        })
    }
}

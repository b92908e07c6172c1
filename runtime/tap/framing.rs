//! Cuts a stream of bytes into frames.
//!
//! The cutter holds the bytes of one unfinished frame and nothing else, so its memory is bounded
//! by the largest frame. It never looks ahead: the same bytes in whatever pieces give the same
//! frames.

#[cfg(test)]
mod tests;

use crate::config::{Endian, Framing};

/// Longest frame that is passed over to reach the next one, bytes. Reason: a length above it is
/// taken as a sign that the stream is out of step; the connection is then made anew.
const PASS_OVER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Marks the start of a Beast message; doubled, the byte itself.
const BEAST_ESCAPE: u8 = 0x1a;
/// Bytes of a Beast message before its payload: escape, type, clock, signal.
const BEAST_HEAD_BYTES: usize = 9;
/// Longest Beast message, bytes: head and 14 bytes of Mode S.
const BEAST_BYTES_MAX: usize = BEAST_HEAD_BYTES + 14;

/// What the cutter came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Nothing yet.
    More,
    /// A frame is complete: see [`Cutter::frame`].
    Frame,
    /// A frame was longer than allowed and is passed over.
    Oversized,
    /// A frame without bytes.
    Empty,
    /// Bytes that belong to no frame, passed over.
    Malformed,
    /// A Beast message of a type that holds no frame.
    Skipped,
    /// The stream cannot be followed further.
    Lost,
}

/// Where in a frame the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a line, or in a length.
    Start,
    /// In a line that is too long already.
    LongLine,
    /// In a frame that so many bytes are missing of.
    Body(usize),
    /// In a frame that is too long: so many bytes to go.
    PassOver(usize),
    /// Where the next Beast message must start.
    Between,
    /// Out of step, searching for a Beast message.
    Search,
    /// After an escape outside a Beast message; true when in step before it.
    Escape(bool),
    /// In a Beast message of so many bytes.
    Beast(usize),
    /// After an escape in a Beast message of so many bytes.
    BeastEscape(usize),
}

/// Cuts one stream.
pub(crate) struct Cutter {
    framing: Framing,
    frame_bytes_max: usize,
    held: Vec<u8>,
    state: State,
    /// The frame in `held` was handed out: the next byte starts a new one.
    done: bool,
}

impl Cutter {
    pub(crate) fn new(framing: Framing, frame_bytes_max: usize) -> Self {
        Self {
            framing,
            frame_bytes_max,
            held: Vec::with_capacity(held_bytes_max(framing, frame_bytes_max)),
            state: initial(framing),
            done: false,
        }
    }

    /// The frame last completed.
    pub(crate) fn frame(&self) -> &[u8] {
        &self.held
    }

    /// Forgets an unfinished frame: the stream is interrupted. True when there was one.
    pub(crate) fn reset(&mut self) -> bool {
        let unfinished = match self.state {
            State::Start | State::Beast(_) | State::BeastEscape(_) => {
                !self.done && !self.held.is_empty()
            }
            State::Body(_) => true,
            // Too long ones are counted as such.
            State::LongLine | State::PassOver(_) => false,
            State::Between | State::Search | State::Escape(_) => false,
        };
        self.held.clear();
        self.done = false;
        self.state = initial(self.framing);
        unfinished
    }

    /// Ends the stream: a last line without a line feed is a frame.
    pub(crate) fn finish(&mut self) -> Cut {
        if self.framing != Framing::Line || self.state == State::Start && self.held.is_empty() {
            return Cut::More;
        }
        if self.done {
            self.held.clear();
            self.done = false;
            return Cut::More;
        }
        self.end_line()
    }

    /// Uses bytes of `input`, at least one of any, and at most up to the end of the next frame.
    /// Returns how many, and what came of them; the rest is for the next call.
    pub(crate) fn cut(&mut self, input: &[u8]) -> (usize, Cut) {
        if self.done {
            self.held.clear();
            self.done = false;
        }
        match self.framing {
            Framing::Line => self.cut_line(input),
            Framing::LengthPrefixed {
                prefix_bytes,
                endian,
                includes_itself,
            } => self.cut_prefixed(input, usize::from(prefix_bytes), endian, includes_itself),
            Framing::Beast => self.cut_beast(input),
        }
    }

    fn cut_line(&mut self, input: &[u8]) -> (usize, Cut) {
        let feed = input.iter().position(|&byte| byte == b'\n');
        let line = &input[..feed.unwrap_or(input.len())];
        // One byte more than a frame: it may be the carriage return.
        if self.held.len() + line.len() > self.frame_bytes_max + 1 {
            self.held.clear();
            self.state = State::LongLine;
        }
        if self.state == State::Start {
            self.held.extend_from_slice(line);
        }
        match feed {
            Some(feed) => (feed + 1, self.end_line()),
            None => (input.len(), Cut::More),
        }
    }

    fn end_line(&mut self) -> Cut {
        self.done = true;
        if self.state == State::LongLine {
            self.state = State::Start;
            return Cut::Oversized;
        }
        if self.held.last() == Some(&b'\r') {
            self.held.pop();
        }
        if self.held.is_empty() {
            Cut::Empty
        } else if self.held.len() > self.frame_bytes_max {
            Cut::Oversized
        } else {
            Cut::Frame
        }
    }

    fn cut_prefixed(
        &mut self,
        input: &[u8],
        prefix_bytes: usize,
        endian: Endian,
        includes_itself: bool,
    ) -> (usize, Cut) {
        let mut used = 0;
        if self.state == State::Start {
            let take = (prefix_bytes - self.held.len()).min(input.len());
            self.held.extend_from_slice(&input[..take]);
            used = take;
            if self.held.len() < prefix_bytes {
                return (used, Cut::More);
            }
            let stated = read_length(&self.held, endian);
            self.held.clear();
            let own = if includes_itself { prefix_bytes } else { 0 };
            let Some(length) = stated.checked_sub(own) else {
                return (used, Cut::Lost);
            };
            if length == 0 {
                return (used, Cut::Empty);
            } else if length <= self.frame_bytes_max {
                self.state = State::Body(length);
            } else if length <= PASS_OVER_BYTES_MAX {
                self.state = State::PassOver(length);
                return (used, Cut::Oversized);
            } else {
                return (used, Cut::Lost);
            }
        }
        let rest = &input[used..];
        match self.state {
            State::PassOver(length) => {
                let take = length.min(rest.len());
                self.state = match length - take {
                    0 => State::Start,
                    left => State::PassOver(left),
                };
                (used + take, Cut::More)
            }
            State::Body(missing) => {
                let take = missing.min(rest.len());
                self.held.extend_from_slice(&rest[..take]);
                if take == missing {
                    self.state = State::Start;
                    self.done = true;
                    (used + take, Cut::Frame)
                } else {
                    self.state = State::Body(missing - take);
                    (used + take, Cut::More)
                }
            }
            State::Start
            | State::LongLine
            | State::Between
            | State::Search
            | State::Escape(_)
            | State::Beast(_)
            | State::BeastEscape(_) => unreachable!("a length leads to a body"),
        }
    }

    fn cut_beast(&mut self, input: &[u8]) -> (usize, Cut) {
        for (index, &byte) in input.iter().enumerate() {
            let cut = self.step_beast(byte);
            if cut != Cut::More {
                return (index + 1, cut);
            }
        }
        (input.len(), Cut::More)
    }

    fn step_beast(&mut self, byte: u8) -> Cut {
        let escape = byte == BEAST_ESCAPE;
        match self.state {
            State::Between if escape => self.state = State::Escape(true),
            State::Between => {
                self.state = State::Search;
                return Cut::Malformed;
            }
            State::Search if escape => self.state = State::Escape(false),
            State::Search => {}
            State::Escape(in_step) => return self.start_beast(byte, in_step),
            State::Beast(bytes) if escape => self.state = State::BeastEscape(bytes),
            State::Beast(bytes) => return self.push_beast(byte, bytes),
            State::BeastEscape(bytes) if escape => return self.push_beast(byte, bytes),
            State::BeastEscape(_) => {
                // A new message began within this one, of which a part is missing.
                self.held.clear();
                self.start_beast(byte, false);
                return Cut::Malformed;
            }
            State::Start | State::LongLine | State::Body(_) | State::PassOver(_) => {
                unreachable!("Beast never counts bytes")
            }
        }
        Cut::More
    }

    /// Reads the byte after an escape. Out of step, what holds no frame was counted already.
    fn start_beast(&mut self, kind: u8, in_step: bool) -> Cut {
        let payload_bytes = match kind {
            b'1' => 2,
            b'2' => 7,
            b'3' | b'4' => 14,
            BEAST_ESCAPE => {
                // Within a message whose start was not seen.
                self.state = State::Search;
                return if in_step { Cut::Malformed } else { Cut::More };
            }
            _other_type => {
                self.state = State::Search;
                return if in_step { Cut::Skipped } else { Cut::More };
            }
        };
        self.held.extend_from_slice(&[BEAST_ESCAPE, kind]);
        self.state = State::Beast(BEAST_HEAD_BYTES + payload_bytes);
        Cut::More
    }

    fn push_beast(&mut self, byte: u8, bytes: usize) -> Cut {
        self.held.push(byte);
        if self.held.len() < bytes {
            self.state = State::Beast(bytes);
            return Cut::More;
        }
        self.state = State::Between;
        self.done = true;
        if bytes > self.frame_bytes_max {
            Cut::Oversized
        } else {
            Cut::Frame
        }
    }
}

/// Most bytes that the cutter holds: a frame, and a carriage return, a length, or a whole Beast
/// message even where the limit is smaller.
pub(crate) fn held_bytes_max(framing: Framing, frame_bytes_max: usize) -> usize {
    match framing {
        Framing::Line => frame_bytes_max + 1,
        Framing::LengthPrefixed { prefix_bytes, .. } => {
            frame_bytes_max.max(usize::from(prefix_bytes))
        }
        Framing::Beast => BEAST_BYTES_MAX,
    }
}

/// A Beast stream is joined anywhere: what stands before its first message is not counted.
fn initial(framing: Framing) -> State {
    match framing {
        Framing::Line | Framing::LengthPrefixed { .. } => State::Start,
        Framing::Beast => State::Search,
    }
}

fn read_length(prefix: &[u8], endian: Endian) -> usize {
    let add = |length: usize, &byte: &u8| length << 8 | usize::from(byte);
    match endian {
        Endian::Big => prefix.iter().fold(0, add),
        Endian::Little => prefix.iter().rev().fold(0, add),
    }
}

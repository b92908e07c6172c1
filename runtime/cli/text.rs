//! Text for people: bounded columns, numbers in groups, bytes in hexadecimal.
//!
//! What comes from a bus may hold anything, so nothing of it reaches a terminal but what prints.

/// Columns that fit a terminal.
pub const WIDTH: usize = 80;

/// A number with its digits in groups of three.
pub fn digits(number: u64) -> String {
    let text = number.to_string();
    let mut out = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of things, such as `1 segment` and `2,000 segments`.
pub fn counted(number: u64, one: &str) -> String {
    let many = if number == 1 { "" } else { "s" };
    format!("{} {one}{many}", digits(number))
}

/// Bytes, to a tenth of the largest unit that leaves a whole number before the point.
pub fn size(bytes: u64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes >= 1 << shift {
            let tenths = (u128::from(bytes) * 10) >> shift;
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} B")
}

/// Text in exactly `width` columns, cut with an ellipsis. What does not print becomes a middle dot.
pub fn fit(text: &str, width: usize) -> String {
    let mut out = cut(text, width);
    let columns = out.chars().count();
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(columns)));
    out
}

/// Text in at most `width` columns, as [`fit`].
pub fn cut(text: &str, width: usize) -> String {
    let mut out: String = text.chars().take(width).map(printable).collect();
    if text.chars().nth(width).is_some() && out.pop().is_some() {
        out.push('…');
    }
    out
}

/// Text with what does not print as a middle dot.
pub fn clean(text: &str) -> String {
    text.chars().map(printable).collect()
}

/// The character, or a middle dot for one that moves the cursor, colours, or turns the direction
/// of writing.
fn printable(c: char) -> char {
    let turns =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns || c == '\u{feff}' {
        '·'
    } else {
        c
    }
}

/// The bytes as text if all of it prints on one line.
pub fn as_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.chars()
        .all(|c| c == '·' || printable(c) != '·')
        .then_some(text)
}

/// Bytes as lines of sixteen: offset, hexadecimal, ASCII. 76 columns.
pub fn dump(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (line, row) in bytes.chunks(16).enumerate() {
        let offset = line * 16;
        for shift in (0..8).rev() {
            out.push(DIGITS[offset >> (4 * shift) & 15]);
        }
        out.push(b' ');
        for at in 0..16 {
            if at % 8 == 0 {
                out.push(b' ');
            }
            match row.get(at) {
                Some(byte) => out.extend([
                    DIGITS[usize::from(byte >> 4)],
                    DIGITS[usize::from(byte & 15)],
                    b' ',
                ]),
                None => out.extend(b"   "),
            }
        }
        out.push(b' ');
        out.extend(row.iter().map(|byte| match byte {
            b' '..=b'~' => *byte,
            _control_or_high => b'.',
        }));
        out.push(b'\n');
    }
}

/// Words in lines of at most [`WIDTH`] columns; a longer word is cut into lines of its own.
pub fn wrap(out: &mut String, first: &str, rest: &str, text: &str) {
    let mut current = first.to_owned();
    let mut is_empty = true;
    for word in clean(text).split_whitespace() {
        for piece in pieces(word, WIDTH - rest.chars().count()) {
            let columns = current.chars().count() + piece.chars().count();
            if !is_empty && columns + 1 > WIDTH {
                out.push_str(&current);
                out.push('\n');
                current = rest.to_owned();
                is_empty = true;
            }
            if !is_empty {
                current.push(' ');
            }
            current.push_str(&piece);
            is_empty = false;
        }
    }
    out.push_str(current.trim_end());
    out.push('\n');
}

fn pieces(word: &str, width: usize) -> Vec<String> {
    let chars: Vec<char> = word.chars().collect();
    chars
        .chunks(width.max(1))
        .map(|piece| piece.iter().collect())
        .collect()
}

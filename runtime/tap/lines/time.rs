//! Reads the leading time of a line, exactly: no float is involved.

const NS_PER_S: u64 = 1_000_000_000;

/// Digits of a fraction that count: nanoseconds. Further ones are cut off.
const FRACTION_DIGITS: usize = 9;

/// Most digits of a whole number of seconds: the year 2554, where nanoseconds end, has 11.
const SECONDS_DIGITS_MAX: usize = 11;

/// Fewest digits of a whole number of nanoseconds: 18 is 1973. A number between the two would be
/// milli- or microseconds, and is refused rather than guessed.
const NANOSECONDS_DIGITS_MIN: usize = 18;

const RANGE: &str = "a time outside the years 1970 to 2554";

/// Reads the time at the start of `line`: nanoseconds since the Unix epoch, and where the rest of
/// the line starts after one separator and spaces.
pub(super) fn split(line: &[u8]) -> Result<(u64, usize), &'static str> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let is_separator = |byte: &u8| is_space(byte) || matches!(byte, b',' | b';');
    let end = line
        .iter()
        .position(is_separator)
        .ok_or("no separator after the time")?;
    let time_ns = parse(&line[..end])?;
    let rest = &line[end + 1..];
    let spaces = rest.iter().take_while(|byte| is_space(byte)).count();
    Ok((time_ns, end + 1 + spaces))
}

fn parse(text: &[u8]) -> Result<u64, &'static str> {
    let point = text.iter().position(|&byte| byte == b'.');
    let whole = digits(&text[..point.unwrap_or(text.len())])?;
    let seconds = |whole: &[u8]| value(whole)?.checked_mul(NS_PER_S).ok_or(RANGE);
    let Some(point) = point else {
        return match whole.len() {
            ..=SECONDS_DIGITS_MAX => seconds(whole),
            NANOSECONDS_DIGITS_MIN.. => value(whole),
            _ => Err("a time that is neither seconds nor nanoseconds"),
        };
    };
    let fraction = digits(&text[point + 1..])?;
    let kept = &fraction[..fraction.len().min(FRACTION_DIGITS)];
    let scale = 10u64.pow((FRACTION_DIGITS - kept.len()) as u32);
    seconds(whole)?
        .checked_add(value(kept)? * scale)
        .ok_or(RANGE)
}

/// Text of digits alone, at least one.
fn digits(text: &[u8]) -> Result<&[u8], &'static str> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return Err("a time that is no decimal number");
    }
    Ok(text)
}

fn value(digits: &[u8]) -> Result<u64, &'static str> {
    let add = |value: u64, digit: &u8| value.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    digits.iter().try_fold(0, add).ok_or(RANGE)
}

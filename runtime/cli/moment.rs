//! Points in time and in sequence, as an operator writes and reads them.

#[cfg(test)]
mod tests;

const SECOND_NS: u64 = 1_000_000_000;
const DAY_S: i64 = 86_400;

/// Where a reading begins or ends, as written on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A sequence number.
    Seq(u64),
    /// A capture time, nanoseconds since the Unix epoch.
    Time(u64),
    /// So many nanoseconds before now, by the host's clock.
    Ago(u64),
}

impl Bound {
    /// Reads `1234`, `2026-01-31T12:00:00Z` or `-5m`.
    ///
    /// # Errors
    /// Says what it may be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rule = "must be a sequence number, a time as 2026-01-31T12:00:00Z, or -5m (s, m, h, d)";
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::Seq).map_err(|_| rule.to_owned());
        }
        if let Some(ago) = text.strip_prefix('-') {
            return parse_span(ago)
                .map(Self::Ago)
                .ok_or_else(|| rule.to_owned());
        }
        parse_utc(text)
            .map(Self::Time)
            .ok_or_else(|| rule.to_owned())
    }

    /// The same bound without reference to now.
    pub fn settle(self, now_ns: u64) -> Self {
        match self {
            Self::Seq(_) | Self::Time(_) => self,
            Self::Ago(ns) => Self::Time(now_ns.saturating_sub(ns)),
        }
    }
}

/// A number and a unit: `90s`, `5m`, `2h`, `1d`. Nanoseconds.
fn parse_span(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _other => return None,
    };
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(seconds)?.checked_mul(SECOND_NS)
}

/// Reads a time as RFC 3339, section 5.6, writes it; a fraction beyond nanoseconds is cut. `None`
/// also outside of 1970 to 2554, which nanoseconds in 64 bits hold.
fn parse_utc(text: &str) -> Option<u64> {
    if !text.is_ascii() || text.len() < 20 {
        return None;
    }
    let (date_time, rest) = text.split_at(19);
    let mask: String = date_time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    if !matches!(
        mask.to_ascii_uppercase().as_str(),
        "0000-00-00T00:00:00" | "0000-00-00 00:00:00"
    ) {
        return None;
    }
    let field = |from: usize, to: usize| date_time[from..to].parse::<i64>().ok();
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
    let good = (1..=12).contains(&month)
        && (1..=month_days(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !good {
        return None;
    }
    let (fraction_ns, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let zone = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            let digits = &rest[..rest.len() - zone.len()];
            let first = &digits[..digits.len().min(9)];
            let scale = 10_u64.pow(9 - u32::try_from(first.len()).ok()?);
            (first.parse::<u64>().ok()? * scale, zone)
        }
        None => (0, rest),
    };
    let offset_s = match zone.as_bytes() {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let part = |from: usize, max: i64| {
                let digits = &zone[from..from + 2];
                let number = digits.parse::<i64>().ok()?;
                (digits.bytes().all(|b| b.is_ascii_digit()) && number <= max).then_some(number)
            };
            let offset_s = part(1, 23)? * 3_600 + part(4, 59)? * 60;
            if *sign == b'+' { offset_s } else { -offset_s }
        }
        _other => return None,
    };
    let seconds = days_before(year, month, day) * DAY_S + hour * 3_600 + minute * 60 + second;
    let seconds = u64::try_from(seconds - offset_s).ok()?;
    seconds.checked_mul(SECOND_NS)?.checked_add(fraction_ns)
}

fn month_days(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _other => 31,
    }
}

/// Days from the Unix epoch to a date. Years are counted from March, so that the leap day is the
/// last of its year.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// A time in UTC, as date and time of day with milliseconds.
pub fn date_and_time(ns: u64) -> (String, String) {
    let (seconds, ms) = (ns / SECOND_NS, ns % SECOND_NS / 1_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    (
        format!("{year:04}-{month:02}-{day:02}"),
        format!("{hour:02}:{minute:02}:{second:02}.{ms:03}"),
    )
}

/// A time in UTC to the second, as RFC 3339 writes it.
pub fn utc(ns: u64) -> String {
    let (date, time) = date_and_time(ns);
    format!("{date}T{}Z", &time[..8])
}

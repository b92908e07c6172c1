//! What is shed when the pipeline lags: classes by the guarantee of where they go.
//!
//! The order of the contract: replay and console first, which are processes of their own; then
//! classes at most once, at least once, exactly once. Levels rise and fall one at a time, and each
//! holds for [`HOLD_MS`], so that a process that was stopped for a while, or one large block, sheds
//! nothing.
//!
//! | lag, of `lag_ms_max` | level |
//! |---|---|
//! | below a half | nothing |
//! | a half | classes at most once |
//! | three quarters | and at least once |
//! | all of it | every class |
//!
//! A level falls when the lag is below half of what raised it. The level from a block on is written
//! down as a ruling before that block is processed, so that recovery sheds the same.

/// How long a level holds, and how long the lag before it rises. Unit: milliseconds.
pub const HOLD_MS: u64 = 1_000;

/// What is shed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    #[default]
    Nothing,
    /// Classes at most once.
    AtMostOnce,
    /// Classes at most once and at least once.
    AtLeastOnce,
    /// Every class.
    Everything,
}

impl Level {
    /// All levels, in order.
    pub const ALL: [Self; 4] = [
        Self::Nothing,
        Self::AtMostOnce,
        Self::AtLeastOnce,
        Self::Everything,
    ];

    /// Its number, as a ruling has it.
    pub fn number(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::AtMostOnce => 1,
            Self::AtLeastOnce => 2,
            Self::Everything => 3,
        }
    }

    /// The level of this number.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// In words, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::AtMostOnce => "classes at most once",
            Self::AtLeastOnce => "classes at most once and at least once",
            Self::Everything => "every class",
        }
    }

    /// Lag that raises to this level, milliseconds.
    fn raised_at(self, lag_ms_max: u64) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::AtMostOnce => lag_ms_max / 2,
            Self::AtLeastOnce => lag_ms_max / 4 * 3,
            Self::Everything => lag_ms_max,
        }
    }
}

/// The level, and since when it could change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shedding {
    /// What is shed.
    pub level: Level,
    /// Since when the lag asks for another level.
    asked_since_ms: Option<u64>,
}

impl Shedding {
    /// Goes on at `level`, as recovery found it.
    pub fn at(level: Level) -> Self {
        Self {
            level,
            asked_since_ms: None,
        }
    }

    /// What it is at `now_ms`, by a monotonic clock, with this lag.
    #[must_use]
    pub fn step(self, lag_ms: u64, lag_ms_max: u64, now_ms: u64) -> Self {
        let number = self.level.number();
        let higher = Level::of(number + 1).filter(|next| lag_ms >= next.raised_at(lag_ms_max));
        let lower = number
            .checked_sub(1)
            .and_then(Level::of)
            .filter(|_| lag_ms < self.level.raised_at(lag_ms_max) / 2);
        let Some(next) = higher.or(lower) else {
            return Self::at(self.level);
        };
        let since = self.asked_since_ms.unwrap_or(now_ms).min(now_ms);
        if now_ms - since >= HOLD_MS {
            return Self::at(next);
        }
        Self {
            asked_since_ms: Some(since),
            ..self
        }
    }
}

#[cfg(test)]
mod tests;

//! What is done about what a plugin did.
//!
//! | fault | rows of the call | instance | action |
//! |---|---|---|---|
//! | any | more than one | any | halve: left half first, each in a fresh instance |
//! | any | one | used | retry in a fresh instance |
//! | any | one | fresh | dead letter |
//!
//! So only a single row that faults alone in a fresh instance is lost to its readers, and its
//! neighbours are not. After a fault the instance is always discarded, and with it what it did.
//!
//! A plugin whose single rows keep faulting is quarantined. The count falls by one for every
//! [`FORGIVEN_AFTER`] rows without fault, so that a rare fault in long traffic never adds up.

/// Rows without fault that make up for one fault. Unit: rows.
/// Reason: a plugin is judged by its rate of faults, not by its age.
pub const FORGIVEN_AFTER: u32 = 10_000;

/// How a call failed. The guest is at fault in each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// The answer broke the contract, or was larger than allowed.
    Rejected,
    /// The guest trapped: a panic, an access out of bounds, an unreachable instruction.
    Trapped,
    /// The call's fuel ran out.
    OutOfFuel,
    /// The guest asked for more memory than its limit.
    OutOfMemory,
    /// The wall-clock deadline passed. Not deterministic: written down as a ruling.
    Late,
}

impl FaultKind {
    /// Every kind, in order of its code.
    pub const ALL: [Self; 5] = [
        Self::Rejected,
        Self::Trapped,
        Self::OutOfFuel,
        Self::OutOfMemory,
        Self::Late,
    ];

    /// Name as it stands in dead letters and status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Trapped => "trapped",
            Self::OutOfFuel => "out-of-fuel",
            Self::OutOfMemory => "out-of-memory",
            Self::Late => "late",
        }
    }
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How it failed.
    pub kind: FaultKind,
    /// Where and why, for people: the guest's last note, or the broken rule. No payload.
    pub detail: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.detail)
    }
}

/// What is done about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Call the two halves, left first, each in a fresh instance.
    Halve,
    /// Call the same row again in a fresh instance.
    Retry,
    /// The row faults by itself: to the dead letters.
    DeadLetter,
}

/// Decides about a fault in a call of `rows` rows; `fresh` says that the instance had served no
/// call before.
pub fn judge(rows: usize, fresh: bool) -> Action {
    match (rows, fresh) {
        (0 | 1, true) => Action::DeadLetter,
        (0 | 1, false) => Action::Retry,
        (_, true | false) => Action::Halve,
    }
}

/// What a class's messages do while a plugin of theirs is quarantined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnQuarantine {
    /// They go to the dead letters.
    DeadLetter,
    /// They go on without that plugin's verdict. Validators only.
    Bypass,
    /// The runtime stops: fails closed.
    Stop,
}

/// How far a plugin is from quarantine. Part of a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Faults not yet forgiven.
    pub faults: u32,
    /// Rows without fault since the last forgiveness.
    pub good_rows: u32,
    /// Set when `faults` reached the plugin's bound; lifted by an operator.
    pub quarantined: bool,
}

impl Health {
    /// Counts a row that faulted alone. True if this is what quarantines the plugin.
    pub fn fault(&mut self, faults_max: u32) -> bool {
        self.faults = self.faults.saturating_add(1);
        self.good_rows = 0;
        let before = self.quarantined;
        self.quarantined |= self.faults >= faults_max;
        self.quarantined && !before
    }

    /// Counts rows that went well.
    pub fn good(&mut self, rows: u32) {
        if self.faults == 0 {
            return;
        }
        self.good_rows = self.good_rows.saturating_add(rows);
        while self.good_rows >= FORGIVEN_AFTER && self.faults > 0 {
            self.good_rows -= FORGIVEN_AFTER;
            self.faults -= 1;
        }
    }

    /// Lifts the quarantine and forgives everything.
    pub fn lift(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests;

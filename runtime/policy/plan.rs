//! The memory plan: what every component can come to at worst, added up and held against a budget.
//!
//! It decides one thing, whether the sum fits. Where each number comes from is the business of those
//! who make the lines; that the sum holds is measured, not believed (`tests/memory.rs`).

/// Lines that a refusal names. Reason: what is worth shrinking is among the largest few.
pub const LARGEST_LINES: usize = 5;

/// What kind of memory a line speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Taken from the allocator, whose own waste comes on top.
    Heap,
    /// Mapped by whole pages: code, linear memories, stacks.
    Mapped,
    /// The kernel's, on our behalf. Not resident in the process, so not part of the sum, but a
    /// control group counts it.
    Kernel,
}

/// One line of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Who takes it, by the name of its table in the configuration where it has one.
    pub component: String,
    /// What it is.
    pub what: String,
    /// Worst case, bytes.
    pub bytes: u64,
    /// What kind of memory.
    pub memory: Memory,
    /// Key of the configuration that shrinks it; empty where none does.
    pub key: String,
}

/// What everything can come to at worst.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryPlan {
    lines: Vec<Line>,
}

/// The plan does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess<'a> {
    /// What the plan comes to, bytes.
    pub bytes: u64,
    /// What is allowed, bytes.
    pub budget_bytes: u64,
    /// The largest lines, largest first, at most [`LARGEST_LINES`].
    pub largest: Vec<&'a Line>,
}

impl MemoryPlan {
    /// Adds a line; one of no bytes is left out.
    pub fn push(&mut self, line: Line) {
        if line.bytes > 0 {
            self.lines.push(line);
        }
    }

    /// Adds the allocator's waste, as permille of all lines from the heap so far, rounded up.
    pub fn push_slack(&mut self, permille: u64) {
        let heap = self.sum(|line| line.memory == Memory::Heap);
        let waste = u128::from(heap) * u128::from(permille);
        self.push(Line {
            component: "allocator".to_owned(),
            what: format!("waste, {permille} ‰ of the heap"),
            bytes: u64::try_from(waste.div_ceil(1_000)).unwrap_or(u64::MAX),
            memory: Memory::Mapped,
            key: String::new(),
        });
    }

    /// All lines, in the order of adding.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What is resident in the process at worst, bytes: all lines but the kernel's. A sum that does
    /// not fit a number is the largest number, and never fits a budget.
    pub fn bytes(&self) -> u64 {
        self.sum(|line| line.memory != Memory::Kernel)
    }

    /// What the kernel holds for the process at worst, bytes.
    pub fn kernel_bytes(&self) -> u64 {
        self.sum(|line| line.memory == Memory::Kernel)
    }

    /// `None` if the plan fits; else by how much it does not, and what is largest.
    pub fn over(&self, budget_bytes: u64) -> Option<Excess<'_>> {
        let bytes = self.bytes();
        if bytes <= budget_bytes && bytes < u64::MAX {
            return None;
        }
        let resident = self.lines.iter();
        let mut largest: Vec<&Line> = resident
            .filter(|line| line.memory != Memory::Kernel)
            .collect();
        largest.sort_by_key(|line| std::cmp::Reverse(line.bytes));
        largest.truncate(LARGEST_LINES);
        Some(Excess {
            bytes,
            budget_bytes,
            largest,
        })
    }

    fn sum(&self, counts: impl Fn(&Line) -> bool) -> u64 {
        let counted = self.lines.iter().filter(|line| counts(line));
        counted.fold(0, |sum, line| sum.saturating_add(line.bytes))
    }
}

#[cfg(test)]
mod tests;

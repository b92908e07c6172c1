//! The cap on the process's memory: an excess ends this process, never a neighbour.
//!
//! Two ways lead there. The clean one: a sample of resident memory over the budget ends the run with
//! its cause in the log and the audit log ([`exceeded`]). The backstop, for what grows faster than
//! samples come: a limit of the kernel on private writable memory (`RLIMIT_DATA`), at which an
//! allocation fails and the process aborts by itself; the next start finds an unclean stop and says so
//! in its audit record.
//!
//! What the kernel counts against the limit (setrlimit(2), since Linux 4.7): the heap, and mappings
//! that are private and writable, whether touched or not. So stacks count whole and have their room on
//! top of the budget; linear memories count as far as plugins have grown them, since what wasmtime
//! reserves around them cannot be written, and so do arenas of the allocator. Code and the program's
//! text do not count.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Stack of a thread of Rust's, reserved by its standard library's default, bytes.
const STACK_BYTES: u64 = 2 << 20;
/// Stack of a library's thread where the host sets no limit, bytes: that of pthread_create(3) on
/// x86-64.
const FOREIGN_STACK_BYTES: u64 = 8 << 20;

/// Limit on private writable memory for a budget, bytes: with room for the stacks of `threads` of the
/// runtime's own and of `foreign` threads of libraries.
pub fn limit_bytes(budget_bytes: u64, threads: u64, foreign: u64) -> u64 {
    let stack = getrlimit(Resource::Stack).current;
    let foreign_stack = stack.map_or(FOREIGN_STACK_BYTES, |own| own.max(FOREIGN_STACK_BYTES));
    let stacks = threads
        .saturating_mul(STACK_BYTES)
        .saturating_add(foreign.saturating_mul(foreign_stack));
    budget_bytes.saturating_add(stacks)
}

/// Sets the limit for this process and its threads. One that is lower already stays. Returns the limit
/// that holds, bytes.
///
/// # Errors
/// The kernel refuses.
pub fn set(limit_bytes: u64) -> io::Result<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Data);
    let limit = limit_bytes.min(current.unwrap_or(u64::MAX));
    let current = Some(limit);
    setrlimit(Resource::Data, Rlimit { current, maximum })?;
    Ok(limit)
}

/// Why a run must end that uses `rss_bytes` of resident memory, if it must.
pub fn exceeded(rss_bytes: u64, budget_bytes: u64) -> Option<String> {
    (rss_bytes > budget_bytes).then(|| {
        format!(
            "memory of this process is {rss_bytes} B, over its budget of {budget_bytes} B \
             (budget.memory_permille, budget.memory_bytes_max): it ends before the kernel has to end \
             anything"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_above_the_budget_and_not_at_it() {
        assert_eq!(exceeded(100, 100), None);
        let cause = exceeded(101, 100).expect("it is over");
        assert!(cause.contains("is 101 B, over its budget of 100 B"));
    }

    #[test]
    fn stacks_have_room_on_top_of_the_budget() {
        assert_eq!(limit_bytes(1_000, 0, 0), 1_000);
        assert_eq!(limit_bytes(0, 3, 0), 3 * STACK_BYTES);
        assert!(limit_bytes(0, 0, 2) >= 2 * FOREIGN_STACK_BYTES);
        assert_eq!(limit_bytes(u64::MAX, 1, 1), u64::MAX);
    }
}

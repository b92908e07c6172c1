//! The clock of both sides of `plugins.rs`.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// When something began.
pub enum Start {
    /// By this thread's processor time, nanoseconds: others on the machine do not count. Reading
    /// it is a call of the kernel.
    Processor(u64),
    /// By the clock.
    Clock(Instant),
}

/// Begins. Of a call with one frame the clock of the processor would be a good part.
pub fn start(frames: usize) -> Start {
    match frames {
        1 => Start::Clock(Instant::now()),
        _ => Start::Processor(processor_ns()),
    }
}

impl Start {
    /// Nanoseconds since.
    pub fn elapsed_ns(&self) -> f64 {
        match self {
            Self::Processor(start_ns) => (processor_ns() - start_ns) as f64,
            Self::Clock(start) => start.elapsed().as_nanos() as f64,
        }
    }
}

fn processor_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

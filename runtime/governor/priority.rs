//! Priority of threads: taps run as any thread of the host, everything behind the journal gives way to
//! others, so that under load the pipeline lags before frames are lost.

use std::io;

/// Makes the calling thread, and those that it starts from here on, as nice as this: 0 as any other, 19
/// last. Linux counts niceness by thread, though POSIX has it by process (setpriority(2), "C
/// library/kernel differences"). A thread that is nicer already stays so: going back takes a privilege.
///
/// # Errors
/// The kernel refuses.
pub fn be_nice(nice: i32) -> io::Result<()> {
    // Of process 0, which is the calling thread.
    let now = rustix::process::getpriority_process(None)?;
    if now < nice {
        rustix::process::setpriority_process(None, nice)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! Walks a log from one bound to another, in order of sequence, and follows it if asked to.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use cap_std::fs::Dir;
use clap::Args;
use outrigger_journal::ceiling::Ceiling;
use outrigger_journal::{Block, ReadError, Reader, StreamInfo};

use super::moment::{Bound, utc};
use super::output::{Output, Trouble};
use super::place::{holder, trouble};

/// Time between two looks at the end of a log that is followed. Reason: an eye sees no less, and a
/// look costs two system calls.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What to read.
#[derive(Args, Clone, Debug)]
pub struct RangeArgs {
    /// Begin here: a sequence number, a capture time (2026-01-31T12:00:00Z), or how long ago
    /// (-5m). Else at the first record held.
    #[arg(long, value_name = "WHERE", value_parser = Bound::parse, allow_hyphen_values = true)]
    pub from: Option<Bound>,
    /// End here, inclusive; written as --from is. Else at the end.
    #[arg(long, value_name = "WHERE", value_parser = Bound::parse, allow_hyphen_values = true)]
    pub to: Option<Bound>,
    /// End after so many.
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
}

/// A record where it stands.
pub struct At<'a> {
    /// Block that holds it, with kind and stream.
    pub block: &'a Block,
    /// The log's streams.
    pub streams: &'a [StreamInfo],
    /// Its sequence number; for rulings the next one free.
    pub seq: u64,
    /// Its time, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Which records of a log are looked at.
pub struct Walk<'a> {
    /// The log's directory.
    pub dir: &'a Dir,
    /// Its name, for people.
    pub name: &'a str,
    /// First, last and number.
    pub range: &'a RangeArgs,
    /// Now, by the host's clock, nanoseconds since the Unix epoch.
    pub now_ns: u64,
    /// True for rulings: by time they are found only by looking at all, since seeking goes by
    /// capture time.
    pub rulings: bool,
    /// Set to go on at the end until told to stop.
    pub follow: Option<&'a Stop>,
}

impl Walk<'_> {
    /// Calls `each` with every record in range; it says whether the record counts as one printed.
    /// Capture time may step back, so a bound in time leaves out records, and never ends the walk.
    ///
    /// # Errors
    /// The log cannot be read, is damaged, or the output is gone. What was good before went to
    /// `each`.
    pub fn run(
        &self,
        out: &mut Output,
        mut each: impl FnMut(&mut Output, &At<'_>) -> Result<bool, Trouble>,
    ) -> Result<(), Trouble> {
        let failed = |error: ReadError| trouble(self.name, &error);
        let from = self.range.from.map(|from| from.settle(self.now_ns));
        let to = self.range.to.map(|to| to.settle(self.now_ns));
        let mut left = self.range.count.unwrap_or(u64::MAX);
        let mut reader = Reader::open(self.dir).map_err(failed)?;
        let mut seen = false;
        match from {
            Some(Bound::Seq(seq)) => match reader.seek_seq(seq) {
                Err(ReadError::GoneRecords { from, to }) => eprintln!(
                    "outrigger: {}: {from} to {to} are gone, removed by retention; the first held \
                     follow",
                    self.name
                ),
                result => result.map_err(failed)?,
            },
            Some(Bound::Time(time_ns)) if !self.rulings => {
                reader.seek_time(time_ns).map_err(failed)?;
            }
            Some(Bound::Time(_) | Bound::Ago(_)) | None => {}
        }
        let mut block = Block::default();
        while left > 0 {
            match reader.next(&mut block) {
                Ok(true) => {}
                Ok(false) => match self.follow {
                    Some(stop) => {
                        out.flush()?;
                        if stop.wait(LOOK_EVERY) || out.is_closed() {
                            return Ok(());
                        }
                        continue;
                    }
                    None => {
                        self.check_end(&mut reader)?;
                        self.say_if_late(&mut reader, from, seen)?;
                        return Ok(());
                    }
                },
                Err(error @ ReadError::Gone { .. }) => {
                    eprintln!("outrigger: {}: {error}", self.name);
                    continue;
                }
                Err(error) => return Err(failed(error)),
            }
            let header = &block.header;
            if let Some(Bound::Seq(last)) = to
                && header.first_seq > last
            {
                return Ok(());
            }
            let consumes = u64::from(header.kind.consumes());
            for (at, (time_ns, bytes)) in (0u64..).zip(block.columns.iter()) {
                let seq = header.first_seq + at * consumes;
                let before = |bound: Bound| match bound {
                    Bound::Seq(first) => seq < first,
                    Bound::Time(first_ns) => time_ns < first_ns,
                    Bound::Ago(_) => false,
                };
                let behind = |bound: Bound| match bound {
                    Bound::Seq(last) => seq > last,
                    Bound::Time(last_ns) => time_ns > last_ns,
                    Bound::Ago(_) => false,
                };
                if from.is_some_and(before) || to.is_some_and(behind) {
                    continue;
                }
                seen = true;
                let streams = reader.streams();
                let block = &block;
                let at = At {
                    block,
                    streams,
                    seq,
                    time_ns,
                    bytes,
                };
                left -= u64::from(each(out, &at)?);
                if left == 0 {
                    break;
                }
            }
            if self.follow.is_some_and(Stop::is_set) {
                break;
            }
        }
        Ok(())
    }

    /// What is behind the last whole block of a log that nobody writes to.
    fn check_end(&self, reader: &mut Reader) -> Result<(), Trouble> {
        if holder(self.dir).is_some() {
            return Ok(());
        }
        let Err(error) = reader.check_end() else {
            return Ok(());
        };
        // A log that was closed has no torn tail of its own making.
        if matches!(Ceiling::load(self.dir), Ok(Some(ceiling)) if ceiling.clean) {
            return Err(trouble(self.name, &error));
        }
        eprintln!(
            "outrigger: {}: {error}: a torn tail, which the next start cuts",
            self.name
        );
        Ok(())
    }

    /// Says so when everything was captured before the time asked for: a recording, most likely.
    fn say_if_late(
        &self,
        reader: &mut Reader,
        from: Option<Bound>,
        seen: bool,
    ) -> Result<(), Trouble> {
        let Some(Bound::Time(from_ns)) = from.filter(|_| !seen && !self.rulings) else {
            return Ok(());
        };
        let failed = |error: ReadError| trouble(self.name, &error);
        let mut block = Block::default();
        if reader.seek_last().map_err(failed)? && reader.next(&mut block).map_err(failed)? {
            eprintln!(
                "outrigger: {}: nothing was captured from {} on; the last was at {}",
                self.name,
                utc(from_ns),
                utc(block.header.time_max_ns)
            );
        }
        Ok(())
    }
}

/// Told by SIGINT or SIGTERM that it is time to end.
#[derive(Clone, Default)]
pub struct Stop {
    state: Arc<(Mutex<bool>, Condvar)>,
}

impl Stop {
    /// From here on the signals end a following, and no longer the process.
    ///
    /// # Errors
    /// Signals cannot be received.
    pub fn on_signals() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let (mut interrupt, mut terminate) = {
            let _entered = runtime.enter();
            let interrupt = signal(SignalKind::interrupt())?;
            (interrupt, signal(SignalKind::terminate())?)
        };
        let stop = Self::default();
        let told = stop.clone();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(std::future::poll_fn(|cx| {
                    if interrupt.poll_recv(cx).is_ready() || terminate.poll_recv(cx).is_ready() {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                }));
                told.set();
            })?;
        Ok(stop)
    }

    fn set(&self) {
        *self.state.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.state.1.notify_all();
    }

    fn is_set(&self) -> bool {
        *self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, and says whether it is time to end.
    fn wait(&self, most: Duration) -> bool {
        let stopped = self.state.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .state
            .1
            .wait_timeout_while(stopped, most, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

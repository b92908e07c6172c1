//! The keeper's thread: durability and retention, off everybody's path.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use outrigger_journal::SyncHandle;

use super::shared::{Phase, Shared, now_ns};

/// How often old segments are looked for.
const RETAIN_EVERY: Duration = Duration::from_millis(500);

/// What the keeper's thread works with.
pub(super) struct Keep<'a> {
    pub(super) shared: &'a Shared,
    /// Topic logs and the audit log.
    pub(super) syncs: Vec<SyncHandle>,
    pub(super) sync_interval: Duration,
    pub(super) sign_interval: Duration,
    pub(super) key: SigningKey,
}

impl Keep<'_> {
    /// Works until the run stops; a failed sync stops the run.
    pub(super) fn run(self, done: &std::sync::atomic::AtomicBool) {
        let mut retained = Instant::now();
        let mut signed: Option<Instant> = None;
        while !done.load(Ordering::Acquire) {
            let phase = self.shared.phase();
            self.shared.wait_for_phase(phase, self.sync_interval);
            // The journal first: an output must not outlive the frames that it was made of.
            let synced = [&self.shared.journal_sync]
                .into_iter()
                .chain(&self.syncs)
                .try_for_each(|handle| handle.sync().map(|_| ()));
            if let Err(error) = synced {
                self.shared.fail(format!("cannot sync: {error}"));
                return;
            }
            if retained.elapsed() >= RETAIN_EVERY {
                retained = Instant::now();
                self.retain();
            }
            if signed.is_none_or(|at| at.elapsed() >= self.sign_interval) {
                // A journal without a block has nothing to sign yet; its first head is due at once.
                signed = self.sign().then(Instant::now).or(signed);
            }
            if self.shared.phase() > Phase::Running {
                // Nothing to wait for: the phase changes at most once more.
                std::thread::park_timeout(self.sync_interval);
            }
        }
        self.sign();
    }

    /// True if a head was signed, or tried and failed: the next is due after the interval.
    fn sign(&self) -> bool {
        match self.shared.journal_sync.sign_head(&self.key, now_ns()) {
            Ok(head) => head.is_some(),
            // Evidence reaches less far without a head; the log itself is none the worse.
            Err(error) => {
                tracing::warn!("journal: cannot sign its head: {error}");
                true
            }
        }
    }

    fn retain(&self) {
        let owed_from = self.shared.snapshot_block.load(Ordering::Acquire);
        let retained = self
            .shared
            .with_journal(|journal| journal.retain(owed_from, now_ns()));
        match retained {
            None => {}
            Some(Ok(retained)) if retained.segments > 0 => self.shared.made_room(),
            Some(Ok(_)) => {}
            Some(Err(error)) => tracing::warn!("journal: retention: {error}"),
        }
    }
}

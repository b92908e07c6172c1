#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn difference_is_the_whole_less_its_parts() {
    assert_eq!(difference(&[10], &[4, 3, 2, 1]), 0);
    assert_eq!(difference(&[10], &[4, 3]), 3);
    assert_eq!(difference(&[3, 4], &[8]), -1);
    assert_eq!(difference(&[u64::MAX, u64::MAX], &[]), i64::MAX);
    assert_eq!(difference(&[], &[u64::MAX, u64::MAX]), i64::MIN);
}

#[test]
fn frame_is_rejected_once_however_often_it_is_named() {
    let mut account = FrameAccount::default();
    account.take(10..20);
    account.reject(12);
    account.reject(12);
    account.take(20..30);
    account.reject(12);
    account.reject(15);
    assert_eq!((account.processed(), account.rejected()), (18, 2));
}

#[test]
fn frame_that_was_never_taken_here_is_not_rejected() {
    let mut account = FrameAccount::default();
    account.take(100..110);
    // Of the run before, of another tap, not there yet, and no number at all.
    for sequence in [0, 99, 110, 1_000_000, u64::MAX] {
        account.reject(sequence);
    }
    account.refuse(3);
    assert_eq!((account.processed(), account.rejected()), (10, 3));
}

#[test]
fn frame_beyond_the_bound_stays_processed_and_memory_stays_bounded() {
    let mut account = FrameAccount::default();
    account.take(0..3 * OPEN_FRAMES_MAX);
    account.reject(0);
    account.reject(OPEN_FRAMES_MAX);
    account.reject(3 * OPEN_FRAMES_MAX - 1);
    assert_eq!(account.rejected(), 1);
    let far = u64::MAX - 10;
    account.take(far..far + 5);
    account.reject(far + 1);
    assert_eq!(account.rejected(), 2);
    assert_eq!(account.processed(), 3 * OPEN_FRAMES_MAX + 5 - 2);
    assert!(account.open.len() as u64 * WORD <= OPEN_FRAMES_MAX);
}

proptest! {
    #[test]
    fn every_frame_is_processed_or_rejected_and_never_both(
        steps in prop::collection::vec(
            (0u64..300, 0u64..200, prop::collection::vec(0u64..2_000, 0..20)),
            1..40,
        ),
    ) {
        let mut account = FrameAccount::default();
        let (mut taken, mut rejected) = (BTreeSet::new(), BTreeSet::new());
        let mut refused = 0;
        let mut next = 7;
        for (skip, count, rejects) in steps {
            // Numbers are skipped, and some frames go elsewhere.
            next += skip;
            account.take(next..next + count);
            taken.extend(next..next + count);
            next += count;
            for back in rejects {
                let Some(sequence) = next.checked_sub(back) else { continue };
                account.reject(sequence);
                if taken.contains(&sequence) {
                    rejected.insert(sequence);
                }
            }
            refused += skip;
            account.refuse(skip);
        }
        prop_assert_eq!(account.rejected(), rejected.len() as u64 + refused);
        prop_assert_eq!(account.processed(), (taken.len() - rejected.len()) as u64);
        let whole = taken.len() as u64 + refused;
        prop_assert_eq!(difference(&[whole], &[account.processed(), account.rejected()]), 0);
    }

    #[test]
    fn difference_shows_whatever_is_missing_or_twice(
        parts in prop::collection::vec(0u64..1 << 40, 1..8),
        lie in -(1i64 << 40)..(1i64 << 40),
    ) {
        let whole: u64 = parts.iter().sum();
        let told = whole.saturating_add_signed(lie);
        prop_assert_eq!(difference(&[told], &parts), told.wrapping_sub(whole) as i64);
    }
}

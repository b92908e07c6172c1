//! Properties of what a tap's thread decides.

use super::*;

const CONFIGURED: Duration = Duration::from_micros(500);

#[test]
fn a_block_waits_longer_while_blocks_are_small_and_never_beyond_the_bound() {
    let mut delay = CONFIGURED;
    for _ in 0..20 {
        let next = fill_delay(delay, CONFIGURED, (10, 256));
        assert!(next >= delay && next <= FILL_DELAY_MAX);
        delay = next;
    }
    assert_eq!(delay, FILL_DELAY_MAX);
    // Without a frame, or half full, it is long enough.
    assert_eq!(fill_delay(CONFIGURED, CONFIGURED, (0, 256)), CONFIGURED);
    assert_eq!(fill_delay(CONFIGURED, CONFIGURED, (128, 256)), CONFIGURED);
}

#[test]
fn a_full_block_waits_less_and_never_below_what_is_configured() {
    let mut delay = FILL_DELAY_MAX;
    for _ in 0..20 {
        delay = fill_delay(delay, CONFIGURED, (256, 256));
    }
    assert_eq!(delay, CONFIGURED);
    // A configured wait beyond the bound is the operator's.
    let long = Duration::from_millis(50);
    assert_eq!(fill_delay(long, long, (1, 256)), long);
}

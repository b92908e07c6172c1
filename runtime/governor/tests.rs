use std::time::Duration;

use super::{Meter, cpu_permille};

#[test]
fn a_core_of_two_is_half() {
    assert_eq!(cpu_permille(1_000, Duration::from_secs(1), 2), 500);
    assert_eq!(cpu_permille(0, Duration::from_secs(1), 2), 0);
    assert_eq!(cpu_permille(1, Duration::from_secs(100), 4), 1);
    assert_eq!(cpu_permille(5, Duration::ZERO, 4), 0);
}

#[test]
fn a_process_has_memory_and_the_host_has_more() {
    let mut meter = Meter::default();
    let first = meter.sample();
    assert!(first.rss_bytes > 0);
    assert!(first.rss_peak_bytes >= first.rss_bytes);
    assert!(meter.memory_bytes() > first.rss_bytes);
    let later = meter.sample();
    assert!(later.cpu_ms >= first.cpu_ms);
}

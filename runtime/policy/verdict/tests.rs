use super::*;

#[test]
fn the_table_holds_row_by_row() {
    assert_eq!(judge(256, false), Action::Halve);
    assert_eq!(judge(2, true), Action::Halve);
    assert_eq!(judge(1, false), Action::Retry);
    assert_eq!(judge(1, true), Action::DeadLetter);
}

#[test]
fn repeated_faults_quarantine_once_and_only_an_operator_lifts_it() {
    let mut health = Health::default();
    assert!(!health.fault(3));
    assert!(!health.fault(3));
    assert!(health.fault(3));
    assert!(!health.fault(3), "it is quarantined already");
    health.good(u32::MAX);
    assert!(health.quarantined);
    health.lift();
    assert_eq!(health, Health::default());
}

#[test]
fn rare_faults_are_forgiven() {
    let mut health = Health::default();
    for _ in 0..1_000 {
        assert!(!health.fault(2));
        health.good(FORGIVEN_AFTER);
    }
    assert_eq!(health.faults, 0);
}

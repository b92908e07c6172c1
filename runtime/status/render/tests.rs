use super::super::ledger::Ledger;
use super::super::snapshot::{
    ClassStatus, DeadLetters, Health, LatencyStatus, PluginStatus, ProcessStatus, StatusSnapshot,
    TapStatus, TopicStatus,
};
use super::{WIDTH, bytes, digits, duration, micros, percent, render, short, summary};

/// As large as anything gets.
fn large() -> StatusSnapshot {
    let name = |at: usize| format!("{}{at}", "n".repeat(62));
    let number = 99_999_999_999;
    let taps = (0..40).map(|at| TapStatus {
        name: name(at),
        kind: "udp".to_owned(),
        source: "[ff05::1:2:3:4]:60000".to_owned(),
        frames: number,
        bytes: number,
        frames_per_s: 1e7,
        kernel_drops: number,
        shed_frames: number,
        lost_lately: number,
        silent_ms: Some(number),
        ..TapStatus::default()
    });
    let classes = (0..40).map(|at| ClassStatus {
        name: name(at),
        messages: number,
        anomalous: number,
        shed: number,
        messages_per_s: 1e7,
    });
    let topics = (0..40).map(|at| TopicStatus {
        name: name(at),
        written: number,
        bytes: number,
        ..TopicStatus::default()
    });
    let plugins = (0..40).map(|at| PluginStatus {
        name: name(at),
        calls: number,
        fuel_per_row: number,
        fuel_permille: 1_000,
        quarantined: true,
        rejects: (0..40).map(|at| (name(at), number)).collect(),
        ..PluginStatus::default()
    });
    StatusSnapshot {
        name: "n".repeat(64),
        taps: taps.collect(),
        classes: classes.collect(),
        topics: topics.collect(),
        plugins: plugins.collect(),
        dead_letters: vec![
            DeadLetters {
                stage: "decode".to_owned(),
                cause: "out-of-fuel".to_owned(),
                count: number,
            };
            40
        ],
        health: Health {
            state: "DEGRADED".to_owned(),
            reasons: vec!["a tap of a long name loses frames ".repeat(5); 20],
        },
        to_verdict: LatencyStatus {
            count: number,
            max_us: 3_600_000_000,
            ..LatencyStatus::default()
        },
        ..StatusSnapshot::default()
    }
}

#[test]
fn eighty_columns_hold_the_largest_and_the_smallest() {
    for snapshot in [large(), StatusSnapshot::default()] {
        for text in [render(&snapshot), summary(&snapshot)] {
            for line in text.lines() {
                // A single name longer than a line has a line of its own.
                let columns = line.chars().count();
                let words = line.split_whitespace().count();
                assert!(columns <= WIDTH || words <= 2, "{columns}: {line}");
            }
            assert!(text.lines().count() < 600);
        }
    }
}

#[test]
fn the_first_lines_answer_the_three_questions() {
    let snapshot = StatusSnapshot {
        name: "harbour".to_owned(),
        phase: "running".to_owned(),
        health: Health {
            state: "DEGRADED".to_owned(),
            reasons: vec!["tap quay is paused".to_owned()],
        },
        process: ProcessStatus {
            cpu_permille: 150,
            cpu_permille_max: 100,
            ..ProcessStatus::default()
        },
        ledger: Ledger {
            captured: 1_234,
            processed: 1_200,
            rejected: 4,
            shed: 30,
            lost_before: 7,
            ..Ledger::default()
        },
        ..StatusSnapshot::default()
    };
    let text = render(&snapshot);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("harbour  DEGRADED  running"));
    assert_eq!(lines[1], "  ! tap quay is paused");
    assert!(lines[2].contains("OVER"));
    assert!(lines[3].contains("15.0 %") && lines[3].contains("bound 10.0 %"));
    assert_eq!(
        lines[5],
        "dropping   nothing; since the start 30 shed, 7 lost before capture"
    );
    assert_eq!(
        lines[6],
        "frames     1,234 captured = 1,200 processed + 4 rejected + 30 shed + 0 waiting"
    );
}

#[test]
fn quantities_have_their_units() {
    assert_eq!(digits(0), "0");
    assert_eq!(digits(1_234_567), "1,234,567");
    assert_eq!(short(9_999_999), "9,999,999");
    assert_eq!(short(12_345_678), "12.3 M");
    assert_eq!(short(u64::MAX), "18,446,744.0 T");
    assert_eq!(percent(1), "0.1 %");
    assert_eq!(bytes(1_023), "1023 B");
    assert_eq!(bytes(1_536), "1.5 KiB");
    assert_eq!(micros(999), "999 µs");
    assert_eq!(micros(12_345), "12 ms");
    assert_eq!(duration(1_500), "1.5 s");
    assert_eq!(duration(90_061_000), "1 d 1 h");
}

//! Sums, bounds, and ends that are behind.
#![allow(clippy::unwrap_used)]

use outrigger_kafka::{GroupLag, Lags, PartitionLag};

use super::*;

fn group(name: &str, lags: &[i64]) -> GroupLag {
    let partitions = lags.iter().enumerate().map(|(at, lag)| PartitionLag {
        topic: "tracks".to_owned(),
        partition: i32::try_from(at).unwrap(),
        committed: 100,
        end: 100 + lag,
    });
    GroupLag {
        group: name.to_owned(),
        members: 1,
        partitions: partitions.collect(),
    }
}

fn of(groups: Vec<GroupLag>) -> ReadersStatus {
    readers(&Readers {
        cluster: "main".to_owned(),
        lags: Lags {
            groups,
            groups_left_out: 2,
            partitions_left_out: 0,
        },
        ..Readers::default()
    })
}

#[test]
fn a_group_says_its_sum_and_its_longest_lag() {
    let status = of(vec![group("display", &[0, 7, 3])]);
    let shown = &status.groups[0];
    assert_eq!((shown.lag, shown.lag_max, shown.partitions), (10, 7, 3));
    assert_eq!(status.partitions[1].lag, 7);
    assert_eq!(status.left_out, 2);
}

#[test]
fn of_too_many_partitions_those_farthest_behind_are_shown() {
    let lags: Vec<i64> = (0..700).collect();
    let status = of(vec![group("a", &lags), group("b", &lags)]);
    assert_eq!(status.partitions.len(), ROWS_MAX);
    assert_eq!(status.left_out, 2 + 1_400 - ROWS_MAX as u64);
    let least = status.partitions.iter().map(|row| row.lag).min();
    assert_eq!(least, Some(188));
}

#[test]
fn an_end_that_is_behind_is_no_lag() {
    // Retention, or a topic that was made anew.
    assert_eq!(of(vec![group("a", &[-50])]).partitions[0].lag, 0);
}

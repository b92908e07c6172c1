//! Kafka as the source: a process is killed while its group shares the partitions anew.

use kafka_harness::{Cluster, Side, api};
use rustix::process::Signal;

use super::row::{Row, gap_ms};
use super::{cluster, rounds, seconds, turn};
use crate::common::installation;
use crate::group::{
    Group, PARTITIONS, compare, drained, gaps, owns, produce, repeats, singles, wait_until_read,
};
use crate::mirror::{Ledger, read};
use crate::rig::{Running, Site};

#[test]
fn a_process_is_killed_during_a_rebalance() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    let cases = [
        (
            90,
            "a process of a Kafka source: SIGKILL during a rebalance, before its request for a share \
             arrives",
            Side::Request,
        ),
        (
            91,
            "a process of a Kafka source: SIGKILL during a rebalance, before it hears of its share",
            Side::Response,
        ),
    ];
    for (place, what, side) in cases {
        killed(&cluster, place, what, side);
    }
}

fn half(one: &mut Running) {
    one.wait_status("half of the partitions", |status| {
        let group = status.group.as_ref();
        group.is_some_and(|group| group.partitions.len() == PARTITIONS as usize / 2)
    });
}

fn killed(cluster: &Cluster, place: u32, what: &str, side: Side) {
    let times = rounds(2, 12);
    let proxy = cluster.proxy(1);
    let group = Group::new("rebalance");
    let mut client = cluster.client();
    // The frames' own times are those of their capture.
    let configs = [
        ("retention.ms", "-1"),
        ("message.timestamp.type", "CreateTime"),
    ];
    client
        .create_topic(&group.source(), PARTITIONS, 1, &configs)
        .unwrap();
    let site = Site::new(installation());
    let singles = singles();
    let text = group.text(&cluster.bootstrap(), PARTITIONS, true);
    let start = |name: &str| -> Running {
        site.configure(name, "", &text);
        site.start(name, &[])
    };
    std::thread::scope(|scope| {
        let (source, frames) = (group.source(), &singles);
        // Parts of fifty frames; a round takes about fifteen seconds.
        let parts = frames.len() as u64 / 50;
        let pause = seconds(15 * times) / u32::try_from(parts).unwrap();
        let load = scope.spawn(move || produce(cluster, &source, frames, pause));
        let mut a = start("a");
        owns(&mut a, "a process alone that commits");
        let mut b = start("b");
        for round in 0..times {
            half(&mut a);
            half(&mut b);
            // Everybody has joined once the first asks for its share.
            let held = proxy.hold_api(api::SYNC_GROUP, side);
            let added = start(&format!("added-{round}"));
            assert!(held.wait(seconds(30)), "no rebalance");
            a.signal(Signal::KILL);
            a.end();
            held.release();
            drained(added);
            a = start("a");
        }
        load.join().unwrap();
        wait_until_read(&mut client, &group);
        drained(a);
        drained(b);
    });
    compare(cluster, &group, &site, &singles);
    let found: Vec<_> = [group.tracks(), group.other()]
        .iter()
        .map(|topic| read(cluster, topic))
        .collect();
    let lost = gaps(cluster, &group);
    let repeated = found.iter().flat_map(|found| repeats(found).into_values());
    let row = Row {
        place,
        what: what.to_owned(),
        times,
        exact: Ledger {
            written: singles.len(),
            lost: lost.values().map(Vec::len).sum(),
            repeated: repeated.map(|(count, ..)| count).sum(),
            ..Ledger::default()
        },
        torn: 0,
        exact_gap_ms: found.iter().map(|found| gap_ms(found)).min().unwrap_or(0),
        least: Ledger::default(),
        least_gap_ms: 0,
        note: "records, their order by key and their verdicts are those of one plain run on the \
               same frames; torn transactions would be lost or repeated records here"
            .to_owned(),
    };
    row.write();
    println!("{row:?}");
}

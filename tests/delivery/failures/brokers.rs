//! Brokers that die, stall, or cannot be reached; outcomes that are unknown; topics that go.

use std::time::{Duration, Instant};

use kafka_harness::{Cluster, Side, api};

use super::scene::{Scene, delivered};
use super::{cluster, options, pause, rounds, seconds, turn};
use crate::rig::Running;
use crate::rig::disk::Small;

/// Time for which a broker, or the way to it, is away.
const AWAY: Duration = seconds(5);
/// Time between two disturbances.
const BETWEEN: Duration = seconds(3);

/// Time for which the runtime waits for the end of a call; with what it needs to give up and come
/// back.
const CALL: Duration = seconds(14);

/// A transaction's time on the brokers that is shorter than the disturbances.
const SHORT_TRANSACTIONS: &str = "transaction_timeout_ms = 3_000";

/// Runs, disturbs so often, and compares.
fn disturbed(
    cluster: &Cluster,
    kafka: &str,
    row: (u32, &str),
    (times, lasts): (u64, Duration),
    mut disturb: impl FnMut(u64, &mut Running),
) {
    let scene = Scene::new(cluster, "failures", kafka);
    let each = lasts + BETWEEN;
    let mut running = scene.begin(each * u32::try_from(times).unwrap());
    for round in 0..times {
        let before = running.status().map_or(0, |status| delivered(&status));
        disturb(round, &mut running);
        running.wait_status("delivery to go on", |status| delivered(status) > before);
        pause(BETWEEN);
    }
    scene.end(running);
    scene.row(row, times).holds();
}

#[test]
fn one_broker_of_one_killed() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    let times = rounds(2, 20);
    let row = (30, "the only broker: SIGKILL, restarted after 2 s");
    disturbed(&cluster, "", row, (times, seconds(12)), |_, _| {
        cluster.kill(1);
        pause(seconds(2));
        cluster.restart(1);
    });
}

#[test]
fn brokers_of_three_killed() {
    let _turn = turn();
    let Some(cluster) = cluster(3) else { return };
    let times = rounds(2, 15);
    let row = (31, "one of three brokers: SIGKILL, restarted after 5 s");
    disturbed(&cluster, "", row, (times, seconds(15)), |round, _| {
        let node = usize::try_from(round % 3).unwrap() + 1;
        cluster.kill(node);
        pause(AWAY);
        cluster.restart(node);
    });
    let times = rounds(1, 10);
    let row = (32, "all three brokers: SIGKILL, restarted after 5 s");
    disturbed(&cluster, "", row, (times, seconds(25)), |_, _| {
        for node in 1..=3 {
            cluster.kill(node);
        }
        pause(AWAY);
        for node in 1..=3 {
            cluster.spawn(node);
        }
        cluster.wait_ready();
    });
}

#[test]
fn the_network_is_cut() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    let times = rounds(1, 10);
    let proxy = cluster.proxy(1);
    type Cut = fn(&kafka_harness::Proxy);
    let cuts: [(u32, &str, Cut); 5] = [
        (40, "network cut both ways for 5 s, packets late", |proxy| {
            proxy.hold_both();
        }),
        (
            41,
            "network cut towards the broker for 5 s, packets late",
            |proxy| {
                proxy.hold(Side::Request);
            },
        ),
        (
            42,
            "network cut from the broker for 5 s, packets late",
            |proxy| {
                proxy.hold(Side::Response);
            },
        ),
        (
            43,
            "network cut towards the broker for 5 s, packets lost",
            |proxy| {
                proxy.discard(Side::Request);
            },
        ),
        (
            44,
            "network cut from the broker for 5 s, packets lost",
            |proxy| {
                proxy.discard(Side::Response);
            },
        ),
    ];
    for (place, what, cut) in cuts {
        disturbed(&cluster, "", (place, what), (times, AWAY), |_, _| {
            cut(proxy);
            pause(AWAY);
            proxy.pass();
        });
    }
    let row = (45, "connections refused for 5 s");
    disturbed(&cluster, "", row, (times, AWAY), |_, _| {
        proxy.refuse();
        pause(AWAY);
        proxy.pass();
    });
}

#[test]
fn the_broker_stalls() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    let stall = seconds(rounds(8, 30));
    let times = rounds(1, 4);
    let proxy = cluster.proxy(1);
    let what = format!("the way to the broker stalls for {} s", stall.as_secs());
    disturbed(&cluster, "", (50, &what), (times, stall), |_, _| {
        proxy.stall(stall);
        pause(stall);
    });
    let what = format!("the broker stops for {} s (SIGSTOP)", stall.as_secs());
    disturbed(&cluster, "", (51, &what), (times, stall), |_, _| {
        cluster.pause(1);
        pause(stall);
        cluster.resume(1);
    });
    let what = format!(
        "the way to the broker stalls for {} s, which is longer than transactions may take (3 s)",
        stall.as_secs()
    );
    let row = (52, what.as_str());
    disturbed(&cluster, SHORT_TRANSACTIONS, row, (times, stall), |_, _| {
        proxy.stall(stall);
        pause(stall);
    });
    let what = format!(
        "the runtime stops for {} s (SIGSTOP), which is longer than transactions may take (3 s)",
        stall.as_secs()
    );
    let row = (53, what.as_str());
    disturbed(
        &cluster,
        SHORT_TRANSACTIONS,
        row,
        (times, stall),
        |_, running| {
            running.signal(rustix::process::Signal::STOP);
            pause(stall);
            running.signal(rustix::process::Signal::CONT);
        },
    );
}

#[test]
fn the_outcome_of_a_commit_is_unknown() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    let times = rounds(1, 8);
    let proxy = cluster.proxy(1);
    let row = (60, "the request to commit is lost");
    disturbed(&cluster, "", row, (times, CALL), |_, _| {
        let held = proxy.hold_api(api::END_TXN, Side::Request);
        assert!(held.wait(seconds(30)));
        pause(CALL);
        held.discard();
    });
    let row = (
        61,
        "the request to commit arrives after 14 s, past its timeout",
    );
    disturbed(&cluster, "", row, (times, CALL), |_, _| {
        let held = proxy.hold_api(api::END_TXN, Side::Request);
        assert!(held.wait(seconds(30)));
        pause(CALL);
        held.release();
    });
    let row = (62, "the answer to a commit is lost: it was committed");
    disturbed(&cluster, "", row, (times, CALL), |_, _| {
        let held = proxy.hold_api(api::END_TXN, Side::Response);
        assert!(held.wait(seconds(30)));
        pause(CALL);
        held.discard();
    });
    let row = (
        63,
        "the answer to a commit arrives after 14 s: it was committed",
    );
    disturbed(&cluster, "", row, (times, CALL), |_, _| {
        let held = proxy.hold_api(api::END_TXN, Side::Response);
        assert!(held.wait(seconds(30)));
        pause(CALL);
        held.release();
    });
}

#[test]
fn a_topic_is_deleted_under_way() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    let scene = Scene::new(&cluster, "failures", "");
    let mut running = scene.begin(seconds(8));
    let before = running.wait_status("deliveries", |status| delivered(status) > 50);
    let mut client = cluster.client();
    client.delete_topic(&scene.mirror.tracks).unwrap();
    let deleted = Instant::now();
    let before = delivered(&before);
    let status = running.wait_status("delivery to go on", |status| {
        delivered(status) > before + 100
    });
    let took = deleted.elapsed();
    drop(status);
    scene.end(running);
    let row = scene.row((70, "the exactly-once topic is deleted under way"), 1);
    // What the topic held went with it; what came later is there, once and in order.
    let kept = row.exact.written - row.exact.lost;
    let row = row.note(format!(
        "what the topic held is gone with it; the {kept} records since are there, once; it was made \
         again and delivery went on within {} s",
        took.as_secs() + 1
    ));
    row.write();
    assert!(kept > 100, "{row:?}");
    assert_eq!(
        (
            row.exact.repeated,
            row.exact.unknown,
            row.exact.out_of_order
        ),
        (0, 0, 0),
        "{row:?}"
    );
    assert_eq!((row.least.lost, row.least.unknown), (0, 0), "{row:?}");
}

/// Size of the broker's disk.
const DISK: &str = "400m";

#[test]
fn the_brokers_disk_is_full() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Small::mount(&folder.path().join("disk"), DISK) else {
        return;
    };
    let mut options = options(1);
    options.folder = Some(folder.path().join("disk"));
    let Some(cluster) = Cluster::start(&options) else {
        return;
    };
    let scene = Scene::new(&cluster, "failures", "");
    let mut running = scene.begin(seconds(30));
    // Somebody else fills the disk.
    let filler = folder.path().join("disk/filler");
    let room = disk.room() - (64 << 10);
    let file = std::fs::File::create(&filler).unwrap();
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, room).unwrap();
    drop(file);
    // A broker without a log directory ends.
    crate::rig::wait_for("the broker to end", || {
        cluster.pid(1).is_none().then_some(())
    });
    cluster.kill(1);
    let before = running.status().map_or(0, |status| delivered(&status));
    std::fs::remove_file(&filler).unwrap();
    cluster.restart(1);
    running.wait_status("delivery to go on", |status| delivered(status) > before);
    scene.end(running);
    let row = scene.row(
        (
            71,
            "the broker's disk is full: it ends; room is made, it is started",
        ),
        1,
    );
    row.holds();
}

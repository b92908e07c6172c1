//! The budget in a group: its CPU is bounded as elsewhere, with the client's own threads, and who may
//! not mirror leaves its partitions to others.

use std::process::Output;

use super::*;
use crate::common::bounded;
use crate::rig::cpu::{busiest_second, cpu_ms_max, watch_cpu};

#[test]
fn no_second_of_a_backlog_uses_more_cpu_than_the_budget() {
    const PERMILLE: u64 = 60;
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let group = Group::new("group-budget");
    let mut client = cluster.client();
    client
        .create_topic(&group.source(), PARTITIONS, 1, &[("retention.ms", "-1")])
        .unwrap();
    let site = Site::new(installation());
    let singles = singles();
    produce(cluster, &group.source(), &singles, Duration::ZERO);
    let permille = PERMILLE.to_string();
    let budget = bounded(&[("cpu_permille", &permille)]);
    let text = group.text(&cluster.bootstrap(), PARTITIONS, true);
    site.configure("data", "", &format!("{text}\n{budget}"));
    let mut running = site.start("data", &[]);
    let mut read = Vec::new();
    let seen = watch_cpu(running.pid(), 10, || {
        let status = running.status();
        let group = status.and_then(|status| status.group);
        read.extend(group.map(|group| group.frames));
    });
    let (busiest, bound) = (busiest_second(&seen), cpu_ms_max(PERMILLE));
    eprintln!("{busiest} ms of {bound} in the busiest second; frames read {read:?}");
    assert!(busiest <= bound, "{busiest} ms of {bound}");
    let status = running.wait_status("all frames", |status| {
        let frames = status.group.as_ref().map(|group| group.frames);
        frames == Some(singles.len() as u64)
    });
    assert!(status.budget.pipeline_waited_ms > 0, "it was no load");
    wait_until_read(&mut client, &group);
    drained(running);
    compare(cluster, &group, &site, &singles);
}

#[test]
fn a_held_member_leaves_its_partitions_to_others_and_a_released_one_comes_back() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let group = Group::new("group-held");
    let mut client = cluster.client();
    client
        .create_topic(&group.source(), PARTITIONS, 1, &[("retention.ms", "-1")])
        .unwrap();
    let site = Site::new(installation());
    let singles = singles();
    let text = group.text(&cluster.bootstrap(), PARTITIONS, true);
    let start = |name: &str| -> Running {
        site.configure(name, "", &text);
        site.start(name, &[])
    };
    let ctl = |name: &str, word: &str| -> Output {
        let mut command = site.command();
        command.args(["ctl", "--config", &format!("{name}.toml"), word]);
        command.output().unwrap()
    };
    let all = PARTITIONS as usize;
    let owned = |one: &mut Running, count: usize| {
        one.wait_status(&format!("{count} partitions"), |status| {
            let group = status.group.as_ref();
            group.is_some_and(|group| group.partitions.len() == count)
        })
    };
    std::thread::scope(|scope| {
        let pause = Duration::from_millis(200);
        let (source, frames) = (group.source(), &singles);
        let load = scope.spawn(move || produce(cluster, &source, frames, pause));
        let mut a = start("a");
        owns(&mut a, "a process alone that commits");
        let mut b = start("b");
        owned(&mut a, all / 2);
        owned(&mut b, all / 2);
        assert!(ctl("a", "hold").status.success());
        let status = owned(&mut a, 0);
        assert_eq!(status.budget.breaker, "Open");
        assert!(!status.budget.mirrors);
        assert_eq!(status.health.state, "DEGRADED", "{:?}", status.health);
        owned(&mut b, all);
        assert!(ctl("a", "release").status.success());
        owned(&mut a, all / 2);
        owned(&mut b, all / 2);
        load.join().unwrap();
        wait_until_read(&mut client, &group);
        a.wait_status("the breaker to close", |status| {
            status.budget.breaker == "Closed"
        });
        [a, b].into_iter().for_each(drained);
    });
    compare(cluster, &group, &site, &singles);
    let audit = site.data("a").audit();
    let breaker = audit.iter().filter(|one| one.event == "breaker");
    let said: Vec<&str> = breaker.map(|one| one.detail.as_str()).collect();
    assert!(said[0].starts_with("Closed → Open"), "{said:?}");
    assert!(said.last().unwrap().contains("→ Closed"), "{said:?}");
}

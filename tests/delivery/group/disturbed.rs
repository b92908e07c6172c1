//! Disturbances of a group at work: a process that stands still, a broker that restarts, partitions
//! that are added, records that a broker refuses.

use kafka_harness::Options;

use super::*;

/// Starts a process of this name on the group's text.
fn start(site: &Site, name: &str, text: &str) -> Running {
    site.configure(name, "", text);
    site.start(name, &[])
}

/// True if a process has so many partitions, as it says.
fn holds(status: &outrigger::status::StatusSnapshot, partitions: u32) -> bool {
    let group = status.group.as_ref();
    group.is_some_and(|group| group.partitions.len() == partitions as usize)
}

#[test]
fn a_process_that_stands_still_is_replaced_and_fenced_when_it_goes_on() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let group = Group::new("group-zombie");
    let mut client = cluster.client();
    client
        .create_topic(&group.source(), PARTITIONS, 1, &[("retention.ms", "-1")])
        .unwrap();
    let site = Site::new(installation());
    let singles = singles();
    let text = group.text(&cluster.bootstrap(), PARTITIONS, true);
    let often = "transaction_timeout_ms";
    let text = text.replace(often, &format!("commit_interval_ms = 1_000\n{often}"));
    std::thread::scope(|scope| {
        let (source, frames) = (group.source(), &singles);
        let pause = Duration::from_millis(450);
        let load = scope.spawn(move || produce(cluster, &source, frames, pause));
        let mut zombie = start(&site, "zombie", &text);
        owns(&mut zombie, "a process alone that commits");
        let mut twin = start(&site, "twin", &text);
        owns(&mut twin, "a second process that commits");
        for round in 0..2 {
            for one in [&mut zombie, &mut twin] {
                one.wait_status("half of the partitions", |status| {
                    holds(status, PARTITIONS / 2)
                });
            }
            let before = zombie.status().unwrap().group.unwrap();
            // At work, so it is within a transaction nearly always.
            zombie.signal(Signal::STOP);
            twin.wait_status("all partitions", |status| holds(status, PARTITIONS));
            zombie.signal(Signal::CONT);
            let after = zombie.wait_status("the end of what it had", |status| {
                let group = status.group.as_ref();
                group.is_some_and(|group| {
                    group.rebalances + group.retries > before.rebalances + before.retries
                })
            });
            let after = after.group.unwrap();
            eprintln!(
                "round {round}: {} retries, {} aborts after it went on",
                after.retries - before.retries,
                after.aborts - before.aborts
            );
        }
        load.join().unwrap();
        wait_until_read(&mut client, &group);
        [zombie, twin].into_iter().for_each(drained);
    });
    compare(cluster, &group, &site, &singles);
}

#[test]
fn a_broker_that_is_killed_under_a_group_costs_nothing() {
    let Some(cluster) = Cluster::start(&Options::default()) else {
        return;
    };
    let cluster = &cluster;
    let group = Group::new("group-broker");
    let mut client = cluster.client();
    client
        .create_topic(&group.source(), PARTITIONS, 1, &[("retention.ms", "-1")])
        .unwrap();
    let site = Site::new(installation());
    let singles = singles();
    // Longer than a restart takes: Kafka 4.4 loses the abort markers of a transaction that it ends for
    // its time while its only broker comes back from a kill, and who uses the same transactional id
    // next then commits what was aborted.
    let text = group.text(&cluster.bootstrap(), PARTITIONS, true).replace(
        "transaction_timeout_ms = 10_000",
        "transaction_timeout_ms = 60_000",
    );
    let (first, rest) = singles.split_at(singles.len() / 3);
    produce(cluster, &group.source(), first, Duration::ZERO);
    let mut a = start(&site, "a", &text);
    let mut b = start(&site, "b", &text);
    for one in [&mut a, &mut b] {
        one.wait_status("a share of the partitions", |status| {
            holds(status, PARTITIONS / 2)
        });
    }
    for part in rest.chunks(rest.len() / 2 + 1) {
        produce(cluster, &group.source(), part, Duration::ZERO);
        cluster.kill(1);
        std::thread::park_timeout(Duration::from_secs(2));
        cluster.restart(1);
    }
    let mut client = cluster.client();
    wait_until_read(&mut client, &group);
    let retries = [&mut a, &mut b].map(|one| one.status().unwrap().group.unwrap().retries);
    eprintln!("retries: {retries:?}");
    [a, b].into_iter().for_each(drained);
    compare(cluster, &group, &site, &singles);
}

#[test]
fn added_partitions_end_the_group_and_a_new_state_topic_goes_on() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let group = Group::new("group-added");
    let mut client = cluster.client();
    client
        .create_topic(&group.source(), 2, 1, &[("retention.ms", "-1")])
        .unwrap();
    let site = Site::new(installation());
    let singles = singles();
    let (before, after) = singles.split_at(singles.len() / 2);
    produce(cluster, &group.source(), before, Duration::ZERO);
    let text = group.text(&cluster.bootstrap(), 2, true);
    let running = start(&site, "data", &text);
    wait_until_read(&mut client, &group);
    client.add_partitions(&group.source(), 5).unwrap();
    let (code, _, errors) = running.end();
    assert_eq!(code, Some(4), "{errors}");
    for said in ["5", "has 2 partitions", "new state_topic"] {
        assert!(errors.contains(said), "{said:?} is not in {errors}");
    }
    produce(cluster, &group.source(), after, Duration::ZERO);
    let other = format!("confined = true\nstate_topic = \"{}-state-2\"", group.name);
    site.configure("data", "", &text.replace("confined = true", &other));
    site.run_well("data", &[]);
    // Each frame once; keys begin without state, so verdicts may differ.
    assert_eq!(gaps(cluster, &group), BTreeMap::new());
    let all: Vec<_> = [group.tracks(), group.other()]
        .iter()
        .flat_map(|topic| read(cluster, topic))
        .collect();
    let ids: BTreeSet<String> = all.iter().map(id_of).collect();
    assert_eq!((ids.len(), all.len()), (singles.len(), singles.len()));
}

#[test]
fn a_record_that_a_broker_refuses_is_a_dead_letter_with_its_reason() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let group = Group::new("group-refusing");
    let mut client = cluster.client();
    client
        .create_topic(&group.source(), 1, 1, &[("retention.ms", "-1")])
        .unwrap();
    // Ten years: longer than the recording is old.
    let limit = ("message.timestamp.before.max.ms", "315360000000");
    for topic in [group.tracks(), group.other()] {
        let configs = [("retention.ms", "-1"), limit];
        client.create_topic(&topic, 1, 1, &configs).unwrap();
    }
    let site = Site::new(installation());
    let mut singles = singles();
    singles.truncate(300);
    let old = [20, 21, 200];
    for at in old {
        singles[at].time_ms = 1_000_000_000;
    }
    produce(cluster, &group.source(), &singles, Duration::ZERO);
    site.configure("data", "", &group.text(&cluster.bootstrap(), 1, true));
    let status = site.run_well("data", &[]);
    let figures = status.group.unwrap();
    assert_eq!(figures.refused, old.len() as u64, "{figures:?}");
    eprintln!("{} retries, {} aborts", figures.retries, figures.aborts);
    let delivered = gaps(cluster, &group);
    assert_eq!(
        delivered,
        BTreeMap::from([("0".to_owned(), old.map(|at| at as i64).to_vec())])
    );
    let dead = read(cluster, &format!("{}-dead-letters", group.name));
    let mut dead: Vec<Value> = dead
        .iter()
        .map(|one| serde_json::from_slice(one.value.as_ref().unwrap()).unwrap())
        .collect();
    assert_eq!(dead.len(), old.len());
    // They have no key, and so lie in any partition.
    dead.sort_by_key(|dead| dead["source"]["frames"][0].as_u64());
    for (dead, at) in dead.iter().zip(old) {
        assert_eq!(dead["source"]["frames"], json!([at]));
        assert_eq!(dead["cause"], "refused");
        let stage = dead["stage"].as_str().unwrap();
        assert!(
            stage == "deliver:tracks" || stage == "deliver:other",
            "{dead}"
        );
        assert!(
            dead["detail"]
                .as_str()
                .unwrap()
                .contains("InvalidTimestamp"),
            "{dead}"
        );
    }
    // Nothing is left to do, and nothing is done twice.
    let again = site.run_well("data", &[]).group.unwrap();
    assert_eq!((again.frames, again.retries), (0, 0), "{again:?}");
}

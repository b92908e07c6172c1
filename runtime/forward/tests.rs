//! The forwarder against a stand-in that fails wherever a broker may. What transactions are on real
//! brokers is not shown here.
#![allow(clippy::unwrap_used)]

mod feeding;
mod stand_in;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use outrigger_policy::ledger::difference;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::config::ValueFormat;
use crate::record::{Position, View};
use feeding::{Outlet, position};
use stand_in::{Fate, StandIn, World};

/// Name of the topic of progress.
const PROGRESS: &str = "progress";
const LOG_ID: [u8; 16] = [7; 16];

/// Longest run of a forwarder; what takes longer has failed.
const RUN_MAX: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Refusals {
    refused: Mutex<Vec<(String, Position)>>,
    failures: Mutex<Vec<String>>,
}

impl Office for Refusals {
    fn refuse(&self, refusal: &Refusal<'_>) -> Result<(), String> {
        let position = View::of(refusal.record).unwrap().position;
        lock(&self.refused).push((refusal.topic.to_owned(), position));
        Ok(())
    }

    fn fail(&self, cause: String) {
        lock(&self.failures).push(cause);
    }
}

fn forwarder(
    outlets: &[Outlet],
    marks: &TempDir,
    world: &Arc<Mutex<World>>,
    exactly_once: bool,
) -> Forwarder<StandIn> {
    let lanes = outlets.iter().map(|outlet| {
        let marks = (
            feeding::dir(marks),
            "cluster",
            "07070707070707070707070707070707",
        );
        let (name, tail) = (outlet.name.to_owned(), Arc::clone(&outlet.tail));
        let feed = Feed::new(Arc::clone(&tail), Some(outlet.log()));
        Lane::new(
            name.clone(),
            name,
            ValueFormat::MessagePack,
            feed,
            tail,
            Some(marks),
        )
    });
    Forwarder {
        name: "cluster".to_owned(),
        broker: StandIn::new(Arc::clone(world), exactly_once),
        exactly_once,
        lanes: lanes.collect(),
        envelope: Envelope::new(&LOG_ID, BTreeMap::new()),
        pace: Pace::new(u64::MAX / 2, Instant::now()),
        egress: Arc::default(),
        commit_interval: Duration::ZERO,
        backoff: (Duration::ZERO, Duration::ZERO),
        progress_topic: PROGRESS.to_owned(),
        bell: Arc::clone(&outlets[0].bell),
        ending: Arc::default(),
        shown: Arc::new(Mutex::new(ForwardStatus::new("cluster", exactly_once))),
    }
}

/// Runs a forwarder until everything that was written is delivered.
fn deliver(
    outlets: &[Outlet],
    marks: &TempDir,
    world: &Arc<Mutex<World>>,
    exactly_once: bool,
) -> (Vec<(String, Position)>, ForwardStatus) {
    for outlet in outlets {
        outlet.tail.begin(outlet.tail.counts().written);
    }
    let forwarder = forwarder(outlets, marks, world, exactly_once);
    let shown = Arc::clone(&forwarder.shown);
    forwarder.ending.finish_by(Instant::now() + RUN_MAX);
    let office = Refusals::default();
    forwarder.run(&office);
    assert_eq!(*lock(&office.failures), [""; 0]);
    let refused = std::mem::take(&mut *lock(&office.refused));
    let status = lock(&shown).clone();
    for lane in &status.lanes {
        let whole = [lane.owed_before, lane.written, lane.again];
        let parts = [
            lane.delivered,
            lane.found,
            lane.waiting,
            lane.refused,
            lane.lost,
        ];
        assert_eq!(difference(&whole, &parts), 0, "{whole:?} = {parts:?}");
    }
    (refused, status)
}

/// A place in a topic.
fn place() -> impl Strategy<Value = (usize, u64)> {
    (0usize..2, 0u64..40)
}

fn named(places: &BTreeSet<(usize, u64)>) -> BTreeSet<(String, Position)> {
    let named = places.iter();
    named
        .map(|(topic, block)| (feeding::NAMES[*topic].to_owned(), position(*block)))
        .collect()
}

/// Positions of a topic, but for those that are refused.
fn expected(topic: &str, blocks: u64, refused: &BTreeSet<(String, Position)>) -> Vec<Position> {
    let all = (0..blocks).map(position);
    all.filter(|at| !refused.contains(&(topic.to_owned(), *at)))
        .collect()
}

fn first_of_each(seen: &[Position]) -> Vec<Position> {
    let mut known = BTreeSet::new();
    let seen = seen.iter().copied();
    seen.filter(|at| known.insert(*at)).collect()
}

/// Records of a topic in the property tests, half of them there when the forwarder first starts.
const BLOCKS: u64 = 40;

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fails_every_record_is_committed_once_and_in_order(
        fates in prop::collection::vec(Fate::any(), 0..120),
        refused in prop::collection::btree_set(place(), 0..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let marks = tempfile::tempdir().unwrap();
        let refused = named(&refused);
        let world = World::new(fates, refused.clone());
        let mut outlets = feeding::outlets(&folder);
        let mut said = Vec::new();
        for blocks in [0..BLOCKS / 2, BLOCKS / 2..BLOCKS] {
            outlets.write(blocks);
            let (ruled, status) = deliver(&outlets.list, &marks, &world, true);
            said.extend(ruled);
            prop_assert_eq!(status.under_way, 0);
            for lane in &status.lanes {
                prop_assert_eq!(lane.waiting, 0);
            }
        }
        let world = lock(&world);
        for name in feeding::NAMES {
            prop_assert_eq!(world.visible(name), expected(name, BLOCKS, &refused));
        }
        // Each is written down once by each run, and is passed over by what was committed before.
        let set: BTreeSet<_> = said.iter().cloned().collect();
        prop_assert_eq!(&set, &refused);
        prop_assert_eq!(said.len(), set.len());
    }

    #[test]
    fn whatever_fails_no_record_is_skipped_at_least_once(
        fates in prop::collection::vec(Fate::any(), 0..120),
        refused in prop::collection::btree_set(place(), 0..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let marks = tempfile::tempdir().unwrap();
        let refused = named(&refused);
        let world = World::new(fates, refused.clone());
        let mut outlets = feeding::outlets(&folder);
        let mut said = Vec::new();
        for blocks in [0..BLOCKS / 2, BLOCKS / 2..BLOCKS] {
            outlets.write(blocks);
            said.extend(deliver(&outlets.list, &marks, &world, false).0);
        }
        let world = lock(&world);
        for name in feeding::NAMES {
            let seen = world.visible(name);
            prop_assert_eq!(first_of_each(&seen), expected(name, BLOCKS, &refused));
        }
        let set: BTreeSet<_> = said.iter().cloned().collect();
        prop_assert_eq!(&set, &refused);
        prop_assert_eq!(said.len(), set.len());
    }
}

#[test]
fn without_trouble_nothing_is_repeated_and_transactions_are_few() {
    let folder = tempfile::tempdir().unwrap();
    let marks = tempfile::tempdir().unwrap();
    for (exactly_once, commits_max) in [(true, 2), (false, 0)] {
        let world = World::new(Vec::new(), BTreeSet::new());
        let mut outlets = feeding::outlets(&folder);
        outlets.write(if exactly_once { 0..20 } else { 20..40 });
        let (_, status) = deliver(&outlets.list, &marks, &world, exactly_once);
        assert!(status.commits <= commits_max, "{}", status.commits);
        assert_eq!(status.retries, 0);
        assert_eq!(lock(&world).connects, 1);
    }
}

#[test]
fn a_refused_record_is_isolated_and_the_others_go_on() {
    for exactly_once in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let marks = tempfile::tempdir().unwrap();
        let refused = named(&BTreeSet::from([(0, 3), (0, 4), (1, 39)]));
        let world = World::new(Vec::new(), refused.clone());
        let mut outlets = feeding::outlets(&folder);
        outlets.write(0..BLOCKS);
        let (said, status) = deliver(&outlets.list, &marks, &world, exactly_once);
        assert_eq!(said.len(), 3, "{said:?}");
        assert_eq!(said.into_iter().collect::<BTreeSet<_>>(), refused);
        let counts: Vec<(u64, u64, u64)> = status
            .lanes
            .iter()
            .map(|lane| (lane.delivered, lane.refused, lane.waiting))
            .collect();
        if exactly_once {
            assert_eq!(counts, [(BLOCKS - 2, 2, 0), (BLOCKS - 1, 1, 0)]);
        }
        for name in feeding::NAMES {
            let seen = lock(&world).visible(name);
            assert_eq!(first_of_each(&seen), expected(name, BLOCKS, &refused));
        }
    }
}

#[test]
fn a_producer_that_is_fenced_for_good_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let marks = tempfile::tempdir().unwrap();
    let world = World::new(Vec::new(), BTreeSet::new());
    let mut outlets = feeding::outlets(&folder);
    outlets.write(0..5);
    lock(&world).taken_over = true;
    let forwarder = forwarder(&outlets.list, &marks, &world, true);
    let office = Refusals::default();
    forwarder.run(&office);
    let failures = lock(&office.failures);
    assert_eq!(failures.len(), 1);
    assert!(
        failures[0].starts_with(
            "kafka.cluster: another runtime with this journal's identity has taken over: "
        ),
        "{}",
        failures[0]
    );
}

#[test]
fn what_kafka_has_lost_is_delivered_again_and_what_it_has_ahead_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let marks = tempfile::tempdir().unwrap();
    let world = World::new(Vec::new(), BTreeSet::new());
    let mut outlets = feeding::outlets(&folder);
    outlets.write(0..10);
    deliver(&outlets.list, &marks, &world, true);
    // The cluster is another, or was made anew: the marks are ahead of it.
    outlets.write(10..11);
    let other = World::new(Vec::new(), BTreeSet::new());
    deliver(&outlets.list, &marks, &other, true);
    let all: Vec<Position> = (0..11).map(position).collect();
    assert_eq!(lock(&other).visible("first"), all);
    // The marks are gone, and the logs end before what was committed.
    let marks = tempfile::tempdir().unwrap();
    let shorter = tempfile::tempdir().unwrap();
    let mut outlets = feeding::outlets(&shorter);
    outlets.write(0..6);
    deliver(&outlets.list, &marks, &world, true);
    outlets.write(6..14);
    deliver(&outlets.list, &marks, &world, true);
    let all: Vec<Position> = (0..14).map(position).collect();
    assert_eq!(lock(&world).visible("first"), all);
}

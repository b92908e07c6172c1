//! The memory plan against what is measured: the real program under load, a store at its bounds, the
//! allocator at its worst; and the cap behind it.
//!
//! What is measured needs a process of its own: [`child`] starts this very program again with the name
//! of a task, which [`task`] does.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bus_simulator::pace::{Pace, Schedule};
use bus_simulator::run::{BySensor, Plan};
use bus_simulator::scenario::Scenario;
use bus_simulator::sink::Recording;
use outrigger::governor::cap;
use outrigger::memory::ALLOCATOR_WASTE_PERMILLE;
use outrigger_kafka::{
    Bounds, Cluster, Compression, Guarantee, Producer, Security, Shipment, producer_memory,
};
use outrigger_policy::state::{StateBounds, StateStore, Touch};
use outrigger_policy::topology::AUDIT;
use serde_json::Value;

use crate::common::{installation, root};
use crate::missions::{Tap, configuration};
use crate::rig::{Site, wait_for};

/// Names the task of a child.
const TASK: &str = "OUTRIGGER_MEMORY_TASK";

/// A field of a status file under `/proc`, bytes.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Largest resident memory of this process so far, bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    field(&status, "VmHWM:").unwrap()
}

/// This program again, for one task.
fn child(task: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "memory::task", "--nocapture"])
        .env(TASK, task);
    command.output().unwrap()
}

/// What a child measured: bytes, and its bound.
fn measured(task: &str) -> (u64, u64) {
    let output = child(task);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let line = text.lines().find_map(|line| line.split_once("measured "));
    let numbers: Vec<u64> = line
        .unwrap_or_else(|| panic!("{text}"))
        .1
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect();
    (numbers[0], numbers[1])
}

/// Does a child's task; nothing without one.
#[test]
fn task() {
    match std::env::var(TASK).as_deref() {
        Err(_) => {}
        Ok("store") => store(&[b'k'; 12], 512),
        Ok("store of long keys") => store(&[b'k'; 247], 64),
        Ok("allocator") => allocator(),
        Ok("excess") => excess(),
        Ok("producer of small records") => producer(40, 60),
        Ok("producer of large records") => producer(4_000, 60),
        Ok("producer of long headers") => producer(40, 1_000),
        Ok(other) => panic!("no task {other}"),
    }
}

/// Fills a store three times over, with values that change their size.
fn store(prefix: &[u8], value_bytes: usize) {
    let bounds = StateBounds {
        value_bytes_max: value_bytes,
        // Just behind the step at which the index doubles.
        keys_max: 28_673,
        age_ns_max: u64::MAX,
    };
    let before = peak();
    let mut store = StateStore::new(bounds);
    for at in 0..3 * bounds.keys_max {
        let key = [prefix, format!("{at:08}").as_bytes()].concat();
        for length in [1 + at * 7_919 % value_bytes, value_bytes] {
            let touch = Touch {
                key: &key,
                class: 0,
                time_ns: 1,
            };
            let value = vec![1; length];
            let changes = [(&key[..], &value[..])];
            store.apply(0, [touch].into_iter(), &changes).unwrap();
        }
    }
    assert_eq!(store.len(), bounds.keys_max);
    println!("measured {} {}", peak() - before, bounds.memory_bytes());
}

/// Four threads that replace buffers, grown piece by piece to 1 MiB at most, at random.
fn allocator() {
    const BUFFERS: u64 = 8;
    let (before, live, most) = (peak(), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            let (live, most) = (&live, &most);
            scope.spawn(move || {
                let mut random = crate::rig::Random::new(seed);
                let mut held: Vec<Vec<u8>> = vec![Vec::new(); BUFFERS as usize];
                for _ in 0..30 * BUFFERS {
                    let bytes = random.below(1 << 20) as usize;
                    let mut buffer = Vec::new();
                    while buffer.len() < bytes {
                        buffer.extend_from_slice(&[1; 400]);
                    }
                    let capacity = buffer.capacity() as u64;
                    let now = live.fetch_add(capacity, Ordering::AcqRel) + capacity;
                    most.fetch_max(now, Ordering::AcqRel);
                    let place = &mut held[random.below(BUFFERS) as usize];
                    let gone = std::mem::replace(place, buffer);
                    live.fetch_sub(gone.capacity() as u64, Ordering::AcqRel);
                }
            });
        }
    });
    let most = most.load(Ordering::Acquire);
    let bound = most + most * ALLOCATOR_WASTE_PERMILLE / 1_000;
    println!("measured {} {bound}", peak() - before);
}

/// Fills a producer's queue while its broker is away.
fn producer(value_bytes: usize, header_bytes: usize) {
    let bounds = Bounds::default();
    let bound: u64 = producer_memory(&bounds).iter().map(|line| line.bytes).sum();
    let before = peak();
    // Nobody listens at the discard port.
    let cluster = Cluster {
        bootstrap: "127.0.0.1:9".to_owned(),
        client_id: "memory".to_owned(),
        security: Security::default(),
        compression: Compression::default(),
        bounds,
    };
    let producer = Producer::new(&cluster, &Guarantee::AtLeastOnce).unwrap();
    let value = vec![1; value_bytes];
    let header = vec![b'h'; header_bytes];
    let headers: Vec<(&str, &[u8])> = vec![("outrigger-id", &header); 8];
    let mut sent = 0;
    let mut send = || {
        let shipment = Shipment {
            topic: "tracks",
            key: Some(b"219900001"),
            partition: None,
            value: Some(&value),
            time_ms: 1,
            headers: &headers,
            ticket: sent,
        };
        sent += 1;
        producer.send(&shipment).unwrap()
    };
    while send() {}
    assert!(sent > 500, "{sent}");
    println!("{sent} records");
    println!("measured {} {bound}", peak() - before);
}

/// Sets a cap of 64 MiB, and then wants a gigabyte.
fn excess() {
    let limit = cap::set(cap::limit_bytes(64 << 20, 4, 0)).unwrap();
    println!("limit {limit}");
    let mut held: Vec<Vec<u8>> = Vec::new();
    for _ in 0..1_024 {
        held.push(vec![1; 1 << 20]);
    }
    println!("held {} MiB", held.len());
}

#[test]
fn a_store_takes_no_more_than_its_bounds_plan() {
    for task in ["store", "store of long keys"] {
        let (bytes, bound) = measured(task);
        assert!(bytes <= bound, "{task}: {bytes} bytes, planned {bound}");
        assert!(bytes > bound / 4, "{task}: {bytes} bytes, planned {bound}");
    }
}

#[test]
fn a_producer_whose_broker_is_away_stays_below_its_plan() {
    for size in ["small records", "large records", "long headers"] {
        let task = &format!("producer of {size}");
        let (bytes, bound) = measured(task);
        println!("{task}: {bytes} of {bound} planned");
        assert!(bytes <= bound, "{task}: {bytes} bytes, planned {bound}");
    }
}

#[test]
fn the_allocator_wastes_no_more_than_planned() {
    // Where threads come to allocate is chance, and differs from run to run.
    let runs: Vec<(u64, u64)> = (0..3).map(|_| measured("allocator")).collect();
    println!("bytes and bound: {runs:?}");
    let within = runs.iter().filter(|(bytes, bound)| bytes <= bound);
    assert!(within.count() >= 2, "{runs:?}");
}

#[test]
fn an_excess_ends_the_process_by_itself_and_leaves_others_alone() {
    let output = child("excess");
    assert!(!output.status.success());
    let (said, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(said.contains("limit ") && !said.contains("held "), "{said}");
    assert!(errors.contains("memory allocation of"), "{errors}");
    // Aborted by its own hand: nobody else sent a signal.
    use std::os::unix::process::ExitStatusExt as _;
    let signal = rustix::process::Signal::ABORT.as_raw();
    assert_eq!(output.status.signal(), Some(signal));
}

/// Plays a scenario into a recording of the site.
fn record(site: &Site, scenario: &Path, recording: &str, seconds: u64) {
    let scenario = Scenario::load(scenario).unwrap();
    let names: Vec<String> = scenario
        .sensors
        .iter()
        .map(|sensor| sensor.name.clone())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let to = Recording::create(&site.path(recording)).unwrap();
    let plan = Plan {
        duration_s: Some(seconds),
        count: None,
        schedule: Schedule {
            pace: Pace::FlatOut,
            factor: 1.0,
            rate: None,
        },
        udp: BySensor::none(),
        recordings: BySensor::new(vec![(None, to)], &names).unwrap(),
        scenario,
        truth: None,
        progress: false,
    };
    bus_simulator::run::run(plan, &AtomicBool::new(false)).unwrap();
}

/// The plan of a configuration, as the program that runs it prints it.
fn planned(site: &Site, name: &str) -> Value {
    let mut command = site.command();
    let file = format!("{name}.toml");
    let output = command
        .args(["check", "--json", "--config", &file])
        .output();
    let output = output.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["memory"].clone()
}

/// Runs an example on loads of its own, as fast as they go, and holds its peak against its plan. Each
/// load: tap, encoding, scenario, seconds.
fn example(name: &str, loads: &[(&'static str, &'static str, &str, u64)]) {
    let folder = root().join("examples").join(name);
    let site = Site::new(installation());
    for (tap, _, scenario, seconds) in loads {
        record(
            &site,
            &folder.join(scenario),
            &format!("{tap}.txt"),
            *seconds,
        );
    }
    let taps: Vec<Tap> = loads
        .iter()
        .map(|(tap, encoding, ..)| (*tap, None, *encoding))
        .collect();
    site.write("data.toml", configuration(&folder, &taps));
    let plan = planned(&site, "data");
    let mut child = site
        .run_command("data", &["--until-idle", "--json"])
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        peak = peak.max(field(&text, "VmHWM:").unwrap_or(0));
        std::thread::park_timeout(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let last: Value = serde_json::from_slice(&output.stdout).unwrap();
    let frames = last["ledger"]["captured"].as_u64().unwrap();
    assert!(frames > 50_000, "only {frames} frames");
    let bytes = plan["bytes"].as_u64().unwrap();
    println!("{name}: {frames} frames, peak {peak} of {bytes} planned");
    assert!(
        peak > 0 && peak <= bytes,
        "{name}: peak {peak}, planned {bytes}"
    );
    // Worst cases of parts do not meet, but a plan of dozens of times the use says nothing.
    assert!(peak * 32 >= bytes, "{name}: peak {peak}, planned {bytes}");
}

#[test]
fn the_harbour_stays_below_its_plan_under_load() {
    example("harbour", &[("shore", "text", "load.toml", 12)]);
}

#[test]
fn the_air_stays_below_its_plan_under_load() {
    let loads = [
        ("centre", "hex", "load-cat062.toml", 8),
        ("radar", "hex", "load-cat048.toml", 8),
        ("receiver", "text", "load-adsb.toml", 4),
    ];
    example("air", &loads);
}

/// A configuration of one tap, with this budget.
fn small(site: &Site, budget: &str) {
    let rest = format!(
        "[budget]\n{budget}\n[taps.bus]\nkind = \"lines\"\npath = \"bus.txt\"\n\
         [plugins.ais]\ncomponent = \"ais_decoder.wasm\"\nrole = \"decoder\"\ntaps = [\"bus\"]\n\
         writes = [\"track.sea\"]\nstate_keys_max = 200_000\n\
         [classes.\"track.sea\"]\ntopic = \"tracks\"\n[topics.tracks]"
    );
    site.configure("small", "", &rest);
    site.write("bus.txt", "");
}

#[test]
fn a_plan_over_the_budget_is_refused_by_check_and_by_run_with_what_shrinks_it() {
    let site = Site::new(installation());
    let rules = [
        (
            "memory_bytes_max = 33_554_432",
            "budget.memory_bytes_max: must hold",
        ),
        ("memory_permille = 1", "budget.memory_permille: must hold"),
    ];
    for (budget, rule) in rules {
        small(&site, budget);
        let mut check = site.command();
        let output = check.args(["check", "--config", "small.toml"]).output();
        let checked = String::from_utf8(output.unwrap().stderr).unwrap();
        let run = site.run_badly("small", &[], 1);
        for said in [checked, run] {
            assert!(said.starts_with("small.toml:"), "{said}");
            assert!(said.contains(rule), "{said}");
            let state = "plugins.ais, state: ";
            assert!(
                said.contains(state) && said.contains("(plugins.ais.state_keys_max)"),
                "{said}"
            );
        }
        assert!(!site.path("small").exists(), "nothing was begun");
    }
}

#[test]
fn the_plan_adds_up_and_names_keys_that_are_there() {
    let site = Site::new(installation());
    small(&site, "memory_permille = 1_000");
    let plan = planned(&site, "small");
    let lines = plan["lines"].as_array().unwrap();
    let mut by_kind: BTreeMap<&str, u64> = BTreeMap::new();
    for line in lines {
        let kind = line["memory"].as_str().unwrap();
        *by_kind.entry(kind).or_default() += line["bytes"].as_u64().unwrap();
    }
    assert_eq!(
        by_kind["heap"] + by_kind["mapped"],
        plan["bytes"].as_u64().unwrap()
    );
    let text = site
        .command()
        .args(["check", "--config", "small.toml"])
        .output();
    let text = String::from_utf8(text.unwrap().stdout).unwrap();
    for line in lines {
        let key = line["key"].as_str().unwrap();
        let name = key.rsplit('.').next().unwrap();
        assert!(
            key.is_empty() || text.contains(&format!("{name} = ")),
            "{key}"
        );
    }
    let components: Vec<&str> = lines
        .iter()
        .map(|line| line["component"].as_str().unwrap())
        .collect();
    for one in [
        "process",
        "plugins.ais",
        "snapshot",
        "pipeline",
        "taps.bus",
        "journal",
        "allocator",
    ] {
        assert!(components.contains(&one), "{one}");
    }
    assert!(components.contains(&&format!("topics.{AUDIT}")[..]));
}

#[test]
fn the_pipeline_is_nicer_than_the_taps() {
    let site = Site::new(installation());
    let rest = "[budget]\nnice = 7\n[taps.bus]\nkind = \"udp\"\naddress = \"127.0.0.1\"\nport = 60999\n\
         [plugins.ais]\ncomponent = \"ais_decoder.wasm\"\nrole = \"decoder\"\ntaps = [\"bus\"]\n\
         writes = [\"track.sea\"]\n[classes.\"track.sea\"]\ntopic = \"tracks\"\n[topics.tracks]";
    site.configure("nice", "", rest);
    let running = site.start("nice", &[]);
    let tasks = format!("/proc/{}/task", running.child.id());
    let own = wait_for("a pipeline that has given way", || {
        let nice = niceness(&tasks);
        let (tap, pipeline) = (nice.get("tap-bus")?, nice.get("pipeline")?);
        let given_way = *pipeline == (*tap).max(7) && nice.get("keeper") == Some(pipeline);
        given_way.then_some(*tap)
    });
    assert_eq!(
        own,
        niceness("/proc/self/task").into_values().min().unwrap()
    );
}

#[test]
fn the_kernel_holds_a_run_to_its_budget_and_its_stacks() {
    let site = Site::new(installation());
    small(
        &site,
        "memory_permille = 1_000\nmemory_bytes_max = 1_073_741_824",
    );
    // Without an end to the recording there would be nothing to look at.
    let text = fs::read_to_string(site.path("small.toml")).unwrap();
    let bus = "kind = \"udp\"\naddress = \"127.0.0.1\"\nport = 60998";
    site.write(
        "small.toml",
        text.replace("kind = \"lines\"\npath = \"bus.txt\"", bus),
    );
    let running = site.start("small", &[]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.child.id())).unwrap();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max data size"));
    let limit: u64 = line
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let stacks = limit.checked_sub(1 << 30).expect("the budget and more");
    // Eight threads, each with 2 MiB; no library's.
    assert_eq!(stacks, 8 * (2 << 20));
}

/// Niceness of a process's threads, by name.
fn niceness(tasks: &str) -> BTreeMap<String, i32> {
    let tasks = fs::read_dir(tasks).unwrap().flatten();
    let stats = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
    let niceness = stats.map(|stat| {
        // The name may hold anything; niceness is the 19th field.
        let (name, fields) = stat.rsplit_once(')').unwrap();
        let name = name.split_once('(').unwrap().1.to_owned();
        let field = fields.split_ascii_whitespace().nth(19 - 3).unwrap();
        (name, field.parse().unwrap())
    });
    niceness.collect()
}

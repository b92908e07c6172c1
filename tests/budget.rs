//! The budget of the real program, measured from outside: under a flood, a lag, and the breaker.
#![allow(clippy::unwrap_used)]

use std::net::{SocketAddr, UdpSocket};
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use outrigger::status::StatusSnapshot;

use crate::common::{bounded, installation};
use crate::rig::cpu::{busiest_second, cpu_ms_max, watch_cpu};
use crate::rig::{Running, Site, wait_for};

/// A sentence of a ship, of class A.
const SHIP: &[u8] = b"!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0*24";
/// A sentence of a base station.
const STATION: &[u8] = b"!AIVDM,1,1,,A,403OviQuMGCqWrRO9>E6fE700@GO,0*4D";

/// A configuration of one UDP tap: positions of ships go to `sea`, stations to `stations`, the rest to
/// `other`. `budget` are lines of that table on top of thresholds that nothing passes.
struct Flooded {
    site: Site,
    to: SocketAddr,
    guarantees: [&'static str; 3],
}

impl Flooded {
    fn new(budget: &[(&str, &str)], guarantees: [&'static str; 3]) -> Self {
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let flooded = Self {
            site: Site::new(installation()),
            to: free.local_addr().unwrap(),
            guarantees,
        };
        flooded.configure(budget);
        flooded
    }

    fn configure(&self, budget: &[(&str, &str)]) {
        let budget = bounded(budget);
        let [sea, stations, other] = self.guarantees;
        let rest = format!(
            "{budget}\
             [taps.bus]\nkind = \"udp\"\naddress = \"127.0.0.1\"\nport = {}\n\
             [plugins.ais]\ncomponent = \"ais_decoder.wasm\"\nrole = \"decoder\"\n\
             taps = [\"bus\"]\n\
             writes = [\"track.sea\", \"static.sea\", \"station.base\", \"aid.navigation\", \
             \"track.air\"]\n\
             [classes.\"track.sea\"]\ntopic = \"sea\"\n[classes.\"station.base\"]\n\
             topic = \"stations\"\n[classes.\"track.air\"]\ntopic = \"other\"\n\
             [classes.\"static.sea\"]\ntopic = \"other\"\n[classes.\"aid.navigation\"]\n\
             topic = \"other\"\n\
             [topics.sea]\nguarantee = \"{sea}\"\n[topics.stations]\nguarantee = \"{stations}\"\n\
             [topics.other]\nguarantee = \"{other}\"\n",
            self.to.port()
        );
        self.site.configure("data", "", &rest);
    }

    fn start(&self) -> Running {
        self.site.start("data", &[])
    }

    /// Sends as fast as one core can, both kinds of sentences in turn, while `watch` looks. Frames
    /// sent, and what `watch` found.
    fn flood<T>(&self, watch: impl FnOnce() -> T) -> (u64, T) {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
                let mut sent = 0;
                for frame in [SHIP, STATION].into_iter().cycle() {
                    if stop.load(Ordering::Acquire) {
                        break;
                    }
                    // A closed socket answers; what it did not take is no frame of the flood.
                    sent += u64::from(sender.send_to(frame, self.to).is_ok());
                }
                sent
            });
            let found = watch();
            stop.store(true, Ordering::Release);
            (sending.join().unwrap(), found)
        })
    }
}

fn lost(status: &StatusSnapshot) -> u64 {
    status.ledger.lost_before
}

#[test]
fn no_second_of_a_flood_uses_more_cpu_than_the_budget() {
    for permille in [50, 100, 200] {
        let value = permille.to_string();
        let budget = [("cpu_permille", value.as_str())];
        let flooded = Flooded::new(&budget, ["exactly-once"; 3]);
        let mut running = flooded.start();
        let mut captured = Vec::new();
        let (sent, seen) = flooded.flood(|| {
            watch_cpu(running.pid(), 6, || {
                if let Some(status) = running.status() {
                    captured.push(status.ledger.captured);
                }
            })
        });
        let busiest = busiest_second(&seen);
        let bound = cpu_ms_max(permille);
        eprintln!("{permille} permille: {busiest} ms of {bound} in the busiest second");
        assert!(
            busiest <= bound,
            "{permille} permille: {busiest} ms of {bound}"
        );
        // It was a flood, and the pipeline could not starve the tap: it went on reading all along.
        let status = running.wait_status("the flood's end", |status| {
            status.pipeline.lag_blocks == 0 && status.ledger.captured + lost(status) >= sent
        });
        // Beside other tests the sender may be slower than a large budget.
        assert!(permille > 50 || lost(&status) > 0, "{sent} were no flood");
        let halves = captured.split_at(captured.len() / 2);
        let rose = |half: &[u64]| half.last().unwrap() - half.first().unwrap();
        assert!(rose(halves.1) * 3 > rose(halves.0), "{captured:?}");
        // Each stage is counted: the pipeline waited, the taps did, and the kernel dropped. Beside
        // other tests a large budget may be more than the machine has left, and then nobody waits.
        if permille == 50 {
            assert!(status.budget.pipeline_waited_ms > 0);
            assert!(status.budget.taps_waited_ms > 0);
        }
        assert_eq!(status.ledger.captured + lost(&status), sent);
        assert_eq!(status.ledger.difference, 0);
        running.signal(rustix::process::Signal::TERM);
        assert_eq!(running.end().0, Some(0));
    }
}

#[test]
fn what_lags_sheds_by_guarantee_and_each_message_is_counted() {
    let budget = [
        ("cpu_permille", "60"),
        ("tap_permille", "700"),
        ("lag_ms_max", "1000"),
    ];
    let guarantees = ["at-most-once", "at-least-once", "exactly-once"];
    let flooded = Flooded::new(&budget, guarantees);
    let mut running = flooded.start();
    let mut seen = Vec::new();
    let (_, status) = flooded.flood(|| {
        running.wait_status("every class to be shed", |status| {
            if seen.last() != Some(&status.budget.shedding) {
                seen.push(status.budget.shedding.clone());
            }
            status.budget.shedding.len() == 5 && status.ledger.shed > 0
        })
    });
    let all = [
        "aid.navigation",
        "static.sea",
        "station.base",
        "track.air",
        "track.sea",
    ];
    assert_eq!(status.budget.shedding, all);
    let reasons = status.health.reasons.join("\n");
    assert!(reasons.contains("the pipeline lags and sheds"), "{reasons}");
    let order: Vec<&[String]> = seen
        .iter()
        .map(Vec::as_slice)
        .filter(|one| !one.is_empty())
        .collect();
    assert_eq!(order[0], ["track.sea"], "at most once goes first: {seen:?}");
    assert_eq!(
        order[1],
        ["station.base", "track.sea"],
        "then at least once: {seen:?}"
    );
    let status = running.wait_status("nothing to be shed", |status| {
        status.budget.shedding.is_empty() && status.pipeline.lag_blocks == 0
    });
    assert_eq!(status.ledger.difference, 0);
    let class = |name: &str| {
        status
            .classes
            .iter()
            .find(|class| class.name == name)
            .unwrap()
    };
    let topic = |name: &str| {
        status
            .topics
            .iter()
            .find(|topic| topic.name == name)
            .unwrap()
    };
    let (sea, stations) = (class("track.sea"), class("station.base"));
    assert_eq!(sea.messages, topic("sea").written + sea.shed);
    assert_eq!(stations.messages, topic("stations").written + stations.shed);
    assert!(
        sea.shed > stations.shed,
        "{} and {}",
        sea.shed,
        stations.shed
    );
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.end().0, Some(0));
    let audit = flooded.site.data("data").audit();
    let shed: Vec<&str> = audit
        .iter()
        .filter(|record| record.event == "shed")
        .map(|record| record.detail.as_str())
        .collect();
    assert!(shed.len() >= 6, "each level up and down: {shed:?}");
    assert!(shed[0].contains("track.sea are shed"), "{shed:?}");
    assert!(shed.last().unwrap().contains("nothing is shed"), "{shed:?}");

    // Whoever makes the outputs again from the journal sheds the same.
    let data = flooded.site.data("data");
    let made = data.comparable();
    std::fs::remove_dir_all(data.path.join("topics")).unwrap();
    std::fs::remove_dir_all(data.path.join("snapshots")).unwrap();
    flooded.configure(&[]);
    let mut running = flooded.start();
    running.wait_status("all of the journal", |status| {
        status.pipeline.lag_blocks == 0 && status.ledger.waiting == 0
    });
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.end().0, Some(0));
    let again = data.comparable();
    for ((topic, made), (_, again)) in made.iter().zip(&again) {
        assert_eq!(made.len(), again.len(), "{topic}");
        assert!(made == again, "{topic} differs");
    }
}

#[test]
fn a_flood_that_loses_more_than_it_brings_opens_the_breaker_until_it_ends() {
    let budget = [
        ("cpu_permille", "50"),
        ("drops_permille_max", "300"),
        ("trip_after_ms", "500"),
        ("backoff_ms", "500"),
        ("probe_ms", "500"),
    ];
    let flooded = Flooded::new(&budget, ["exactly-once"; 3]);
    let mut running = flooded.start();
    let (_, status) = flooded.flood(|| {
        running.wait_status("the breaker to open", |status| {
            status.budget.breaker == "Open"
        })
    });
    assert!(!status.budget.mirrors);
    assert_eq!(status.budget.cause.as_deref(), Some("drops"));
    let opened = status.budget.transitions.first().unwrap();
    assert_eq!(
        (opened.from.as_str(), opened.to.as_str()),
        ("Closed", "Open")
    );
    assert!(opened.sample.drops_permille.unwrap() > 300, "{opened:?}");
    assert_eq!(status.health.state, "DEGRADED");
    let status = running.wait_status("the breaker to close", |status| {
        status.budget.breaker == "Closed" && status.pipeline.lag_blocks == 0
    });
    assert!(status.budget.trips >= 1 && status.budget.open_ms >= 500);
    // It mirrors again.
    let before = status.ledger.captured;
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    wait_for("frames to be captured again", || {
        let _ = sender.send_to(SHIP, flooded.to);
        running
            .status()
            .filter(|status| status.ledger.captured > before)
    });
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.end().0, Some(0));
    let audit = flooded.site.data("data").audit();
    let told: Vec<&str> = audit
        .iter()
        .filter(|record| record.event == "breaker")
        .map(|record| record.detail.as_str())
        .collect();
    assert!(told[0].starts_with("Closed → Open: "), "{told:?}");
    assert!(told[0].contains("drops_permille "), "{told:?}");
    assert!(
        told.iter().any(|one| one.starts_with("Open → HalfOpen")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|one| one.starts_with("HalfOpen → Closed")),
        "{told:?}"
    );
}

#[test]
fn cpu_of_others_is_seen_and_opens_the_breaker() {
    let budget = [
        ("host_cpu_permille_max", "200"),
        ("trip_after_ms", "1000"),
        ("backoff_ms", "60000"),
    ];
    let flooded = Flooded::new(&budget, ["exactly-once"; 3]);
    let mut running = flooded.start();
    let stop = AtomicBool::new(false);
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let status = running.wait_status("the breaker to open", |status| {
            status.budget.breaker == "Open"
        });
        stop.store(true, Ordering::Relaxed);
        assert_eq!(status.budget.cause.as_deref(), Some("host-cpu"));
        let opened = status.budget.transitions.first().unwrap();
        assert!(opened.sample.host_cpu_permille.unwrap() > 200, "{opened:?}");
    });
    // What comes now is not the tap's.
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    wait_for("the tap's socket to be closed", || {
        let bound = UdpSocket::bind(flooded.to).ok()?;
        drop(bound);
        Some(())
    });
    let _ = sender.send_to(SHIP, flooded.to);
    assert_eq!(running.status().unwrap().ledger.captured, 0);
}

/// `command` in a mount namespace of its own, where these files of the kernel are not what they are.
/// None, said aloud, where this host allows no such namespace.
fn without(files: &[&str], command: &Command) -> Option<Command> {
    let mounts: String = files
        .iter()
        .map(|file| format!("mount --bind /dev/null {file} && "))
        .collect();
    let unshare = |script: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
        unshare
    };
    let tried = unshare(&format!("{mounts}true")).output();
    if !tried.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this host allows no mount namespace (unshare, util-linux)");
        return None;
    }
    let mut within = unshare(&format!("{mounts}exec \"$@\""));
    within.arg(command.get_program()).args(command.get_args());
    within
        .current_dir(command.get_current_dir().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Some(within)
}

#[test]
fn a_host_that_tells_nothing_of_itself_is_lived_with_and_the_budget_holds() {
    const PERMILLE: u64 = 50;
    let flooded = Flooded::new(&[("cpu_permille", "50")], ["exactly-once"; 3]);
    let files = [
        "/proc/stat",
        "/proc/meminfo",
        "/proc/pressure/cpu",
        "/proc/pressure/memory",
    ];
    let there = files.into_iter().filter(|file| Path::new(file).exists());
    let there: Vec<&str> = there.collect();
    let command = flooded.site.run_command("data", &[]);
    let Some(command) = without(&there, &command) else {
        return;
    };
    let mut running = flooded.site.start_by("data", command);
    let status = running.wait_status("a sample", |status| {
        status.budget.sample.cpu_permille.is_some()
    });
    let unmeasured = status.budget.unmeasured.join("\n");
    for file in files {
        assert!(unmeasured.contains(file), "{file} is not in {unmeasured}");
    }
    assert!(status.process.host_memory_bytes > 0, "sysinfo(2) says it");
    assert!(outrigger::status::render(&status).contains("/proc/meminfo"));
    let (_, seen) = flooded.flood(|| watch_cpu(running.pid(), 4, || {}));
    let (busiest, bound) = (busiest_second(&seen), cpu_ms_max(PERMILLE));
    assert!(busiest <= bound, "{busiest} ms of {bound}");
    // The breaker judges what is left, and answers.
    let mut hold = flooded.site.command();
    hold.args(["ctl", "--config", "data.toml", "hold"]);
    assert!(hold.output().unwrap().status.success());
    running.wait_status("the breaker to open", |status| {
        status.budget.breaker == "Open"
    });
    running.signal(rustix::process::Signal::TERM);
    let (code, _, errors) = running.end();
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("cannot be measured here"), "{errors}");
}

//! What a run says of itself, and how it is steered: the real program over its real sockets.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use outrigger::audit::AuditRecord;
use outrigger::control::{
    Answer, CONNECTIONS_MAX, CONTROL_SOCKET, REQUEST_BYTES_MAX, STATUS_SOCKET, ask, fetch_status,
    status_socket,
};
use outrigger::data::open_to_read;
use outrigger::rulings::{self, Ruling};
use outrigger::status::StatusSnapshot;
use outrigger_journal::{Block, Kind, Reader};
use rustix::process::Signal;

use crate::common::{Deployment, Running, outrigger, quoted, skip, succeed};

/// How long a condition may take to come true before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A port that is free now.
pub fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// A sentence around a payload, with its checksum.
pub fn sentence(payload: &str) -> String {
    let body = format!("AIVDM,1,1,,A,{payload},0");
    let checksum = body.bytes().fold(0, |sum, byte| sum ^ byte);
    format!("!{body}*{checksum:02X}")
}

/// A position report of a ship.
pub fn report() -> String {
    sentence("13u?etPv2;0n:dDPwUM1U1Cb069D")
}

/// The AIS decoder behind a UDP tap named `shore`.
pub fn live(port: u16) -> Deployment {
    Deployment::ais(Path::new("none"))
        .without("taps.shore")
        .set("taps.shore", "kind", quoted("udp"))
        .set("taps.shore", "address", quoted("127.0.0.1"))
        .set("taps.shore", "port", port)
}

/// The same behind a multicast group on the loopback interface.
pub fn grouped(group: &str, port: u16) -> Deployment {
    live(port)
        .unset("taps.shore", "address")
        .set("taps.shore", "group", quoted(group))
        .set("taps.shore", "interface", quoted("lo"))
}

/// Looks until `look` finds something.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// Asks for the status until it is as wanted.
pub fn status_when(
    deployment: &Deployment,
    what: &str,
    wanted: impl Fn(&StatusSnapshot) -> bool,
) -> StatusSnapshot {
    let socket = status_socket(&deployment.data());
    until(what, || {
        fetch_status(&socket).ok().filter(|status| wanted(status))
    })
}

/// Starts it, and waits until it answers and its taps are open.
pub fn start(deployment: &Deployment) -> Running {
    let running = deployment.start();
    until("the runtime answers", || {
        let stderr = running.stderr();
        assert!(!stderr.contains("outrigger: "), "{stderr}");
        fetch_status(&status_socket(&deployment.data())).ok()
    });
    running
}

pub fn send(to: (&str, u16), frames: &[&str]) {
    // The source's address also chooses the interface of a group.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for frame in frames {
        socket.send_to(frame.as_bytes(), to).unwrap();
    }
}

fn at_rest(status: &StatusSnapshot, frames: u64) -> bool {
    let ledger = &status.ledger;
    ledger.captured == frames && ledger.processed + ledger.rejected == frames
}

#[test]
fn status_counts_what_came_and_the_ledger_balances() {
    let port = free_port();
    let deployment = live(port);
    let mut running = start(&deployment);
    let good = report();
    let frames: Vec<&str> = (0..40)
        .map(|at| {
            if at % 4 == 0 {
                "!AIVDM,no sentence"
            } else {
                &good
            }
        })
        .collect();
    send(("127.0.0.1", port), &frames);
    let status = status_when(&deployment, "40 frames are processed", |status| {
        at_rest(status, 40)
    });
    assert_eq!(status.ledger.difference, 0);
    assert_eq!(status.ledger.waiting, 0);
    assert_eq!(status.ledger.shed, 0);
    assert_eq!(status.taps[0].frames, 40);
    assert_eq!(status.taps[0].kind, "udp");
    let class = status
        .classes
        .iter()
        .find(|class| class.name == "track.sea");
    assert_eq!(class.unwrap().messages, 30);
    let plugin = &status.plugins[0];
    assert_eq!(plugin.rejects.values().sum::<u64>(), 10);
    assert_eq!(status.ledger.rejected, 10);
    assert!(plugin.rows >= 40 && plugin.fuel > 0 && plugin.fuel_permille > 0);
    assert_eq!(status.to_verdict.count, 40);
    assert!(status.to_verdict.p50_us <= status.to_verdict.max_us);
    assert_eq!(status.pid, running.pid());
    assert!(status.process.rss_bytes > 0);
    assert!(status.process.budget_enforced);
    let status = status_when(&deployment, "records are in the topics", |status| {
        let written = status.topics.iter().map(|topic| topic.written);
        written.sum::<u64>() == 40
    });
    assert_eq!(
        status
            .dead_letters
            .iter()
            .map(|dead| dead.count)
            .sum::<u64>(),
        10
    );

    let json = succeed(deployment.outrigger("status").arg("--json"));
    let seen: StatusSnapshot = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(seen.ledger, status.ledger);
    let text = succeed(&mut deployment.outrigger("status"));
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.contains("40 captured = 30 processed + 10 rejected"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(running.terminate().success());
}

#[test]
fn a_signal_drains_and_what_is_left_is_nothing() {
    let port = free_port();
    let deployment = live(port);
    let mut running = Running::start(
        deployment.folder(),
        deployment.outrigger("run").arg("--json"),
    );
    status_when(&deployment, "it answers", |_| true);
    let frame = report();
    send(("127.0.0.1", port), &[frame.as_str(); 25]);
    status_when(&deployment, "all is captured", |status| {
        status.taps[0].frames == 25
    });
    running.signal(Signal::INT);
    assert_eq!(running.wait().code(), Some(0));
    let last: StatusSnapshot = serde_json::from_str(&running.stdout()).unwrap();
    assert_eq!(last.ledger.captured, 25);
    assert_eq!(last.ledger.processed, 25);
    assert_eq!(last.ledger.waiting, 0);
    assert_eq!(last.ledger.difference, 0);
    assert_eq!(last.health.state, "STOPPED");
    for socket in [STATUS_SOCKET, CONTROL_SOCKET] {
        assert!(!deployment.data().join(socket).exists());
    }

    let asked = deployment.outrigger("status").output().unwrap();
    assert_eq!(asked.status.code(), Some(3));
    let said = String::from_utf8(asked.stderr).unwrap();
    let data = deployment.data().canonicalize().unwrap();
    assert!(said.contains("no runtime is running"), "{said}");
    assert!(said.contains(data.to_str().unwrap()), "{said}");
    assert!(said.contains("outrigger run --config"), "{said}");
}

#[test]
fn the_ledger_balances_over_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("day.txt");
    let lines = (report() + "\n").repeat(20_000);
    fs::write(&recording, &lines).unwrap();
    let deployment = Deployment::ais(&recording);
    let mut running = deployment.start();
    status_when(&deployment, "some of it is captured", |status| {
        status.taps[0].frames > 0
    });
    running.kill();
    let output = succeed(deployment.outrigger("run").args(["--until-idle", "--json"]));
    let last: StatusSnapshot = serde_json::from_slice(&output.stdout).unwrap();
    let ledger = &last.ledger;
    assert_eq!(ledger.difference, 0, "{ledger:?}");
    assert_eq!(ledger.waiting, 0, "{ledger:?}");
    assert_eq!(
        ledger.captured,
        ledger.processed + ledger.rejected,
        "{ledger:?}"
    );
    let topic = open_to_read(&deployment.data(), "topics/track-sea").unwrap();
    let held = outrigger_journal::stat(&topic).unwrap();
    assert_eq!(held.streams[0].records, 20_000);
}

#[test]
fn idle_clients_block_nobody() {
    let deployment = live(free_port());
    let mut running = start(&deployment);
    let data = deployment.data();
    let connect = |socket: &str| UnixStream::connect(data.join(socket)).unwrap();
    let idle: Vec<UnixStream> = (1..CONNECTIONS_MAX)
        .map(|_| connect(CONTROL_SOCKET))
        .collect();
    let unread: Vec<UnixStream> = (1..CONNECTIONS_MAX)
        .map(|_| connect(STATUS_SOCKET))
        .collect();
    fetch_status(&status_socket(&data)).unwrap();
    let answer = ask(&data, &outrigger::control::Command::Snapshot {}).unwrap();
    assert!(answer.ok, "{answer:?}");
    // One more than there is room for is closed unanswered, and the room comes back.
    let more = [connect(CONTROL_SOCKET), connect(CONTROL_SOCKET)];
    let mut line = String::new();
    let mut last = BufReader::new(&more[1]);
    assert_eq!(last.read_line(&mut line).unwrap_or(0), 0);
    drop((idle, unread, more));
    until("there is room again", || {
        let answer = ask(&data, &outrigger::control::Command::Snapshot {});
        answer.ok().filter(|answer| answer.ok)
    });
    assert!(running.terminate().success());
}

#[test]
fn bad_requests_are_refused_and_the_run_goes_on() {
    let deployment = live(free_port());
    let mut running = start(&deployment);
    let path = deployment.data().join(CONTROL_SOCKET);
    let long = vec![b'x'; 4 * REQUEST_BYTES_MAX];
    let random: Vec<u8> = (0..200u32).map(|at| (at * 167 % 256) as u8).collect();
    let requests: [&[u8]; 9] = [
        b"",
        b"\n",
        b"secret-payload\n",
        &random,
        &long,
        b"{\"command\":\"reload\"}\n",
        b"{\"command\":\"pause\"}\n",
        b"{\"command\":\"pause\",\"tap\":7}\n",
        b"{\"command\":\"pause\",\"tap\":\"shore\",\"and\":1}\n",
    ];
    for request in requests {
        let mut stream = UnixStream::connect(&path).unwrap();
        // It may refuse before it has read all.
        let _ = stream.write_all(request);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        let answer: Answer = serde_json::from_str(&line).unwrap();
        assert!(!answer.ok, "{request:?}");
        assert!(!answer.message.contains("secret"), "{}", answer.message);
    }
    // And one that breaks off.
    drop(UnixStream::connect(&path).unwrap());
    let mut cut = UnixStream::connect(&path).unwrap();
    cut.write_all(b"{\"comm").unwrap();
    drop(cut);
    let status = fetch_status(&status_socket(&deployment.data())).unwrap();
    assert!(!status.taps[0].paused);
    assert!(running.terminate().success());
    let refused = audit(&deployment);
    let refused = refused.iter().filter(|record| record.event == "refused");
    assert!(refused.count() >= requests.len());
    assert!(!running.stderr().contains("secret"));
}

/// True while this host is in the group. The kernel writes its address backwards.
fn is_joined(group: [u8; 4]) -> bool {
    let [a, b, c, d] = group;
    let address = format!("{d:02X}{c:02X}{b:02X}{a:02X}");
    fs::read_to_string("/proc/net/igmp")
        .unwrap()
        .contains(&address)
}

#[test]
fn a_held_breaker_leaves_the_group_and_a_released_one_comes_back_by_slices() {
    let (group, address) = ([239, 192, 71, 10], "239.192.71.10");
    let port = free_port();
    let deployment = grouped(address, port)
        .set("budget", "backoff_ms", 500)
        .set("budget", "probe_ms", 500);
    let mut running = start(&deployment);
    until("the group is joined", || is_joined(group).then_some(()));
    let held = succeed(deployment.outrigger("ctl").arg("hold"));
    assert!(String::from_utf8_lossy(&held.stdout).contains("until it is released"));
    until("the group is left", || (!is_joined(group)).then_some(()));
    let status = fetch_status(&status_socket(&deployment.data())).unwrap();
    assert_eq!(status.budget.cause.as_deref(), Some("operator"));
    assert_eq!(status.budget.remaining_ms, None);
    assert_eq!(status.health.state, "DEGRADED");
    let again = deployment.outrigger("ctl").arg("hold").output().unwrap();
    assert!(String::from_utf8_lossy(&again.stderr).contains("held already"));
    send((address, port), &[report().as_str(); 3]);
    succeed(deployment.outrigger("ctl").arg("release"));
    let status = status_when(&deployment, "the breaker closes", |status| {
        status.budget.breaker == "Closed"
    });
    assert_eq!(
        status.taps[0].frames, 0,
        "what came meanwhile is not captured"
    );
    until("the group is joined again", || {
        is_joined(group).then_some(())
    });
    let states: Vec<&str> = status
        .budget
        .transitions
        .iter()
        .map(|change| change.to.as_str())
        .collect();
    assert_eq!(states, ["Open", "HalfOpen", "Closed"]);
    send((address, port), &[report().as_str(); 3]);
    status_when(&deployment, "3 frames came", |status| {
        status.taps[0].frames == 3
    });
    assert!(running.terminate().success());
    let audit = audit(&deployment);
    for event in ["hold", "release", "breaker"] {
        assert!(audit.iter().any(|record| record.event == event), "{event}");
    }
}

#[test]
fn a_paused_tap_leaves_its_group_and_a_resumed_one_comes_back() {
    let (group, address) = ([239, 192, 71, 9], "239.192.71.9");
    let port = free_port();
    let deployment = grouped(address, port);
    let mut running = start(&deployment);
    until("the group is joined", || is_joined(group).then_some(()));
    let frame = report();
    send((address, port), &[frame.as_str(); 3]);
    status_when(&deployment, "3 frames came", |status| {
        status.taps[0].frames == 3
    });
    succeed(deployment.outrigger("ctl").args(["pause", "shore"]));
    until("the group is left", || (!is_joined(group)).then_some(()));
    let paused = fetch_status(&status_socket(&deployment.data())).unwrap();
    assert!(paused.taps[0].paused);
    assert_eq!(paused.health.state, "DEGRADED");
    assert_eq!(paused.health.reasons, ["tap shore is paused"]);
    send((address, port), &[frame.as_str(); 10]);

    let again = deployment
        .outrigger("ctl")
        .args(["pause", "shore"])
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(4));
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(said.contains("it is paused already"), "{said}");

    succeed(deployment.outrigger("ctl").args(["resume", "shore"]));
    until("the group is joined again", || {
        is_joined(group).then_some(())
    });
    send((address, port), &[frame.as_str(); 2]);
    let resumed = status_when(&deployment, "2 more frames came", |status| {
        at_rest(status, 5)
    });
    assert_eq!(resumed.taps[0].frames, 5, "nothing of the pause");
    assert_eq!(resumed.ledger.difference, 0);
    assert!(running.terminate().success());
}

/// All rulings in the journal.
fn rulings(deployment: &Deployment) -> Vec<Ruling> {
    let dir = open_to_read(&deployment.data(), "journal").unwrap();
    let mut reader = Reader::open(&dir).unwrap();
    let mut block = Block::default();
    let mut all = Vec::new();
    while reader.next(&mut block).unwrap() {
        if block.header.kind == Kind::Rulings {
            all.extend(rulings::decode(&block.columns).unwrap());
        }
    }
    all
}

/// All records of the audit log.
fn audit(deployment: &Deployment) -> Vec<AuditRecord> {
    let dir = open_to_read(&deployment.data(), "topics/_audit").unwrap();
    let mut reader = Reader::open(&dir).unwrap();
    let mut block = Block::default();
    let mut all = Vec::new();
    while reader.next(&mut block).unwrap() {
        for (_, bytes) in block.columns.iter() {
            all.push(rmp_serde::from_slice(bytes).unwrap());
        }
    }
    all
}

#[test]
fn each_command_is_a_ruling_and_in_the_audit_log() {
    let port = free_port();
    // So little fuel that every call faults, until the decoder is quarantined.
    let deployment = live(port)
        .set("plugins.ais", "message_fuel", 1)
        .set("plugins.ais", "call_fuel", 0)
        .set("plugins.ais", "faults_max", 3);
    let mut running = start(&deployment);
    let frame = report();
    send(("127.0.0.1", port), &[frame.as_str(); 8]);
    let status = status_when(&deployment, "the decoder is quarantined", |status| {
        status.plugins[0].quarantined && at_rest(status, 8)
    });
    assert_eq!(status.health.state, "DEGRADED");
    let reason = "plugin ais is quarantined".to_owned();
    assert!(
        status.health.reasons.contains(&reason),
        "{:?}",
        status.health
    );
    assert_eq!(status.ledger.difference, 0);

    let ctl = |words: &[&str]| {
        let mut command = deployment.outrigger("ctl");
        let output = command.arg("--json").args(words).output().unwrap();
        serde_json::from_slice::<Answer>(&output.stdout).unwrap()
    };
    assert!(ctl(&["lift", "ais"]).ok);
    status_when(&deployment, "it is lifted with the next block", |status| {
        send(("127.0.0.1", port), &[]);
        !status.plugins[0].quarantined
    });
    assert!(!ctl(&["lift", "nobody"]).ok);
    assert!(ctl(&["pause", "shore"]).ok);
    assert!(!ctl(&["pause", "elsewhere"]).ok);
    assert!(ctl(&["resume", "shore"]).ok);
    assert!(ctl(&["snapshot"]).ok);
    assert!(running.terminate().success());

    let uid = rustix::process::geteuid().as_raw();
    let rulings = rulings(&deployment);
    let tap = |paused| Ruling::Tap {
        tap: "shore".to_owned(),
        paused,
        uid,
    };
    assert!(rulings.contains(&tap(true)) && rulings.contains(&tap(false)));
    let lifted = rulings.iter().filter(|ruling| {
        matches!(ruling, Ruling::Lift { plugin, uid: by, .. } if plugin == "ais" && *by == uid)
    });
    assert_eq!(lifted.count(), 1);
    let restarts = rulings
        .iter()
        .filter(|ruling| matches!(ruling, Ruling::Restart { .. }));
    assert_eq!(restarts.count(), 2, "one asked for, one at the end");

    let audit = audit(&deployment);
    let found = |event: &str, detail: &str| {
        let mut records = audit.iter();
        records.any(|record| {
            record.event == event
                && record.detail.starts_with(detail)
                && record.uid == Some(uid)
                && record.pid.is_some()
        })
    };
    for (event, object) in [
        ("pause", "tap shore"),
        ("resume", "tap shore"),
        ("lift", "plugin ais"),
        ("snapshot", "the pipeline"),
    ] {
        assert!(
            found(event, &format!("{object}: asked")),
            "{event}: {audit:?}"
        );
        assert!(
            found(event, &format!("{object}: done")),
            "{event}: {audit:?}"
        );
    }
    assert!(found("refused", "lift plugin nobody"), "{audit:?}");
    assert!(found("refused", "pause tap elsewhere"), "{audit:?}");
}

#[test]
fn sockets_are_their_owners_and_replace_what_a_crash_left() {
    let deployment = live(free_port());
    let mut killed = start(&deployment);
    killed.kill();
    let data = deployment.data();
    assert!(
        data.join(STATUS_SOCKET).exists(),
        "a killed runtime leaves its sockets"
    );
    let left = deployment.outrigger("status").output().unwrap();
    assert_eq!(left.status.code(), Some(3), "nobody listens there");
    let mut running = start(&deployment);
    for name in [STATUS_SOCKET, CONTROL_SOCKET] {
        let metadata = fs::metadata(data.join(name)).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
        assert!(!data.join(format!("{name}.new")).exists());
    }
    let status = fetch_status(&status_socket(&data)).unwrap();
    assert_eq!(status.pid, running.pid());
    assert!(running.terminate().success());
}

#[test]
fn a_path_too_long_for_a_socket_is_no_hindrance() {
    let deep = format!("{}/{}", "d".repeat(100), "e".repeat(100));
    let deployment = live(free_port()).set("runtime", "data_dir", quoted(&deep));
    let mut running = deployment.start();
    let json = until("it answers", || {
        let output = deployment
            .outrigger("status")
            .arg("--json")
            .output()
            .unwrap();
        output.status.success().then_some(output.stdout)
    });
    let status: StatusSnapshot = serde_json::from_slice(&json).unwrap();
    assert_eq!(status.pid, running.pid());
    succeed(deployment.outrigger("ctl").arg("snapshot"));
    assert!(running.terminate().success());
    assert!(!deployment.folder().join(&deep).join(STATUS_SOCKET).exists());
}

#[test]
fn another_user_is_refused_and_written_down() {
    if !rustix::process::geteuid().is_root() {
        skip("only root can be another user");
        return;
    }
    let deployment = live(free_port());
    let mut running = start(&deployment);
    // Even where the file's mode would let others in, the kernel's word counts.
    let data = deployment.data();
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    open(deployment.folder(), 0o755);
    open(&data, 0o755);
    let program = deployment.folder().join("outrigger");
    fs::copy(outrigger().get_program(), &program).unwrap();
    let ask_as_nobody = || {
        let mut command = Command::new(&program);
        command
            .args(["status", "--socket"])
            .arg(data.join(STATUS_SOCKET));
        let output = command.uid(65_534).gid(65_534).output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        String::from_utf8(output.stderr).unwrap()
    };
    let denied = ask_as_nobody();
    assert!(denied.contains("belongs to another user"), "{denied}");
    open(&data.join(STATUS_SOCKET), 0o666);
    let refused = ask_as_nobody();
    assert!(refused.contains("closed without an answer"), "{refused}");
    assert!(running.terminate().success());
    let written = audit(&deployment);
    let refusal = written.iter().find(|record| record.event == "refused");
    assert_eq!(refusal.unwrap().uid, Some(65_534));
}

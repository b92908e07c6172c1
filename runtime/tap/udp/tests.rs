#![allow(clippy::unwrap_used)]

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::SockRef;

use super::*;
use crate::clock::{SystemClock, TestClock};
use crate::tests::limits;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Long enough for any loaded machine; a datagram on loopback is there before its sender returns.
const WAIT: Duration = Duration::from_secs(10);

fn unicast() -> UdpConfig {
    UdpConfig {
        address: LOCAL,
        group: None,
        port: 0,
        interface: None,
        receive_buffer_bytes: 1 << 20,
        datagram_bytes_max: 2_048,
    }
}

/// A group of its own for each test, on loopback.
fn multicast(last: u8) -> UdpConfig {
    UdpConfig {
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        group: Some(IpAddr::V4(Ipv4Addr::new(239, 77, 13, last))),
        interface: Some("lo".to_owned()),
        ..unicast()
    }
}

fn open(config: &UdpConfig) -> UdpTap {
    UdpTap::open(config, Box::new(SystemClock::new())).unwrap()
}

/// A socket that sends to where the tap receives, through loopback.
fn sender(tap: &UdpTap) -> UdpSocket {
    let to = tap.facts.local.unwrap();
    let any = SocketAddr::new(
        match to {
            SocketAddr::V4(_) => LOCAL,
            SocketAddr::V6(_) => "::1".parse().unwrap(),
        },
        0,
    );
    let socket = UdpSocket::bind(any).unwrap();
    if to.ip().is_multicast() && to.is_ipv4() {
        let raw = SockRef::from(&socket);
        raw.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        raw.set_multicast_loop_v4(true).unwrap();
    }
    socket.connect(to).unwrap();
    socket
}

fn waiting() -> ReadLimits {
    ReadLimits {
        wait: WAIT,
        ..limits()
    }
}

/// Everything queued.
fn drain(tap: &mut UdpTap) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut into = Columns::new();
    while tap.read(&mut into, &limits()).unwrap() == Progress::Frames {
        frames.extend(into.iter().map(|(_, frame)| frame.to_vec()));
        into.clear();
    }
    frames
}

#[test]
fn datagrams_come_whole_in_order_with_their_times() {
    let mut tap = open(&unicast());
    let sender = sender(&tap);
    let clock = SystemClock::new();
    let before = clock.wall_ns();
    let sent: Vec<Vec<u8>> = (0..200u16)
        .map(|n| n.to_be_bytes().repeat(n.into()))
        .collect();
    for frame in &sent {
        sender.send(frame).unwrap();
    }
    let mut into = Columns::new();
    assert_eq!(tap.read(&mut into, &waiting()).unwrap(), Progress::Frames);
    let frames: Vec<Vec<u8>> = into.iter().map(|(_, frame)| frame.to_vec()).collect();
    // The first is empty: a datagram is a frame, whatever it holds.
    assert_eq!(frames, sent);
    assert_eq!(tap.facts().kernel_times, Some(true));
    let times = into.times_ns();
    assert!(times.is_sorted());
    let after = clock.wall_ns();
    assert!(times.iter().all(|time| (before..=after).contains(time)));
    let bytes = sent.iter().map(|frame| frame.len() as u64).sum();
    let counts = tap.counts();
    assert_eq!((counts.frames, counts.bytes), (200, bytes));
    assert!(!tap.finite() && !tap.recorded_time());
}

#[test]
fn capture_time_is_when_the_kernel_received() {
    let mut tap = open(&unicast());
    let sender = sender(&tap);
    let clock = SystemClock::new();
    let mut into = Columns::new();
    // The kernel begins to stamp a moment after it was asked; until then it tells the time of the
    // read. So it is tried until a stamp shows, not for a time.
    loop {
        sender.send(b"x").unwrap();
        let sent_ns = clock.wall_ns();
        into.clear();
        assert_eq!(tap.read(&mut into, &waiting()).unwrap(), Progress::Frames);
        if into.times_ns()[0] <= sent_ns {
            break;
        }
    }
}

#[test]
fn silence_is_idle() {
    let mut tap = open(&unicast());
    let mut into = Columns::new();
    for wait in [Duration::ZERO, Duration::from_millis(1)] {
        let limits = ReadLimits { wait, ..limits() };
        assert_eq!(tap.read(&mut into, &limits).unwrap(), Progress::Idle);
    }
    assert!(into.is_empty());
}

#[test]
fn oversized_is_counted_and_never_passed() {
    let config = UdpConfig {
        datagram_bytes_max: 8,
        ..unicast()
    };
    let mut tap = open(&config);
    let sender = sender(&tap);
    for bytes in [8, 9, 3, 60_000, 0, 8] {
        sender.send(&vec![bytes as u8; bytes]).unwrap();
    }
    let lengths: Vec<usize> = drain(&mut tap).iter().map(Vec::len).collect();
    assert_eq!(lengths, [8, 3, 0, 8]);
    assert_eq!(tap.counts().oversized, 2);
    // Nothing but oversized is no frame.
    sender.send(&[0; 9]).unwrap();
    let mut into = Columns::new();
    assert_eq!(tap.read(&mut into, &limits()).unwrap(), Progress::Idle);
}

#[test]
fn limits_hold_and_nothing_is_lost_between_reads() {
    for (frames_max, bytes_max) in [(1, 1_000), (7, 1_000), (100, 25), (100, 30), (100, 5)] {
        let mut tap = open(&unicast());
        let sender = sender(&tap);
        for n in 0..150u8 {
            sender.send(&[n; 10]).unwrap();
        }
        let limits = ReadLimits {
            frames_max,
            bytes_max,
            ..limits()
        };
        let mut seen = Vec::new();
        let mut into = Columns::new();
        while tap.read(&mut into, &limits).unwrap() == Progress::Frames {
            assert!(into.len() <= frames_max);
            assert!(into.bytes().len() <= bytes_max || into.len() == 1);
            seen.extend(into.iter().map(|(_, frame)| frame[0]));
            into.clear();
        }
        assert_eq!(seen, (0..150).collect::<Vec<u8>>());
    }
}

#[test]
fn full_columns_are_left_alone() {
    let mut tap = open(&unicast());
    sender(&tap).send(b"a").unwrap();
    let mut into = Columns::new();
    into.push(1, b"x");
    let limits = ReadLimits {
        frames_max: 1,
        ..waiting()
    };
    assert_eq!(tap.read(&mut into, &limits).unwrap(), Progress::Idle);
    assert_eq!(into.len(), 1);
    into.clear();
    assert_eq!(tap.read(&mut into, &limits).unwrap(), Progress::Frames);
    assert_eq!(into.get(0), Some(&b"a"[..]));
}

/// A clock that sends a datagram when the tap sleeps, as a bus would meanwhile.
struct SendingClock {
    clock: TestClock,
    sender: UdpSocket,
}

impl Clock for SendingClock {
    fn wall_ns(&self) -> u64 {
        self.clock.wall_ns()
    }

    fn uptime(&self) -> Duration {
        self.clock.uptime()
    }

    fn sleep(&self, time: Duration) {
        self.sender.send(b"meanwhile").unwrap();
        self.clock.sleep(time);
    }
}

#[test]
fn first_datagram_waits_for_others_once() {
    let mut tap = open(&unicast());
    let clock = TestClock::default();
    let sender = sender(&tap);
    tap.clock = Box::new(SendingClock {
        clock: clock.clone(),
        sender: sender.try_clone().unwrap(),
    });
    sender.send(b"first").unwrap();
    let limits = ReadLimits {
        delay: Duration::from_millis(3),
        ..waiting()
    };
    let mut into = Columns::new();
    assert_eq!(tap.read(&mut into, &limits).unwrap(), Progress::Frames);
    let frames: Vec<&[u8]> = into.iter().map(|(_, frame)| frame).collect();
    // The test clock is behind the kernel's stamps, so no time has passed since the capture.
    assert_eq!(frames, [&b"first"[..], b"meanwhile"]);
    assert_eq!(clock.uptime(), limits.delay);
}

#[test]
fn datagram_that_waited_in_the_kernel_does_not_wait_again() {
    let mut tap = open(&unicast());
    let clock = TestClock::default();
    // Ahead of the kernel's stamps by a century.
    clock.sleep(Duration::from_secs(100 * 365 * 86_400));
    let before = clock.uptime();
    tap.clock = Box::new(clock.clone());
    sender(&tap).send(b"old").unwrap();
    let limits = ReadLimits {
        delay: Duration::from_millis(3),
        ..waiting()
    };
    let mut into = Columns::new();
    assert_eq!(tap.read(&mut into, &limits).unwrap(), Progress::Frames);
    assert_eq!(clock.uptime(), before);
}

#[test]
fn drops_of_the_kernel_are_counted_exactly() {
    let config = UdpConfig {
        receive_buffer_bytes: 4_096,
        ..unicast()
    };
    let mut tap = open(&config);
    let sender = sender(&tap);
    const SENT: u64 = 2_000;
    for n in 0..SENT {
        sender.send(&n.to_be_bytes().repeat(64)).unwrap();
    }
    // Seen at once in the kernel's table, although nothing was read yet.
    let dropped = tap.counts().socket_drops;
    assert!(dropped > 0);
    let received = drain(&mut tap).len() as u64;
    assert_eq!(received + dropped, SENT);
    // And with the next datagram that comes.
    assert_eq!(tap.counts().kernel_drops, 0);
    sender.send(b"later").unwrap();
    assert_eq!(drain(&mut tap), [b"later"]);
    let counts = tap.counts();
    assert_eq!(
        (counts.kernel_drops, counts.socket_drops),
        (dropped, dropped)
    );
    // A second flood adds to the first.
    for _ in 0..SENT {
        sender.send(&[0; 512]).unwrap();
    }
    let received = drain(&mut tap).len() as u64;
    assert_eq!(tap.counts().socket_drops, dropped + SENT - received);
}

#[test]
fn receive_buffer_asked_and_got_are_told() {
    let tap = open(&unicast());
    let facts = tap.facts();
    assert_eq!(facts.receive_buffer_asked_bytes, Some(1 << 20));
    // Less where the host's limit is lower and we lack the privilege; never more.
    let got = facts.receive_buffer_got_bytes.unwrap();
    assert!((4_096..=1 << 20).contains(&got), "{got}");
}

#[test]
fn group_is_heard_on_loopback() {
    let config = multicast(1);
    let mut tap = open(&config);
    sender(&tap).send(b"to the group").unwrap();
    let mut into = Columns::new();
    assert_eq!(tap.read(&mut into, &waiting()).unwrap(), Progress::Frames);
    assert_eq!(into.get(0), Some(&b"to the group"[..]));
    let facts = tap.facts();
    assert_eq!(facts.interface.as_deref(), Some("lo"));
    assert_eq!(facts.group, config.group);
    assert!(tap.origin().starts_with("udp:239.77.13.1:"));
}

#[test]
fn interface_can_be_named_by_its_address() {
    for config in [
        UdpConfig {
            interface: Some("127.0.0.1".to_owned()),
            ..multicast(2)
        },
        UdpConfig {
            interface: None,
            address: LOCAL,
            ..multicast(2)
        },
    ] {
        let mut tap = open(&config);
        assert_eq!(tap.facts().interface.as_deref(), Some("lo"));
        sender(&tap).send(b"x").unwrap();
        assert_eq!(drain(&mut tap), [b"x"]);
    }
}

#[test]
fn other_groups_and_own_address_are_not_heard() {
    let mut tap = open(&multicast(3));
    let port = tap.facts.local.unwrap().port();
    // Joined by someone on this host, at the same port.
    let other = open(&UdpConfig {
        port,
        ..multicast(4)
    });
    sender(&other).send(b"other group").unwrap();
    let socket = UdpSocket::bind((LOCAL, 0)).unwrap();
    socket.send_to(b"own address", (LOCAL, port)).unwrap();
    assert_eq!(drain(&mut tap), Vec::<Vec<u8>>::new());
    sender(&tap).send(b"own group").unwrap();
    assert_eq!(drain(&mut tap), [b"own group"]);
}

#[test]
fn two_taps_and_a_legacy_listener_share_a_group() {
    let mut first = open(&multicast(5));
    let port = first.facts.local.unwrap().port();
    let mut second = open(&UdpConfig {
        port,
        ..multicast(5)
    });
    sender(&first).send(b"for all").unwrap();
    assert_eq!(drain(&mut first), [b"for all"]);
    assert_eq!(drain(&mut second), [b"for all"]);
}

/// Groups that this host has joined over IPv4.
fn joined() -> String {
    std::fs::read_to_string("/proc/net/igmp").unwrap()
}

#[test]
fn closing_leaves_the_group() {
    // 239.77.13.6, as the table writes it.
    let entry = "060D4DEF";
    assert!(!joined().contains(entry));
    let tap = open(&multicast(6));
    assert!(joined().contains(entry));
    drop(tap);
    assert!(!joined().contains(entry));
}

#[test]
fn nothing_is_sent_to_the_bus() {
    for config in [unicast(), multicast(7)] {
        let mut tap = open(&config);
        let sender = sender(&tap);
        // Where an answer of any kind would arrive, unconnected so that none is filtered.
        let from = UdpSocket::bind((LOCAL, 0)).unwrap();
        SockRef::from(&from)
            .set_multicast_if_v4(&Ipv4Addr::LOCALHOST)
            .unwrap();
        for frame in [&b"a"[..], b"", &[0xff; 2_049], &[0; 2_048]] {
            sender.send(frame).unwrap();
            from.send_to(frame, tap.facts.local.unwrap()).unwrap();
        }
        assert_eq!(drain(&mut tap).len(), 6);
        tap.counts();
        drop(tap);
        // What loopback carries arrives before the sender returns: now, or never.
        for socket in [from, sender] {
            socket.set_nonblocking(true).unwrap();
            let answer = socket.recv(&mut [0; 64]).map_err(|error| error.kind());
            assert_eq!(answer, Err(ErrorKind::WouldBlock));
        }
    }
}

#[test]
fn ipv6_unicast_is_heard() {
    let address: IpAddr = "::1".parse().unwrap();
    if UdpSocket::bind((address, 0)).is_err() {
        eprintln!("skipped: no IPv6 on this host");
        return;
    }
    let mut tap = open(&UdpConfig {
        address,
        ..unicast()
    });
    sender(&tap).send(b"six").unwrap();
    assert_eq!(drain(&mut tap), [b"six"]);
    assert_eq!(tap.counts().socket_drops, 0);
    assert!(tap.drops.read().is_some(), "found in the table of IPv6");
}

#[test]
fn random_payloads_come_unchanged() {
    let mut tap = open(&unicast());
    let sender = sender(&tap);
    // A linear congruential generator (Knuth, MMIX) is random enough for bytes.
    let mut state = 1u64;
    for _ in 0..500 {
        let frame: Vec<u8> = (0..state % 2_048)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        state = state.wrapping_add(12_345);
        sender.send(&frame).unwrap();
        assert_eq!(drain(&mut tap), [frame]);
    }
}

fn error(config: &UdpConfig) -> TapError {
    match UdpTap::open(config, Box::new(SystemClock::new())) {
        Ok(_) => panic!("{config:?} was opened"),
        Err(error) => error,
    }
}

#[test]
fn unknown_interface_is_answered_with_those_there_are() {
    let mut config = multicast(8);
    config.interface = Some("eth77".to_owned());
    config.port = 4_001;
    let error = error(&config);
    assert!(error.is_retryable(), "it may come up");
    let text = error.to_string();
    let start = "tap udp 239.77.13.8:4001: cannot join the group on interface eth77: there is no \
                 such interface; interfaces here: lo (127.0.0.1)";
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn port_in_use_is_told_with_its_remedy() {
    let tap = open(&unicast());
    let port = tap.facts.local.unwrap().port();
    let error = error(&UdpConfig { port, ..unicast() });
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        format!(
            "tap udp 127.0.0.1:{port}: cannot bind the address: Address already in use (os error \
             98); another process receives at this port: `ss -lunp` names it"
        )
    );
}

#[test]
fn address_of_another_host_is_told_with_its_remedy() {
    // TEST-NET-1 (RFC 5737): no host has it.
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    let text = error(&UdpConfig {
        address,
        ..unicast()
    })
    .to_string();
    assert!(text.contains("no interface has this address"), "{text}");
}

#[test]
fn what_no_socket_can_be_is_refused() {
    let not_a_group = UdpConfig {
        group: Some(LOCAL),
        ..unicast()
    };
    let families = UdpConfig {
        group: Some("ff02::1".parse().unwrap()),
        ..unicast()
    };
    let group_as_address = UdpConfig {
        address: "239.1.1.1".parse().unwrap(),
        ..unicast()
    };
    let interface_alone = UdpConfig {
        interface: Some("lo".to_owned()),
        ..unicast()
    };
    for (config, cause) in [
        (not_a_group, "the group is no multicast address"),
        (families, "group and address are of different families"),
        (
            group_as_address,
            "the address is multicast: name it as group",
        ),
        (interface_alone, "an interface is chosen only for a group"),
    ] {
        let error = error(&config);
        assert!(!error.is_retryable());
        assert!(error.to_string().contains(cause), "{error}");
    }
}

#[test]
fn table_of_drops_is_read_by_inode() {
    let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
                 uid  timeout inode ref pointer drops\n\
                 10: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0  \
                 0 4711 2 0000000000000000 3\n\
                 11: 00000000:1388 00000000:0000 07 00000000:00000000 00:00000000 00000000     0  \
                 0 4712 2 0000000000000000 99\n\
                 broken\n";
    assert_eq!(drops::find(table.as_bytes(), 4711), Some(3));
    assert_eq!(drops::find(table.as_bytes(), 4712), Some(99));
    assert_eq!(drops::find(table.as_bytes(), 1), None);
    assert_eq!(drops::find(&b""[..], 1), None);
}

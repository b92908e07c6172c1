#![allow(clippy::unwrap_used)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use super::*;
use crate::clock::TestClock;
use crate::config::{Endian, Framing};
use crate::tests::limits;

/// Longest wait for what must come.
const WAIT: Duration = Duration::from_secs(10);

struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    fn config(&self, framing: Framing) -> TcpConfig {
        TcpConfig {
            host: "127.0.0.1".to_owned(),
            port: self.address.port(),
            framing,
            frame_bytes_max: 64,
        }
    }

    fn accept(&self) -> TcpStream {
        let stream = self.listener.accept().unwrap().0;
        stream.set_nodelay(true).unwrap();
        stream
    }
}

/// A tap whose backoff does not take time.
fn open(config: &TcpConfig) -> TcpTap {
    TcpTap::open(config, Box::new(TestClock::default()))
}

fn waiting() -> ReadLimits {
    ReadLimits {
        wait: WAIT,
        ..limits()
    }
}

/// Reads through the backoff, until the next attempt is under way.
fn begin_to_connect(tap: &mut TcpTap) {
    while !matches!(tap.link, Link::Connecting(_)) {
        tap.read(&mut Columns::new(), &waiting()).unwrap();
    }
}

/// Reads until there are so many frames.
fn frames(tap: &mut TcpTap, count: usize) -> Vec<Vec<u8>> {
    let mut into = Columns::new();
    while into.len() < count {
        tap.read(&mut into, &waiting()).unwrap();
    }
    into.iter().map(|(_, frame)| frame.to_vec()).collect()
}

/// Reads until something is counted.
fn until(tap: &mut TcpTap, done: impl Fn(&TapCounts) -> bool) {
    let mut into = Columns::new();
    while !done(&tap.counts()) {
        tap.read(&mut into, &waiting()).unwrap();
        assert!(into.is_empty(), "no frame was sent");
    }
}

const PREFIXED: Framing = Framing::LengthPrefixed {
    prefix_bytes: 2,
    endian: Endian::Big,
    includes_itself: false,
};

#[test]
fn every_framing_comes_through_a_socket_byte_by_byte() {
    let beast = [
        0x1a, b'2', 1, 2, 3, 4, 5, 6, 0x1a, 0x1a, 7, 7, 7, 7, 7, 7, 0x1a, 0x1a,
    ];
    let beast_frame = vec![0x1a, b'2', 1, 2, 3, 4, 5, 6, 0x1a, 7, 7, 7, 7, 7, 7, 0x1a];
    let cases: [(Framing, &[u8], Vec<u8>); 3] = [
        (Framing::Line, b"!AIVDM\r\n", b"!AIVDM".to_vec()),
        (PREFIXED, b"\0\x03abc", b"abc".to_vec()),
        (Framing::Beast, &beast, beast_frame),
    ];
    for (framing, wire, frame) in cases {
        let server = Server::new();
        let mut tap = open(&server.config(framing));
        let mut stream = server.accept();
        let mut into = Columns::new();
        for _ in 0..3 {
            for byte in wire {
                stream.write_all(&[*byte]).unwrap();
                // A look in between, so that bytes come apart.
                tap.read(&mut into, &limits()).unwrap();
            }
        }
        while into.len() < 3 {
            tap.read(&mut into, &waiting()).unwrap();
        }
        assert!(into.iter().all(|(_, came)| came == frame), "{framing:?}");
        assert_eq!(tap.counts().truncated, 0);
        assert_eq!(tap.facts().peer, Some(server.address));
    }
}

#[test]
fn lost_connection_is_made_again() {
    let server = Server::new();
    let mut tap = open(&server.config(Framing::Line));
    for round in 0..5u64 {
        let mut stream = server.accept();
        stream.write_all(b"whole\npart").unwrap();
        assert_eq!(frames(&mut tap, 1), [b"whole"]);
        drop(stream);
        until(&mut tap, |counts| counts.reconnects == round + 1);
        let facts = tap.facts();
        assert_eq!(facts.peer, None);
        assert_eq!(
            facts.last_error.as_deref(),
            Some("the server closed the connection")
        );
        begin_to_connect(&mut tap);
    }
    let counts = tap.counts();
    assert_eq!(
        (counts.frames, counts.truncated, counts.reconnects),
        (5, 5, 5)
    );
}

#[test]
fn refused_connection_is_tried_again_ever_more_slowly() {
    // A port that was free a moment ago.
    let server = Server::new();
    let config = server.config(Framing::Line);
    drop(server);
    let clock = TestClock::default();
    let mut tap = TcpTap::open(&config, Box::new(clock.clone()));
    let mut waits = Vec::new();
    for failures in 1..=10 {
        let before = clock.uptime();
        until(&mut tap, |counts| counts.connect_failures == failures);
        waits.push((clock.uptime() - before).as_millis());
    }
    let expected = [0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000];
    assert_eq!(waits, expected);
    let error = tap.facts().last_error.unwrap();
    let start = format!("cannot connect to 127.0.0.1:{}: ", config.port);
    assert!(error.starts_with(&start), "{error}");
}

#[test]
fn frame_ends_the_backoff() {
    let server = Server::new();
    let mut tap = open(&server.config(Framing::Line));
    tap.backoff = BACKOFF_MAX;
    let mut stream = server.accept();
    stream.write_all(b"a\n").unwrap();
    frames(&mut tap, 1);
    assert_eq!(tap.backoff, BACKOFF_MIN);
}

#[test]
fn unknown_host_is_told() {
    let config = TcpConfig {
        // Reserved never to exist (RFC 6761).
        host: "bus.invalid".to_owned(),
        port: 1,
        framing: Framing::Line,
        frame_bytes_max: 64,
    };
    let mut tap = open(&config);
    until(&mut tap, |counts| counts.connect_failures == 1);
    let error = tap.facts().last_error.unwrap();
    assert!(error.starts_with("cannot resolve bus.invalid: "), "{error}");
}

#[test]
fn reading_does_not_wait_for_a_connection() {
    let config = TcpConfig {
        host: "127.0.0.1".to_owned(),
        port: 1,
        framing: Framing::Line,
        frame_bytes_max: 64,
    };
    let mut tap = open(&config);
    // The attempt never answers.
    let (_kept, never) = std::sync::mpsc::sync_channel(1);
    tap.link = Link::Connecting(Attempt::from_receiver(never));
    let progress = tap.read(&mut Columns::new(), &limits()).unwrap();
    assert_eq!(progress, Progress::Idle);
}

#[test]
fn bad_frames_are_counted_and_good_ones_come() {
    let server = Server::new();
    let mut tap = open(&server.config(Framing::Line));
    let mut stream = server.accept();
    stream.write_all(b"\r\n\n").unwrap();
    stream.write_all(&[b'x'; 200_000]).unwrap();
    stream.write_all(b"\ngood\n").unwrap();
    assert_eq!(frames(&mut tap, 1), [b"good"]);
    let counts = tap.counts();
    assert_eq!((counts.empty, counts.oversized), (2, 1));
}

#[test]
fn stream_out_of_step_is_connected_anew() {
    let server = Server::new();
    let config = server.config(Framing::LengthPrefixed {
        prefix_bytes: 4,
        endian: Endian::Big,
        includes_itself: true,
    });
    let mut tap = open(&config);
    let mut stream = server.accept();
    stream
        .write_all(&[0, 0, 0, 5, b'a', 0, 0, 0, 1, 9, 9])
        .unwrap();
    assert_eq!(frames(&mut tap, 1), [b"a"]);
    until(&mut tap, |counts| counts.reconnects == 1);
    let counts = tap.counts();
    assert_eq!((counts.malformed, counts.truncated), (1, 0));
    begin_to_connect(&mut tap);
    let mut stream = server.accept();
    stream.write_all(&[0, 0, 0, 5, b'b']).unwrap();
    assert_eq!(frames(&mut tap, 1), [b"b"]);
}

#[test]
fn random_streams_never_stop_the_tap() {
    for framing in [Framing::Line, PREFIXED, Framing::Beast] {
        let server = Server::new();
        let mut tap = open(&server.config(framing));
        let mut stream = server.accept();
        let mut state = 7u64;
        let noise: Vec<u8> = (0..100_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        stream.write_all(&noise).unwrap();
        drop(stream);
        while tap.counts().reconnects == 0 {
            let mut into = Columns::new();
            tap.read(&mut into, &waiting()).unwrap();
            assert!(
                into.iter()
                    .all(|(_, frame)| !frame.is_empty() && frame.len() <= 64)
            );
        }
    }
}

#[test]
fn limits_hold_and_nothing_is_lost_between_reads() {
    for (frames_max, bytes_max) in [(1, 1_000), (3, 1_000), (100, 25), (100, 30), (100, 5)] {
        let server = Server::new();
        let mut tap = open(&server.config(Framing::Line));
        let mut stream = server.accept();
        let sent: Vec<String> = (0..50).map(|n| format!("line-{n:04}\n")).collect();
        stream.write_all(sent.concat().as_bytes()).unwrap();
        let limits = ReadLimits {
            frames_max,
            bytes_max,
            ..waiting()
        };
        let mut seen = Vec::new();
        while seen.len() < sent.len() {
            let mut into = Columns::new();
            tap.read(&mut into, &limits).unwrap();
            assert!(into.len() <= frames_max);
            assert!(into.bytes().len() <= bytes_max || into.len() == 1);
            seen.extend(
                into.iter()
                    .map(|(_, frame)| format!("{}\n", String::from_utf8_lossy(frame))),
            );
        }
        assert_eq!(seen, sent);
    }
}

#[test]
fn nothing_is_written_to_the_server() {
    let server = Server::new();
    let mut tap = open(&server.config(Framing::Line));
    let mut stream = server.accept();
    stream.write_all(b"hello\nREQUEST?\n").unwrap();
    frames(&mut tap, 2);
    stream.set_nonblocking(true).unwrap();
    // Neither bytes nor the end of the stream, while the tap lives.
    let answer = stream.read(&mut [0; 8]).map_err(|error| error.kind());
    assert_eq!(answer, Err(ErrorKind::WouldBlock));
    drop(tap);
    stream.set_nonblocking(false).unwrap();
    // Closing ends the stream, without a byte before.
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
}

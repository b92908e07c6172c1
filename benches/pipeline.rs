//! What a message costs the host, from datagram to topic log, and where the time goes.
//!
//! 1. *Live*: the whole runtime in this process against a bare loop that receives the same
//!    datagrams with `recvmmsg`, takes a checksum of each and appends them to a file; processor
//!    time by `CLOCK_PROCESS_CPUTIME_ID`, rounds in turn. The bare loop waits for a batch as long
//!    as the tap does, else it would spend its time on waking up.
//! 2. *Replay*: recordings flat out through the whole runtime; messages per second of processor
//!    time.
//! 3. *Stages*: the replay's journal through parts of the pipeline, each with one stage more, on
//!    one thread, in turn.
//!
//! `cargo bench --bench pipeline [-- --quick] [live | replay | stages]`

mod history;
mod rig;

use std::fs::File;
use std::hint::black_box;
use std::io::{IoSliceMut, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, setsockopt, sockopt};
use outrigger::config::Config;
use outrigger::install::Plugins;
use outrigger::pipeline::{FrameArchive, Input, Outbox, Pipeline};
use outrigger::record::Position;
use outrigger::run::{Phase, Run, RunOptions, lock};
use outrigger::topics::{TopicOptions, Topics};
use outrigger_journal::{Block, Kind, Options, Reader, Writer};
use outrigger_policy::topology::{TapId, TopicId};
use rig::Chain;

/// Tracks that the validator remembers: more than any load here has.
const STATE_KEYS: u64 = 100_000;
/// Datagrams per second of the live rounds, and seconds of each.
const RATES: [u32; 2] = [10_000, 30_000];
const LIVE: (usize, u32) = (5, 3);
const LIVE_QUICK: (usize, u32) = (1, 1);
/// Datagrams of the simulated recording.
const RECORDED: u64 = 300_000;
const RECORDED_QUICK: u64 = 20_000;
const ROUNDS: usize = 7;

fn main() {
    if rig::is_sender() {
        return;
    }
    let wanted = history::word();
    let is_wanted = |part: &str| wanted.as_deref().is_none_or(|word| word == part);
    let installation = rig::installation();
    if is_wanted("live") {
        live(&installation);
    }
    if is_wanted("replay") || is_wanted("stages") {
        let place = tempfile::tempdir().expect("a temporary directory");
        let simulated = place.path().join("simulated.log");
        let recorded = if history::is_quick() {
            RECORDED_QUICK
        } else {
            RECORDED
        };
        rig::record(&simulated, recorded);
        let mut recordings = vec![Recording {
            name: "simulated",
            path: simulated,
            has_times: true,
        }];
        recordings.extend(rig::real_recording().map(|path| Recording {
            name: "recorded",
            path,
            has_times: false,
        }));
        for recording in &recordings {
            if is_wanted("replay") {
                replay(&installation, recording);
            }
            if is_wanted("stages") {
                stages(&installation, recording);
            }
        }
    }
}

/// A file of lines.
struct Recording {
    name: &'static str,
    path: PathBuf,
    has_times: bool,
}

/// Processor time of a run, by thread too.
struct Spent {
    frames: u64,
    cpu_ns: u64,
    threads: Vec<(String, u64)>,
    dropped: u64,
}

fn live(installation: &Path) {
    let (rounds, seconds) = if history::is_quick() {
        LIVE_QUICK
    } else {
        LIVE
    };
    println!("live: processor time per datagram, median of {rounds} rounds of {seconds} s");
    println!("rate/s   whole ns   bare ns   ratio   tap ns   pipeline ns   lost whole/bare");
    for rate in RATES {
        let mut figures: [Vec<f64>; 4] = Default::default();
        let mut lost = [0; 2];
        for _ in 0..rounds {
            let whole = whole_round(installation, rate, seconds);
            let bare = bare_round(rate, seconds);
            let per = |ns: u64| ns as f64 / whole.frames.max(1) as f64;
            figures[0].push(per(whole.cpu_ns));
            figures[1].push(bare.cpu_ns as f64 / bare.frames.max(1) as f64);
            let of = |name: &str| -> u64 {
                let named = whole.threads.iter().filter(|(thread, _)| thread == name);
                named.map(|(_, ns)| ns).sum()
            };
            figures[2].push(per(of("tap-bus")));
            figures[3].push(per(of("pipeline")));
            lost[0] += whole.dropped;
            lost[1] += bare.dropped;
        }
        let [whole, bare, tap, pipeline] = figures.map(|mut ns| history::median(&mut ns));
        println!(
            "{rate:>6}   {whole:>8.0}   {bare:>7.0}   {:>5.2}   {tap:>6.0}   {pipeline:>11.0}   \
             {}/{}",
            whole / bare,
            lost[0],
            lost[1]
        );
        history::Line::new("pipeline", "live")
            .number("rate", f64::from(rate))
            .ns_per_message(whole)
            .number("bare_ns", bare)
            .number("ratio", whole / bare)
            .number("tap_ns", tap)
            .number("pipeline_ns", pipeline)
            .number("lost", lost[0] as f64)
            .append();
    }
}

/// The whole runtime, from when it is ready until all is processed.
fn whole_round(installation: &Path, rate: u32, seconds: u32) -> Spent {
    let place = tempfile::tempdir().expect("a temporary directory");
    let port = rig::free_port();
    let tap = rig::udp_tap(port);
    let path = rig::config(place.path(), installation, &tap, Chain::Route, STATE_KEYS);
    let config = Arc::new(Config::load(&path).expect("the configuration is sound"));
    let run = Run::open(config, RunOptions::default()).expect("it starts");
    let shared = run.shared();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run.run().expect("it runs"));
        std::thread::sleep(Duration::from_millis(200));
        let before = rig::process_cpu_ns();
        let threads_before = rig::threads_cpu_ns(std::process::id());
        let datagrams = rig::sent(rig::send(port, rate, seconds)).datagrams;
        let frames = || shared.taps[0].frames.load(Ordering::Acquire);
        let processed = || -> u64 { lock(&shared.pipeline).counters.frames.iter().sum() };
        // The last frames are known to be processed when the next status is told.
        let until = Instant::now() + Duration::from_secs(20);
        let mut last = u64::MAX;
        while (last != frames() || processed() != frames()) && Instant::now() < until {
            last = frames();
            std::thread::sleep(Duration::from_millis(250));
        }
        let spent = Spent {
            frames: frames(),
            cpu_ns: rig::process_cpu_ns() - before,
            threads: rig::threads_cpu_ns(std::process::id())
                .into_iter()
                .map(|(name, ns)| {
                    let mut before = threads_before.iter();
                    let before = before.find(|(known, _)| *known == name);
                    let ns = ns.saturating_sub(before.map_or(0, |(_, ns)| *ns));
                    (name, ns)
                })
                .collect(),
            dropped: datagrams.saturating_sub(frames()),
        };
        shared.advance(Phase::Draining);
        running.join().expect("it ends");
        spent
    })
}

/// Receive, checksum, append: nothing less can keep what a bus says.
fn bare_round(rate: u32, seconds: u32) -> Spent {
    const SLOTS: usize = 64;
    const SLOT_BYTES: usize = 2_048;
    const BATCH: usize = 256;
    /// As the tap's default.
    const DELAY: Duration = Duration::from_micros(500);
    let place = tempfile::tempdir().expect("a temporary directory");
    let mut file = File::create(place.path().join("bare")).expect("a file");
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let _ = setsockopt(&socket, sockopt::RcvBufForce, &(16 << 20));
    let wait = Some(Duration::from_millis(100));
    socket.set_read_timeout(wait).expect("a timeout");
    let port = socket.local_addr().expect("bound").port();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            let mut buffer = vec![0u8; SLOTS * SLOT_BYTES];
            let mut out: Vec<u8> = Vec::new();
            let mut frames = 0u64;
            let mut receive = |out: &mut Vec<u8>, flags| -> usize {
                let lengths: Vec<usize> = {
                    let mut heads = MultiHeaders::<()>::preallocate(SLOTS, None);
                    let mut slots: Vec<[IoSliceMut<'_>; 1]> = buffer
                        .chunks_mut(SLOT_BYTES)
                        .map(|slot| [IoSliceMut::new(slot)])
                        .collect();
                    let fd = socket.as_raw_fd();
                    let received = recvmmsg(fd, &mut heads, slots.iter_mut(), flags, None);
                    received.map_or_else(
                        |_| Vec::new(),
                        |received| received.map(|message| message.bytes).collect(),
                    )
                };
                for (slot, &bytes) in buffer.chunks(SLOT_BYTES).zip(&lengths) {
                    let datagram = &slot[..bytes];
                    out.extend_from_slice(&crc32c::crc32c(datagram).to_le_bytes());
                    out.extend_from_slice(&(bytes as u32).to_le_bytes());
                    out.extend_from_slice(datagram);
                }
                lengths.len()
            };
            loop {
                let mut came = receive(&mut out, MsgFlags::MSG_WAITFORONE);
                if came == 0 {
                    if done.load(Ordering::Acquire) {
                        return (frames, rig::thread_cpu_ns());
                    }
                    continue;
                }
                std::thread::sleep(DELAY);
                while came < BATCH {
                    match receive(&mut out, MsgFlags::MSG_DONTWAIT) {
                        0 => break,
                        more => came += more,
                    }
                }
                frames += came as u64;
                file.write_all(&out).expect("the file can be written");
                out.clear();
            }
        });
        let datagrams = rig::sent(rig::send(port, rate, seconds)).datagrams;
        done.store(true, Ordering::Release);
        let (frames, cpu_ns) = receiver.join().expect("it ends");
        Spent {
            frames,
            cpu_ns,
            threads: Vec::new(),
            dropped: datagrams.saturating_sub(frames),
        }
    })
}

fn replay(installation: &Path, recording: &Recording) {
    let rounds = if history::is_quick() { 1 } else { ROUNDS };
    let mut cpu = Vec::new();
    let mut wall = Vec::new();
    let (mut frames, mut messages) = (0, 0);
    for _ in 0..rounds {
        let place = tempfile::tempdir().expect("a temporary directory");
        let tap = rig::lines_tap(&recording.path, recording.has_times);
        let path = rig::config(place.path(), installation, &tap, Chain::Route, STATE_KEYS);
        let config = Arc::new(Config::load(&path).expect("the configuration is sound"));
        let options = RunOptions {
            until_idle: true,
            ..RunOptions::default()
        };
        let (start, before) = (Instant::now(), rig::process_cpu_ns());
        let run = Run::open(config, options).expect("it starts");
        let processed = run.run().expect("it runs");
        cpu.push((rig::process_cpu_ns() - before) as f64);
        wall.push(start.elapsed().as_nanos() as f64);
        let counters = &processed.status.counters;
        frames = counters.frames.iter().sum::<u64>();
        messages = counters.messages.iter().sum::<u64>();
    }
    let per_message = history::median(&mut cpu) / messages as f64;
    let wall = history::median(&mut wall) / messages as f64;
    println!(
        "replay, {}: {frames} frames, {messages} messages; {per_message:.0} ns of processor \
         time each, start and end included: {:.0} messages/s per core; {:.0}/s by the clock",
        recording.name,
        1e9 / per_message,
        1e9 / wall
    );
    history::Line::new("pipeline", "replay")
        .text("recording", recording.name)
        .number("frames", frames as f64)
        .number("messages", messages as f64)
        .ns_per_message(per_message)
        .number("wall_ns", wall)
        .append();
}

/// Takes records and forgets them.
struct Nowhere;

impl Outbox for Nowhere {
    fn put(&mut self, _: TopicId, _: Position, _: u64, record: &[u8]) {
        black_box(record);
    }
}

/// Knows no frame of earlier blocks.
struct NoArchive;

impl FrameArchive for NoArchive {
    fn frame(&mut self, _: TapId, _: u64) -> Option<(u64, Vec<u8>)> {
        None
    }
}

/// A pipeline of a chain, whose instances are up.
struct Part {
    _place: tempfile::TempDir,
    _plugins: Plugins,
    pipeline: Pipeline,
    tap: TapId,
    topics: Option<Topics>,
}

impl Part {
    fn new(installation: &Path, recording: &Recording, chain: Chain, with_topics: bool) -> Self {
        let place = tempfile::tempdir().expect("a temporary directory");
        let tap = rig::lines_tap(&recording.path, recording.has_times);
        let path = rig::config(place.path(), installation, &tap, chain, STATE_KEYS);
        let config = Config::load(&path).expect("the configuration is sound");
        let plugins = Plugins::load(&config).expect("they load");
        let pipeline = Pipeline::new(plugins.setup(&config)).expect("they fit");
        let tap = config.topology.find_tap("bus").expect("it is configured");
        let topics = with_topics.then(|| {
            let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).expect("it is ours");
            let logs = config.topics.iter().map(|topic| {
                Some(TopicOptions {
                    name: topic.name.clone(),
                    log: Some(Options::new("bench")),
                    tail: None,
                    from_block: 0,
                })
            });
            Topics::open(&dir, logs.collect(), 0).expect("they open").0
        });
        Self {
            _place: place,
            _plugins: plugins,
            pipeline,
            tap,
            topics,
        }
    }

    /// Time of all blocks, nanoseconds.
    fn run(&mut self, blocks: &[Block]) -> f64 {
        let start = rig::thread_cpu_ns();
        for (number, block) in blocks.iter().enumerate() {
            let input = Input {
                block: number as u64 + 1,
                tap: self.tap,
                first_seq: block.header.first_seq,
                frames: &block.columns,
                tick_ns: None,
            };
            let outbox: &mut dyn Outbox = match &mut self.topics {
                Some(topics) => topics,
                None => &mut Nowhere,
            };
            let went_on = self.pipeline.process(&input, outbox, &mut NoArchive);
            went_on.expect("no guard is quarantined");
            if let Some(topics) = self.topics.as_mut().filter(|_| number % 16 == 0) {
                topics.flush(0).expect("the logs can be written");
            }
        }
        (rig::thread_cpu_ns() - start) as f64
    }
}

fn stages(installation: &Path, recording: &Recording) {
    let place = tempfile::tempdir().expect("a temporary directory");
    let tap = rig::lines_tap(&recording.path, recording.has_times);
    let path = rig::config(place.path(), installation, &tap, Chain::Decode, STATE_KEYS);
    let config = Config::load(&path).expect("the configuration is sound");
    let options = RunOptions {
        until_idle: true,
        ..RunOptions::default()
    };
    let run = Run::open(Arc::new(config.clone()), options).expect("it starts");
    let processed = run.run().expect("it runs");
    let messages = processed.status.counters.messages.iter().sum::<u64>() as f64;
    let journal = config.data_dir.join("journal");
    let journal = Dir::open_ambient_dir(&journal, ambient_authority()).expect("it is ours");
    let read = || -> Vec<Block> {
        let mut reader = Reader::open(&journal).expect("the journal is whole");
        let mut blocks = Vec::new();
        let mut block = Block::default();
        while reader.next(&mut block).expect("the journal is whole") {
            if block.header.kind == Kind::Frames {
                blocks.push(std::mem::take(&mut block));
            }
        }
        blocks
    };
    let blocks = read();
    let rounds = if history::is_quick() { 1 } else { ROUNDS };
    const NAMES: [&str; 6] = [
        "journal append",
        "journal read",
        "decode",
        "decode, validate",
        "decode, validate, route",
        "decode, validate, route, topics",
    ];
    let mut times: [Vec<f64>; 6] = Default::default();
    for _ in 0..rounds {
        let copy = tempfile::tempdir().expect("a temporary directory");
        let dir = Dir::open_ambient_dir(copy.path(), ambient_authority()).expect("it is ours");
        let (mut writer, _) = Writer::open(dir, Options::new("bench"), 0).expect("it opens");
        let stream = writer.stream("bench", "").expect("there is room");
        let start = rig::thread_cpu_ns();
        for block in &blocks {
            let appended = writer.append(Kind::Frames, stream, &block.columns, 0);
            appended.expect("there is room");
        }
        times[0].push((rig::thread_cpu_ns() - start) as f64);
        drop(writer);
        let start = rig::thread_cpu_ns();
        let mut reader = Reader::open(&journal).expect("the journal is whole");
        let mut block = Block::default();
        while reader.next(&mut block).expect("the journal is whole") {
            black_box(&block);
        }
        times[1].push((rig::thread_cpu_ns() - start) as f64);
        let parts = [
            (Chain::Decode, false),
            (Chain::Validate, false),
            (Chain::Route, false),
            (Chain::Route, true),
        ];
        for (at, (chain, with_topics)) in parts.into_iter().enumerate() {
            let mut part = Part::new(installation, recording, chain, with_topics);
            times[at + 2].push(part.run(&blocks));
        }
    }
    let ns = times.map(|mut times| history::median(&mut times) / messages);
    println!(
        "stages, {}: processor time per message, median of {rounds} rounds",
        recording.name
    );
    let mut before = 0.0;
    for (at, (name_of, ns)) in NAMES.into_iter().zip(ns).enumerate() {
        let more = if at < 3 { ns } else { ns - before };
        println!("  {name_of:<32} {ns:>6.0} ns   of it the last stage {more:>6.0} ns");
        before = ns;
        history::Line::new("pipeline", name_of)
            .text("recording", recording.name)
            .ns_per_message(ns)
            .number("stage_ns", more)
            .append();
    }
}

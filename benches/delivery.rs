//! What delivery to Kafka costs, and how long it takes, on a real broker that this starts.
//!
//! 1. *Cost*: a topic log of recorded tracks to Kafka, at least once, against a bare librdkafka
//!    producer of the same records with the same settings; processor time of the process per
//!    record, rounds in turn. Then exactly once with the default commit interval: records per second
//!    against at least once.
//! 2. *Latency*: from capture to an independent `read_committed` consumer, at a steady rate, for both
//!    guarantees. The sender never waits for the receiver.
//!
//! `cargo bench --bench delivery [-- --quick] [cost | latency]`

mod history;
mod rig;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use hdrhistogram::Histogram;
use kafka_harness::{Cluster, topic_name};
use outrigger::config::{Config, ValueFormat};
use outrigger::forward::Envelope;
use outrigger::record::View;
use outrigger::run::{Phase, Run, RunOptions};
use outrigger::telemetry::now_ns;
use outrigger_journal::{Block, Reader};
use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, Headers as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rig::Chain;

/// Datagrams of the recording whose tracks are delivered.
const RECORDED: u64 = 200_000;
const RECORDED_QUICK: u64 = 5_000;
const ROUNDS: usize = 5;
/// Datagrams per second of the latency rounds, and seconds of each.
const RATES: [u32; 2] = [100, 5_000];
const SECONDS: u32 = 15;
/// Faster than any broker takes: the pace is not what is measured.
const EGRESS: u64 = 10_000_000_000;

fn main() {
    if rig::is_sender() {
        return;
    }
    let wanted = history::word();
    let is_wanted = |part: &str| wanted.as_deref().is_none_or(|word| word == part);
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let installation = rig::installation();
    if is_wanted("cost") {
        cost(cluster, &installation);
    }
    if is_wanted("latency") {
        latency(cluster, &installation);
    }
}

/// The configuration with its tracks mirrored under `topic`.
fn mirrored(text: &str, cluster: &Cluster, topic: &str, guarantee: &str) -> String {
    let mirror = format!(
        "[topics.sea-tracks]\nkafka = \"bench\"\nkafka_topic = \"{topic}\"\n\
         guarantee = \"{guarantee}\"\n[topics.identities]"
    );
    let replaced = text.replace("[topics.sea-tracks]\n[topics.identities]", &mirror);
    assert_ne!(replaced, text, "the configuration has its topics");
    replaced
        + &format!(
            "[kafka.bench]\nbootstrap = \"{}\"\nprogress_topic = \"{topic}-progress\"\n\
             egress_bytes_per_s = {EGRESS}\n",
            cluster.bootstrap()
        )
}

/// Processor time and time of a round, nanoseconds per record.
#[derive(Clone, Copy)]
struct Round {
    cpu_ns: f64,
    wall_ns: f64,
}

fn cost(cluster: &Cluster, installation: &Path) {
    let quick = history::is_quick();
    let (recorded, rounds) = if quick {
        (RECORDED_QUICK, 1)
    } else {
        (RECORDED, ROUNDS)
    };
    let place = tempfile::tempdir().expect("a temporary directory");
    let recording = place.path().join("recording.log");
    rig::record(&recording, recorded);
    let tap = rig::lines_tap(&recording, true);
    let path = rig::config(place.path(), installation, &tap, Chain::Validate, 100_000);
    let text = std::fs::read_to_string(&path).expect("it was written");
    let until_idle = RunOptions {
        until_idle: true,
        ..RunOptions::default()
    };
    let run = |path: &Path| {
        let config = Arc::new(Config::load(path).expect("the configuration is sound"));
        let run = Run::open(config, until_idle.clone()).expect("it starts");
        run.run().expect("it runs");
    };
    run(&path);
    let records = records(&place.path().join("data/topics/sea-tracks"));
    println!(
        "delivery of {} tracks, median of {rounds} rounds",
        records.len()
    );

    let mut figures: [Vec<Round>; 3] = Default::default();
    for _ in 0..rounds {
        figures[0].push(bare(cluster, &records));
        for (at, guarantee) in [(1, "at-least-once"), (2, "exactly-once")] {
            let topic = topic_name(guarantee);
            let mirrored = mirrored(&text, cluster, &topic, guarantee);
            std::fs::write(&path, mirrored).expect("the folder can be written");
            let forward = place.path().join("data/forward");
            std::fs::remove_dir_all(&forward).expect("the runtime made it");
            let (cpu, wall) = (rig::process_cpu_ns(), Instant::now());
            run(&path);
            let count = records.len() as f64;
            figures[at].push(Round {
                cpu_ns: (rig::process_cpu_ns() - cpu) as f64 / count,
                wall_ns: wall.elapsed().as_nanos() as f64 / count,
            });
        }
    }
    let names = ["bare producer", "at-least-once", "exactly-once"];
    let median = |rounds: &[Round], of: fn(&Round) -> f64| {
        history::median(&mut rounds.iter().map(of).collect::<Vec<_>>())
    };
    println!("what              CPU ns/record   records/s");
    for (name, rounds) in names.iter().zip(&figures) {
        let cpu_ns = median(rounds, |round| round.cpu_ns);
        let rate = 1e9 / median(rounds, |round| round.wall_ns);
        println!("{name:<16}   {cpu_ns:>12.0}   {rate:>9.0}");
        history::Line::new("delivery", name)
            .ns_per_message(cpu_ns)
            .number("records_per_s", rate)
            .append();
    }
    let ratio =
        median(&figures[1], |round| round.cpu_ns) / median(&figures[0], |round| round.cpu_ns);
    let share =
        median(&figures[1], |round| round.wall_ns) / median(&figures[2], |round| round.wall_ns);
    println!("at-least-once / bare producer, CPU: {ratio:.2}");
    println!("exactly-once / at-least-once, records per second: {share:.2}");
    history::Line::new("delivery", "ratios")
        .number("ratio", ratio)
        .number("exactly_once_share", share)
        .append();
}

/// The records of a topic log.
fn records(path: &Path) -> Vec<Vec<u8>> {
    let dir = Dir::open_ambient_dir(path, ambient_authority()).expect("the log is there");
    let mut reader = Reader::open(&dir).expect("it can be read");
    let mut block = Block::default();
    let mut records = Vec::new();
    while reader.next(&mut block).expect("it is whole") {
        records.extend(block.columns.iter().map(|(_, bytes)| bytes.to_vec()));
    }
    records
}

/// A record as a producer takes it.
struct Plain {
    key: Vec<u8>,
    value: Vec<u8>,
    time_ms: i64,
    headers: Vec<(String, Vec<u8>)>,
}

/// The same records, made beforehand, by librdkafka alone with the settings that the runtime uses.
fn bare(cluster: &Cluster, records: &[Vec<u8>]) -> Round {
    let topic = topic_name("bare");
    let mut client = cluster.client();
    client.create_topic(&topic, 6, 1, &[]).expect("a topic");
    let mut envelope = Envelope::new(&[0; 16], Default::default());
    let plain: Vec<Plain> = records
        .iter()
        .map(|record| {
            let view = View::of(record).expect("a record");
            let made = envelope.with(&view, &topic, ValueFormat::MessagePack, 0, |shipment| {
                Plain {
                    key: shipment.key.unwrap_or_default().to_vec(),
                    value: shipment.value.unwrap_or_default().to_vec(),
                    time_ms: shipment.time_ms,
                    headers: shipment
                        .headers
                        .iter()
                        .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
                        .collect(),
                }
            });
            made.expect("a record")
        })
        .collect();
    let (cpu, wall) = (rig::process_cpu_ns(), Instant::now());
    let mut config = ClientConfig::new();
    for (key, value) in [
        ("bootstrap.servers", cluster.bootstrap().as_str()),
        ("enable.idempotence", "true"),
        ("linger.ms", "5"),
        ("compression.type", "lz4"),
        ("batch.size", "262144"),
        ("queue.buffering.max.kbytes", "4096"),
        ("queue.buffering.max.messages", "16384"),
        ("partitioner", "murmur2_random"),
        ("message.timeout.ms", "0"),
        ("statistics.interval.ms", "1000"),
    ] {
        config.set(key, value);
    }
    let producer: BaseProducer = config.create().expect("a producer");
    for record in &plain {
        loop {
            let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
            for (key, value) in &record.headers {
                headers = headers.insert(Header {
                    key,
                    value: Some(value),
                });
            }
            let sent = producer.send(
                BaseRecord::to(&topic)
                    .key(&record.key)
                    .payload(&record.value)
                    .timestamp(record.time_ms)
                    .headers(headers),
            );
            match sent {
                Ok(()) => break,
                Err(_) => producer.poll(Duration::from_millis(1)),
            }
        }
    }
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::from_millis(1));
    }
    let count = plain.len() as f64;
    Round {
        cpu_ns: (rig::process_cpu_ns() - cpu) as f64 / count,
        wall_ns: wall.elapsed().as_nanos() as f64 / count,
    }
}

fn latency(cluster: &Cluster, installation: &Path) {
    let seconds = if history::is_quick() { 2 } else { SECONDS };
    println!("capture to a read_committed consumer, milliseconds, {seconds} s at each rate");
    println!("guarantee        rate/s   records      p50      p90      p99    p99.9      max");
    for guarantee in ["at-least-once", "exactly-once"] {
        for rate in RATES {
            let histogram = watched(cluster, installation, guarantee, rate, seconds);
            let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
            println!(
                "{guarantee:<14}   {rate:>6}   {:>7}   {:>6.1}   {:>6.1}   {:>6.1}   {:>6.1}   {:>6.1}",
                histogram.len(),
                ms(0.5),
                ms(0.9),
                ms(0.99),
                ms(0.999),
                histogram.max() as f64 / 1_000.0
            );
            history::Line::new("delivery", &format!("latency {guarantee}"))
                .number("rate", f64::from(rate))
                .number("p50_us", ms(0.5) * 1_000.0)
                .number("p99_us", ms(0.99) * 1_000.0)
                .number("p999_us", ms(0.999) * 1_000.0)
                .number("max_us", histogram.max() as f64)
                .append();
        }
    }
}

/// Latencies of one round, microseconds, by the clock that captured.
fn watched(
    cluster: &Cluster,
    installation: &Path,
    guarantee: &str,
    rate: u32,
    seconds: u32,
) -> Histogram<u64> {
    let place = tempfile::tempdir().expect("a temporary directory");
    let port = rig::free_port();
    let tap = rig::udp_tap(port);
    let path = rig::config(place.path(), installation, &tap, Chain::Validate, 100_000);
    let topic = topic_name(guarantee);
    let text = std::fs::read_to_string(&path).expect("it was written");
    let text = mirrored(&text, cluster, &topic, guarantee);
    std::fs::write(&path, text).expect("the folder can be written");
    cluster
        .client()
        .create_topic(&topic, 6, 1, &[])
        .expect("a topic");
    let config = Arc::new(Config::load(&path).expect("the configuration is sound"));
    let run = Run::open(config, RunOptions::default()).expect("it starts");
    let shared = run.shared();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run.run().expect("it runs"));
        let reading = scope.spawn(|| read(cluster, &topic, &stop));
        rig::sent(rig::send(port, rate, seconds));
        shared.advance(Phase::Draining);
        running.join().expect("it ends");
        std::thread::sleep(Duration::from_secs(1));
        stop.store(true, Ordering::Release);
        reading.join().expect("it ends")
    })
}

fn read(cluster: &Cluster, topic: &str, stop: &AtomicBool) -> Histogram<u64> {
    let mut config = ClientConfig::new();
    for (key, value) in [
        ("bootstrap.servers", cluster.bootstrap().as_str()),
        ("group.id", topic),
        ("isolation.level", "read_committed"),
        ("auto.offset.reset", "earliest"),
        ("fetch.wait.max.ms", "5"),
    ] {
        config.set(key, value);
    }
    let consumer: BaseConsumer = config.create().expect("a consumer");
    consumer.subscribe(&[topic]).expect("a subscription");
    let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("bounds");
    while !stop.load(Ordering::Acquire) {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else {
            continue;
        };
        let now_ns = now_ns();
        let headers = message.headers().expect("every record has headers");
        let captured = headers
            .iter()
            .find(|header| header.key == "outrigger-captured-ns");
        let captured = captured.and_then(|header| std::str::from_utf8(header.value?).ok());
        let captured: u64 = captured.and_then(|text| text.parse().ok()).expect("a time");
        let us = now_ns.saturating_sub(captured) / 1_000;
        histogram.record(us.max(1)).expect("below an hour");
    }
    histogram
}

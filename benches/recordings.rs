//! Every recording flat out through the whole runtime: messages per second of one core, what each
//! plugin burns, and which stage the time goes to.
//!
//! Decoder and track validator, a topic log per class; the journal as shipped. Start and end are
//! counted, so small recordings say more of these than of messages; files that hold one datagram or
//! packet each (all of STANAG 4607 among them) would say nothing else, and are left out. Stages are measured apart, on the
//! blocks of the same journal: decoding, and decoding with validation; the rest of the whole is
//! reading the file, the journal both ways, writing the logs, start and end.
//!
//! `cargo bench --bench recordings [-- --quick]`; `OUTRIGGER_RECORDINGS` names the recordings.

mod history;
mod rig;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use outrigger::config::Config;
use outrigger::install::Plugins;
use outrigger::pipeline::{FrameArchive, Input, Outbox, Pipeline};
use outrigger::record::Position;
use outrigger::run::{Run, RunOptions};
use outrigger_journal::{Block, Kind, Reader};
use outrigger_policy::topology::{TapId, TopicId};

const ROUNDS: usize = 5;

/// A recording, how a tap reads it, and its decoder's component and classes.
struct Recording {
    path: &'static str,
    tap: &'static str,
    component: &'static str,
    /// Canonical tracks, which the validator judges; then the others.
    classes: (&'static [&'static str], &'static [&'static str]),
}

const AIS: (&[&str], &[&str]) = (
    &["track.sea", "track.air"],
    &["static.sea", "station.base", "aid.navigation"],
);
const MODE_S: (&[&str], &[&str]) = (
    &["track.air"],
    &[
        "mode-s.identification",
        "mode-s.velocity",
        "mode-s.emergency",
        "mode-s.status",
        "mode-s.target",
        "mode-s.surveillance",
    ],
);
const ASTERIX: (&[&str], &[&str]) = (
    &["track.air"],
    &[
        "asterix.cat021",
        "asterix.cat034",
        "asterix.cat048",
        "asterix.cat062",
    ],
);
const DIS: (&[&str], &[&str]) = (
    &["track.air", "track.sea", "track.ground"],
    &["dis.entity-state"],
);

const fn recording(
    path: &'static str,
    tap: &'static str,
    component: &'static str,
    classes: (&'static [&'static str], &'static [&'static str]),
) -> Recording {
    Recording {
        path,
        tap,
        component,
        classes,
    }
}

const LINES: &str = "kind = \"lines\"";
const TIMED_HEX: &str = "kind = \"lines\"\nencoding = \"hex\"\ntime_column = true";
const PCAP: &str = "kind = \"pcap\"";

const RECORDINGS: [Recording; 12] = [
    recording("ais/dma_ais-sample.txt.gz", LINES, "ais_decoder.wasm", AIS),
    recording(
        "ais/dma_538004030_drift_1.ais",
        LINES,
        "ais_decoder.wasm",
        AIS,
    ),
    recording(
        "ais/dma_219165000_ssc_1.ais",
        LINES,
        "ais_decoder.wasm",
        AIS,
    ),
    recording("ais/gpsd_ais-nmea.log", LINES, "ais_decoder.wasm", AIS),
    recording(
        "ais/signalk_nais300-merrimac.log",
        LINES,
        "ais_decoder.wasm",
        AIS,
    ),
    recording(
        "adsb/rs1090_long_flight.csv.gz",
        TIMED_HEX,
        "adsb_decoder.wasm",
        MODE_S,
    ),
    recording(
        "adsb/adsb_deku_lax.avr.gz",
        LINES,
        "adsb_decoder.wasm",
        MODE_S,
    ),
    recording(
        "asterix/transcoded_switzerland_cat062.pcap",
        PCAP,
        "asterix_decoder.wasm",
        ASTERIX,
    ),
    recording(
        "asterix/croatia_cat_034_048.pcap",
        PCAP,
        "asterix_decoder.wasm",
        ASTERIX,
    ),
    recording(
        "asterix/croatia_cat_062_065.pcap",
        PCAP,
        "asterix_decoder.wasm",
        ASTERIX,
    ),
    recording(
        "dis/opendis7_Entity90DegreesTurn.pcap",
        PCAP,
        "dis_decoder.wasm",
        DIS,
    ),
    recording(
        "dis/opendis7_PdusaveGAZ69Patroling.pcap",
        PCAP,
        "dis_decoder.wasm",
        DIS,
    ),
];

fn main() {
    let folder = std::env::var_os("OUTRIGGER_RECORDINGS").map_or_else(
        || history::root().join("../shared/recordings"),
        PathBuf::from,
    );
    if !folder.exists() {
        println!("skipped: recordings absent ({})", folder.display());
        return;
    }
    let installation = rig::installation();
    for recording in &RECORDINGS {
        replay(&folder, &installation, recording);
    }
}

const PLAUSIBILITY: &str = "[plugins.plausibility]\ncomponent = \"track_plausibility.wasm\"\n\
                            role = \"validator\"\n";
const VALIDATORS: &str = "validators = [\"plausibility\"]\n";

fn configuration(folder: &Path, installation: &Path, recording: &Recording) -> String {
    let (tracks, others) = recording.classes;
    let all = || tracks.iter().chain(others);
    let writes: Vec<String> = all().map(|class| format!("{class:?}")).collect();
    let path = folder.join(recording.path);
    let mut text = format!(
        "[runtime]\nname = \"bench\"\ndata_dir = \"data\"\nplugins_dir = {:?}\n\
         [journal]\nbytes_max = 2_147_483_648\n\
         [taps.bus]\n{}\npath = {:?}\npace = \"flat-out\"\n\
         [plugins.decoder]\ncomponent = {:?}\nrole = \"decoder\"\ntaps = [\"bus\"]\n\
         writes = [{}]\nmessage_fuel = 600_000\nmemory_bytes_max = 16_777_216\n\
         call_bytes_max = 8_388_608\n{PLAUSIBILITY}",
        installation.display().to_string(),
        recording.tap,
        path.display().to_string(),
        recording.component,
        writes.join(", "),
    );
    for class in all() {
        let topic = class.replace('.', "-");
        let validators = if tracks.contains(class) {
            VALIDATORS
        } else {
            ""
        };
        text += &format!("[classes.{class:?}]\n{validators}topic = {topic:?}\n[topics.{topic}]\n");
    }
    text + &rig::Budget::Never.table()
}

/// Takes records and forgets them; knows no frame of earlier blocks.
struct Nowhere;

impl Outbox for Nowhere {
    fn put(&mut self, _: TopicId, _: Position, _: u64, record: &[u8]) {
        black_box(record);
    }
}

impl FrameArchive for Nowhere {
    fn frame(&mut self, _: TapId, _: u64) -> Option<(u64, Vec<u8>)> {
        None
    }
}

/// Processor time that the configuration at `path` takes from blocks to records, nanoseconds.
fn pipeline_ns(path: &Path, blocks: &[Block]) -> f64 {
    let config = Config::load(path).expect("the configuration is sound");
    let plugins = Plugins::load(&config).expect("they load");
    let mut pipeline = Pipeline::new(plugins.setup(&config)).expect("they fit");
    let tap = config.topology.find_tap("bus").expect("it is configured");
    let start = rig::thread_cpu_ns();
    for block in blocks {
        let input = Input {
            block: block.header.block,
            tap,
            first_seq: block.header.first_seq,
            frames: &block.columns,
            tick_ns: None,
        };
        let went_on = pipeline.process(&input, &mut Nowhere, &mut Nowhere);
        went_on.expect("no guard is quarantined");
    }
    (rig::thread_cpu_ns() - start) as f64
}

fn frames_of(journal: &Path) -> Vec<Block> {
    let dir = Dir::open_ambient_dir(journal, ambient_authority()).expect("it is ours");
    let mut reader = Reader::open(&dir).expect("the journal is whole");
    let mut blocks = Vec::new();
    let mut block = Block::default();
    while reader.next(&mut block).expect("the journal is whole") {
        if block.header.kind == Kind::Frames {
            blocks.push(std::mem::take(&mut block));
        }
    }
    blocks
}

fn replay(folder: &Path, installation: &Path, recording: &Recording) {
    let rounds = if history::is_quick() { 1 } else { ROUNDS };
    let mut cpu = Vec::new();
    let mut stages: [Vec<f64>; 2] = Default::default();
    let (mut frames, mut messages) = (0, 0);
    let mut fuel = Vec::new();
    for _ in 0..rounds {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join("outrigger.toml");
        let text = configuration(folder, installation, recording);
        std::fs::write(&path, &text).expect("the folder can be written");
        let config = Arc::new(Config::load(&path).expect("the configuration is sound"));
        let options = RunOptions {
            until_idle: true,
            ..RunOptions::default()
        };
        let before = rig::process_cpu_ns();
        let run = Run::open(config, options).expect("it starts");
        let processed = run.run().expect("it runs");
        cpu.push((rig::process_cpu_ns() - before) as f64);
        let status = &processed.status;
        frames = status.counters.frames.iter().sum::<u64>();
        messages = status.counters.messages.iter().sum::<u64>();
        let plugins = status.plugins.iter();
        let burnt = plugins.map(|plugin| plugin.usage.iter().map(|usage| usage.fuel).sum::<u64>());
        fuel = burnt.map(|fuel| fuel as f64).collect();
        let blocks = frames_of(&place.path().join("data/journal"));
        stages[1].push(pipeline_ns(&path, &blocks));
        let decoding = text.replace(VALIDATORS, "").replace(PLAUSIBILITY, "");
        std::fs::write(&path, decoding).expect("the folder can be written");
        stages[0].push(pipeline_ns(&path, &blocks));
    }
    let [decode, both] = stages.map(|mut ns| history::median(&mut ns) / messages as f64);
    let each = history::median(&mut cpu) / messages as f64;
    let fuel: Vec<f64> = fuel.iter().map(|fuel| fuel / messages as f64).collect();
    println!(
        "{}: {frames} frames, {messages} messages; {each:.0} ns of processor time each, {:.0} \
         messages/s per core: decode {decode:.0}, validate {:.0}, the rest {:.0}; fuel a message by \
         plugin {fuel:.0?}",
        recording.path,
        1e9 / each,
        both - decode,
        each - both
    );
    history::Line::new("recordings", recording.path)
        .number("frames", frames as f64)
        .number("messages", messages as f64)
        .ns_per_message(each)
        .number("decode_ns", decode)
        .number("validate_ns", both - decode)
        .number("rest_ns", each - both)
        .number(
            "decoder_fuel_per_message",
            fuel.first().copied().unwrap_or(0.0),
        )
        .number(
            "validator_fuel_per_message",
            fuel.get(1).copied().unwrap_or(0.0),
        )
        .append();
}

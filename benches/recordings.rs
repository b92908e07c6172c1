//! Every recording flat out through the whole runtime: messages per second of one core, what each
//! stage's plugin burns, and on which thread the time goes.
//!
//! Decoder and track validator, a topic log per class; the journal as shipped. Start and end are
//! counted, so small recordings say more of these than of messages.
//!
//! `cargo bench --bench recordings [-- --quick]`; `OUTRIGGER_RECORDINGS` names the recordings.

mod history;
mod rig;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use outrigger::config::Config;
use outrigger::run::{Run, RunOptions};

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

const RECORDINGS: [Recording; 7] = [
    recording("ais/dma_ais-sample.txt.gz", LINES, "ais_decoder.wasm", AIS),
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
         call_bytes_max = 8_388_608\n\
         [plugins.plausibility]\ncomponent = \"track_plausibility.wasm\"\n\
         role = \"validator\"\n",
        installation.display().to_string(),
        recording.tap,
        path.display().to_string(),
        recording.component,
        writes.join(", "),
    );
    for class in all() {
        let topic = class.replace('.', "-");
        let validators = if tracks.contains(class) {
            "validators = [\"plausibility\"]\n"
        } else {
            ""
        };
        text += &format!("[classes.{class:?}]\n{validators}topic = {topic:?}\n[topics.{topic}]\n");
    }
    text
}

fn replay(folder: &Path, installation: &Path, recording: &Recording) {
    let rounds = if history::is_quick() { 1 } else { ROUNDS };
    let mut cpu = Vec::new();
    let (mut frames, mut messages) = (0, 0);
    let mut fuel = Vec::new();
    for _ in 0..rounds {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join("outrigger.toml");
        let text = configuration(folder, installation, recording);
        std::fs::write(&path, text).expect("the folder can be written");
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
    }
    let each = history::median(&mut cpu) / messages as f64;
    let fuel: Vec<f64> = fuel.iter().map(|fuel| fuel / messages as f64).collect();
    println!(
        "{}: {frames} frames, {messages} messages; {each:.0} ns of processor time each, {:.0} \
         messages/s per core; fuel a message by plugin {fuel:.0?}",
        recording.path,
        1e9 / each
    );
    history::Line::new("recordings", recording.path)
        .number("frames", frames as f64)
        .number("messages", messages as f64)
        .ns_per_message(each)
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

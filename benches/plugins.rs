//! What the plugins cost in the sandbox, against the same code natively.
//!
//! 1. *Decoders*: recordings in batches of 256, as blocks have them; `keys` and `decode`. States
//!    are looked up once, beforehand, so that every round asks the same. Per frame: the mean over
//!    all batches, median of all rounds; percentiles over frames, each a call of its own.
//! 2. *Validator*: messages of 1,000 to 1,000,000 keys, the host's state store included.
//!
//! The native side is a process of its own, `benches/native-guests`: plugins are compiled with the
//! profile that they are shipped with, which is not that of the host. Both take turns, a round
//! each. What the host does beside the call of a plugin in the sandbox, the check of its answer,
//! is measured apart. The same engine without fuel, and without epochs too, says what these cost.
//! Times are of the processor; only those of single frames are of the clock, the best of some.
//!
//! `cargo bench -p outrigger-plugin --bench plugins [-- --quick] [NAME]`, with a part of a case's
//! name, or `validator`. `OUTRIGGER_RECORDINGS` names the recordings.

mod calls;
mod clock;
mod history;
mod keyed;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use calls::{Call, Sum};
use keyed::{Asked, Judged, Keyed};
use outrigger_plugin::{Toolchain, build};
use outrigger_policy::claims::{Claimed, DecodeAsked, Decoded, FrameKeys};
use outrigger_policy::state::{StateBounds, StateStore, Touch};
use outrigger_policy::{Columns, Packed};
use outrigger_sandbox::plugin::Configuration;
use outrigger_sandbox::{FrameStates, Frames, Limits, Plugin, Role, Seat, ValidatorBatch, engine};
use outrigger_tap::{Encoding, LinesConfig, Pace, PcapConfig, ReadLimits, TapConfig};
use wasmtime::component::Component;

/// Frames in a call, as in a block.
const BATCH: usize = 256;
/// Frames of a case, at least (a short recording is repeated) and at most.
const FRAMES: (usize, usize) = (2_048, 65_536);
/// Frames that are also asked for one by one.
const SINGLES: usize = 4_096;
/// Rounds, and of frames one by one, of which the best counts.
const ROUNDS: (usize, usize) = (15, 5);
const ROUNDS_QUICK: (usize, usize) = (1, 1);
const KEYS: [usize; 3] = [1_000, 100_000, 1_000_000];
/// Messages that the validator judges in a round.
const JUDGED: usize = 50_000;
/// An empty MessagePack map.
const NO_PARAMETERS: [u8; 1] = [0x80];
/// Capture time of what has none: 2020-01-01, noon.
const CAPTURED_NS: u64 = 1_577_880_000_000_000_000;

/// Far more than is needed: what a call burns is measured, not bounded.
const LIMITS: Limits = Limits {
    message_fuel: 1 << 40,
    call_fuel: 0,
    configure_fuel: 1 << 40,
    memory_bytes_max: 64 << 20,
    call_bytes_max: 64 << 20,
    deadline_ticks: 1_000,
    outputs_per_input_max: 1_024,
    output_bytes_max: 65_535,
    state_bytes_max: 1_024,
};

/// Frames for a decoder.
struct Case {
    name: &'static str,
    plugin: &'static str,
    parameters: Vec<u8>,
    frames: Vec<(u64, Vec<u8>)>,
}

fn main() {
    let wanted = history::word();
    let is_wanted = |name: &str| wanted.as_deref().is_none_or(|word| name.contains(word));
    let native = native_program();
    let cases: Vec<Case> = match recordings() {
        Some(folder) => cases(&folder),
        None => Vec::new(),
    };
    for case in cases.iter().filter(|case| is_wanted(case.name)) {
        decoder(&native, case);
    }
    if is_wanted("validator") {
        validator(&native);
    }
}

fn rounds() -> (usize, usize) {
    if history::is_quick() {
        ROUNDS_QUICK
    } else {
        ROUNDS
    }
}

// What is decoded.

fn recordings() -> Option<PathBuf> {
    let folder = std::env::var_os("OUTRIGGER_RECORDINGS").map_or_else(
        || history::root().join("../shared/recordings"),
        PathBuf::from,
    );
    if folder.exists() {
        return Some(folder);
    }
    println!("skipped: recordings absent ({})", folder.display());
    None
}

fn cases(folder: &Path) -> Vec<Case> {
    let pcap = |name: &str| {
        frames_of(&TapConfig::Pcap(PcapConfig {
            path: folder.join(name),
            port: None,
            pace: Pace::FlatOut,
            frame_bytes_max: 65_535,
        }))
    };
    let lines = |name: &str, encoding, time_column| {
        frames_of(&TapConfig::Lines(LinesConfig {
            path: folder.join(name),
            encoding,
            time_column,
            pace: Pace::FlatOut,
            frame_bytes_max: 65_535,
        }))
    };
    let whole = |name: &str| {
        let path = folder.join(name);
        let bytes = std::fs::read(&path);
        let bytes = bytes.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        vec![(CAPTURED_NS, bytes)]
    };
    let of_category = |category: u8| {
        let mut frames = pcap("asterix/croatia_cat_034_048.pcap");
        frames.retain(|(_, frame)| frame.first() == Some(&category));
        frames
    };
    let case = |name, plugin, parameters: &[u8], frames: Vec<(u64, Vec<u8>)>| Case {
        name,
        plugin,
        parameters: parameters.to_vec(),
        frames: match frames.len() {
            0 => panic!("{name}: the recording has no frame"),
            few if few < FRAMES.0 => frames.into_iter().cycle().take(FRAMES.0).collect(),
            _ => frames.into_iter().take(FRAMES.1).collect(),
        },
    };
    let plain = |name, plugin, frames| case(name, plugin, &NO_PARAMETERS, frames);
    let ais = lines("ais/dma_ais-sample.txt.gz", Encoding::Text, false);
    let mut sentences = ais.clone();
    sentences.retain(|(_, frame)| frame.first() == Some(&b'!'));
    let long_flight = lines("adsb/rs1090_long_flight.csv.gz", Encoding::Hex, true);
    let los_angeles = lines("adsb/adsb_deku_lax.avr.gz", Encoding::Text, false);
    let cat062 = pcap("asterix/transcoded_switzerland_cat062.pcap");
    let cat021 = whole("asterix/croatia_cat21_re.ast");
    vec![
        plain("ais, a line a frame", "ais", ais),
        plain("ais, sentences alone", "ais", sentences),
        plain("adsb, Beast", "adsb", long_flight),
        plain("adsb, AVR", "adsb", los_angeles),
        plain("asterix, CAT062", "asterix", cat062),
        plain("asterix, CAT048", "asterix", of_category(48)),
        plain("asterix, CAT034", "asterix", of_category(34)),
        plain("asterix, CAT021", "asterix", cat021),
        plain(
            "dis, a turn",
            "dis",
            pcap("dis/opendis7_Entity90DegreesTurn.pcap"),
        ),
        plain(
            "dis, a patrol",
            "dis",
            pcap("dis/opendis7_PdusaveGAZ69Patroling.pcap"),
        ),
        plain(
            "gmti, dwell",
            "gmti",
            whole("gmti/mission_dwell_hi_res_targets.gmti"),
        ),
        plain(
            "gmti, location",
            "gmti",
            whole("gmti/platform_location_mixed_time_basis.gmti"),
        ),
    ]
}

/// All frames of a recording.
fn frames_of(tap: &TapConfig) -> Vec<(u64, Vec<u8>)> {
    let mut tap = outrigger_tap::open(tap, 0).expect("the recording is there");
    let limits = ReadLimits {
        frames_max: 1 << 20,
        bytes_max: 1 << 28,
        delay: Duration::ZERO,
        wait: Duration::from_secs(60),
    };
    let mut columns = Columns::new();
    tap.read(&mut columns, &limits)
        .expect("the recording is whole");
    let frames = columns.iter();
    frames
        .map(|(time_ns, frame)| (time_ns, frame.to_vec()))
        .collect()
}

// The two sides.

/// What bounds a call. As shipped, fuel and epochs do; the others are to know what each costs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bounds {
    FuelAndEpochs,
    Epochs,
    Nothing,
    /// Nothing, and NaNs as the processor makes them.
    NansToo,
}

const BOUNDS: [Bounds; 4] = [
    Bounds::FuelAndEpochs,
    Bounds::Epochs,
    Bounds::Nothing,
    Bounds::NansToo,
];

/// The component of a plugin under an engine with these bounds.
fn plugin(name: &str, role: Role, parameters: &[u8], bounds: Bounds) -> Arc<Plugin> {
    let folder = history::root().join("plugins/guests").join(name);
    let out = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = build(&folder, Some(out), &Toolchain::from_environment()).expect("it builds");
    let bytes = std::fs::read(path).expect("the component is there");
    let mut config = engine::config();
    config
        .consume_fuel(bounds == Bounds::FuelAndEpochs)
        .epoch_interruption(matches!(bounds, Bounds::FuelAndEpochs | Bounds::Epochs));
    // The settings that only a compiler has.
    config
        .cranelift_nan_canonicalization(bounds != Bounds::NansToo)
        .cranelift_opt_level(wasmtime::OptLevel::Speed);
    let engine = wasmtime::Engine::new(&config).expect("the engine starts");
    let component = Component::from_binary(&engine, &bytes).expect("it compiles");
    let configuration = Configuration {
        parameters: parameters.to_vec(),
        ..Configuration::default()
    };
    let plugin = Plugin::load(name, [0; 32], &component, role, LIMITS, configuration);
    Arc::new(plugin.expect("it loads"))
}

/// The native side.
struct Native {
    child: Child,
    answers: BufReader<ChildStdout>,
}

fn native_program() -> PathBuf {
    let folder = history::root().join("benches/native-guests");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("native-guests");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--locked", "--target-dir"])
        .arg(&target)
        .current_dir(folder)
        .status()
        .expect("cargo runs: it runs this benchmark");
    assert!(status.success(), "the native side does not build");
    target.join("release/native-guests")
}

impl Native {
    fn start(program: &Path, plugin: &str) -> Self {
        let mut child = Command::new(program)
            .arg(plugin)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was just built");
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, answers }
    }

    fn decoder(program: &Path, case: &Case, is_keyed: bool, calls: &[Call]) -> (Self, Sum) {
        let mut native = Self::start(program, case.plugin);
        let input = native.child.stdin.as_mut().expect("it is piped");
        calls::write(input, &[u8::from(is_keyed)]);
        calls::write(input, &case.parameters);
        calls::write(input, &(calls.len() as u64).to_le_bytes());
        for call in calls {
            call.write(input);
        }
        input.flush().expect("it listens");
        let sum = native.line().trim().parse().expect("a sum");
        (native, Sum(sum))
    }

    fn ask(&mut self, question: &str) -> Vec<f64> {
        let input = self.child.stdin.as_mut().expect("it is piped");
        writeln!(input, "{question}").expect("it listens");
        let line = self.line();
        let words = line.split_whitespace();
        words.map(|word| word.parse().expect("a number")).collect()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        line
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

// Decoders.

/// The calls that these frames are, in batches: states go as the host keeps them.
fn calls_of(plugin: &Arc<Plugin>, frames: &[(u64, Vec<u8>)], batch: usize) -> (Vec<Call>, Sum) {
    let mut seat = Seat::new(Arc::clone(plugin));
    let mut store = StateStore::new(StateBounds {
        value_bytes_max: LIMITS.state_bytes_max,
        keys_max: 100_000,
        age_ns_max: u64::MAX,
    });
    let mut sum = Sum::NOTHING;
    let mut now_ns = 0;
    let chunks = frames.chunks(batch).enumerate();
    let calls = chunks.map(|(number, frames)| {
        now_ns = frames
            .iter()
            .map(|(time_ns, _)| *time_ns)
            .fold(now_ns, u64::max);
        let first = (number * batch) as u64;
        let mut call = Call {
            now_ns,
            sequences: (first..first + frames.len() as u64).collect(),
            ..Call::default()
        };
        for (time_ns, frame) in frames {
            call.captured_ns.push(*time_ns);
            call.payloads.extend_from_slice(frame);
            call.payload_ends.push(call.payloads.len() as u32);
        }
        let keys = keys(&mut seat, &call);
        let mut slot_of: BTreeMap<&[u8], u32> = BTreeMap::new();
        let mut keys_of = Vec::new();
        for key in keys.keys.iter() {
            let next = slot_of.len() as u32;
            let slot = *slot_of.entry(key).or_insert(next);
            if slot == next {
                keys_of.push(key);
                call.states
                    .extend_from_slice(store.get(key).unwrap_or_default());
                call.state_ends.push(call.states.len() as u32);
            }
            call.slots.push(slot);
        }
        call.slot_ends.clone_from(&keys.key_ends);
        let decoded = decode(&mut seat, &call);
        let touches = keys.keys.iter().map(|key| Touch {
            key,
            class: 0,
            time_ns: now_ns,
        });
        let changed = decoded
            .changes
            .changed
            .iter()
            .zip(decoded.changes.states.iter());
        let changes: Vec<(&[u8], &[u8])> = changed
            .map(|(&slot, state)| (keys_of[slot as usize], state))
            .collect();
        store.apply(0, touches, &changes).expect("checked");
        add(&mut sum, &decoded);
        call
    });
    (calls.collect(), sum)
}

/// As the native side adds its answers.
fn add(sum: &mut Sum, decoded: &Decoded) {
    sum.numbers(&decoded.classes);
    sum.numbers(&decoded.event_ns);
    sum.bytes(&decoded.keys.bytes);
    sum.bytes(&decoded.bodies.bytes);
    sum.numbers(&decoded.sources);
    sum.numbers(&decoded.rejects.causes);
    sum.numbers(&decoded.skip_kinds);
    sum.numbers(&decoded.changes.changed);
    sum.bytes(&decoded.changes.states.bytes);
}

fn frames(call: &Call) -> Frames<'_> {
    Frames {
        sequences: &call.sequences,
        captured_ns: &call.captured_ns,
        ends: &call.payload_ends,
        bytes: &call.payloads,
    }
}

fn keys(seat: &mut Seat, call: &Call) -> FrameKeys {
    if seat.plugin().description.keyed {
        seat.keys(&frames(call)).expect("no fault")
    } else {
        FrameKeys::default()
    }
}

fn states(call: &Call) -> FrameStates {
    FrameStates {
        slot_ends: call.slot_ends.clone(),
        slots: call.slots.clone(),
        states: packed(&call.state_ends, &call.states),
    }
}

fn packed(ends: &[u32], bytes: &[u8]) -> Packed {
    Packed {
        ends: ends.to_vec(),
        bytes: bytes.to_vec(),
    }
}

fn decode(seat: &mut Seat, call: &Call) -> Decoded {
    let decoded = seat.decode(call.now_ns, &frames(call), &states(call));
    decoded.expect("no fault")
}

/// Nanoseconds of each call.
fn time_calls(seat: &mut Seat, calls: &[Call]) -> Vec<f64> {
    let timed = calls.iter().map(|call| {
        let states = states(call);
        let start = clock::start(call.sequences.len());
        black_box(keys(seat, call));
        let decoded = seat.decode(call.now_ns, &frames(call), &states);
        black_box(decoded).expect("no fault");
        start.elapsed_ns()
    });
    timed.collect()
}

/// Nanoseconds that checking the answers to all calls takes, and messages in them.
fn time_checks(seat: &mut Seat, calls: &[Call]) -> (f64, usize) {
    let plugin = Arc::clone(seat.plugin());
    let description = &plugin.description;
    let mut spent_ns = 0.0;
    let mut messages = 0;
    for call in calls {
        let decoded = decode(seat, call);
        messages += decoded.classes.len();
        let asked = DecodeAsked {
            sequences: &call.sequences,
            slots: call.state_ends.len(),
            classes: description.classes.len(),
            causes: description.causes.len(),
            skips: description.skips.len(),
            markings: description.markings.len(),
            outputs_per_input_max: LIMITS.outputs_per_input_max,
            output_bytes_max: LIMITS.output_bytes_max,
            state_bytes_max: LIMITS.state_bytes_max,
        };
        let start = clock::start(call.sequences.len());
        black_box(Claimed::new(decoded).check(&asked)).expect("it was checked before");
        spent_ns += start.elapsed_ns();
    }
    (spent_ns, messages)
}

/// The value below which so much of all is.
fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    values[(last as f64 * share).round() as usize]
}

fn decoder(program: &Path, case: &Case) {
    let plugin = |bounds| plugin(case.plugin, Role::Decoder, &case.parameters, bounds);
    let plugins = BOUNDS.map(plugin);
    let with = Arc::clone(&plugins[0]);
    let is_keyed = with.description.keyed;
    let (calls, sum) = calls_of(&with, &case.frames, BATCH);
    let (mut native, native_sum) = Native::decoder(program, case, is_keyed, &calls);
    assert_eq!(sum, native_sum, "{}: both sides answer alike", case.name);
    let mut seats = plugins.map(Seat::new);
    let count = case.frames.len() as f64;
    let mut times: [Vec<f64>; 6] = Default::default();
    let mut messages = 0;
    let mut fuel = 0;
    for _ in 0..rounds().0 {
        let per_frame = |ns: Vec<f64>| ns.iter().sum::<f64>() / count;
        times[0].push(per_frame(native.ask("again")));
        for (at, seat) in seats.iter_mut().enumerate() {
            let before = seat.usage().fuel;
            times[1 + at].push(per_frame(time_calls(seat, &calls)));
            if at == 0 {
                fuel = seat.usage().fuel - before;
            }
        }
        let (check_ns, checked) = time_checks(&mut seats[0], &calls);
        times[5].push(check_ns / count);
        messages = checked;
    }
    let [
        native_ns,
        sandbox_ns,
        epochs_ns,
        unbound_ns,
        nans_ns,
        check_ns,
    ] = times.map(|mut times| history::median(&mut times));
    let fuel = fuel as f64 / count;

    let some = &case.frames[..case.frames.len().min(SINGLES)];
    let (calls, _) = calls_of(&with, some, 1);
    let (mut native, _) = Native::decoder(program, case, is_keyed, &calls);
    let mut best = [0, 1].map(|_| vec![f64::MAX; calls.len()]);
    for _ in 0..rounds().1 {
        let sides = [native.ask("again"), time_calls(&mut seats[0], &calls)];
        for (best, times) in best.iter_mut().zip(sides) {
            for (best, ns) in best.iter_mut().zip(times) {
                *best = best.min(ns);
            }
        }
    }
    let mut burnt: Vec<f64> = calls
        .iter()
        .map(|call| {
            let before = seats[0].usage().fuel;
            keys(&mut seats[0], call);
            decode(&mut seats[0], call);
            (seats[0].usage().fuel - before) as f64
        })
        .collect();
    let [mut native_alone, mut alone] = best;
    let three = |values: &mut [f64]| [0.5, 0.99, 1.0].map(|share| percentile(values, share));
    let (native_alone, alone, burnt) = (
        three(&mut native_alone),
        three(&mut alone),
        three(&mut burnt),
    );
    let ratio = sandbox_ns / native_ns;
    let bare_ratio = (sandbox_ns - check_ns) / native_ns;
    println!(
        "{:<20} {messages} messages of {count} frames of {:.0} bytes\n  \
         native {native_ns:.0} ns a frame, sandbox {sandbox_ns:.0} ({ratio:.2}), of it check \
         {check_ns:.0} (without {bare_ratio:.2}), without fuel \
         {epochs_ns:.0}, without epochs too {unbound_ns:.0}, with NaNs as they come {nans_ns:.0}; \
         fuel {fuel:.0}\n  \
         alone, p50 p99 max: native {native_alone:.0?}, sandbox {alone:.0?}, fuel {burnt:.0?}",
        case.name,
        case.frames
            .iter()
            .map(|(_, frame)| frame.len())
            .sum::<usize>() as f64
            / count,
    );
    history::Line::new("plugins", case.name)
        .number("frames", count)
        .number("messages", messages as f64)
        .number("native_ns_per_frame", native_ns)
        .number("ns_per_frame", sandbox_ns)
        .number("check_ns", check_ns)
        .number("no_fuel_ns", epochs_ns)
        .number("no_fuel_no_epochs_ns", unbound_ns)
        .number("nans_as_they_come_ns", nans_ns)
        .number("ratio_to_native", ratio)
        .number("ratio_without_check", bare_ratio)
        .number("fuel_per_frame", fuel)
        .number("alone_ns_p50", alone[0])
        .number("alone_ns_p99", alone[1])
        .number("alone_ns_max", alone[2])
        .number("alone_fuel_p50", burnt[0])
        .number("alone_fuel_p99", burnt[1])
        .number("alone_fuel_max", burnt[2])
        .append();
}

// The validator.

fn judge(seat: &mut Seat, asked: Asked) -> Judged {
    let batch = ValidatorBatch {
        now_ns: asked.now_ns,
        classes: vec![0; asked.slots.len()],
        slots: asked.slots,
        event_ns: asked.times_ns.clone(),
        captured_ns: asked.times_ns,
        bodies: asked.bodies,
        states: asked.states,
    };
    let judgement = seat.validate(&batch).expect("no fault");
    Judged {
        anomalies: judgement.anomalies.messages.len(),
        changed: judgement.changes.changed,
        states: judgement.changes.states,
    }
}

fn validator(program: &Path) {
    const NAME: &str = "track-plausibility";
    let sides = [Bounds::FuelAndEpochs, Bounds::Nothing].map(|bounds| {
        let plugin = plugin(NAME, Role::Validator, &NO_PARAMETERS, bounds);
        Seat::new(plugin)
    });
    let [mut with, mut without] = sides;
    let mut native = Native::start(program, NAME);
    let mut stores: Vec<[Keyed; 2]> = KEYS
        .iter()
        .map(|&keys| {
            let with = Keyed::new(keys, &mut |asked| judge(&mut with, asked));
            let without = Keyed::new(keys, &mut |asked| judge(&mut without, asked));
            [with, without]
        })
        .collect();
    let mut times = vec![<[Vec<f64>; 3]>::default(); KEYS.len()];
    let mut fuel = [0.0; KEYS.len()];
    for _ in 0..rounds().0 {
        for (at, ([metered, unmetered], keys)) in stores.iter_mut().zip(KEYS).enumerate() {
            times[at][0].push(native.ask(&format!("{keys} {JUDGED}"))[0]);
            let before = with.usage();
            times[at][1].push(metered.round(JUDGED, &mut |asked| judge(&mut with, asked)));
            let after = with.usage();
            fuel[at] = (after.fuel - before.fuel) as f64 / (after.rows - before.rows) as f64;
            times[at][2].push(unmetered.round(JUDGED, &mut |asked| judge(&mut without, asked)));
        }
    }
    for (at, (times, keys)) in times.into_iter().zip(KEYS).enumerate() {
        let [native_ns, sandbox_ns, unmetered_ns] =
            times.map(|mut times| history::median(&mut times));
        let ratio = sandbox_ns / native_ns;
        let state_bytes = stores[at][0].state_bytes();
        println!(
            "validator, {keys} keys: native {native_ns:.0} ns a message, sandbox {sandbox_ns:.0} \
             ({ratio:.2}), without fuel and epochs {unmetered_ns:.0}; fuel {:.0}; {state_bytes:.1} bytes of \
             state a key",
            fuel[at]
        );
        history::Line::new("plugins", "validator")
            .number("keys", keys as f64)
            .number("native_ns", native_ns)
            .ns_per_message(sandbox_ns)
            .number("no_fuel_no_epochs_ns", unmetered_ns)
            .number("ratio_to_native", ratio)
            .number("fuel_per_message", fuel[at])
            .number("state_bytes_per_key", state_bytes)
            .append();
    }
}

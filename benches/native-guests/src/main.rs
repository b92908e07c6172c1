//! The plugins natively, asked what the sandbox is asked: the other side of `benches/plugins.rs`,
//! which starts this and says when to run, so that both take turns.
//!
//! The one argument names a plugin. A decoder is told its parameters and calls first; then each
//! line asks for one round, and is answered with the nanoseconds of each call. The validator is
//! asked with a number of keys in each line, and answers with nanoseconds per message.

#[path = "../../calls.rs"]
mod calls;
#[path = "../../clock.rs"]
mod clock;
#[path = "../../keyed.rs"]
mod keyed;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{BufRead, StdinLock};

use calls::{Call, Sum};
use keyed::{Asked, Judged, Keyed};
use outrigger_policy::Packed;
use outrigger_sdk::bindings::decoder::exports::outrigger::plugin::decoder as wit;
use outrigger_sdk::bindings::types;
use outrigger_sdk::bindings::validator::exports::outrigger::plugin::validator;
use outrigger_sdk::hidden::{DecoderInstance, ValidatorInstance};
use outrigger_sdk::{Configuration, Decoder};
use track_plausibility::TrackPlausibility;

/// An empty MessagePack map.
const NO_PARAMETERS: u8 = 0x80;

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let input = std::io::stdin().lock();
    match name.as_str() {
        "adsb" => decoder::<adsb_decoder::AdsbDecoder>(input),
        "ais" => decoder::<ais_decoder::AisDecoder>(input),
        "asterix" => decoder::<asterix_decoder::AsterixDecoder>(input),
        "dis" => decoder::<dis_decoder::DisDecoder>(input),
        "gmti" => decoder::<gmti_decoder::GmtiDecoder>(input),
        "track-plausibility" => validate(input),
        name => panic!("no plugin is named {name:?}"),
    }
}

fn packed(ends: &[u32], bytes: &[u8]) -> types::Packed {
    types::Packed {
        ends: ends.to_vec(),
        bytes: bytes.to_vec(),
    }
}

fn decoder<D: Decoder>(mut input: StdinLock<'_>) {
    let keyed = calls::read(&mut input) == [1];
    let configuration = Configuration::new(calls::read(&mut input), Vec::new());
    let count = calls::read(&mut input);
    let count = u64::from_le_bytes(count.try_into().expect("a number of calls"));
    let calls: Vec<Call> = (0..count).map(|_| Call::read(&mut input)).collect();
    let instance = DecoderInstance::<D>::configure(&configuration);
    let mut instance = instance.expect("the parameters are right");
    let mut ask = |call: &Call| -> (wit::Decoded, f64) {
        let frames = wit::Frames {
            sequences: call.sequences.clone(),
            captured_ns: call.captured_ns.clone(),
            payloads: packed(&call.payload_ends, &call.payloads),
        };
        let states = wit::FrameStates {
            slot_ends: call.slot_ends.clone(),
            slots: call.slots.clone(),
            states: packed(&call.state_ends, &call.states),
        };
        let start = clock::start(call.sequences.len());
        if keyed {
            black_box(instance.keys(&frames));
        }
        let decoded = black_box(instance.decode(call.now_ns, &frames, states));
        (decoded, start.elapsed_ns())
    };
    let mut sum = Sum::NOTHING;
    for call in &calls {
        let (decoded, _) = ask(call);
        let messages = &decoded.messages;
        sum.numbers(&messages.classes);
        sum.numbers(&messages.event_ns);
        sum.bytes(&messages.keys.bytes);
        sum.bytes(&messages.bodies.bytes);
        sum.numbers(&messages.sources);
        sum.numbers(&decoded.rejects.causes);
        sum.numbers(&decoded.skips.kinds);
        sum.numbers(&decoded.changed);
        sum.bytes(&decoded.states.bytes);
    }
    println!("{}", sum.0);
    for line in input.lines() {
        line.expect("the other side goes on");
        let mut answer = String::new();
        for call in &calls {
            let _ = write!(answer, "{} ", ask(call).1);
        }
        println!("{answer}");
    }
}

fn validate(input: StdinLock<'_>) {
    let configuration = Configuration::new(vec![NO_PARAMETERS], Vec::new());
    let instance = ValidatorInstance::<TrackPlausibility>::configure(&configuration);
    let mut instance = instance.expect("no parameters are needed");
    let mut judge = |asked: Asked| -> Judged {
        let batch = validator::Batch {
            now_ns: asked.now_ns,
            classes: vec![0; asked.slots.len()],
            slots: asked.slots,
            event_ns: asked.times_ns.clone(),
            captured_ns: asked.times_ns,
            bodies: into(asked.bodies),
            states: into(asked.states),
        };
        let judgement = black_box(instance.validate(batch));
        Judged {
            anomalies: judgement.anomalies.messages.len(),
            changed: judgement.changed,
            states: Packed {
                ends: judgement.states.ends,
                bytes: judgement.states.bytes,
            },
        }
    };
    let mut stores: BTreeMap<usize, Keyed> = BTreeMap::new();
    for line in input.lines() {
        let line = line.expect("the other side goes on");
        let (keys, messages) = line.split_once(' ').expect("keys and messages");
        let keys = keys.parse().expect("a number of keys");
        let messages = messages.parse().expect("a number of messages");
        let store = stores
            .entry(keys)
            .or_insert_with(|| Keyed::new(keys, &mut judge));
        println!("{}", store.round(messages, &mut judge));
    }
}

fn into(packed: Packed) -> types::Packed {
    types::Packed {
        ends: packed.ends,
        bytes: packed.bytes,
    }
}

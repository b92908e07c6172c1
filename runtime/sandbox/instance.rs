//! One instance of a component: its store, its limits, and what its faults mean.
//!
//! The store holds everything that the guest can touch, so dropping the instance drops every
//! trace of it. Fuel, memory, bytes moved and the deadline are set here and nowhere else.

use outrigger_policy::verdict::{Fault, FaultKind};
use wasmtime::component::{HasSelf, InstancePre, Linker};
use wasmtime::{ResourceLimiter, Store, Trap};

use crate::bindings::common::outrigger::plugin::host::{self, Level};

/// Longest text of a note that is kept, in bytes. Longer is cut.
pub const NOTE_BYTES_MAX: usize = 1_024;
/// Most notes kept of a call. More are counted.
pub const NOTES_PER_CALL_MAX: usize = 16;
/// Most elements of all tables of an instance. Reason: a guest's function table; real ones have
/// some hundred. Growing beyond faults the guest.
const TABLE_ELEMENTS_MAX: usize = 20_000;
/// Most memories, tables and core instances of a component. Reason: a plugin has one core module
/// and two adapters of the component model.
const PARTS_MAX: usize = 8;
/// An instance beside its linear memory, bytes: its tables at their bound, 8 bytes an element, and what
/// the engine keeps of a store. Source of the latter: 60 KiB with the project's plugins.
pub const INSTANCE_BYTES: u64 = (PARTS_MAX * TABLE_ELEMENTS_MAX * 8) as u64 + (256 << 10);

/// How loud a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteLevel {
    /// For the author.
    Debug,
    /// For the operator, when looking.
    Info,
    /// For the operator.
    Warn,
    /// The plugin is about to give up.
    Error,
}

/// A line that a plugin left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// How loud.
    pub level: NoteLevel,
    /// What it says; at most [`NOTE_BYTES_MAX`] bytes, control characters replaced.
    pub text: String,
}

/// What the host keeps for an instance: its notes, and whether its memory limit was hit.
pub struct Host {
    memory_bytes_max: usize,
    memory_refused: bool,
    notes: Vec<Note>,
    notes_dropped: u64,
}

impl host::Host for Host {
    fn note(&mut self, level: Level, text: String) {
        if self.notes.len() >= NOTES_PER_CALL_MAX {
            self.notes_dropped += 1;
            return;
        }
        let level = match level {
            Level::Debug => NoteLevel::Debug,
            Level::Info => NoteLevel::Info,
            Level::Warn => NoteLevel::Warn,
            Level::Error => NoteLevel::Error,
        };
        let text = plain(&text, NOTE_BYTES_MAX);
        self.notes.push(Note { level, text });
    }
}

/// Text from a guest for a log: at most `bytes_max` bytes, no control characters, so that a guest
/// can neither fill a log nor forge a line of it.
pub(crate) fn plain(text: &str, bytes_max: usize) -> String {
    let end = text.floor_char_boundary(bytes_max.min(text.len()));
    text[..end]
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

impl ResourceLimiter for Host {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= self.memory_bytes_max;
        self.memory_refused |= !allowed;
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }

    fn instances(&self) -> usize {
        PARTS_MAX
    }

    fn tables(&self) -> usize {
        PARTS_MAX
    }

    fn memories(&self) -> usize {
        1
    }
}

/// Links the one import that a plugin may have.
pub(crate) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    host::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)
}

/// Limits of the calls of one plugin. All from the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fuel per message or frame of a call, wasmtime fuel. A call's fuel is a pool.
    pub message_fuel: u64,
    /// Fuel per call on top.
    pub call_fuel: u64,
    /// Fuel of `configure` and of `describe`.
    pub configure_fuel: u64,
    /// Largest linear memory, in bytes.
    pub memory_bytes_max: usize,
    /// Most bytes that one call may hand to the host.
    pub call_bytes_max: usize,
    /// Deadline of a call, in epoch ticks. A backstop: fuel ends a call long before.
    pub deadline_ticks: u64,
    /// Most outputs per message or frame.
    pub outputs_per_input_max: usize,
    /// Largest body, in bytes.
    pub output_bytes_max: usize,
    /// Largest state per key, in bytes.
    pub state_bytes_max: usize,
}

/// A started component, in its store.
pub(crate) struct Started {
    pub(crate) store: Store<Host>,
    pub(crate) instance: wasmtime::component::Instance,
}

impl Started {
    pub(crate) fn new(pre: &InstancePre<Host>, limits: &Limits) -> Result<Self, Fault> {
        let host = Host {
            memory_bytes_max: limits.memory_bytes_max,
            memory_refused: false,
            notes: Vec::new(),
            notes_dropped: 0,
        };
        let mut store = Store::new(pre.component().engine(), host);
        store.limiter(|host| host);
        store.set_hostcall_fuel(limits.call_bytes_max);
        store.epoch_deadline_trap();
        let _ = store.set_fuel(limits.configure_fuel);
        store.set_epoch_deadline(limits.deadline_ticks);
        match pre.instantiate(&mut store) {
            Ok(instance) => Ok(Self { store, instance }),
            Err(error) => Err(fault(&error, store.data())),
        }
    }

    /// Runs one call with this much fuel. Returns its answer and the fuel it burnt.
    pub(crate) fn call<T>(
        &mut self,
        fuel: u64,
        limits: &Limits,
        call: impl FnOnce(&mut Store<Host>) -> wasmtime::Result<T>,
    ) -> (Result<T, Fault>, u64) {
        // Fuel is on in this project's engine, so setting and reading it cannot fail.
        let _ = self.store.set_fuel(fuel);
        self.store.set_epoch_deadline(limits.deadline_ticks);
        let answer = call(&mut self.store);
        let burnt = fuel.saturating_sub(self.store.get_fuel().unwrap_or(0));
        let answer = answer.map_err(|error| fault(&error, self.store.data()));
        (answer, burnt)
    }

    /// Takes the notes of the calls since the last time, and how many were dropped.
    pub(crate) fn take_notes(&mut self) -> (Vec<Note>, u64) {
        let host = self.store.data_mut();
        (
            std::mem::take(&mut host.notes),
            std::mem::take(&mut host.notes_dropped),
        )
    }
}

/// Says whose fault an error was. Deterministic but for [`FaultKind::Late`]: no address, no
/// backtrace.
fn fault(error: &wasmtime::Error, host: &Host) -> Fault {
    let trap = error.downcast_ref::<Trap>();
    let kind = match trap {
        Some(Trap::OutOfFuel) => FaultKind::OutOfFuel,
        Some(Trap::Interrupt) => FaultKind::Late,
        Some(_) if host.memory_refused => FaultKind::OutOfMemory,
        Some(_) => FaultKind::Trapped,
        // Not a trap: the answer could not be taken over (too many bytes, bad UTF-8, a pointer
        // out of bounds), or the memory limit was hit at the start.
        None if host.memory_refused => FaultKind::OutOfMemory,
        None => FaultKind::Rejected,
    };
    let note = host
        .notes
        .iter()
        .rev()
        .find(|note| note.level == NoteLevel::Error);
    let detail = match (note, trap) {
        (Some(note), _) => note.text.clone(),
        (None, Some(trap)) => trap.to_string(),
        (None, None) => plain(&error.root_cause().to_string(), NOTE_BYTES_MAX),
    };
    Fault { kind, detail }
}

//! A resource trace: what a run cost, second by second, and what its messages cost by class. Written
//! by `outrigger profile`, read by `outrigger run` as the baseline that live costs are held against.
//!
//! JSON, one object. Fields are only added within a [`TRACE_VERSION`].

use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Version of the trace's form. Rises when a field goes or changes its meaning.
pub const TRACE_VERSION: u32 = 1;
/// Largest trace that is read, bytes. Reason: it is read whole. Larger ones are refused.
pub const TRACE_BYTES_MAX: u64 = 64 << 20;
/// Most seconds in a trace. Reason: four hours are some 15 MiB. A profile ends there.
pub const SECONDS_MAX: usize = 14_400;

/// A resource trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// [`TRACE_VERSION`].
    pub version: u32,
    /// Name of the deployment.
    pub name: String,
    /// When it was made, nanoseconds since the Unix epoch.
    pub made_ns: u64,
    /// Build of the runtime, its engine, and the CPU architecture.
    pub runtime: String,
    /// SHA-256 of what shapes the output in the configuration, hexadecimal.
    pub configuration: String,
    /// Where it was made.
    pub host: HostFacts,
    /// What was played into which tap.
    pub played: Vec<Played>,
    /// The budget that it ran in.
    pub budget: TraceBudget,
    /// Plugins, in the order of the status.
    pub plugins: Vec<PluginTrace>,
    /// All of it together.
    pub totals: Totals,
    /// Why it would not stay inside its budget; empty if it would.
    #[serde(default)]
    pub outside: Vec<String>,
    /// Second by second.
    pub seconds: Vec<Second>,
}

/// A host, as far as cost depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Cores that the process may run on.
    pub cores: u64,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Name of the processor.
    pub cpu: String,
    /// Version of the kernel.
    pub kernel: String,
}

/// What came in by a tap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Played {
    /// Name of the tap.
    pub tap: String,
    /// What it read.
    pub source: String,
    /// `recorded`, `recorded × FACTOR`, `flat-out` or `live`.
    pub pace: String,
}

/// A budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceBudget {
    /// CPU, permille of all cores.
    pub cpu_permille: u64,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Egress, bytes per second.
    #[serde(default)]
    pub egress_bytes_per_s: u64,
}

/// What a plugin cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PluginTrace {
    /// Its name.
    pub name: String,
    /// `decoder`, `validator` or `router`.
    pub role: String,
    /// SHA-256 of its component.
    pub digest: String,
    /// Calls.
    pub calls: u64,
    /// Frames or messages in them.
    pub rows: u64,
    /// Fuel of all.
    pub fuel: u64,
    /// Fuel of a call by itself.
    pub call_fuel: f64,
    /// Fuel of a frame that becomes no message.
    pub bare_fuel: f64,
    /// By class of the plugin.
    pub classes: Vec<ClassCost>,
}

/// What a message of a class costs a plugin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassCost {
    /// The class.
    pub class: String,
    /// Messages observed.
    pub messages: u64,
    /// Fuel of one.
    pub fuel: f64,
}

/// A run as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// How long it ran, milliseconds.
    pub ms: u64,
    /// Frames captured.
    pub frames: u64,
    /// Frames lost before capture.
    pub lost: u64,
    /// Messages decoded.
    pub messages: u64,
    /// CPU, milliseconds.
    pub cpu_ms: u64,
    /// CPU of a message, nanoseconds; everything else's share included.
    pub cpu_ns_per_message: u64,
    /// Busiest second, permille of all cores.
    pub cpu_permille_max: u64,
    /// The most memory that it had, bytes.
    pub rss_peak_bytes: u64,
    /// Bytes of frames.
    pub bytes_in: u64,
    /// Bytes handed to Kafka's clients.
    pub bytes_out: u64,
    /// Bytes on disk at the end: journal and topic logs.
    pub bytes_stored: u64,
    /// CPU by class, fitted over the seconds; empty if they were too few.
    #[serde(default)]
    pub cpu_by_class: Vec<ClassCpu>,
    /// CPU of a second without a message, by the same fit, nanoseconds.
    #[serde(default)]
    pub idle_cpu_ns_per_s: u64,
}

/// CPU of a message of a class, of everything that is done with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassCpu {
    /// The class.
    pub class: String,
    /// Messages.
    pub messages: u64,
    /// CPU of one, nanoseconds.
    pub cpu_ns: u64,
}

/// One second. Counts are of that second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Time since the start at its end, milliseconds.
    pub at_ms: u64,
    /// CPU, milliseconds.
    pub cpu_ms: u64,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Frames captured.
    pub frames: u64,
    /// Bytes of these.
    pub bytes_in: u64,
    /// Bytes handed to Kafka's clients.
    pub bytes_out: u64,
    /// Messages decoded, by class, in the order of the configuration's classes.
    pub messages: Vec<(String, u64)>,
    /// Blocks that wait.
    pub lag_blocks: u64,
    /// From capture to verdict, since the start: p50, p99, p99.9, microseconds.
    pub to_verdict_us: [u64; 3],
    /// From capture to the topic log, since the start: p50, p99, p99.9, microseconds.
    pub to_delivery_us: [u64; 3],
    /// Fuel by plugin, in the order of [`Trace::plugins`].
    pub fuel: Vec<u64>,
}

/// Why a file is no baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceError {
    /// It cannot be read, or is none.
    Unusable(String),
    /// It is of another version.
    Version(u32),
}

impl std::fmt::Display for TraceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unusable(cause) => f.write_str(cause),
            Self::Version(version) => write!(
                f,
                "it is a trace of version {version}, and this build reads version {TRACE_VERSION}; \
                 make a new one with `outrigger profile`"
            ),
        }
    }
}

impl std::error::Error for TraceError {}

/// Reads a trace.
///
/// # Errors
/// It is not there, too large, no trace, or of another version.
pub fn read(path: &Path) -> Result<Trace, TraceError> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let unusable = |cause: String| TraceError::Unusable(cause);
    let file = std::fs::File::open(path).map_err(|error| unusable(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(TRACE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unusable(error.to_string()))?;
    if bytes.len() as u64 > TRACE_BYTES_MAX {
        let cause = format!("it is larger than {TRACE_BYTES_MAX} bytes");
        return Err(unusable(cause));
    }
    let none = |error: serde_json::Error| unusable(format!("it is no resource trace: {error}"));
    let head: Head = serde_json::from_slice(&bytes).map_err(none)?;
    if head.version != TRACE_VERSION {
        return Err(TraceError::Version(head.version));
    }
    let trace: Trace = serde_json::from_slice(&bytes).map_err(none)?;
    let costs = trace.plugins.iter().flat_map(|plugin| {
        let classes = plugin.classes.iter().map(|class| class.fuel);
        classes.chain([plugin.call_fuel, plugin.bare_fuel])
    });
    match costs.into_iter().all(f64::is_finite) {
        true => Ok(trace),
        false => Err(unusable("a cost in it is no number".to_owned())),
    }
}

impl PluginTrace {
    /// Costs by term of `outrigger_policy::drift`, for a plugin with these classes. A class that the
    /// trace does not know has none, and is not judged.
    pub fn costs(&self, classes: &[String]) -> Vec<f64> {
        use outrigger_policy::drift::{FIRST_CLASS, TERMS_MAX, term_of};
        let terms = (FIRST_CLASS + classes.len()).min(TERMS_MAX);
        let mut costs = vec![0.0; terms];
        costs[0] = self.call_fuel;
        costs[1] = self.bare_fuel;
        for (index, name) in classes.iter().enumerate() {
            let known = self.classes.iter().find(|class| class.class == *name);
            costs[term_of(index)] = known.map_or(0.0, |class| class.fuel);
        }
        costs
    }
}

#[cfg(test)]
mod tests;

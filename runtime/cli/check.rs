//! `outrigger check`: the resolved configuration, the topology and the limits, or what is wrong.
//!
//! The settings are printed as TOML that reads back as the same configuration, every default
//! marked. Nothing is started and nothing is written.

mod json;
mod memory;
mod settings;

use std::path::Path;

use outrigger_policy::labels::LabelId;
use outrigger_policy::topology::{Class, Plugin, PluginId, Role, Tap, Target, TopicId, Topology};
use outrigger_policy::verdict::OnQuarantine;

use crate::config::{Config, ConfigErrors, PluginConfig, TapSource, hex};
use crate::memory::{admit, plan};

use json::render_errors;
pub use json::render_json;
use settings::render_settings;

/// Columns that fit a terminal.
const WIDTH: usize = 80;

/// How to check and what to print.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Print JSON instead of text.
    pub json: bool,
    /// Demand that every used plugin is pinned by its digest.
    pub strict: bool,
}

/// What to print, and whether the configuration is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Text or JSON, with a line break at its end.
    pub text: String,
    /// False when something is wrong: print to standard error, exit with 1.
    pub good: bool,
}

/// Checks a file: its syntax, values and topology, its reference files, its pins if `strict`, and that
/// what it plans fits the memory budget of this host.
pub fn check(file: &Path, options: Options) -> Report {
    match load(file, options.strict) {
        Ok(config) => Report {
            text: if options.json {
                render_json(&config)
            } else {
                render(&config)
            },
            good: true,
        },
        Err(errors) => Report {
            text: if options.json {
                render_errors(&errors)
            } else {
                format!("{errors}\n")
            },
            good: false,
        },
    }
}

fn load(file: &Path, strict: bool) -> Result<Config, ConfigErrors> {
    let config = Config::load(file)?;
    if strict {
        config.check_strict()?;
    }
    for plugin in config.topology.plugin_ids() {
        config.read_references(plugin)?;
    }
    admit(&config, &plan(&config))?;
    Ok(config)
}

/// The configuration as text, at most 80 columns unless a name or a path is longer.
pub fn render(config: &Config) -> String {
    let mut out = String::new();
    let topology = &config.topology;
    let counted = |count: usize, one: &str, many: &str| {
        format!("{count} {}", if count == 1 { one } else { many })
    };
    let counts = [
        counted(topology.taps().len(), "tap", "taps"),
        counted(topology.plugins().len(), "plugin", "plugins"),
        counted(topology.classes().len(), "class", "classes"),
        counted(topology.topics().len(), "topic", "topics"),
        counted(topology.labels().len(), "label", "labels"),
    ];
    line(
        &mut out,
        &format!(
            "# {} is good; the plugins were not opened, `outrigger doctor` does",
            config.file.display()
        ),
    );
    line(&mut out, &format!("# {}", counts.join(", ")));
    line(&mut out, &format!("# digest {}", hex(&config.digest())));
    line(
        &mut out,
        &format!("# data in {}", config.data_dir.display()),
    );
    line(
        &mut out,
        &format!("# plugins from {}", config.plugins_dir.display()),
    );
    line(&mut out, "\n# Topology");
    render_topology(&mut out, config);
    line(&mut out, "\n# Limits");
    for id in topology.plugin_ids() {
        render_limits(&mut out, topology.plugin(id), config.plugin(id), topology);
    }
    memory::render(&mut out, config, &plan(config));
    line(&mut out, "\n# Settings");
    render_settings(&mut out, config.settings());
    if !config.warnings.is_empty() {
        line(&mut out, "\n# Warnings");
        for warning in &config.warnings {
            wrap(&mut out, "# ", "#   ", warning.split(' '), " ");
        }
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// Pieces in lines of at most [`WIDTH`] columns, broken between pieces.
fn wrap<'a>(
    out: &mut String,
    first: &str,
    rest: &str,
    pieces: impl Iterator<Item = &'a str>,
    between: &str,
) {
    let mut current = first.to_owned();
    let mut is_empty = true;
    for piece in pieces {
        let columns = current.chars().count() + between.chars().count() + piece.chars().count();
        if !is_empty && columns > WIDTH {
            line(out, (current + between).trim_end());
            current = rest.to_owned();
            is_empty = true;
        }
        if !is_empty {
            current.push_str(between);
        }
        current.push_str(piece);
        is_empty = false;
    }
    line(out, current.trim_end());
}

fn label(topology: &Topology, label: LabelId) -> String {
    match topology.labels().sole() {
        Some(_) => String::new(),
        None => format!(" [{}]", topology.labels().name(label)),
    }
}

fn topic(topology: &Topology, id: TopicId) -> String {
    let topic = topology.topic(id);
    format!("{}{}", topic.name, label(topology, topic.label))
}

fn names(topology: &Topology, plugins: &[PluginId]) -> Vec<String> {
    plugins
        .iter()
        .map(|id| topology.plugin(*id).name.clone())
        .collect()
}

fn render_topology(out: &mut String, config: &Config) {
    let topology = &config.topology;
    for (at, tap) in topology.taps().iter().enumerate() {
        let Tap {
            name,
            label: tap_label,
            decoder,
            carries,
        } = tap;
        let from = match (config.taps.get(at), &config.group) {
            (Some(source), _) => describe_source(&source.source),
            (None, Some(group)) => {
                format!("kafka.{} {} in {}", group.cluster, group.topic, group.group)
            }
            (None, None) => String::new(),
        };
        line(
            out,
            &format!("# {name}{}: {from}", label(topology, *tap_label)),
        );
        let decoder = decoder.map(|decoder| topology.plugin(decoder));
        let by = decoder.map_or("(decoded already)", |decoder| &decoder.name);
        line(out, &format!("# └─ {by}"));
        let writes = match decoder.map(|decoder| &decoder.role) {
            Some(Role::Decoder { writes, .. }) => writes.as_slice(),
            Some(Role::Validator { .. } | Role::Router { .. }) => &[],
            None => carries.as_slice(),
        };
        for (at, class) in writes.iter().enumerate() {
            let last = at + 1 == writes.len();
            render_class(out, topology, topology.class(*class), last);
        }
    }
    let order = names(topology, topology.validators());
    if !order.is_empty() {
        wrap(
            out,
            "# validators in order: ",
            "#    ",
            order.iter().map(String::as_str),
            ", ",
        );
    }
    let dead = topic(topology, topology.dead_letters());
    line(
        out,
        &format!(
            "# not processed → {dead}; done by people → {}",
            topic(topology, topology.audit())
        ),
    );
}

fn render_class(out: &mut String, topology: &Topology, class: &Class, last: bool) {
    let (branch, below) = if last {
        ("└─", "  ")
    } else {
        ("├─", "│ ")
    };
    let mut pieces = vec![class.name.clone()];
    pieces.extend(names(topology, &class.validators));
    let mut routes: &[(String, TopicId)] = &[];
    match class.target {
        Target::Topic(id) => pieces.push(topic(topology, id)),
        Target::Router(id) => {
            let router = topology.plugin(id);
            pieces.push(router.name.clone());
            if let Role::Router { routes: all, .. } = &router.role {
                routes = all;
            }
        }
    }
    let first = format!("#    {branch} ");
    let rest = format!("#    {below}    ");
    wrap(out, &first, &rest, pieces.iter().map(String::as_str), " → ");
    let mut exits: Vec<String> = routes
        .iter()
        .map(|(route, id)| format!("{route} → {}", topic(topology, *id)))
        .collect();
    if let Some(id) = class.expired_topic
        && class.target != Target::Topic(id)
    {
        exits.push(format!("(keys gone silent) → {}", topic(topology, id)));
    }
    for (at, exit) in exits.iter().enumerate() {
        let branch = if at + 1 == exits.len() {
            "└─"
        } else {
            "├─"
        };
        line(out, &format!("#    {below}    {branch} {exit}"));
    }
}

fn describe_source(source: &TapSource) -> String {
    match source {
        TapSource::Udp(udp) => {
            let at = std::net::SocketAddr::new(udp.group.unwrap_or(udp.address), udp.port);
            match &udp.interface {
                Some(interface) => format!("udp {at} on {interface}"),
                None => format!("udp {at}"),
            }
        }
        TapSource::Tcp(tcp) => format!("tcp {}:{}", tcp.host, tcp.port),
        TapSource::Pcap(pcap) => pcap.path.display().to_string(),
        TapSource::Lines(lines) => lines.path.display().to_string(),
    }
}

fn render_limits(out: &mut String, plugin: &Plugin, config: &PluginConfig, topology: &Topology) {
    let limits = &config.limits;
    let (role, keeps_state, makes_outputs) = match plugin.role {
        Role::Decoder { .. } => ("decoder", true, true),
        Role::Validator { .. } => ("validator", true, false),
        Role::Router { .. } => ("router", false, true),
    };
    let pin = match &config.sha256 {
        Some(digest) => format!("pinned to {}…", &hex(digest)[..12]),
        None => "as outrigger.lock says".to_owned(),
    };
    line(
        out,
        &format!("# {} ({role}): {}, {pin}", config.name, config.component),
    );
    let mut row = |name: &str, text: String| {
        let first = format!("#   {name:<11}");
        wrap(out, &first, "#              ", text.split(' '), " ");
    };
    row(
        "fuel",
        format!(
            "{} per message + {} per call; {} to configure",
            digits(limits.message_fuel.get()),
            digits(limits.call_fuel.get()),
            digits(limits.configure_fuel.get())
        ),
    );
    let per_label = match topology.labels().sole() {
        Some(_) => String::new(),
        None => {
            let labels: Vec<&str> = plugin
                .labels
                .iter()
                .map(|label| topology.labels().name(*label))
                .collect();
            format!("; an instance per label: {}", labels.join(", "))
        }
    };
    row(
        "memory",
        format!(
            "{} per instance, {} returned per call{per_label}",
            size(limits.memory_bytes_max.get()),
            size(limits.call_bytes_max.get())
        ),
    );
    if keeps_state {
        row(
            "state",
            format!(
                "{} per key, {} keys per label, {} s",
                size(limits.state_bytes_max as u64),
                digits(limits.state_keys_max as u64),
                digits(limits.state_age_s_max)
            ),
        );
    }
    if makes_outputs {
        row(
            "outputs",
            format!(
                "{} per input, {} each",
                digits(limits.outputs_per_input_max as u64),
                size(limits.output_bytes_max as u64)
            ),
        );
    }
    row(
        "deadline",
        format!("{} ms per call", digits(limits.deadline_ms)),
    );
    let then = match config.on_quarantine {
        OnQuarantine::DeadLetter => "its messages become dead letters",
        OnQuarantine::Bypass => "its messages go on without it",
        OnQuarantine::Stop => "the runtime stops",
    };
    row(
        "quarantine",
        format!(
            "after {} faults; then {then}",
            digits(limits.faults_max.into())
        ),
    );
}

/// A number with its digits in groups of three.
fn digits(number: u64) -> String {
    let text = number.to_string();
    let mut out = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

/// Bytes, in the largest unit that shows them exactly.
fn size(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes >= 1 << shift && bytes.trailing_zeros() >= shift {
            return format!("{} {unit}", digits(bytes >> shift));
        }
    }
    format!("{} bytes", digits(bytes))
}

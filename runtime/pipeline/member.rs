//! A plugin's part in the pipeline: its places, its health, and how its indices map to the graph.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use outrigger_policy::drift::Fit;
use outrigger_policy::labels::LabelId;
use outrigger_policy::state::{StateBounds, StateStore};
use outrigger_policy::topology::{ClassId, PluginId, Role, TapId, TopicId, Topology};
use outrigger_policy::verdict::{Fault, FaultKind, Health, OnQuarantine};
use outrigger_sandbox::{Plugin, Seat};

/// An installed plugin, as the configuration wants it used.
#[derive(Clone)]
pub struct Installed {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// Bounds of its state, per label.
    pub bounds: StateBounds,
    /// Faults before it is quarantined.
    pub faults_max: u32,
    /// What happens then.
    pub on_quarantine: OnQuarantine,
}

/// A plugin does not fit the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MisfitError {
    /// Name of the plugin.
    pub plugin: String,
    /// What does not fit, with names.
    pub cause: String,
}

impl std::fmt::Display for MisfitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "plugins.{}: {}", self.plugin, self.cause)
    }
}

impl std::error::Error for MisfitError {}

/// What a place serves: one label, and of decoders one tap, since two buses may use the same key
/// for different things.
pub(super) type Serves = (LabelId, Option<TapId>);

/// Where a plugin serves: its instances and its state.
pub(super) struct Place {
    pub(super) seat: Seat,
    pub(super) store: StateStore,
}

/// Counters of one plugin, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginCounters {
    /// Faults by kind, each call counted.
    pub faults: BTreeMap<FaultKind, u64>,
    /// Rows that became dead letters.
    pub dead: u64,
    /// Decoders: rejects by index of cause.
    pub rejects: Vec<u64>,
    /// Decoders: skipped frames by index of kind.
    pub skips: Vec<u64>,
    /// Decoders: messages of classes that the configuration does not grant.
    pub not_granted: u64,
    /// Validators: anomalies by index of rule.
    pub anomalies: Vec<u64>,
    /// Routers: messages without a delivery.
    pub withheld: u64,
    /// Rows passed over because the plugin is quarantined and may be bypassed.
    pub bypassed: u64,
    /// Keys whose state was evicted.
    pub evicted: u64,
}

pub(super) struct Member {
    pub(super) id: PluginId,
    pub(super) installed: Installed,
    pub(super) health: Health,
    pub(super) counters: PluginCounters,
    /// By the plugin's index of a class: the class, if granted.
    pub(super) class_of: Vec<Option<ClassId>>,
    /// By class: the plugin's index.
    pub(super) index_of: Vec<Option<u16>>,
    /// By the plugin's index of a marking.
    pub(super) marking_labels: Vec<LabelId>,
    /// By the plugin's index of a route.
    pub(super) route_topics: Vec<TopicId>,
    pub(super) places: BTreeMap<Serves, Place>,
    /// What its messages cost, by class.
    pub(super) cost: Fit,
    /// State remembers what changes.
    pub(super) tracked: bool,
}

impl Member {
    pub(super) fn new(
        topology: &Topology,
        id: PluginId,
        installed: Installed,
    ) -> Result<Self, MisfitError> {
        let role = &topology.plugin(id).role;
        let description = &installed.plugin.description;
        let misfit = |cause: String| MisfitError {
            plugin: topology.plugin(id).name.clone(),
            cause,
        };
        let granted = match role {
            Role::Decoder { writes, .. } => writes,
            Role::Validator { classes } | Role::Router { classes, .. } => classes,
        };
        let class_of: Vec<Option<ClassId>> = description
            .classes
            .iter()
            .map(|name| topology.find_class(name).filter(|id| granted.contains(id)))
            .collect();
        let mut index_of = vec![None; topology.classes().len()];
        for (index, class) in class_of.iter().enumerate() {
            if let Some(class) = class {
                index_of[class.index()] = u16::try_from(index).ok();
            }
        }
        if let Some(class) = granted
            .iter()
            .find(|class| index_of[class.index()].is_none())
        {
            let name = &topology.class(*class).name;
            let known = description.classes.join(", ");
            return Err(misfit(format!(
                "class {name} is none of the plugin's classes ({known})"
            )));
        }
        let mut marking_labels = Vec::new();
        if let Role::Decoder { markings, .. } = role {
            for name in &description.markings {
                match markings.iter().find(|(known, _)| known == name) {
                    Some((_, label)) => marking_labels.push(*label),
                    None => {
                        return Err(misfit(format!("markings: {name} has no label")));
                    }
                }
            }
        }
        let mut route_topics = Vec::new();
        if let Role::Router { routes, .. } = role {
            for name in &description.routes {
                match routes.iter().find(|(known, _)| known == name) {
                    Some((_, topic)) => route_topics.push(*topic),
                    None => return Err(misfit(format!("routes: {name} has no topic"))),
                }
            }
            if let Some((extra, _)) = routes
                .iter()
                .find(|(name, _)| !description.routes.contains(name))
            {
                let known = description.routes.join(", ");
                return Err(misfit(format!(
                    "route {extra} is none of the plugin's routes ({known})"
                )));
            }
        }
        let description_classes = description.classes.len();
        let counters = PluginCounters {
            rejects: vec![0; description.causes.len()],
            skips: vec![0; description.skips.len()],
            anomalies: vec![0; description.rules.len()],
            ..PluginCounters::default()
        };
        Ok(Self {
            id,
            cost: Fit::new(description_classes),
            installed,
            health: Health::default(),
            counters,
            class_of,
            index_of,
            marking_labels,
            route_topics,
            places: BTreeMap::new(),
            tracked: false,
        })
    }

    /// Makes sure that there is a place that serves this.
    pub(super) fn ensure_place(&mut self, serves: Serves) {
        let Installed { plugin, bounds, .. } = &self.installed;
        let tracked = self.tracked;
        self.places.entry(serves).or_insert_with(|| {
            let mut store = StateStore::new(*bounds);
            if tracked {
                store.track();
            }
            Place {
                seat: Seat::new(Arc::clone(plugin)),
                store,
            }
        });
    }

    pub(super) fn name(&self) -> &str {
        &self.installed.plugin.name
    }

    pub(super) fn count_fault(&mut self, kind: FaultKind) {
        *self.counters.faults.entry(kind).or_default() += 1;
    }
}

/// Numbers the calls of a block, and obeys and writes down deadlines.
///
/// A deadline is a matter of the wall clock, so it cannot be decided again: a call that was late
/// once is late in every re-execution, and is not made.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) block: u64,
    pub(super) ordinal: u32,
    /// Rulings: block and ordinal of calls that were late.
    pub(super) late: BTreeSet<(u64, u32)>,
    /// Calls that have been late since the last time these were taken.
    pub(super) new_late: Vec<(u64, u32)>,
}

impl Calls {
    pub(super) fn begin(&mut self, block: u64) {
        self.block = block;
        self.ordinal = 0;
        self.late = self.late.split_off(&(block, 0));
    }

    pub(super) fn guarded<T>(
        &mut self,
        seat: &mut Seat,
        call: impl FnOnce(&mut Seat) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let number = (self.block, self.ordinal);
        self.ordinal += 1;
        if self.late.contains(&number) {
            seat.restart();
            return Err(late());
        }
        call(seat).map_err(|fault| match fault.kind {
            FaultKind::Late => {
                self.new_late.push(number);
                self.late.insert(number);
                late()
            }
            FaultKind::Rejected
            | FaultKind::Trapped
            | FaultKind::OutOfFuel
            | FaultKind::OutOfMemory => fault,
        })
    }
}

/// The same words for a call that was late and for one that a ruling makes late.
fn late() -> Fault {
    Fault {
        kind: FaultKind::Late,
        detail: "the call did not end before its deadline".to_owned(),
    }
}

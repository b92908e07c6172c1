//! The validated graph of a deployment: tap, decoder, class, validators, router, topic.
//!
//! What always holds of a [`Topology`]: every tap has exactly one decoder, or carries messages
//! already; every class is written by a decoder or carried by a tap, and ends in one topic or one router; the validators of all classes fit in one
//! order, so each is called once per batch; and no label can reach a topic that does not dominate
//! it. Names are looked up once, here; everything after uses dense indices.
//!
//! It decides nothing about what plugins really do: what a decoder writes is checked per message
//! against what it may write.

mod build;
mod carriers;
mod error;
mod spread;

pub use error::TopologyError;

use crate::labels::{LabelId, Labels};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u16);

        impl $name {
            /// The number itself, as in records and snapshots.
            pub const fn get(self) -> u16 {
                self.0
            }

            /// The number as an index.
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            // Counts are bounded far below by `limits`.
            pub(crate) const fn new(index: usize) -> Self {
                assert!(index <= u16::MAX as usize);
                Self(index as u16)
            }
        }
    )+};
}

ids! {
    /// A tap, as an index into [`Topology::taps`].
    TapId
    /// A plugin, as an index into [`Topology::plugins`].
    PluginId
    /// A class, as an index into [`Topology::classes`].
    ClassId
    /// A topic, as an index into [`Topology::topics`].
    TopicId
}

/// Name of the topic that takes what could not be processed.
pub const DEAD_LETTERS: &str = "_dead-letters";
/// Name of the topic that takes what the runtime and its operators did.
pub const AUDIT: &str = "_audit";

/// What the configuration says, names not yet looked up. Indices of the graph are positions here.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// The labels.
    pub labels: Labels,
    /// Taps: name and label.
    pub taps: Vec<(String, LabelId)>,
    /// Taps that carry messages already: name, and names of the classes that they may carry.
    pub carriers: Vec<(String, Vec<String>)>,
    /// Plugins: name and role.
    pub plugins: Vec<(String, RoleDescription)>,
    /// Classes: name and what becomes of its messages.
    pub classes: Vec<(String, ClassDescription)>,
    /// Topics, without the reserved ones: name and label.
    pub topics: Vec<(String, LabelId)>,
    /// Label of [`DEAD_LETTERS`]; the join of all that is captured when `None`.
    pub dead_letters_label: Option<LabelId>,
    /// Label of [`AUDIT`]; the join of all that is captured when `None`.
    pub audit_label: Option<LabelId>,
}

/// What a plugin is allowed to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleDescription {
    /// Turns frames into messages.
    Decoder {
        /// Names of its taps.
        taps: Vec<String>,
        /// Names of the classes that it may write.
        writes: Vec<String>,
        /// Markings that a frame can carry, each with its label.
        markings: Vec<(String, LabelId)>,
    },
    /// Judges messages.
    Validator,
    /// Says where messages go.
    Router {
        /// Routes by name, each with the name of its topic.
        routes: Vec<(String, String)>,
    },
}

/// What becomes of the messages of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassDescription {
    /// Names of validators, in the order of their calls.
    pub validators: Vec<String>,
    /// Where messages go.
    pub target: TargetDescription,
    /// Topic of anomalies about evicted keys; the class's topic when `None`.
    pub expired_topic: Option<String>,
}

/// Where the messages of a class go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetDescription {
    /// All to this topic.
    Topic(String),
    /// Where this plugin says.
    Router(String),
}

/// A tap of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tap {
    /// Its name.
    pub name: String,
    /// Label of its frames.
    pub label: LabelId,
    /// Its one decoder; `None` if it carries messages already.
    pub decoder: Option<PluginId>,
    /// Classes that it may carry without a decoder, in the configuration's order.
    pub carries: Vec<ClassId>,
}

/// A plugin of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// Its name in the configuration.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// Labels of what it may be called with, rising. An instance serves one of them.
    pub labels: Vec<LabelId>,
}

/// What a plugin does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Turns frames into messages.
    Decoder {
        /// Its taps, rising.
        taps: Vec<TapId>,
        /// The classes that it may write, in the configuration's order.
        writes: Vec<ClassId>,
        /// Markings by name, each with its label.
        markings: Vec<(String, LabelId)>,
    },
    /// Judges messages.
    Validator {
        /// The classes that it judges, rising.
        classes: Vec<ClassId>,
    },
    /// Says where messages go.
    Router {
        /// Routes by name, each with its topic.
        routes: Vec<(String, TopicId)>,
        /// The classes that it routes, rising.
        classes: Vec<ClassId>,
    },
}

/// A class of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// Decoders that may write it, rising.
    pub decoders: Vec<PluginId>,
    /// Taps that may carry it already, rising. There is a decoder or such a tap.
    pub carriers: Vec<TapId>,
    /// Validators, in the order of their calls.
    pub validators: Vec<PluginId>,
    /// Where its messages go.
    pub target: Target,
    /// Where anomalies about evicted keys go. `None` only without validators.
    pub expired_topic: Option<TopicId>,
    /// Labels that its messages can carry, rising.
    pub labels: Vec<LabelId>,
}

/// Where the messages of a class go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// All to this topic.
    Topic(TopicId),
    /// Where this plugin says.
    Router(PluginId),
}

/// A topic of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its label.
    pub label: LabelId,
}

/// Something that is allowed, and probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// No class or route leads to this topic.
    UnusedTopic(String),
    /// No class names this validator or router; it is not started.
    UnusedPlugin(String),
    /// This class has no validators, so nothing ever goes to its `expired_topic`.
    UnusedExpiredTopic(String),
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnusedTopic(topic) => {
                write!(
                    f,
                    "topic {topic} is never written: no class or route leads to it"
                )
            }
            Self::UnusedPlugin(plugin) => {
                write!(f, "plugin {plugin} is never called: no class names it")
            }
            Self::UnusedExpiredTopic(class) => {
                write!(
                    f,
                    "expired_topic of class {class} is never written: no validators"
                )
            }
        }
    }
}

/// The validated graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    labels: Labels,
    taps: Vec<Tap>,
    plugins: Vec<Plugin>,
    classes: Vec<Class>,
    topics: Vec<Topic>,
    validators: Vec<PluginId>,
    warnings: Vec<Warning>,
}

impl Topology {
    /// Looks up every name and checks every rule.
    ///
    /// # Errors
    /// All broken rules; those about labels and order only when every name is known.
    pub fn new(description: Description) -> Result<Self, Vec<TopologyError>> {
        build::build(description)
    }

    /// The labels.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// All taps, in the order of the description.
    pub fn taps(&self) -> &[Tap] {
        &self.taps
    }

    /// All plugins, in the order of the description.
    pub fn plugins(&self) -> &[Plugin] {
        &self.plugins
    }

    /// All classes, in the order of the description.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// All topics, in the order of the description, then [`DEAD_LETTERS`] and [`AUDIT`].
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// All validators that some class names, in the one order of their calls.
    pub fn validators(&self) -> &[PluginId] {
        &self.validators
    }

    /// What is allowed, and probably not meant.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// One tap.
    pub fn tap(&self, id: TapId) -> &Tap {
        &self.taps[id.index()]
    }

    /// One plugin.
    pub fn plugin(&self, id: PluginId) -> &Plugin {
        &self.plugins[id.index()]
    }

    /// One class.
    pub fn class(&self, id: ClassId) -> &Class {
        &self.classes[id.index()]
    }

    /// One topic.
    pub fn topic(&self, id: TopicId) -> &Topic {
        &self.topics[id.index()]
    }

    /// The topic that takes what could not be processed.
    pub fn dead_letters(&self) -> TopicId {
        TopicId::new(self.topics.len() - 2)
    }

    /// The topic that takes what the runtime and its operators did.
    pub fn audit(&self) -> TopicId {
        TopicId::new(self.topics.len() - 1)
    }

    /// Ids of all taps.
    pub fn tap_ids(&self) -> impl Iterator<Item = TapId> + use<> {
        (0..self.taps.len()).map(TapId::new)
    }

    /// Ids of all plugins.
    pub fn plugin_ids(&self) -> impl Iterator<Item = PluginId> + use<> {
        (0..self.plugins.len()).map(PluginId::new)
    }

    /// Ids of all classes.
    pub fn class_ids(&self) -> impl Iterator<Item = ClassId> + use<> {
        (0..self.classes.len()).map(ClassId::new)
    }

    /// Ids of all topics, reserved ones included.
    pub fn topic_ids(&self) -> impl Iterator<Item = TopicId> + use<> {
        (0..self.topics.len()).map(TopicId::new)
    }

    /// The tap of this name.
    pub fn find_tap(&self, name: &str) -> Option<TapId> {
        self.tap_ids().find(|id| self.tap(*id).name == name)
    }

    /// The plugin of this name.
    pub fn find_plugin(&self, name: &str) -> Option<PluginId> {
        self.plugin_ids().find(|id| self.plugin(*id).name == name)
    }

    /// The class of this name.
    pub fn find_class(&self, name: &str) -> Option<ClassId> {
        self.class_ids().find(|id| self.class(*id).name == name)
    }

    /// The topic of this name, reserved ones included.
    pub fn find_topic(&self, name: &str) -> Option<TopicId> {
        self.topic_ids().find(|id| self.topic(*id).name == name)
    }

    /// True when the plugin may have to be called: all decoders, and what some class names.
    pub fn uses(&self, plugin: PluginId) -> bool {
        match &self.plugin(plugin).role {
            Role::Decoder { .. } => true,
            Role::Validator { classes } | Role::Router { classes, .. } => !classes.is_empty(),
        }
    }

    /// True when what carries `label` may go to `topic`.
    pub fn allows(&self, label: LabelId, topic: TopicId) -> bool {
        self.labels.dominates(self.topic(topic).label, label)
    }
}

#[cfg(test)]
mod tests;

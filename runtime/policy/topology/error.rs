//! What can be wrong with a topology, each with all the names that it takes to find it.

/// A broken rule of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopologyError {
    /// Two of a kind have one name. Kind and name.
    Twice(&'static str, String),
    /// A topic has a reserved name.
    ReservedTopic(String),
    /// No decoder takes this tap.
    TapWithoutDecoder(String),
    /// Two decoders take one tap: tap, first and second decoder.
    TapTakenTwice(String, String, String),
    /// A decoder names a tap that carries messages already: decoder, tap.
    TapCarries(String, String),
    /// A tap carries a class that has no entry: tap, class.
    UnknownCarried(String, String),
    /// A decoder names a tap that does not exist: decoder, tap.
    UnknownTap(String, String),
    /// A decoder writes a class that has no entry: decoder, class.
    UnknownClass(String, String),
    /// No decoder writes this class, and no tap carries it.
    UnreachableClass(String),
    /// A class names a validator that does not exist: class, plugin.
    UnknownValidator(String, String),
    /// A class names a plugin as a validator that is none: class, plugin, its role.
    NotValidator(String, String, &'static str),
    /// A class names a validator twice: class, plugin.
    ValidatorTwice(String, String),
    /// A class names a router that does not exist: class, plugin.
    UnknownRouter(String, String),
    /// A class names a plugin as its router that is none: class, plugin, its role.
    NotRouter(String, String, &'static str),
    /// A class names a topic that does not exist: class, topic.
    UnknownTopic(String, String),
    /// A class names an expired topic that does not exist: class, topic.
    UnknownExpiredTopic(String, String),
    /// A class with validators and a router says nowhere where anomalies about evicted keys go.
    NoExpiredTopic(String),
    /// A route leads to a topic that does not exist: router, route, topic.
    UnknownRouteTopic(String, String, String),
    /// Validators' orders contradict each other: the cycle, each step with the class that asks
    /// for it (validator, class), and the first validator again.
    ValidatorCycle(Vec<(String, String)>, String),
    /// A label could reach a topic that does not dominate it.
    Label {
        /// Name of the label that is too high.
        label: String,
        /// The tap that it comes from.
        tap: String,
        /// The decoder's marking that raised it, if one did.
        marking: Option<String>,
        /// The class in which it travels.
        class: String,
        /// The router and the route that it could take, if there is one.
        route: Option<(String, String)>,
        /// The topic.
        topic: String,
        /// Label of the topic.
        topic_label: String,
    },
    /// A reserved topic takes from every tap, and does not dominate one: topic, its label, the
    /// label that is too high.
    ReservedLabel(String, String, String),
}

impl std::fmt::Display for TopologyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Twice(kind, name) => write!(f, "there are two {kind} of the name {name}"),
            Self::ReservedTopic(name) => write!(f, "{name} is a reserved topic"),
            Self::TapWithoutDecoder(tap) => {
                write!(f, "must have a decoder: none lists {tap} in its taps")
            }
            Self::TapTakenTwice(tap, first, second) => write!(
                f,
                "{second} cannot take tap {tap}: {first} decodes it, and a tap has one decoder"
            ),
            Self::TapCarries(decoder, tap) => write!(
                f,
                "{decoder} cannot take tap {tap}: it carries messages already"
            ),
            Self::UnknownTap(_, tap) => write!(f, "there is no tap {tap}"),
            Self::UnknownClass(_, class) | Self::UnknownCarried(_, class) => {
                write!(f, "there is no class {class} under [classes]")
            }
            Self::UnreachableClass(class) => {
                write!(
                    f,
                    "can never have a message: no decoder lists {class} in its writes, no tap in its \
                     classes"
                )
            }
            Self::UnknownValidator(_, plugin) | Self::UnknownRouter(_, plugin) => {
                write!(f, "there is no plugin {plugin}")
            }
            Self::NotValidator(_, plugin, role) => {
                write!(f, "{plugin} is a {role}, not a validator")
            }
            Self::ValidatorTwice(_, plugin) => write!(f, "{plugin} is listed twice"),
            Self::NotRouter(_, plugin, role) => write!(f, "{plugin} is a {role}, not a router"),
            Self::UnknownTopic(_, topic)
            | Self::UnknownExpiredTopic(_, topic)
            | Self::UnknownRouteTopic(_, _, topic) => write!(f, "there is no topic {topic}"),
            Self::NoExpiredTopic(_) => f.write_str(
                "needed: with a router, anomalies about tracks gone silent have no topic else",
            ),
            Self::ValidatorCycle(steps, first) => {
                f.write_str("validators' orders contradict each other: ")?;
                for (plugin, class) in steps {
                    write!(f, "{plugin} before (in {class}) ")?;
                }
                f.write_str(first)
            }
            Self::Label {
                label,
                tap,
                marking,
                class,
                route,
                topic,
                topic_label,
            } => {
                write!(
                    f,
                    "label {topic_label} does not dominate label {label}, which could reach it: {tap}"
                )?;
                if let Some(marking) = marking {
                    write!(f, " (marked {marking})")?;
                }
                write!(f, " -> {class}")?;
                if let Some((router, route)) = route {
                    write!(f, " -> {router} ({route})")?;
                }
                write!(f, " -> {topic}")
            }
            Self::ReservedLabel(topic, topic_label, label) => write!(
                f,
                "label {topic_label} does not dominate label {label}, and {topic} takes from every tap"
            ),
        }
    }
}

impl std::error::Error for TopologyError {}

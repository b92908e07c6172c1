//! Finds the key of the file that a broken rule of the topology is about.

use outrigger_policy::topology::{Description, TopologyError};

use super::words::{hint, join};

/// All names, to suggest a near one.
pub(super) struct Names {
    taps: Vec<String>,
    plugins: Vec<String>,
    classes: Vec<String>,
    topics: Vec<String>,
}

impl Names {
    pub(super) fn of(description: &Description) -> Self {
        fn names<T>(entries: &[(String, T)]) -> Vec<String> {
            entries.iter().map(|entry| entry.0.clone()).collect()
        }
        Self {
            taps: names(&description.taps),
            plugins: names(&description.plugins),
            classes: names(&description.classes),
            topics: names(&description.topics),
        }
    }
}

fn near(name: &str, known: &[String]) -> String {
    hint(name, known.iter().map(String::as_str))
}

/// Key and message of an error.
pub(super) fn locate(error: &TopologyError, names: &Names) -> (String, String) {
    let tap = |name: &str| join("taps", name);
    let plugin = |name: &str, key: &str| join(&join("plugins", name), key);
    let class = |name: &str, key: &str| join(&join("classes", name), key);
    let (key, hint) = match error {
        TopologyError::Twice(kind, name) => (join(kind, name), String::new()),
        TopologyError::ReservedTopic(topic) => (join("topics", topic), String::new()),
        TopologyError::TapWithoutDecoder(name) => (tap(name), String::new()),
        TopologyError::TapTakenTwice(_, _, decoder) | TopologyError::TapCarries(decoder, _) => {
            (plugin(decoder, "taps"), String::new())
        }
        TopologyError::UnknownCarried(carrier, name) => {
            (join(&tap(carrier), "classes"), near(name, &names.classes))
        }
        TopologyError::UnknownTap(decoder, name) => {
            (plugin(decoder, "taps"), near(name, &names.taps))
        }
        TopologyError::UnknownClass(decoder, name) => {
            (plugin(decoder, "writes"), near(name, &names.classes))
        }
        TopologyError::UnreachableClass(name) => (join("classes", name), String::new()),
        TopologyError::UnknownValidator(name, validator) => {
            (class(name, "validators"), near(validator, &names.plugins))
        }
        TopologyError::NotValidator(name, _, _) | TopologyError::ValidatorTwice(name, _) => {
            (class(name, "validators"), String::new())
        }
        TopologyError::UnknownRouter(name, router) => {
            (class(name, "router"), near(router, &names.plugins))
        }
        TopologyError::NotRouter(name, _, _) => (class(name, "router"), String::new()),
        TopologyError::UnknownTopic(name, topic) => {
            (class(name, "topic"), near(topic, &names.topics))
        }
        TopologyError::UnknownExpiredTopic(name, topic) => {
            (class(name, "expired_topic"), near(topic, &names.topics))
        }
        TopologyError::NoExpiredTopic(name) => (class(name, "expired_topic"), String::new()),
        TopologyError::UnknownRouteTopic(router, route, topic) => (
            join(&plugin(router, "routes"), route),
            near(topic, &names.topics),
        ),
        TopologyError::ValidatorCycle(steps, _) => {
            let key = match steps.first() {
                Some((_, name)) => class(name, "validators"),
                None => "classes".to_owned(),
            };
            (key, String::new())
        }
        TopologyError::Label { topic, .. } | TopologyError::ReservedLabel(topic, _, _) => {
            (join(&join("topics", topic), "label"), String::new())
        }
    };
    (key, format!("{error}{hint}"))
}

//! Which labels can reach what, and whether every topic dominates them.

use super::build::{Errors, Graph, fail_if_any};
use super::{
    AUDIT, Class, ClassId, DEAD_LETTERS, Description, PluginId, Role, Tap, TapId, Target, Topic,
    TopicId, TopologyError,
};
use crate::labels::{LabelId, Labels};

/// Labels that messages of a decoder can carry, each with the tap and the marking it comes from.
fn message_labels<'a>(
    labels: &'a Labels,
    graph: &'a Graph,
    decoder: PluginId,
) -> impl Iterator<Item = (LabelId, &'a Tap, Option<&'a str>)> {
    let (taps, markings): (&[TapId], &[(String, LabelId)]) =
        match &graph.plugins[decoder.index()].role {
            Role::Decoder { taps, markings, .. } => (taps, markings),
            Role::Validator { .. } | Role::Router { .. } => (&[], &[]),
        };
    taps.iter().flat_map(move |tap| {
        let tap = &graph.taps[tap.index()];
        let marked = markings.iter().map(move |(marking, label)| {
            (labels.join(tap.label, *label), tap, Some(marking.as_str()))
        });
        std::iter::once((tap.label, tap, None)).chain(marked)
    })
}

/// Labels that messages of a class can carry, as above. What a tap carries has the tap's label.
fn class_labels<'a>(
    labels: &'a Labels,
    graph: &'a Graph,
    class: &'a Class,
) -> impl Iterator<Item = (LabelId, &'a Tap, Option<&'a str>)> {
    let decoded = class
        .decoders
        .iter()
        .flat_map(move |decoder| message_labels(labels, graph, *decoder));
    let carried = class.carriers.iter().map(|tap| {
        let tap = &graph.taps[tap.index()];
        (tap.label, tap, None)
    });
    decoded.chain(carried)
}

pub(super) fn insert<T: Ord>(set: &mut Vec<T>, value: T) {
    if let Err(at) = set.binary_search(&value) {
        set.insert(at, value);
    }
}

/// Notes at every class and plugin which labels and classes come its way.
pub(super) fn spread_labels(labels: &Labels, graph: &mut Graph) {
    for at in 0..graph.plugins.len() {
        if let Role::Decoder { taps, .. } = &graph.plugins[at].role {
            let mut set = Vec::new();
            for tap in taps {
                insert(&mut set, graph.taps[tap.index()].label);
            }
            graph.plugins[at].labels = set;
        }
    }
    for at in 0..graph.classes.len() {
        let mut set = Vec::new();
        for (label, _, _) in class_labels(labels, graph, &graph.classes[at]) {
            insert(&mut set, label);
        }
        let class = &mut graph.classes[at];
        let router = match class.target {
            Target::Router(router) => Some(router),
            Target::Topic(_) => None,
        };
        for plugin in class.validators.iter().chain(&router) {
            let plugin = &mut graph.plugins[plugin.index()];
            for label in &set {
                insert(&mut plugin.labels, *label);
            }
            match &mut plugin.role {
                Role::Validator { classes } | Role::Router { classes, .. } => {
                    insert(classes, ClassId::new(at));
                }
                Role::Decoder { .. } => {}
            }
        }
        class.labels = set;
    }
}

/// The topics with the reserved ones behind them. Dead letters and the audit log take from every
/// tap, so their label dominates all.
pub(super) fn reserved_topics(
    description: &Description,
    graph: &Graph,
) -> Result<Vec<Topic>, Errors> {
    let labels = &description.labels;
    let mut carried = Vec::new();
    for tap in &graph.taps {
        insert(&mut carried, tap.label);
        for (label, _, _) in tap
            .decoder
            .iter()
            .flat_map(|decoder| message_labels(labels, graph, *decoder))
        {
            insert(&mut carried, label);
        }
    }
    let all = carried.iter().copied().reduce(|a, b| labels.join(a, b));
    let lowest = labels.ids().next().expect("there is always a label");
    let mut errors = Errors::new();
    let mut topics = graph.topics.clone();
    for (name, label) in [
        (DEAD_LETTERS, description.dead_letters_label),
        (AUDIT, description.audit_label),
    ] {
        let label = label.or(all).unwrap_or(lowest);
        let high = carried
            .iter()
            .find(|carried| !labels.dominates(label, **carried));
        if let Some(high) = high {
            errors.push(TopologyError::ReservedLabel(
                name.to_owned(),
                labels.name(label).to_owned(),
                labels.name(*high).to_owned(),
            ));
        }
        topics.push(Topic {
            name: name.to_owned(),
            label,
        });
    }
    fail_if_any(errors)?;
    Ok(topics)
}

pub(super) fn check_labels(labels: &Labels, graph: &Graph) -> Result<(), Errors> {
    let mut errors = Errors::new();
    for class in &graph.classes {
        for (topic, route) in exits(graph, class) {
            let topic = &graph.topics[topic.index()];
            let high = class_labels(labels, graph, class)
                .find(|(label, _, _)| !labels.dominates(topic.label, *label));
            if let Some((label, tap, marking)) = high {
                errors.push(TopologyError::Label {
                    label: labels.name(label).to_owned(),
                    tap: tap.name.clone(),
                    marking: marking.map(str::to_owned),
                    class: class.name.clone(),
                    route,
                    topic: topic.name.clone(),
                    topic_label: labels.name(topic.label).to_owned(),
                });
            }
        }
    }
    fail_if_any(errors)
}

/// Every topic that something of the class can reach, with the router and the route it takes.
pub(super) fn exits(graph: &Graph, class: &Class) -> Vec<(TopicId, Option<(String, String)>)> {
    let mut exits = Vec::new();
    match class.target {
        Target::Topic(topic) => exits.push((topic, None)),
        Target::Router(router) => {
            let router = &graph.plugins[router.index()];
            if let Role::Router { routes, .. } = &router.role {
                for (route, topic) in routes {
                    exits.push((*topic, Some((router.name.clone(), route.clone()))));
                }
            }
        }
    }
    if let Some(expired) = class.expired_topic
        && class.target != Target::Topic(expired)
    {
        exits.push((expired, None));
    }
    exits
}

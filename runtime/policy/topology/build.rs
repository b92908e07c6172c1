//! Builds the graph in stages: names, reachability, order, labels. A stage's errors are reported
//! together, and a later stage sees only what passed the earlier ones.

use super::carriers::link_carriers;
use super::spread::{check_labels, exits, insert, reserved_topics, spread_labels};
use super::{
    AUDIT, Class, ClassId, DEAD_LETTERS, Description, Plugin, PluginId, Role, RoleDescription, Tap,
    TapId, Target, TargetDescription, Topic, TopicId, Topology, TopologyError, Warning,
};
use crate::labels::find_cycle;

pub(super) type Errors = Vec<TopologyError>;

pub(super) fn build(description: Description) -> Result<Topology, Errors> {
    check_names(&description)?;
    let graph = link(&description)?;
    let validators = order_validators(&graph)?;
    let topics = reserved_topics(&description, &graph)?;
    let graph = Graph { topics, ..graph };
    check_labels(&description.labels, &graph)?;
    let warnings = warn(&description, &graph);
    Ok(Topology {
        labels: description.labels,
        taps: graph.taps,
        plugins: graph.plugins,
        classes: graph.classes,
        topics: graph.topics,
        validators,
        warnings,
    })
}

pub(super) struct Graph {
    pub(super) taps: Vec<Tap>,
    pub(super) plugins: Vec<Plugin>,
    pub(super) classes: Vec<Class>,
    pub(super) topics: Vec<Topic>,
}

pub(super) fn fail_if_any(errors: Errors) -> Result<(), Errors> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

fn check_names(description: &Description) -> Result<(), Errors> {
    let mut errors = Errors::new();
    let mut once = |kind: &'static str, names: Vec<&String>| {
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                errors.push(TopologyError::Twice(kind, (*name).clone()));
            }
        }
    };
    once("taps", description.taps.iter().map(|tap| &tap.0).collect());
    once(
        "plugins",
        description.plugins.iter().map(|plugin| &plugin.0).collect(),
    );
    once(
        "classes",
        description.classes.iter().map(|class| &class.0).collect(),
    );
    once(
        "topics",
        description.topics.iter().map(|topic| &topic.0).collect(),
    );
    for (name, _) in &description.topics {
        if name == DEAD_LETTERS || name == AUDIT {
            errors.push(TopologyError::ReservedTopic(name.clone()));
        }
    }
    fail_if_any(errors)
}

pub(super) fn position<T>(entries: &[(String, T)], name: &str) -> Option<usize> {
    entries.iter().position(|(known, _)| known == name)
}

fn role_name(role: &RoleDescription) -> &'static str {
    match role {
        RoleDescription::Decoder { .. } => "decoder",
        RoleDescription::Validator => "validator",
        RoleDescription::Router { .. } => "router",
    }
}

/// Looks up every name.
fn link(description: &Description) -> Result<Graph, Errors> {
    let mut errors = Errors::new();
    let mut decoders: Vec<Option<PluginId>> = vec![None; description.taps.len()];
    let mut writers: Vec<Vec<PluginId>> = vec![Vec::new(); description.classes.len()];
    let (carried, mut carriers) = link_carriers(description, &mut errors);
    let mut plugins = Vec::with_capacity(description.plugins.len());
    for (at, (name, role)) in description.plugins.iter().enumerate() {
        let role = match role {
            RoleDescription::Decoder {
                taps,
                writes,
                markings,
            } => Role::Decoder {
                taps: link_taps(description, at, taps, &mut decoders, &mut errors),
                writes: link_writes(description, at, writes, &mut writers, &mut errors),
                markings: markings.clone(),
            },
            RoleDescription::Validator => Role::Validator {
                classes: Vec::new(),
            },
            RoleDescription::Router { routes } => {
                let routes = routes.iter().filter_map(|(route, topic)| {
                    let found = position(&description.topics, topic);
                    if found.is_none() {
                        errors.push(TopologyError::UnknownRouteTopic(
                            name.clone(),
                            route.clone(),
                            topic.clone(),
                        ));
                    }
                    Some((route.clone(), TopicId::new(found?)))
                });
                Role::Router {
                    routes: routes.collect(),
                    classes: Vec::new(),
                }
            }
        };
        plugins.push(Plugin {
            name: name.clone(),
            role,
            labels: Vec::new(),
        });
    }
    let mut taps = Vec::with_capacity(description.taps.len());
    for ((name, label), (decoder, carries)) in
        description.taps.iter().zip(decoders.iter().zip(carried))
    {
        match (decoder, &carries) {
            (Some(decoder), Some(_)) => {
                let decoder = description.plugins[decoder.index()].0.clone();
                errors.push(TopologyError::TapCarries(decoder, name.clone()));
            }
            (None, None) => errors.push(TopologyError::TapWithoutDecoder(name.clone())),
            (Some(_), None) | (None, Some(_)) => taps.push(Tap {
                name: name.clone(),
                label: *label,
                decoder: *decoder,
                carries: carries.unwrap_or_default(),
            }),
        }
    }
    let mut classes = Vec::with_capacity(description.classes.len());
    for (at, decoders) in writers.into_iter().enumerate() {
        let carriers = std::mem::take(&mut carriers[at]);
        if decoders.is_empty() && carriers.is_empty() {
            errors.push(TopologyError::UnreachableClass(
                description.classes[at].0.clone(),
            ));
        }
        classes.extend(link_class(
            description,
            at,
            (decoders, carriers),
            &mut errors,
        ));
    }
    fail_if_any(errors)?;
    let topics = description.topics.iter().map(|(name, label)| Topic {
        name: name.clone(),
        label: *label,
    });
    let topics = topics.collect();
    let mut graph = Graph {
        taps,
        plugins,
        classes,
        topics,
    };
    spread_labels(&description.labels, &mut graph);
    Ok(graph)
}

fn link_taps(
    description: &Description,
    plugin: usize,
    names: &[String],
    decoders: &mut [Option<PluginId>],
    errors: &mut Errors,
) -> Vec<TapId> {
    let decoder = &description.plugins[plugin].0;
    let mut taps = Vec::new();
    for name in names {
        let Some(tap) = position(&description.taps, name) else {
            errors.push(TopologyError::UnknownTap(decoder.clone(), name.clone()));
            continue;
        };
        if let Some(first) = decoders[tap] {
            errors.push(TopologyError::TapTakenTwice(
                name.clone(),
                description.plugins[first.index()].0.clone(),
                decoder.clone(),
            ));
        } else {
            decoders[tap] = Some(PluginId::new(plugin));
            taps.push(TapId::new(tap));
        }
    }
    taps.sort_unstable();
    taps
}

fn link_writes(
    description: &Description,
    plugin: usize,
    names: &[String],
    writers: &mut [Vec<PluginId>],
    errors: &mut Errors,
) -> Vec<ClassId> {
    let mut writes = Vec::new();
    for name in names {
        let Some(class) = position(&description.classes, name) else {
            errors.push(TopologyError::UnknownClass(
                description.plugins[plugin].0.clone(),
                name.clone(),
            ));
            continue;
        };
        if !writes.contains(&ClassId::new(class)) {
            writes.push(ClassId::new(class));
            writers[class].push(PluginId::new(plugin));
        }
    }
    writes
}

fn link_class(
    description: &Description,
    at: usize,
    (decoders, carriers): (Vec<PluginId>, Vec<TapId>),
    errors: &mut Errors,
) -> Option<Class> {
    let (name, class) = &description.classes[at];
    let before = errors.len();
    let mut validators: Vec<PluginId> = Vec::new();
    for plugin in &class.validators {
        match position(&description.plugins, plugin).map(|at| (at, &description.plugins[at].1)) {
            Some((at, RoleDescription::Validator)) => {
                if validators.contains(&PluginId::new(at)) {
                    errors.push(TopologyError::ValidatorTwice(name.clone(), plugin.clone()));
                }
                validators.push(PluginId::new(at));
            }
            Some((_, role)) => errors.push(TopologyError::NotValidator(
                name.clone(),
                plugin.clone(),
                role_name(role),
            )),
            None => {
                errors.push(TopologyError::UnknownValidator(
                    name.clone(),
                    plugin.clone(),
                ));
            }
        }
    }
    let target = match &class.target {
        TargetDescription::Topic(topic) => match position(&description.topics, topic) {
            Some(at) => Some(Target::Topic(TopicId::new(at))),
            None => {
                errors.push(TopologyError::UnknownTopic(name.clone(), topic.clone()));
                None
            }
        },
        TargetDescription::Router(plugin) => {
            match position(&description.plugins, plugin).map(|at| (at, &description.plugins[at].1))
            {
                Some((at, RoleDescription::Router { .. })) => {
                    Some(Target::Router(PluginId::new(at)))
                }
                Some((_, role)) => {
                    errors.push(TopologyError::NotRouter(
                        name.clone(),
                        plugin.clone(),
                        role_name(role),
                    ));
                    None
                }
                None => {
                    errors.push(TopologyError::UnknownRouter(name.clone(), plugin.clone()));
                    None
                }
            }
        }
    };
    let expired_topic = match (&class.expired_topic, target) {
        (Some(topic), _) => {
            let found = position(&description.topics, topic);
            if found.is_none() {
                errors.push(TopologyError::UnknownExpiredTopic(
                    name.clone(),
                    topic.clone(),
                ));
            }
            found.map(TopicId::new)
        }
        (None, Some(Target::Topic(topic))) => Some(topic),
        (None, Some(Target::Router(_))) if !validators.is_empty() => {
            errors.push(TopologyError::NoExpiredTopic(name.clone()));
            None
        }
        (None, Some(Target::Router(_)) | None) => None,
    };
    (errors.len() == before).then_some(())?;
    Some(Class {
        name: name.clone(),
        decoders,
        carriers,
        expired_topic: expired_topic.filter(|_| !validators.is_empty()),
        validators,
        target: target?,
        labels: Vec::new(),
    })
}

/// One order of all validators that keeps every class's order; among free ones by number.
fn order_validators(graph: &Graph) -> Result<Vec<PluginId>, Errors> {
    let mut edges = Vec::new();
    let mut waiting = Vec::new();
    for class in &graph.classes {
        for pair in class.validators.windows(2) {
            edges.push((pair[0].index(), pair[1].index()));
        }
        for validator in &class.validators {
            insert(&mut waiting, *validator);
        }
    }
    if let Some(cycle) = find_cycle(graph.plugins.len(), &edges) {
        let name = |at: usize| graph.plugins[at].name.clone();
        let steps = cycle.windows(2).map(|step| {
            let class = graph.classes.iter().find(|class| {
                class
                    .validators
                    .windows(2)
                    .any(|pair| pair[0].index() == step[0] && pair[1].index() == step[1])
            });
            (
                name(step[0]),
                class.map_or(String::new(), |class| class.name.clone()),
            )
        });
        return Err(vec![TopologyError::ValidatorCycle(
            steps.collect(),
            name(cycle[0]),
        )]);
    }
    let mut order = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let free = waiting.iter().position(|id: &PluginId| {
            !edges.iter().any(|&(before, after)| {
                after == id.index() && waiting.iter().any(|other| other.index() == before)
            })
        });
        order.push(waiting.remove(free.expect("without a cycle some validator waits for none")));
    }
    Ok(order)
}

fn warn(description: &Description, graph: &Graph) -> Vec<Warning> {
    let mut used = vec![false; graph.topics.len()];
    for class in &graph.classes {
        for (topic, _) in exits(graph, class) {
            used[topic.index()] = true;
        }
    }
    let mut warnings = Vec::new();
    for (at, (topic, _)) in description.topics.iter().enumerate() {
        if !used[at] {
            warnings.push(Warning::UnusedTopic(topic.clone()));
        }
    }
    for plugin in &graph.plugins {
        match &plugin.role {
            Role::Decoder { .. } => {}
            Role::Validator { classes } | Role::Router { classes, .. } => {
                if classes.is_empty() {
                    warnings.push(Warning::UnusedPlugin(plugin.name.clone()));
                }
            }
        }
    }
    for (name, class) in &description.classes {
        if class.expired_topic.is_some() && class.validators.is_empty() {
            warnings.push(Warning::UnusedExpiredTopic(name.clone()));
        }
    }
    warnings
}

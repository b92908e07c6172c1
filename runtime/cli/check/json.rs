//! The report as JSON, for programs.

use outrigger_policy::labels::LabelId;
use outrigger_policy::topology::{PluginId, Role, Target, TopicId};
use serde_json::{Value, json};

use super::names;
use crate::config::{Config, ConfigErrors, Guarantee, hex};
use crate::memory::plan;

/// The configuration as one JSON object, indented. Its keys are stable.
pub fn render_json(config: &Config) -> String {
    let topology = &config.topology;
    let label = |id: &LabelId| topology.labels().name(*id).to_owned();
    let labels = |ids: &[LabelId]| ids.iter().map(label).collect::<Vec<_>>();
    let topic = |id: TopicId| topology.topic(id).name.clone();
    let plugin = |id: PluginId| topology.plugin(id).name.clone();
    let settings: Vec<Value> = config
        .settings()
        .iter()
        .map(|setting| {
            json!({
                "key": setting.key,
                "value": setting.value,
                "unit": setting.definition.unit,
                "default": setting.is_default,
            })
        })
        .collect();
    let taps: Vec<Value> = topology
        .taps()
        .iter()
        .map(|tap| {
            let carries = tap
                .carries
                .iter()
                .map(|id| topology.class(*id).name.clone());
            json!({
                "name": tap.name,
                "label": label(&tap.label),
                "decoder": tap.decoder.map(plugin),
                "carries": carries.collect::<Vec<_>>(),
            })
        })
        .collect();
    let plugins: Vec<Value> = topology
        .plugins()
        .iter()
        .zip(&config.plugins)
        .map(|(plugin, config)| {
            let role = match plugin.role {
                Role::Decoder { .. } => "decoder",
                Role::Validator { .. } => "validator",
                Role::Router { .. } => "router",
            };
            json!({
                "name": plugin.name,
                "role": role,
                "component": config.component,
                "sha256": config.sha256.as_ref().map(|digest| hex(digest)),
                "labels": labels(&plugin.labels),
            })
        })
        .collect();
    let classes: Vec<Value> = topology
        .classes()
        .iter()
        .map(|class| {
            let (to, router) = match class.target {
                Target::Topic(id) => (Some(topic(id)), None),
                Target::Router(id) => (None, Some(plugin(id))),
            };
            json!({
                "name": class.name,
                "decoders": names(topology, &class.decoders),
                "validators": names(topology, &class.validators),
                "topic": to,
                "router": router,
                "expired_topic": class.expired_topic.map(topic),
                "labels": labels(&class.labels),
            })
        })
        .collect();
    let topics: Vec<Value> = topology
        .topics()
        .iter()
        .zip(&config.topics)
        .map(|(topic, config)| {
            let guarantee = match config.guarantee {
                Guarantee::ExactlyOnce => "exactly-once",
                Guarantee::AtLeastOnce => "at-least-once",
                Guarantee::AtMostOnce => "at-most-once",
            };
            json!({"name": topic.name, "label": label(&topic.label), "guarantee": guarantee})
        })
        .collect();
    let all: Vec<LabelId> = topology.labels().ids().collect();
    let report = json!({
        "file": config.file.display().to_string(),
        "name": config.name,
        "digest": hex(&config.digest()),
        "output_digest": hex(&config.output_digest()),
        "data_dir": config.data_dir.display().to_string(),
        "plugins_dir": config.plugins_dir.display().to_string(),
        "settings": settings,
        "topology": {
            "labels": labels(&all),
            "taps": taps,
            "plugins": plugins,
            "classes": classes,
            "topics": topics,
            "validator_order": names(topology, topology.validators()),
        },
        "memory": super::memory::json(config, &plan(config)),
        "kafka_memory": super::memory::kafka_json(config),
        "warnings": config.warnings,
    });
    format!("{report:#}\n")
}

pub(super) fn render_errors(errors: &ConfigErrors) -> String {
    let list: Vec<Value> = errors
        .errors
        .iter()
        .map(|error| {
            json!({
                "file": error.file.display().to_string(),
                "line": error.line,
                "key": error.key,
                "message": error.message,
            })
        })
        .collect();
    let report = json!({"errors": list, "more": errors.more});
    format!("{report:#}\n")
}

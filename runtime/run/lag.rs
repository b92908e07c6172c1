//! What a pipeline does that lags: it sheds classes, by a ruling, from a block on.

use outrigger_policy::shed::Level;
use outrigger_policy::topology::{Class, Role, Target, TopicId};

use super::process::{Process, Turn};
use crate::config::{Config, Guarantee};
use crate::rulings::Ruling;

/// By class, the level from which on it is shed: that of the strictest topic that it can reach.
pub(super) fn class_levels(config: &Config) -> Vec<Level> {
    let topology = &config.topology;
    let level = |topic: TopicId| match config.topic(topic).guarantee {
        Guarantee::AtMostOnce => Level::AtMostOnce,
        Guarantee::AtLeastOnce => Level::AtLeastOnce,
        Guarantee::ExactlyOnce => Level::Everything,
    };
    let of_class = |class: &Class| {
        let own = match class.target {
            Target::Topic(topic) => Some(level(topic)),
            Target::Router(router) => match &topology.plugin(router).role {
                Role::Router { routes, .. } => routes.iter().map(|(_, topic)| level(*topic)).max(),
                Role::Decoder { .. } | Role::Validator { .. } => None,
            },
        };
        let expired = class.expired_topic.map(level);
        own.max(expired).unwrap_or(Level::Everything)
    };
    topology.classes().iter().map(of_class).collect()
}

impl Process<'_> {
    /// Sheds classes from this block on, or no longer, by how far it is behind. Only of what a live
    /// tap captured in this run: a recording is safe where it is, and what a stop left is not late by
    /// our own fault.
    pub(super) fn shed_if_behind(
        &mut self,
        number: u64,
        lag_ms: u64,
        turn: &mut Turn,
    ) -> Result<(), String> {
        let now_ms = u64::try_from(turn.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let before = turn.shedding.level;
        turn.shedding = turn.shedding.step(lag_ms, self.lag_ms_max, now_ms);
        let level = turn.shedding.level;
        if level == before {
            return Ok(());
        }
        let topology = self.pipeline.topology();
        let classes = topology.classes().iter().zip(&self.class_levels);
        let classes = classes.filter(|(_, from)| level != Level::Nothing && **from <= level);
        let classes: Vec<String> = classes.map(|(class, _)| class.name.clone()).collect();
        let detail = format!(
            "{lag_ms} ms behind, {} ms allowed: from block {number} on {} shed",
            self.lag_ms_max,
            match classes.as_slice() {
                [] => "nothing is".to_owned(),
                classes => format!("{} are", classes.join(", ")),
            }
        );
        self.rule(&[Ruling::Shed {
            at_block: number,
            classes,
        }])?;
        match level > before {
            true => tracing::warn!("the pipeline is {detail}"),
            false => tracing::info!("the pipeline is {detail}"),
        }
        self.write_down("shed", detail)
    }

    /// The level that sheds just these classes.
    pub(super) fn level_of(&self, shed: &[String]) -> Level {
        let classes = self.pipeline.topology().classes().iter();
        let levels = classes.zip(&self.class_levels);
        let of = levels.filter(|(class, _)| shed.contains(&class.name));
        of.map(|(_, level)| *level).max().unwrap_or_default()
    }
}

//! The stages of a batch, each called for what it serves: a decoder for a tap, validators and routers
//! for the messages of a label.

use std::collections::BTreeMap;
use std::sync::Arc;

use outrigger_policy::labels::LabelId;
use outrigger_policy::state::Kept;
use outrigger_policy::topology::{PluginId, TapId, Target};

use super::decode::{DecodeStage, FrameBatch};
use super::member::Serves;
use super::route::RouteStage;
use super::validate::ValidateStage;
use super::{Pipeline, halving};

impl Pipeline {
    pub(super) fn decode(
        &mut self,
        decoder: PluginId,
        frames: FrameBatch<'_>,
    ) -> Vec<(PluginId, Serves, Vec<Kept>)> {
        let tap = frames.tap;
        let Some(member) = self.members[decoder.index()].as_mut() else {
            return Vec::new();
        };
        let serves = (frames.label, Some(tap));
        member.ensure_place(serves);
        let before = member.usage_of(serves);
        let mut stage = DecodeStage {
            labels: self.topology.labels(),
            member,
            calls: &mut self.calls,
            frames,
            batch: &mut self.batch,
            evicted: Vec::new(),
            account: &mut self.accounts[tap.index()],
        };
        halving::run(&mut stage, frames.sequences.len(), self.batch_messages_max);
        let (evicted, rows) = (stage.evicted, frames.sequences.len());
        let classes = self.batch.messages.iter().map(|message| message.class);
        if let Some(member) = self.members[decoder.index()].as_mut() {
            member.observe(serves, &before, rows, classes);
        }
        vec![(decoder, serves, evicted)]
    }

    pub(super) fn validate(
        &mut self,
        tap: TapId,
        validator: PluginId,
    ) -> Vec<(PluginId, Serves, Vec<Kept>)> {
        let mut evicted = Vec::new();
        let topology = Arc::clone(&self.topology);
        let judged = |class: outrigger_policy::topology::ClassId| {
            topology.class(class).validators.contains(&validator)
        };
        for (label, messages) in self.live_by_label(judged) {
            let Some(member) = self.members[validator.index()].as_mut() else {
                continue;
            };
            let serves = (label, None);
            member.ensure_place(serves);
            let before = member.usage_of(serves);
            let mut stage = ValidateStage {
                member,
                calls: &mut self.calls,
                tap: tap.get(),
                label,
                now_ns: self.watermarks[tap.index()],
                batch: &mut self.batch,
                messages: &messages,
                evicted: Vec::new(),
            };
            halving::run(&mut stage, messages.len(), self.batch_messages_max);
            evicted.push((validator, serves, stage.evicted));
            let classes = messages.iter().map(|&at| self.batch.messages[at].class);
            if let Some(member) = self.members[validator.index()].as_mut() {
                member.observe(serves, &before, messages.len(), classes);
            }
        }
        evicted
    }

    pub(super) fn route(&mut self) {
        let topology = Arc::clone(&self.topology);
        for router in topology.plugin_ids() {
            let routed = |class: outrigger_policy::topology::ClassId| {
                topology.class(class).target == Target::Router(router)
            };
            for (label, messages) in self.live_by_label(routed) {
                let Some(member) = self.members[router.index()].as_mut() else {
                    continue;
                };
                let serves = (label, None);
                member.ensure_place(serves);
                let before = member.usage_of(serves);
                let mut stage = RouteStage {
                    member,
                    calls: &mut self.calls,
                    label,
                    label_name: topology.labels().name(label),
                    batch: &mut self.batch,
                    messages: &messages,
                    withheld: &mut self.counters.withheld,
                };
                halving::run(&mut stage, messages.len(), self.batch_messages_max);
                let classes = messages.iter().map(|&at| self.batch.messages[at].class);
                if let Some(member) = self.members[router.index()].as_mut() {
                    member.observe(serves, &before, messages.len(), classes);
                }
            }
        }
    }

    /// Live messages of the chosen classes, in order, by label: an instance serves one label.
    fn live_by_label(
        &self,
        chosen: impl Fn(outrigger_policy::topology::ClassId) -> bool,
    ) -> BTreeMap<LabelId, Vec<usize>> {
        let mut labels: BTreeMap<LabelId, Vec<usize>> = BTreeMap::new();
        for (at, message) in self.batch.messages.iter().enumerate() {
            if message.live && chosen(message.class) {
                labels.entry(message.label).or_default().push(at);
            }
        }
        labels
    }
}

//! What operators ask of a member of a group.

use super::member::Member;
use crate::run::RequestKind;

impl Member<'_> {
    /// Answers operators.
    pub(super) fn serve_requests(&mut self) {
        while let Some(request) = self.run.shared.take_request() {
            let answer = match &request.what {
                RequestKind::Snapshot => Err(format!(
                    "there are no snapshots in a group: state is committed with every transaction, to \
                     {}",
                    self.group.state_topic
                )),
                RequestKind::Lift { plugin } => self.lift(plugin),
            };
            // Who asked may have gone; what was done is done.
            let _ = request.answer.send(answer);
        }
    }

    fn lift(&mut self, plugin: &str) -> Result<String, String> {
        let known = &self.run.config.plugins;
        if !known.iter().any(|known| known.name == plugin) {
            return Err(format!("there is no plugin {plugin}"));
        }
        let shares = self.shares.iter_mut();
        let lifted: Vec<i32> = shares
            .filter_map(|(&partition, share)| share.lift(plugin).then_some(partition))
            .collect();
        if lifted.is_empty() {
            return Err(format!(
                "plugin {plugin} is not quarantined in the partitions of this process; each process of \
                 the group is asked by itself"
            ));
        }
        // It is kept by the next transaction, or, if none comes of it, has to be lifted again.
        if self.begin().is_err() {
            tracing::debug!("the lift waits for the next transaction");
        }
        Ok(format!(
            "{plugin} runs again in partitions {lifted:?}; each process of the group is asked by itself"
        ))
    }
}

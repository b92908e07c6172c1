//! What operators ask of the pipeline, done between two blocks.

use super::process::{Process, Turn};
use super::shared::{Request, RequestKind};
use crate::rulings::Ruling;
use crate::status::PipelineStatus;

impl Process<'_> {
    /// Does it, and answers.
    ///
    /// # Errors
    /// What ends the run.
    pub(super) fn serve(
        &mut self,
        request: Request,
        status: &mut PipelineStatus,
        turn: &mut Turn,
    ) -> Result<(), String> {
        let at_block = self.next_block;
        let answer = match &request.what {
            RequestKind::Snapshot => {
                self.restart_and_snapshot(status, turn)?;
                Ok(format!("snapshot before block {at_block}"))
            }
            RequestKind::Lift { plugin } => {
                let views = self.pipeline.plugins();
                match views.iter().find(|view| view.plugin.name == *plugin) {
                    None => Err(format!("there is no plugin {plugin}")),
                    Some(view) if !view.health.quarantined => {
                        Err(format!("plugin {plugin} is not quarantined"))
                    }
                    Some(_) => {
                        self.rule(&[Ruling::Lift {
                            at_block,
                            plugin: plugin.clone(),
                            uid: request.uid,
                        }])?;
                        Ok(format!("{plugin} runs again from block {at_block} on"))
                    }
                }
            }
        };
        // Who asked may have gone; what was done is done.
        let _ = request.answer.send(answer);
        Ok(())
    }
}

//! Commands of operators: read, written down, done, answered.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};

use serde::{Deserialize, Serialize};

use super::{COMMAND_TIME_MAX, Context};
use crate::audit::AuditRecord;
use crate::rulings::Ruling;
use crate::run::{Phase, Request, RequestKind, now_ns};

/// What an operator can ask for; the request's form on the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Close a tap's socket and read nothing, until resumed.
    Pause {
        /// Its name.
        tap: String,
    },
    /// Let a paused tap read again.
    Resume {
        /// Its name.
        tap: String,
    },
    /// Lift a plugin's quarantine.
    Lift {
        /// Its name.
        plugin: String,
    },
    /// Take a snapshot now.
    Snapshot {},
    /// Hold the breaker open: no tap reads, until released.
    Hold {},
    /// Let the breaker decide again.
    Release {},
}

impl Command {
    /// The command's word, as in the audit log.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pause { .. } => "pause",
            Self::Resume { .. } => "resume",
            Self::Lift { .. } => "lift",
            Self::Snapshot {} => "snapshot",
            Self::Hold {} => "hold",
            Self::Release {} => "release",
        }
    }

    /// What it concerns, as in the audit log.
    fn object(&self) -> String {
        match self {
            Self::Pause { tap } | Self::Resume { tap } => format!("tap {tap}"),
            Self::Lift { plugin } => format!("plugin {plugin}"),
            Self::Snapshot {} => "the pipeline".to_owned(),
            Self::Hold {} | Self::Release {} => "the breaker".to_owned(),
        }
    }
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// It was done.
    pub ok: bool,
    /// What was done, or why not.
    pub message: String,
}

impl Answer {
    pub(super) fn refusal(message: impl Into<String>) -> Self {
        Self {
            ok: false,
            message: message.into(),
        }
    }
}

/// Who asks, by the kernel's word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    pub(super) uid: u32,
    pub(super) pid: Option<i32>,
}

/// Reads a request: a JSON object and nothing else.
pub(super) fn parse(line: &[u8]) -> Result<Command, Answer> {
    // The parser's own words may quote what came in, which stays out of every log.
    serde_json::from_slice(line).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => "not a JSON object on one line",
            serde_json::error::Category::Data => {
                "not a known command with its argument: pause TAP, resume TAP, lift PLUGIN, snapshot"
            }
        };
        Answer::refusal(what)
    })
}

impl Context {
    /// Does a command: in the audit log before, its result there after. Blocks.
    pub(super) fn command(&self, command: &Command, asker: Asker) -> Answer {
        let object = command.object();
        if let Err(answer) = self.audit(command.word(), asker, format!("{object}: asked")) {
            return answer;
        }
        let result = self.act(command, asker);
        let (event, detail) = match &result {
            Ok(message) => (command.word(), format!("{object}: done: {message}")),
            Err(cause) => {
                let word = command.word();
                ("refused", format!("{word} {object}: {cause}"))
            }
        };
        tracing::info!(uid = asker.uid, "{event} {detail}");
        if let Err(answer) = self.audit(event, asker, detail) {
            return answer;
        }
        Answer {
            ok: result.is_ok(),
            message: result.unwrap_or_else(|cause| cause),
        }
    }

    /// Writes down a request that is none.
    pub(super) fn refuse(&self, asker: Asker, cause: &str) {
        // The asker is refused in either case; the log's failure is in the runtime's own log.
        let _ = self.audit("refused", asker, cause.to_owned());
    }

    fn audit(&self, event: &str, asker: Asker, detail: String) -> Result<(), Answer> {
        let record = AuditRecord {
            time_ns: now_ns(),
            event: event.to_owned(),
            uid: Some(asker.uid),
            pid: asker.pid,
            detail,
        };
        self.audit.append(&record).map_err(|error| {
            tracing::error!("{error}");
            Answer::refusal(format!("cannot be written to the audit log: {error}"))
        })
    }

    fn act(&self, command: &Command, asker: Asker) -> Result<String, String> {
        if self.shared.phase() != Phase::Running {
            return Err("the runtime is about to end".to_owned());
        }
        match command {
            Command::Pause { tap } => self.pause(tap, true, asker),
            Command::Resume { tap } => self.pause(tap, false, asker),
            Command::Lift { plugin } => {
                let plugin = plugin.clone();
                self.ask_pipeline(RequestKind::Lift { plugin }, asker)
            }
            Command::Snapshot {} => self.ask_pipeline(RequestKind::Snapshot, asker),
            Command::Hold {} => self.hold(true, asker),
            Command::Release {} => self.hold(false, asker),
        }
    }

    fn pause(&self, name: &str, paused: bool, asker: Asker) -> Result<String, String> {
        if self.config.group.is_some() {
            return Err(
                "a tap that reads Kafka is not paused: end the process, and the others of its group take \
                 its partitions over"
                    .to_owned(),
            );
        }
        let taps = &self.shared.taps;
        let Some(tap) = taps.iter().find(|tap| tap.name == name) else {
            let names: Vec<&str> = taps.iter().map(|tap| tap.name.as_str()).collect();
            return Err(format!("there is no such tap; taps: {}", names.join(", ")));
        };
        if tap.ended.load(Ordering::Acquire) {
            return Err("it has ended".to_owned());
        }
        if tap.paused.load(Ordering::Acquire) == paused {
            let is = if paused {
                "is paused already"
            } else {
                "is not paused"
            };
            return Err(format!("it {is}"));
        }
        self.shared.rule(&[Ruling::Tap {
            tap: name.to_owned(),
            paused,
            uid: asker.uid,
        }])?;
        tap.paused.store(paused, Ordering::Release);
        self.shared.wake();
        Ok(if paused {
            format!("{name} closes its socket and reads nothing")
        } else {
            format!("{name} reads again")
        })
    }

    fn hold(&self, held: bool, asker: Asker) -> Result<String, String> {
        let taps = self.shared.taps.iter();
        let rulings: Vec<Ruling> = taps
            .map(|tap| Ruling::Tap {
                tap: tap.name.clone(),
                paused: held,
                uid: asker.uid,
            })
            .collect();
        if !self.shared.governor.circuit.hold(held) {
            let is = if held { "held already" } else { "not held" };
            return Err(format!("it is {is}"));
        }
        if !rulings.is_empty() {
            self.shared.rule(&rulings)?;
        }
        self.shared.wake();
        Ok(if held {
            "the breaker opens, and stays open until it is released".to_owned()
        } else {
            "the breaker decides again; it stays open for its backoff, then tries".to_owned()
        })
    }

    fn ask_pipeline(&self, what: RequestKind, asker: Asker) -> Result<String, String> {
        let (answer, answered) = sync_channel(1);
        let request = Request {
            what,
            uid: asker.uid,
            answer,
        };
        self.shared
            .request(request)
            .map_err(|_| "too many requests wait for the pipeline; try again".to_owned())?;
        match answered.recv_timeout(COMMAND_TIME_MAX) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(format!(
                "no answer from the pipeline within {} s; it may yet be done",
                COMMAND_TIME_MAX.as_secs()
            )),
            Err(RecvTimeoutError::Disconnected) => Err("the runtime has ended".to_owned()),
        }
    }
}

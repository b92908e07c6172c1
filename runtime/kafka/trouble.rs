//! What went wrong with a broker, and what may be done about it.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// What may be done after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Try the same again later: the broker is away, slow, or refuses for now.
    Later,
    /// This record can never be delivered; others can.
    Never,
    /// Abort the transaction, then go on from the last committed position.
    Abort,
    /// Use this client no more. Whether the last commit happened is unknown: read the progress.
    Renew,
    /// The transactional id is no longer this producer's. Another has taken over, or the
    /// transaction took too long; [`crate::read_holder`] tells which.
    Fenced,
}

/// An error of a broker or of librdkafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What may be done.
    pub remedy: Remedy,
    /// Kafka's name of the error, such as `MessageSizeTooLarge`.
    pub code: String,
    /// What was being done, and what the library or the broker said.
    pub detail: String,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.detail, self.code)
    }
}

impl std::error::Error for Trouble {}

/// A record of this content is refused whenever it is sent.
fn is_never(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidMessage
            | RDKafkaErrorCode::InvalidMessageSize
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::InvalidTimestamp
            | RDKafkaErrorCode::PolicyViolation
    )
}

fn is_fenced(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::Fenced
            | RDKafkaErrorCode::ProducerFenced
            | RDKafkaErrorCode::InvalidProducerEpoch
    )
}

impl Trouble {
    /// Of a record or a plain call: wait, or never.
    pub(crate) fn of(doing: &str, error: &KafkaError) -> Self {
        let code = error.rdkafka_error_code();
        let remedy = match code {
            Some(code) if is_never(code) => Remedy::Never,
            Some(code) if is_fenced(code) => Remedy::Fenced,
            Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::State) => Remedy::Renew,
            Some(_) | None => Remedy::Later,
        };
        Self {
            remedy,
            code: code.map_or_else(|| "Client".to_owned(), |code| format!("{code:?}")),
            detail: format!("{doing}: {error}"),
        }
    }

    /// Of a call that belongs to a transaction. What is neither abortable nor fencing leaves the
    /// outcome unknown.
    pub(crate) fn of_transaction(doing: &str, error: &KafkaError) -> Self {
        let mut trouble = Self::of(doing, error);
        if let KafkaError::Transaction(error) = error {
            trouble.detail = format!("{doing}: {}", error.string());
            trouble.remedy = match error.code() {
                code if is_fenced(code) => Remedy::Fenced,
                _ if error.is_fatal() => Remedy::Renew,
                _ if error.txn_requires_abort() => Remedy::Abort,
                _ => Remedy::Renew,
            };
        } else if trouble.remedy == Remedy::Later || trouble.remedy == Remedy::Never {
            trouble.remedy = Remedy::Renew;
        }
        trouble
    }

    /// Of a call that took too long.
    pub fn timeout(doing: &str) -> Self {
        Self {
            remedy: Remedy::Later,
            code: format!("{:?}", RDKafkaErrorCode::OperationTimedOut),
            detail: format!("{doing}: no answer in time"),
        }
    }

    /// True if a call only took too long: the same call may be made again, and goes on where it was.
    pub fn is_timeout(&self) -> bool {
        self.code == format!("{:?}", RDKafkaErrorCode::OperationTimedOut)
    }

    /// Of a configuration that no client can be made of.
    pub(crate) fn of_client(error: &KafkaError) -> Self {
        Self {
            remedy: Remedy::Later,
            code: "Client".to_owned(),
            detail: format!("cannot make a client: {error}"),
        }
    }
}

//! How a cluster is reached, and the settings that every client shares.
//!
//! Every librdkafka setting that owns memory is set here or in [`crate::producer`]; what each can
//! come to is added up in [`crate::memory`].

use std::sync::Mutex;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::trouble::Trouble;

/// A password or key. Never shown: its `Debug` is three dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// A SASL mechanism with its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: &'static str,
    /// User.
    pub username: String,
    /// Password.
    pub password: Secret,
}

/// TLS towards the brokers. The host name is always verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM of the authorities that may sign the brokers' certificates; empty for the system's.
    pub authorities_pem: Option<String>,
    /// PEM of our certificate, for brokers that ask for one.
    pub certificate_pem: Option<String>,
    /// PEM of its key.
    pub key_pem: Option<Secret>,
}

/// How connections are protected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// TLS; plain TCP without.
    pub tls: Option<Tls>,
    /// SASL; no authentication by password without.
    pub sasl: Option<Sasl>,
}

/// Why a security setting cannot be used.
pub type SecurityError = KafkaError;

/// How batches are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Fast, and the default: CPU is the scarcest on the host, the link next.
    #[default]
    Lz4,
    /// Smallest.
    Zstd,
}

impl Compression {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// Bounds of a client, bytes and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Records that wait in a producer, bytes. Reached: the caller waits.
    pub queue_bytes_max: u64,
    /// The same, by number.
    pub queue_records_max: u64,
    /// A request to a broker holds at most so many bytes of records.
    pub batch_bytes_max: u64,
    /// Largest record that is sent, bytes; larger ones are refused here.
    pub record_bytes_max: u64,
    /// Largest response that is taken from a broker, bytes.
    pub response_bytes_max: u64,
    /// Wait of a record for others to share its request, milliseconds.
    pub linger_ms: u64,
    /// Time after which a broker aborts a transaction that was not ended, milliseconds.
    pub transaction_timeout_ms: u64,
}

impl Default for Bounds {
    /// 4 MiB of queue per producer: a second of 10,000 records of 400 bytes.
    fn default() -> Self {
        Self {
            queue_bytes_max: 4 << 20,
            queue_records_max: 16_384,
            batch_bytes_max: 256 << 10,
            record_bytes_max: 1 << 20,
            response_bytes_max: 4 << 20,
            linger_ms: 5,
            transaction_timeout_ms: 30_000,
        }
    }
}

/// A cluster: where it is and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// `host:port`, several separated by commas.
    pub bootstrap: String,
    /// Name that brokers know us by, in their logs and quotas.
    pub client_id: String,
    /// Protection.
    pub security: Security,
    /// Compression.
    pub compression: Compression,
    /// Bounds.
    pub bounds: Bounds,
}

/// Time without an answer after which a request has failed, milliseconds.
pub(crate) const REQUEST_TIMEOUT_MS: u64 = 10_000;
/// Requests under way to one broker. Source: Kafka's own limit for an idempotent producer.
pub(crate) const REQUESTS_IN_FLIGHT: u64 = 5;
/// Time between statistics, milliseconds.
const STATISTICS_MS: u64 = 1_000;

impl Cluster {
    /// The settings that every client shares.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Warning);
        let Bounds {
            record_bytes_max,
            response_bytes_max,
            ..
        } = self.bounds;
        let mut set = |key: &str, value: String| {
            config.set(key, value);
        };
        set("bootstrap.servers", self.bootstrap.clone());
        set("client.id", self.client_id.clone());
        set("message.max.bytes", record_bytes_max.to_string());
        set("receive.message.max.bytes", response_bytes_max.to_string());
        set("message.copy.max.bytes", "65535".to_owned());
        set(
            "max.in.flight.requests.per.connection",
            REQUESTS_IN_FLIGHT.to_string(),
        );
        set("socket.timeout.ms", REQUEST_TIMEOUT_MS.to_string());
        set("socket.keepalive.enable", "true".to_owned());
        set("socket.nagle.disable", "true".to_owned());
        set("reconnect.backoff.ms", "100".to_owned());
        set("reconnect.backoff.max.ms", "2000".to_owned());
        set("topic.metadata.refresh.interval.ms", "60000".to_owned());
        set("allow.auto.create.topics", "false".to_owned());
        set("statistics.interval.ms", STATISTICS_MS.to_string());
        set("log.connection.close", "false".to_owned());
        // librdkafka prints its settings' secrets as `[redacted]`; ours are never printed.
        self.protect(&mut config);
        config
    }

    fn protect(&self, config: &mut ClientConfig) {
        let Security { tls, sasl } = &self.security;
        let protocol = match (tls, sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(tls) = tls {
            config.set("enable.ssl.certificate.verification", "true");
            config.set("ssl.endpoint.identification.algorithm", "https");
            if let Some(pem) = &tls.authorities_pem {
                config.set("ssl.ca.pem", pem);
            }
            if let Some(pem) = &tls.certificate_pem {
                config.set("ssl.certificate.pem", pem);
            }
            if let Some(pem) = &tls.key_pem {
                config.set("ssl.key.pem", pem.reveal());
            }
        }
        if let Some(sasl) = sasl {
            config.set("sasl.mechanism", sasl.mechanism);
            config.set("sasl.username", &sasl.username);
            config.set("sasl.password", sasl.password.reveal());
        }
    }

    pub(crate) fn compression(&self) -> &'static str {
        self.compression.name()
    }
}

/// The context of clients that only ask: keeps why a broker could last not be reached.
#[derive(Default)]
pub(crate) struct Asking {
    reason: Mutex<Option<String>>,
}

impl Asking {
    /// Adds to what went wrong why, if the library knows.
    pub(crate) fn explain(&self, mut trouble: Trouble) -> Trouble {
        let reason = self.reason.lock();
        let reason = reason.unwrap_or_else(|poison| poison.into_inner()).take();
        if let Some(reason) = reason {
            trouble.detail = format!("{}; {reason}", trouble.detail);
        }
        trouble
    }
}

impl ClientContext for Asking {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("{error}: {reason}");
        let mut kept = self
            .reason
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        // That all brokers are down says less than why the first one was.
        let vague = error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown);
        if !vague || kept.is_none() {
            *kept = Some(reason.to_owned());
        }
    }
}

impl rdkafka::consumer::ConsumerContext for Asking {}

/// librdkafka's log lines, one level lower than it thinks of them: what matters to an operator is
/// said once, by the status and by who called.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!("{facility}: {message}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
            tracing::info!("{facility}: {message}");
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            tracing::debug!("{facility}: {message}");
        }
    }
}

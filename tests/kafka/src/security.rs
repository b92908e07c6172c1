//! How listeners are secured: what broker, librdkafka and the Java client must be told for it.

use std::fmt::Display;

use crate::credentials::Credentials;

const PLAIN_LOGIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule";
const SCRAM_LOGIN: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";

pub(crate) type Property = (String, String);

fn property(key: impl Display, value: impl Display) -> Property {
    (key.to_string(), value.to_string())
}

/// How a listener knows its clients, and whether others can listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Neither encryption nor names.
    Plain,
    /// TLS; clients are not asked who they are.
    Tls,
    /// TLS; clients show a certificate: here the brokers' own.
    MutualTls,
    /// SASL PLAIN over TLS.
    SaslPlain,
    /// SASL SCRAM, SHA-256 or SHA-512, over TLS.
    SaslScram,
}

impl Security {
    pub(crate) fn protocol(self) -> &'static str {
        match self {
            Self::Plain => "PLAINTEXT",
            Self::Tls | Self::MutualTls => "SSL",
            Self::SaslPlain | Self::SaslScram => "SASL_SSL",
        }
    }

    fn mechanism(self) -> Option<&'static str> {
        match self {
            Self::Plain | Self::Tls | Self::MutualTls => None,
            Self::SaslPlain => Some("PLAIN"),
            Self::SaslScram => Some("SCRAM-SHA-256"),
        }
    }

    /// Properties of librdkafka, but for the bootstrap servers.
    pub(crate) fn rdkafka(self, credentials: Option<&Credentials>) -> Vec<Property> {
        let mut set = vec![property(
            "security.protocol",
            self.protocol().to_lowercase(),
        )];
        if let Some(credentials) = credentials.filter(|_| self != Self::Plain) {
            set.push(property("ssl.ca.location", credentials.trusted.display()));
            if let Some(mechanism) = self.mechanism() {
                set.push(property("sasl.mechanism", mechanism));
                set.push(property("sasl.username", &credentials.user));
                set.push(property("sasl.password", &credentials.password));
            }
        }
        set
    }

    /// Properties of the Java client, but for the bootstrap servers.
    pub(crate) fn java(
        self,
        credentials: Option<&Credentials>,
        user: &str,
        password: &str,
    ) -> Vec<Property> {
        let mut set = vec![property("security.protocol", self.protocol())];
        if let Some(credentials) = credentials.filter(|_| self != Self::Plain) {
            set.push(property("ssl.truststore.type", "PEM"));
            set.push(property(
                "ssl.truststore.location",
                credentials.trusted.display(),
            ));
        }
        if let Some(mechanism) = self.mechanism() {
            let module = if self == Self::SaslPlain {
                PLAIN_LOGIN
            } else {
                SCRAM_LOGIN
            };
            let login = format!("{module} required username=\"{user}\" password=\"{password}\";");
            set.push(property("sasl.mechanism", mechanism));
            set.push(property("sasl.jaas.config", login));
        }
        set
    }

    /// Properties of a broker's listener CLIENT`number`.
    pub(crate) fn broker(self, number: u16, credentials: &Credentials) -> Vec<Property> {
        let Credentials {
            user,
            password,
            keystore,
            keystore_password,
            trusted,
            ..
        } = credentials;
        let mut set = Vec::new();
        let mut add = |key: &str, value: &dyn Display| {
            set.push(property(
                format!("listener.name.client{number}.{key}"),
                value,
            ));
        };
        if self != Self::Plain {
            add("ssl.keystore.type", &"PKCS12");
            add("ssl.keystore.location", &keystore.display());
            add("ssl.keystore.password", keystore_password);
            add("ssl.key.password", keystore_password);
        }
        if self == Self::MutualTls {
            add("ssl.client.auth", &"required");
            add("ssl.truststore.type", &"PEM");
            add("ssl.truststore.location", &trusted.display());
        }
        if self == Self::SaslPlain {
            let login = format!("{PLAIN_LOGIN} required user_{user}=\"{password}\";");
            add("sasl.enabled.mechanisms", &"PLAIN");
            add("plain.sasl.jaas.config", &login);
        } else if self == Self::SaslScram {
            let login = format!("{SCRAM_LOGIN} required;");
            add("sasl.enabled.mechanisms", &"SCRAM-SHA-256,SCRAM-SHA-512");
            add("scram-sha-256.sasl.jaas.config", &login);
            add("scram-sha-512.sasl.jaas.config", &login);
        }
        set
    }
}

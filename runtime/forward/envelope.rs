//! A record as it leaves for Kafka: value, key, time and headers.
//!
//! | header | value |
//! |---|---|
//! | `outrigger-id` | `JOURNAL/FRAME/INDEX`: journal's identity, sequence of the last source frame, ordinal among its records. Equal for every repeat and for every topic of one message. Of what is said of a key gone silent `JOURNAL/expired/TIME/ORDINAL/CLASS/KEY` |
//! | `outrigger-class` | class |
//! | `outrigger-schema` | first 16 hexadecimal digits of the SHA-256 of the class's JSON Schema |
//! | `outrigger-tap` | tap |
//! | `outrigger-captured-ns` | capture time, nanoseconds since the Unix epoch |
//! | `outrigger-event-ns` | time of applicability |
//! | `outrigger-label` | security label |
//! | `outrigger-verdict` | `pass` or `anomaly` |
//! | `outrigger-anomalies` | broken rules as JSON, only with `anomaly` |
//! | `outrigger-plugins` | `NAME=SHA-256`, separated by commas |
//!
//! The key is the message's natural key, the record's time its capture time in milliseconds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use outrigger_kafka::Shipment;

use crate::config::ValueFormat;
use crate::record::{Anomaly, Bytes, View, hex, severity_name};

/// Lists of plugins that are kept as text. Reason: one per class and swap; when reached, all are
/// forgotten.
const PLUGIN_TEXTS_MAX: usize = 1_024;

/// Makes shipments, using its memory again.
pub struct Envelope {
    log_id: String,
    schemas: BTreeMap<String, String>,
    plugin_texts: BTreeMap<Vec<u8>, String>,
    id: String,
    captured: String,
    event: String,
    anomalies: Vec<u8>,
    value: Vec<u8>,
}

impl Envelope {
    /// For records of this journal; `schemas` maps a class to its schema's digest.
    pub fn new(log_id: &[u8; 16], schemas: BTreeMap<String, String>) -> Self {
        Self::with_ids(hex(log_id), schemas)
    }

    /// For records whose ids begin with `ids`: what tells apart where frames are numbered.
    pub fn with_ids(ids: String, schemas: BTreeMap<String, String>) -> Self {
        Self {
            log_id: ids,
            schemas,
            plugin_texts: BTreeMap::new(),
            id: String::new(),
            captured: String::new(),
            event: String::new(),
            anomalies: Vec::new(),
            value: Vec::new(),
        }
    }

    /// The journal's identity, as it stands in ids.
    pub fn log_id(&self) -> &str {
        &self.log_id
    }

    /// Hands the record, as it is sent to `topic`, to `send`. The value is as `format` says.
    ///
    /// # Errors
    /// The record's anomalies, plugins or body are not what they must be.
    pub fn with<T>(
        &mut self,
        view: &View<'_>,
        topic: &str,
        format: ValueFormat,
        ticket: usize,
        send: impl FnOnce(&Shipment<'_>) -> T,
    ) -> Result<T, rmp_serde::decode::Error> {
        self.fill(view, format)?;
        let plugins = self
            .plugin_texts
            .get(view.plugins)
            .map_or("", String::as_str);
        let schema = self.schemas.get(view.class).map_or("", String::as_str);
        let verdict = if view.anomaly_count == 0 {
            "pass"
        } else {
            "anomaly"
        };
        let headers: [(&str, &[u8]); 10] = [
            ("outrigger-id", self.id.as_bytes()),
            ("outrigger-class", view.class.as_bytes()),
            ("outrigger-schema", schema.as_bytes()),
            ("outrigger-tap", view.tap.as_bytes()),
            ("outrigger-captured-ns", self.captured.as_bytes()),
            ("outrigger-event-ns", self.event.as_bytes()),
            ("outrigger-label", view.label.as_bytes()),
            ("outrigger-verdict", verdict.as_bytes()),
            ("outrigger-plugins", plugins.as_bytes()),
            ("outrigger-anomalies", &self.anomalies),
        ];
        let count = if view.anomaly_count == 0 { 9 } else { 10 };
        let value = match format {
            ValueFormat::MessagePack => view.body,
            ValueFormat::Json => &self.value,
        };
        let shipment = Shipment {
            topic,
            key: (!view.key.is_empty()).then_some(view.key.as_bytes()),
            partition: None,
            value: Some(value),
            time_ms: i64::try_from(view.captured_ns / 1_000_000).unwrap_or(i64::MAX),
            headers: &headers[..count],
            ticket,
        };
        Ok(send(&shipment))
    }

    fn fill(
        &mut self,
        view: &View<'_>,
        format: ValueFormat,
    ) -> Result<(), rmp_serde::decode::Error> {
        const TEXT: &str = "writing into text cannot fail";
        self.id.clear();
        let log_id = &self.log_id;
        match view.last_frame {
            Some(frame) => write!(self.id, "{log_id}/{frame}/{}", view.index),
            None => write!(
                self.id,
                "{log_id}/expired/{}/{}/{}/{}",
                view.captured_ns, view.position.ordinal, view.class, view.key
            ),
        }
        .expect(TEXT);
        self.captured.clear();
        write!(self.captured, "{}", view.captured_ns).expect(TEXT);
        self.event.clear();
        write!(self.event, "{}", view.event_ns).expect(TEXT);
        if view.anomaly_count > 0 {
            self.anomalies = anomalies(view)?;
        }
        if !self.plugin_texts.contains_key(view.plugins) {
            if self.plugin_texts.len() >= PLUGIN_TEXTS_MAX {
                self.plugin_texts.clear();
            }
            let map: BTreeMap<String, Bytes> = rmp_serde::from_slice(view.plugins)?;
            let texts: Vec<String> = map
                .iter()
                .map(|(name, digest)| format!("{name}={}", digest.hex()))
                .collect();
            self.plugin_texts
                .insert(view.plugins.to_vec(), texts.join(","));
        }
        if format == ValueFormat::Json {
            self.value = serde_json::to_vec(&view.body_value()?).unwrap_or_default();
        }
        Ok(())
    }
}

fn anomalies(view: &View<'_>) -> Result<Vec<u8>, rmp_serde::decode::Error> {
    let list: Vec<Anomaly> = rmp_serde::from_slice(view.anomalies)?;
    let list: Vec<serde_json::Value> = list
        .iter()
        .map(|anomaly| {
            serde_json::json!({
                "rule": anomaly.rule,
                "severity": severity_name(anomaly.severity),
                "score": f64::from(anomaly.score_permille) / 1000.0,
                "detail": anomaly.detail,
                "plugin": anomaly.plugin,
            })
        })
        .collect();
    Ok(serde_json::to_vec(&list).unwrap_or_default())
}

/// Bytes of a shipment as a broker counts them: key, value, headers, and what frames them.
///
/// Source: Kafka's record format 2, with each length at its largest of five bytes.
pub fn shipment_bytes(shipment: &Shipment<'_>) -> u64 {
    const FRAME_BYTES: usize = 36;
    const HEADER_FRAME_BYTES: usize = 10;
    let headers: usize = shipment
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + HEADER_FRAME_BYTES)
        .sum();
    let key = shipment.key.map_or(0, <[u8]>::len);
    (FRAME_BYTES + key + shipment.value.map_or(0, <[u8]>::len) + headers) as u64
}

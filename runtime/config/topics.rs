//! Reads `[topics.NAME]`, and the retention of every log.

use outrigger_policy::labels::{LabelId, Labels};
use outrigger_policy::limits::{Bytes, SEGMENTS_MAX, SEGMENTS_MIN, TOPICS_MAX};
use outrigger_policy::topology::{AUDIT, DEAD_LETTERS};
use toml::Spanned;
use toml::de::DeValue;

use super::kafka::{MirrorConfig, read_mirror};
use super::keys::Section;
use super::labels::{read_label, required_label};
use super::read::{Context, Table};
use super::words::join;
use super::{Guarantee, TopicConfig};

/// Bound, age and segment of a log.
pub(super) fn read_retention<'a>(cx: &mut Context<'a>, table: &Table<'a>) -> (Bytes, u64, Bytes) {
    let bytes_max = cx.setting(table, "bytes_max");
    let age_hours_max = cx.setting(table, "age_hours_max");
    let segment_bytes = cx.setting(table, "segment_bytes");
    if bytes_max < SEGMENTS_MIN * segment_bytes {
        let message = format!(
            "must be at least {SEGMENTS_MIN} times segment_bytes {segment_bytes}, is {bytes_max}"
        );
        cx.fail(join(&table.path, "bytes_max"), message);
    }
    if bytes_max / segment_bytes > SEGMENTS_MAX {
        let message = format!(
            "must be at most {SEGMENTS_MAX} times segment_bytes {segment_bytes}, is {bytes_max}"
        );
        cx.fail(join(&table.path, "bytes_max"), message);
    }
    (
        Bytes::new(bytes_max),
        age_hours_max,
        Bytes::new(segment_bytes),
    )
}

/// All topics, the reserved ones last whether written or not, and their labels. Only reserved
/// topics may be without one.
pub(super) fn read_topics<'a>(
    cx: &mut Context<'a>,
    value: Option<&'a Spanned<DeValue<'a>>>,
    labels: &Labels,
) -> (Vec<TopicConfig>, Vec<Option<LabelId>>) {
    let reserved = [DEAD_LETTERS, AUDIT];
    let mut topics = Vec::new();
    let mut topic_labels = Vec::new();
    let named = cx.named("topics", value, &reserved, TOPICS_MAX);
    let own = named
        .iter()
        .filter(|(name, _)| !reserved.contains(&name.as_str()))
        .count();
    let own_max = TOPICS_MAX - reserved.len();
    if own > own_max {
        let message = format!("must be at most {own_max} besides the reserved ones, are {own}");
        cx.fail("topics", message);
    }
    for (name, value) in named
        .iter()
        .filter(|(name, _)| !reserved.contains(&name.as_str()))
    {
        let table = cx.open(Section::Topic, join("topics", name), Some(value));
        if value.get_ref().as_table().is_none() {
            continue;
        }
        let guarantee = cx.choice(&table, "guarantee", Some("exactly-once"));
        let label = required_label(cx, &table, labels);
        let (bytes_max, age_hours_max, segment_bytes) = read_retention(cx, &table);
        let mirror = read_mirror(cx, &table, name);
        topic_labels.push(label);
        topics.push(TopicConfig {
            name: name.clone(),
            mirror,
            guarantee: match guarantee {
                Some("at-least-once") => Guarantee::AtLeastOnce,
                Some("at-most-once") => Guarantee::AtMostOnce,
                Some(_) | None => Guarantee::ExactlyOnce,
            },
            bytes_max,
            age_hours_max,
            segment_bytes,
        });
    }
    for name in reserved {
        let value = named
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value);
        let table = cx.open(Section::Reserved, join("topics", name), value);
        topic_labels.push(read_label(cx, &table, labels, None));
        let (bytes_max, age_hours_max, segment_bytes) = read_retention(cx, &table);
        let guarantee = Guarantee::ExactlyOnce;
        let name = name.to_owned();
        topics.push(TopicConfig {
            mirror: MirrorConfig::silent(&name),
            name,
            guarantee,
            bytes_max,
            age_hours_max,
            segment_bytes,
        });
    }
    (topics, topic_labels)
}

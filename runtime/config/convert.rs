//! Turns the text of a file into a [`Config`], once, in three stages.

use std::path::{Path, PathBuf};

use outrigger_policy::labels::{LabelId, Labels};
use outrigger_policy::limits::{CLASSES_MAX, SEGMENT_BLOCKS_MIN, TAPS_MAX};
use outrigger_policy::topology::{ClassDescription, Description, TargetDescription, Topology};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::budget::{check_storage, read_budget};
use super::kafka::{check_mirrors, read_clusters};
use super::keys::Section;
use super::labels::{read_labels, required_label};
use super::paths::Paths;
use super::read::{Context, Table};
use super::taps::{GroupConfig, Source};
use super::topics::{read_retention, read_topics};
use super::words::{hint, is_name, join, quote_key};
use super::{
    Config, ConfigError, ConfigErrors, JournalConfig, PipelineConfig, TapConfig, plugins, taps,
    wiring,
};

const SECTIONS: [&str; 10] = [
    "runtime", "labels", "journal", "pipeline", "budget", "taps", "plugins", "classes", "topics",
    "kafka",
];

/// Name of the signing key in `plugins_dir`, unless the file names another.
const SIGNING_KEY_FILE: &str = "journal.key";

pub(super) fn convert(text: &str, file: &Path) -> Result<Config, ConfigErrors> {
    let mut cx = Context::new(file, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = error.span().map(|span| cx.line_at(span.start));
        let message = error.message().replace('\n', ", ");
        let (file, key) = (file.to_owned(), String::new());
        cx.errors.push(ConfigError {
            file,
            line,
            key,
            message,
        });
    }
    cx.finish_stage()?;

    let root = Root {
        entries: document.get_ref(),
    };
    for (name, _) in root.entries {
        let line = cx.line_at(name.span().start);
        cx.lines.insert(quote_key(name.get_ref()), line);
        if !SECTIONS.contains(&name.get_ref().as_ref()) {
            let hint = hint(name.get_ref(), SECTIONS.into_iter());
            cx.fail(quote_key(name.get_ref()), format!("unknown section{hint}"));
        }
    }
    let paths = Paths::new(file);
    let runtime = read_runtime(&mut cx, &root, &paths);
    let labels = {
        let table = root.open(&mut cx, Section::Labels);
        read_labels(&mut cx, &table)
    };
    let journal = read_journal(&mut cx, &root, &paths, &runtime);
    let pipeline = read_pipeline(&mut cx, &root);
    let budget = {
        let table = root.open(&mut cx, Section::Budget);
        read_budget(&mut cx, &table, &paths)
    };
    let (taps, groups) = read_taps(&mut cx, &root, &labels, &paths, &runtime.name);
    let plugins = plugins::read_plugins(&mut cx, root.get("plugins"), &labels, &paths);
    let classes = read_classes(&mut cx, &root);
    let (topics, topic_labels) = read_topics(&mut cx, root.get("topics"), &labels);
    let kafka = read_clusters(&mut cx, root.get("kafka"), &labels, &paths);
    let logged = groups.is_empty().then_some(&journal);
    check_storage(&mut cx, &budget, logged, &topics);
    check_mirrors(&mut cx, &topics, &topic_labels, &kafka, &labels);
    super::group::check(
        &mut cx,
        &groups,
        taps.len(),
        (&topics, &topic_labels),
        &classes,
        (&kafka, &labels),
    );
    cx.finish_stage()?;

    let own = topics.len() - 2;
    let (plugins, roles): (Vec<_>, Vec<_>) = plugins.into_iter().unzip();
    let description = Description {
        labels,
        taps: taps
            .iter()
            .map(|tap| (tap.name.clone(), tap.label))
            .chain(
                groups
                    .iter()
                    .map(|(group, label)| (group.tap.clone(), *label)),
            )
            .collect(),
        carriers: groups
            .iter()
            .filter_map(|(group, _)| {
                let (classes, _) = group.decoded.as_ref()?;
                Some((group.tap.clone(), classes.clone()))
            })
            .collect(),
        plugins: plugins
            .iter()
            .map(|plugin| plugin.name.clone())
            .zip(roles)
            .collect(),
        classes,
        topics: topics[..own]
            .iter()
            .zip(&topic_labels)
            .filter_map(|(topic, label)| Some((topic.name.clone(), (*label)?)))
            .collect(),
        dead_letters_label: topic_labels[own],
        audit_label: topic_labels[own + 1],
    };
    if description.taps.is_empty() {
        cx.fail("taps", "required: at least one tap");
    }
    cx.finish_stage()?;
    let names = wiring::Names::of(&description);
    let topology = match Topology::new(description) {
        Ok(topology) => topology,
        Err(errors) => {
            for error in &errors {
                let (key, message) = wiring::locate(error, &names);
                cx.fail(key, message);
            }
            return Err(ConfigErrors::new(cx.errors));
        }
    };
    let warnings = topology.warnings().iter().map(ToString::to_string);
    let warnings: Vec<String> = warnings.collect();
    Ok(Config {
        file: file.to_owned(),
        name: runtime.name,
        data_dir: runtime.data_dir,
        plugins_dir: runtime.plugins_dir,
        journal,
        pipeline,
        budget,
        topology,
        taps,
        group: groups.into_iter().next().map(|(group, _)| group),
        plugins,
        topics,
        kafka,
        warnings,
        settings: cx.settings,
        lines: cx.lines,
    })
}

struct Root<'a> {
    entries: &'a DeTable<'a>,
}

impl<'a> Root<'a> {
    fn get(&self, name: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.entries.get(name)
    }

    fn open(&self, cx: &mut Context<'a>, section: Section) -> Table<'a> {
        cx.open(section, section.name().to_owned(), self.get(section.name()))
    }
}

struct Runtime {
    name: String,
    data_dir: PathBuf,
    plugins_dir: PathBuf,
}

fn read_runtime<'a>(cx: &mut Context<'a>, root: &Root<'a>, paths: &Paths) -> Runtime {
    let table = root.open(cx, Section::Runtime);
    let is_path = |path: &str| !path.is_empty();
    let name = cx
        .text(&table, "name", Some("outrigger"), is_name)
        .unwrap_or_default();
    let data = cx
        .text(&table, "data_dir", Some("data"), is_path)
        .unwrap_or_default();
    let plugins = cx
        .text(&table, "plugins_dir", Some("plugins"), is_path)
        .unwrap_or_default();
    let (data_dir, plugins_dir) = (paths.resolve(&data), paths.resolve(&plugins));
    if plugins_dir.starts_with(&data_dir) {
        let message = format!("must be outside data_dir {data:?}, is {plugins:?}");
        cx.fail(join(&table.path, "plugins_dir"), message);
    }
    Runtime {
        name,
        data_dir,
        plugins_dir,
    }
}

fn read_journal<'a>(
    cx: &mut Context<'a>,
    root: &Root<'a>,
    paths: &Paths,
    runtime: &Runtime,
) -> JournalConfig {
    let table = root.open(cx, Section::Journal);
    let (bytes_max, age_hours_max, segment_bytes) = read_retention(cx, &table);
    let sync_interval_ms = cx.setting(&table, "sync_interval_ms");
    let block_frames_max = cx.setting(&table, "block_frames_max") as usize;
    let block_bytes_max = cx.setting(&table, "block_bytes_max");
    if segment_bytes.get() < SEGMENT_BLOCKS_MIN * block_bytes_max {
        let message = format!(
            "must be at least {SEGMENT_BLOCKS_MIN} times block_bytes_max {block_bytes_max}, is {}",
            segment_bytes.get()
        );
        cx.fail("journal.segment_bytes", message);
    }
    let block_delay_us = cx.setting(&table, "block_delay_us");
    let tick_ms = cx.setting(&table, "tick_ms");
    let signed_head_s = cx.setting(&table, "signed_head_s");
    let signing_key = cx.text(&table, "signing_key", None, |path| !path.is_empty());
    let signing_key = match signing_key {
        Some(key) => {
            let path = paths.resolve(&key);
            if path.starts_with(&runtime.data_dir) {
                let message = format!("must be a path outside data_dir, is {key:?}");
                cx.fail("journal.signing_key", message);
            }
            path
        }
        None => runtime.plugins_dir.join(SIGNING_KEY_FILE),
    };
    JournalConfig {
        bytes_max,
        age_hours_max,
        segment_bytes,
        sync_interval_ms,
        block_frames_max,
        block_bytes_max: block_bytes_max as usize,
        block_delay_us,
        tick_ms,
        signed_head_s,
        signing_key,
    }
}

fn read_pipeline<'a>(cx: &mut Context<'a>, root: &Root<'a>) -> PipelineConfig {
    let table = root.open(cx, Section::Pipeline);
    PipelineConfig {
        instance_blocks: cx.setting(&table, "instance_blocks"),
        batch_messages_max: cx.setting(&table, "batch_messages_max") as usize,
        snapshot_interval_s: cx.setting(&table, "snapshot_interval_s"),
    }
}

fn read_taps<'a>(
    cx: &mut Context<'a>,
    root: &Root<'a>,
    labels: &Labels,
    paths: &Paths,
    deployment: &str,
) -> (Vec<TapConfig>, Vec<(GroupConfig, LabelId)>) {
    let mut taps = Vec::new();
    let mut groups = Vec::new();
    for (name, value) in cx.named("taps", root.get("taps"), &[], TAPS_MAX) {
        let table = cx.open(Section::Tap, join("taps", &name), Some(value));
        if value.get_ref().as_table().is_none() {
            continue;
        }
        let source = taps::read_source(cx, &table, paths, (&name, deployment));
        let label = required_label(cx, &table, labels);
        match (source, label) {
            (Some(Source::Bus(source)), Some(label)) => taps.push(TapConfig {
                name,
                label,
                source,
            }),
            (Some(Source::Group(group)), Some(label)) => groups.push((group, label)),
            (None, _) | (_, None) => {}
        }
    }
    (taps, groups)
}

fn read_classes<'a>(cx: &mut Context<'a>, root: &Root<'a>) -> Vec<(String, ClassDescription)> {
    let mut classes = Vec::new();
    for (name, value) in cx.named("classes", root.get("classes"), &[], CLASSES_MAX) {
        let table = cx.open(Section::Class, join("classes", &name), Some(value));
        if value.get_ref().as_table().is_none() {
            continue;
        }
        let validators = cx.names(&table, "validators");
        let written = (cx.has(&table, "topic"), cx.has(&table, "router"));
        let mut target = None;
        match written {
            (true, false) => {
                target = cx
                    .text(&table, "topic", None, is_name)
                    .map(TargetDescription::Topic);
            }
            (false, true) => {
                target = cx
                    .text(&table, "router", None, is_name)
                    .map(TargetDescription::Router);
            }
            (true, true) => cx.fail(&table.path, "must have topic or router, has both"),
            (false, false) => cx.fail(&table.path, "must have topic or router, has neither"),
        }
        let expired_topic = cx.text(&table, "expired_topic", None, is_name);
        if let Some(target) = target {
            classes.push((
                name,
                ClassDescription {
                    validators,
                    target,
                    expired_topic,
                },
            ));
        }
    }
    classes
}

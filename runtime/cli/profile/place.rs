//! Where a profile runs: a directory of its own with the configuration as it was named, but for its
//! data directory and key, recordings in place of taps, and nothing that is mirrored.

mod recording;
mod write;

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use outrigger_policy::limits::{PACE_FACTOR_MAX, PACE_FACTOR_MIN};
use toml::{Table, Value};

use self::recording::{Form, Recording};
use crate::config::{Config, TapSource, hint};
use crate::trace::Played;

/// How fast recordings are played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// A factor of their own pace.
    Recorded(f64),
    /// As fast as they are taken.
    FlatOut,
}

impl std::fmt::Display for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Recorded(1.0) => f.write_str("recorded"),
            Self::Recorded(factor) => write!(f, "recorded × {factor}"),
            Self::FlatOut => f.write_str("flat-out"),
        }
    }
}

/// Reads a pace of the command line.
pub(super) fn pace(text: &str) -> Result<Pace, String> {
    let factor = text.parse::<f64>();
    match (text, factor) {
        ("recorded", _) => Ok(Pace::Recorded(1.0)),
        ("flat-out", _) => Ok(Pace::FlatOut),
        (_, Ok(factor)) if (PACE_FACTOR_MIN..=PACE_FACTOR_MAX).contains(&factor) => {
            Ok(Pace::Recorded(factor))
        }
        (_, _) => Err(format!(
            "must be recorded, flat-out, or a factor of {PACE_FACTOR_MIN} to {PACE_FACTOR_MAX}"
        )),
    }
}

/// What `--tap` names: by tap, the recording. Of a configuration with one tap its name may be left
/// out.
pub(super) fn recordings(
    config: &Config,
    named: &[String],
) -> Result<BTreeMap<String, PathBuf>, String> {
    let taps: Vec<&str> = config.taps.iter().map(|tap| tap.name.as_str()).collect();
    if config.group.is_some() {
        let message = "this configuration reads a Kafka topic in a group; a profile needs taps";
        return Err(message.to_owned());
    }
    let mut recordings = BTreeMap::new();
    for text in named {
        let split = text.split_once('=');
        let (tap, path) = match (split, &taps[..]) {
            (Some((tap, path)), _) if taps.contains(&tap) => (tap, path),
            // A path may have the sign in it.
            (None, [only]) => (*only, text.as_str()),
            (Some(_), [only]) if Path::new(text).exists() => (*only, text.as_str()),
            (Some((tap, _)), _) => {
                let hint = hint(tap, taps.iter().copied());
                let taps = taps.join(", ");
                return Err(format!("--tap: no tap {tap:?}{hint}; there are: {taps}"));
            }
            (None, _) => {
                let taps = taps.join(", ");
                return Err(format!(
                    "--tap: say which tap plays it, as NAME={text}; there are: {taps}"
                ));
            }
        };
        let before = recordings.insert(tap.to_owned(), PathBuf::from(path));
        if before.is_some() {
            return Err(format!("--tap: {tap} is named twice"));
        }
    }
    Ok(recordings)
}

/// A directory of a profile's own; removed when it is dropped.
pub(super) struct Place {
    path: PathBuf,
    played: Vec<Played>,
    plays: bool,
}

impl Place {
    /// Makes it, with a configuration in it that plays these recordings.
    ///
    /// # Errors
    /// A recording cannot be played, or the directory not be made.
    pub(super) fn make(
        config: &Config,
        recordings: BTreeMap<String, PathBuf>,
        pace: Option<Pace>,
        scratch: Option<&Path>,
    ) -> Result<Self, String> {
        let mut looked = BTreeMap::new();
        for (tap, path) in recordings {
            let recording = recording::look(&path)
                .map_err(|cause| format!("--tap {tap}: {}: {cause}", path.display()))?;
            looked.insert(tap, recording);
        }
        let scratch = scratch.map_or_else(std::env::temp_dir, Path::to_owned);
        let scratch = std::path::absolute(&scratch)
            .map_err(|error| format!("{}: {error}", scratch.display()))?;
        let path = scratch.join(format!("outrigger-profile-{}", std::process::id()));
        let unmade = |path: &Path, error| format!("{}: cannot be made: {error}", path.display());
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| unmade(&path, error))?;
        let mut place = Self {
            path,
            played: Vec::new(),
            plays: !looked.is_empty(),
        };
        let text = place.derive(config, &looked, pace)?;
        for (name, text) in [("profile.toml", text.as_str()), (SILENT, "")] {
            let path = place.path(name);
            std::fs::write(&path, text).map_err(|error| unmade(&path, error))?;
        }
        Ok(place)
    }

    /// What was played into which tap.
    pub(super) fn played(&self) -> Vec<Played> {
        self.played.clone()
    }

    /// True if recordings take the place of taps.
    pub(super) fn plays(&self) -> bool {
        self.plays
    }

    /// The configuration.
    pub(super) fn configuration(&self) -> PathBuf {
        self.path("profile.toml")
    }

    /// The data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// A path in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The text of the configuration.
    fn derive(
        &mut self,
        config: &Config,
        recordings: &BTreeMap<String, Recording>,
        pace: Option<Pace>,
    ) -> Result<String, String> {
        let unread = |cause: String| format!("{}: {cause}", config.file.display());
        let text = std::fs::read_to_string(&config.file).map_err(|e| unread(e.to_string()))?;
        let mut root: Table = toml::from_str(&text).map_err(|e| unread(e.to_string()))?;
        let (data, key) = (self.data(), self.path("journal.key"));
        put(&mut root, &["runtime"], "data_dir", &data)?;
        put(&mut root, &["runtime"], "plugins_dir", &config.plugins_dir)?;
        put(&mut root, &["journal"], "signing_key", &key)?;
        if let Some(budget) = root.get_mut("budget").and_then(Value::as_table_mut) {
            budget.remove("baseline");
        }
        for plugin in &config.plugins {
            for (at, reference) in plugin.references.iter().enumerate() {
                let path = reference.path.clone();
                let found = table(&mut root, &["plugins", &plugin.name])
                    .and_then(|plugin| plugin.get_mut("references"))
                    .and_then(|references| references.get_mut(at))
                    .and_then(Value::as_table_mut);
                if let Some(reference) = found {
                    reference.insert("path".to_owned(), text_of(&path)?);
                }
            }
        }
        unmirror(&mut root);
        self.taps(config, recordings, pace, &mut root)?;
        Ok(write::text(&root))
    }

    fn taps(
        &mut self,
        config: &Config,
        recordings: &BTreeMap<String, Recording>,
        pace: Option<Pace>,
        root: &mut Table,
    ) -> Result<(), String> {
        for tap in &config.taps {
            let Some(own) = table(root, &["taps", &tap.name]) else {
                continue;
            };
            let (source, pace) = match recordings.get(&tap.name) {
                Some(recording) => {
                    let pace = recording
                        .pace(pace)
                        .map_err(|cause| format!("--tap {}: {cause}", tap.name))?;
                    *own = recording.tap(own, pace, text_of(&recording.path)?);
                    (recording.path.display().to_string(), pace.to_string())
                }
                None if recordings.is_empty() => {
                    match &tap.source {
                        TapSource::Pcap(pcap) => {
                            own.insert("path".to_owned(), text_of(&pcap.path)?);
                        }
                        TapSource::Lines(lines) => {
                            own.insert("path".to_owned(), text_of(&lines.path)?);
                        }
                        TapSource::Udp(_) | TapSource::Tcp(_) => {}
                    }
                    (crate::status::describe(&tap.source).1, "live".to_owned())
                }
                None => {
                    let silent = Recording {
                        path: self.path.join(SILENT),
                        form: Form::Lines {
                            timed: false,
                            hex: false,
                        },
                    };
                    *own = silent.tap(own, Pace::FlatOut, text_of(&silent.path)?);
                    ("nothing".to_owned(), "silent".to_owned())
                }
            };
            self.played.push(Played {
                tap: tap.name.clone(),
                source,
                pace,
            });
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            eprintln!(
                "outrigger: {}: cannot be removed: {error}",
                self.path.display()
            );
        }
    }
}

/// A recording of nothing, for taps that no recording was named for.
const SILENT: &str = "silent.txt";
/// Keys of a topic that say where it is mirrored to.
const MIRROR_KEYS: [&str; 4] = ["kafka", "kafka_topic", "value", "partitions"];

/// Takes everything of Kafka out: what a recording makes is no news for anybody.
fn unmirror(root: &mut Table) {
    root.remove("kafka");
    let topics = root.get_mut("topics").and_then(Value::as_table_mut);
    for topic in topics.into_iter().flat_map(Table::iter_mut) {
        if let Some(topic) = topic.1.as_table_mut() {
            topic.retain(|key, _| !MIRROR_KEYS.contains(&key));
        }
    }
}

fn table<'a>(root: &'a mut Table, path: &[&str]) -> Option<&'a mut Table> {
    let mut here = root;
    for name in path {
        here = here.get_mut(*name)?.as_table_mut()?;
    }
    Some(here)
}

/// Sets a path in a section, which is made if need be.
fn put(root: &mut Table, section: &[&str; 1], key: &str, path: &Path) -> Result<(), String> {
    let section = root
        .entry(section[0])
        .or_insert_with(|| Value::Table(Table::new()));
    if let Some(section) = section.as_table_mut() {
        section.insert(key.to_owned(), text_of(path)?);
    }
    Ok(())
}

fn text_of(path: &Path) -> Result<Value, String> {
    let absolute = std::path::absolute(path).map_err(|e| format!("{}: {e}", path.display()))?;
    match absolute.to_str() {
        Some(text) => Ok(Value::String(text.to_owned())),
        None => Err(format!("{}: its name must be UTF-8", path.display())),
    }
}

#[cfg(test)]
pub(super) mod tests;

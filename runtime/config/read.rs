//! Reads values out of the parsed file, key by key, and collects everything that is wrong instead
//! of stopping at the first. A reader that reports an error returns a stand-in, so that reading
//! can go on; no `Config` is made once there is an error.

use std::collections::BTreeMap;
use std::path::Path;

use outrigger_policy::limits::LIST_MAX;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, ConfigErrors};
use super::keys::{self, KEYS, Key, Range, Section};
use super::words::{hint, is_declared, is_name, join, rule, show, whole};

/// A value as it holds, whether written or by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Its key, as `plugins.ais.message_fuel`.
    pub key: String,
    /// The value; null when absent means none.
    pub value: Value,
    /// True when the file is silent about it.
    pub is_default: bool,
    /// What the key is: unit, range, meaning.
    pub definition: &'static Key,
}

/// Lines of keys and tables, by path.
pub(super) type Lines = BTreeMap<String, usize>;

/// A table of the file, with what is known of it.
pub(super) struct Table<'a> {
    section: Section,
    pub(super) path: String,
    entries: Option<&'a DeTable<'a>>,
}

/// What reading has found so far.
pub(super) struct Context<'a> {
    pub(super) file: &'a Path,
    text: &'a str,
    pub(super) errors: Vec<ConfigError>,
    pub(super) settings: Vec<Resolved>,
    pub(super) lines: Lines,
}

impl<'a> Context<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        Self {
            file,
            text,
            errors: Vec::new(),
            settings: Vec::new(),
            lines: Lines::new(),
        }
    }

    /// Ends a stage: its errors, if there are any.
    pub(super) fn finish_stage(&mut self) -> Result<(), ConfigErrors> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ConfigErrors::new(std::mem::take(&mut self.errors)))
        }
    }

    pub(super) fn line_at(&self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }

    /// Reports a broken rule at a key of the file, or at the table around it.
    pub(super) fn fail(&mut self, key: impl Into<String>, message: impl Into<String>) {
        let key = key.into();
        let line = line_of(&self.lines, &key);
        self.errors.push(ConfigError {
            file: self.file.to_owned(),
            line: Some(line),
            key,
            message: message.into(),
        });
    }

    /// Opens a table that has fixed keys, reports unknown ones.
    pub(super) fn open(
        &mut self,
        section: Section,
        path: String,
        value: Option<&'a Spanned<DeValue<'a>>>,
    ) -> Table<'a> {
        let entries = value.and_then(|value| {
            let line = self.line_at(value.span().start);
            self.lines.entry(path.clone()).or_insert(line);
            self.table_of(&path, value)
        });
        let known: Vec<&str> = KEYS
            .iter()
            .filter(|key| key.section == section)
            .map(|key| key.name)
            .collect();
        for (name, _) in entries.into_iter().flatten() {
            let line = self.line_at(name.span().start);
            let key = join(&path, name.get_ref());
            self.lines.insert(key.clone(), line);
            if !known.contains(&name.get_ref().as_ref()) {
                let hint = hint(name.get_ref(), known.iter().copied());
                self.fail(key, format!("unknown key{hint}"));
            }
        }
        Table {
            section,
            path,
            entries,
        }
    }

    /// Named tables of a section: `[taps.NAME]` and the like, in order of name.
    pub(super) fn named(
        &mut self,
        section: &str,
        value: Option<&'a Spanned<DeValue<'a>>>,
        reserved: &[&str],
        count_max: usize,
    ) -> Vec<(String, &'a Spanned<DeValue<'a>>)> {
        let Some(value) = value else {
            return Vec::new();
        };
        let Some(entries) = self.table_of(section, value) else {
            return Vec::new();
        };
        if entries.len() > count_max {
            self.fail(
                section,
                format!("must be at most {count_max} tables, are {}", entries.len()),
            );
            return Vec::new();
        }
        let mut named = Vec::with_capacity(entries.len());
        for (name, value) in entries {
            let path = join(section, name.get_ref());
            let line = self.line_at(name.span().start);
            self.lines.insert(path.clone(), line);
            if is_name(name.get_ref()) || reserved.contains(&name.get_ref().as_ref()) {
                named.push((name.get_ref().to_string(), value));
            } else {
                self.fail(path, format!("a name must be {}", rule(keys::NAME)));
            }
        }
        named.sort_by(|a, b| a.0.cmp(&b.0));
        named
    }

    /// The value as a table, or an error.
    pub(super) fn table_of(
        &mut self,
        path: &str,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Option<&'a DeTable<'a>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.lines
                .insert(path.to_owned(), self.line_at(value.span().start));
            self.fail(
                path,
                format!("must be a table, is {}", show(value.get_ref())),
            );
        }
        table
    }

    /// Reports keys that this kind of tap or role of plugin does not have.
    pub(super) fn restrict(&mut self, table: &Table<'a>, what: &str, kind: &str) {
        for (name, _) in table.entries.into_iter().flatten() {
            let Some(key) = keys::find(table.section, name.get_ref()) else {
                continue;
            };
            if !key.only.is_empty() && !key.only.contains(&kind) {
                let message = format!(
                    "only for {what} {}, is {what} {kind:?}",
                    key.only.join(" or ")
                );
                self.fail(join(&table.path, key.name), message);
            }
        }
    }

    fn key_of(&self, table: &Table<'a>, name: &str) -> (&'static Key, Option<&'a DeValue<'a>>) {
        let key = keys::find(table.section, name).expect("every key that is read is listed");
        let value = table.entries.and_then(|entries| entries.get(name));
        (key, value.map(Spanned::get_ref))
    }

    /// Notes what holds for a key.
    pub(super) fn settle(&mut self, table: &Table<'a>, name: &str, value: Value, written: bool) {
        let (key, _) = self.key_of(table, name);
        self.settings.push(Resolved {
            key: join(&table.path, name),
            value,
            is_default: !written,
            definition: key,
        });
    }

    pub(super) fn has(&self, table: &Table<'a>, name: &str) -> bool {
        self.key_of(table, name).1.is_some()
    }

    /// Reports a value that is not as its key's rule says.
    pub(super) fn refuse(&mut self, table: &Table<'a>, name: &str) {
        let (key, value) = self.key_of(table, name);
        let unit = if key.unit.is_empty() {
            String::new()
        } else {
            format!(" ({})", key.unit)
        };
        let message = match value {
            Some(value) => format!("must be {}{unit}, is {}", key.rule(), show(value)),
            None => format!("required: {}{unit}", key.rule()),
        };
        self.fail(join(&table.path, name), message);
    }

    /// A whole number with a default.
    pub(super) fn setting(&mut self, table: &Table<'a>, name: &str) -> u64 {
        let (key, value) = self.key_of(table, name);
        let Range::Setting(setting) = key.range else {
            unreachable!("{name} is listed with a default")
        };
        let number = value.map_or(Some(setting.default), whole);
        let number = number.filter(|number| setting.allows(*number));
        if number.is_none() {
            self.refuse(table, name);
        }
        let number = number.unwrap_or(setting.default);
        self.settle(table, name, number.into(), value.is_some());
        number
    }

    /// A whole number without a default.
    pub(super) fn number(&mut self, table: &Table<'a>, name: &str) -> Option<u64> {
        let (key, value) = self.key_of(table, name);
        let Range::Number(min, max) = key.range else {
            unreachable!("{name} is listed without a default")
        };
        let number = value
            .and_then(whole)
            .filter(|number| (min..=max).contains(number));
        if value.is_some() && number.is_none() {
            self.refuse(table, name);
        }
        self.settle(table, name, number.into(), value.is_some());
        number
    }

    /// One word of a choice, or the default. `None` after an error, or when neither is there.
    pub(super) fn choice(
        &mut self,
        table: &Table<'a>,
        name: &str,
        default: Option<&'static str>,
    ) -> Option<&'static str> {
        let (key, value) = self.key_of(table, name);
        let Range::Choice(words) = key.range else {
            unreachable!("{name} is listed as a choice")
        };
        let found = match value {
            Some(value) => {
                let text = value.as_str();
                words.iter().copied().find(|word| text == Some(word))
            }
            None => default,
        };
        if found.is_none() {
            self.refuse(table, name);
        }
        self.settle(table, name, found.into(), value.is_some());
        found
    }

    /// True or false.
    pub(super) fn flag(&mut self, table: &Table<'a>, name: &str, default: bool) -> bool {
        let (_, value) = self.key_of(table, name);
        let flag = value.map_or(Some(default), DeValue::as_bool);
        if flag.is_none() {
            self.refuse(table, name);
        }
        let flag = flag.unwrap_or(default);
        self.settle(table, name, flag.into(), value.is_some());
        flag
    }

    /// Text that passes `check`, or the default. `None` after an error, or when neither is there.
    pub(super) fn text(
        &mut self,
        table: &Table<'a>,
        name: &str,
        default: Option<&str>,
        check: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let (_, value) = self.key_of(table, name);
        let text = match value {
            Some(value) => value.as_str().filter(|text| check(text)),
            None => default,
        };
        let text = text.map(str::to_owned);
        if value.is_some() && text.is_none() {
            self.refuse(table, name);
        }
        self.settle(table, name, text.clone().into(), value.is_some());
        text
    }

    /// Text that must be there and pass `check`; empty after an error.
    pub(super) fn required(
        &mut self,
        table: &Table<'a>,
        name: &str,
        check: impl Fn(&str) -> bool,
    ) -> String {
        if !self.has(table, name) {
            self.refuse(table, name);
        }
        self.text(table, name, None, check).unwrap_or_default()
    }

    /// A list of names, each once; empty when absent or after an error.
    pub(super) fn names(&mut self, table: &Table<'a>, name: &str) -> Vec<String> {
        let (_, value) = self.key_of(table, name);
        let mut names: Vec<String> = Vec::new();
        let mut good = true;
        if let Some(value) = value {
            good = value.as_array().is_some_and(|list| list.len() <= LIST_MAX);
            for entry in value.as_array().filter(|_| good).into_iter().flatten() {
                match entry.get_ref().as_str() {
                    Some(text) if is_name(text) && !names.iter().any(|known| known == text) => {
                        names.push(text.to_owned());
                    }
                    Some(_) | None => good = false,
                }
            }
        }
        if !good {
            self.refuse(table, name);
        }
        self.settle(table, name, names.clone().into(), value.is_some());
        names
    }

    /// A table of name = name, in order of key; empty when absent or after an error. Keys are
    /// what a plugin declares, so they are as `wit/plugin` says.
    pub(super) fn name_table(&mut self, table: &Table<'a>, name: &str) -> Vec<(String, String)> {
        let (_, value) = self.key_of(table, name);
        let mut pairs = Vec::new();
        let mut good = value.is_none_or(|value| {
            value
                .as_table()
                .is_some_and(|entries| entries.len() <= LIST_MAX)
        });
        for (entry, value) in value
            .and_then(DeValue::as_table)
            .filter(|_| good)
            .into_iter()
            .flatten()
        {
            match value.get_ref().as_str() {
                Some(text) if is_name(text) && is_declared(entry.get_ref()) => {
                    pairs.push((entry.get_ref().to_string(), text.to_owned()));
                }
                Some(_) | None => good = false,
            }
        }
        if !good {
            self.refuse(table, name);
        }
        pairs.sort();
        let shown = pairs
            .iter()
            .map(|(key, value)| (key.clone(), value.clone().into()));
        self.settle(table, name, Value::Object(shown.collect()), value.is_some());
        pairs
    }

    /// The value itself, for what has a shape of its own.
    pub(super) fn raw(&self, table: &Table<'a>, name: &str) -> Option<&'a DeValue<'a>> {
        self.key_of(table, name).1
    }
}

/// Line of a key, or of the nearest table around it that the file names; 1 without.
pub(super) fn line_of(lines: &Lines, key: &str) -> usize {
    let mut key = key;
    loop {
        if let Some(line) = lines.get(key) {
            return *line;
        }
        match key.rfind(['.', '[']) {
            Some(at) => key = &key[..at],
            None => return 1,
        }
    }
}

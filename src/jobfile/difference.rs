//! What a change of the job file changes: jobs that come, go or are set otherwise.
//!
//! Files are compared as they were written, before variables are put in: a value from a variable is
//! neither kept nor shown, only that it is another one.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    context::Loaded,
    node::{self, Node, Value},
    problem::printable,
    written::Written,
};
use crate::job::{Env, JobName, JobSpec};

/// What is different between two job files; jobs in the order of the file they stand in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Difference {
    /// Settings of the whole file.
    pub file: Vec<Change>,
    /// Jobs that are new.
    pub added: Vec<Added>,
    /// Jobs that are gone.
    pub removed: Vec<JobName>,
    /// Jobs that are set otherwise.
    pub changed: Vec<Changed>,
}

/// A job that is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// Its name.
    pub job: JobName,
    /// When it is due, in words.
    pub due: String,
}

/// A job that is set otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Its name.
    pub job: JobName,
    /// Its settings that changed, by key; never empty.
    pub settings: Vec<Change>,
}

/// A setting that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The path of its key, e.g. `retry.attempts`.
    pub setting: String,
    /// Both values as written, `None` for one that is not set. Nothing at all where a value must
    /// not be shown or stands in a variable.
    pub values: Option<(Option<String>, Option<String>)>,
}

impl Difference {
    /// What `new` changes against `old`.
    pub fn between(old: &Loaded, new: &Loaded) -> Self {
        let trees = [old, new].map(|loaded| node::parse(&loaded.written.source, &mut Vec::new()));
        // Both could be read when they were loaded.
        let [Some(before), Some(after)] = trees else {
            return Self::default();
        };
        let look = Look {
            old: &old.written,
            new: &new.written,
        };
        let mut difference = Self {
            file: look.changes(&before, &after, "jobs"),
            ..Self::default()
        };
        difference.file.extend(zone(old, new, &before, &after));
        let [before, after] = [&before, &after].map(jobs);
        let (old_env, new_env) = (Arc::clone(&old.set.env), Arc::clone(&new.set.env));
        let olds = old.set.jobs.iter().map(|spec| (&spec.name, spec));
        let olds: BTreeMap<&JobName, &JobSpec> = olds.collect();
        for spec in &new.set.jobs {
            let name = spec.name.as_str();
            match (before.get(name), after.get(name)) {
                (None, _) => difference.added.push(Added {
                    job: spec.name.clone(),
                    due: spec.due_words(),
                }),
                (Some(before), Some(after)) => {
                    let mut settings = look.changes(before, after, "");
                    let old = olds.get(&spec.name).copied();
                    settings.extend(sessions(old, spec, &settings));
                    settings.extend(rules([&old_env, &new_env], spec));
                    if !settings.is_empty() {
                        difference.changed.push(Changed {
                            job: spec.name.clone(),
                            settings,
                        });
                    }
                }
                (Some(_), None) => {}
            }
        }
        let gone = old.set.jobs.iter().map(|spec| &spec.name);
        let gone = gone.filter(|name| !after.contains_key(name.as_str()));
        difference.removed = gone.cloned().collect();
        difference
    }

    /// Whether the two files mean the same.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// At most `most` lines, and how many more there are.
    pub fn lines(&self, most: usize) -> Vec<String> {
        let change = |job: &str, change: &Change| format!("~ {job}{change}");
        let file = self.file.iter().map(|it| change("", it));
        let added = self.added.iter();
        let added = added.map(|Added { job, due }| format!("+ {job}  {due}"));
        let removed = self.removed.iter().map(|job| format!("- {job}"));
        let changed = self.changed.iter().flat_map(|Changed { job, settings }| {
            settings
                .iter()
                .map(move |it| change(&format!("{job}  "), it))
        });
        let mut all = file.chain(added).chain(removed).chain(changed);
        let mut lines: Vec<_> = all.by_ref().take(most).collect();
        match all.count() {
            0 => {}
            more => lines.push(format!("… and {more} more")),
        }
        lines
    }
}

/// A line each; see [`Difference::lines`].
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines(usize::MAX).join("\n"))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "unset".to_owned());
        match &self.values {
            Some((from, to)) => {
                write!(f, "{}: {} → {}", self.setting, shown(from), shown(to))
            }
            None => write!(f, "{} has another value", self.setting),
        }
    }
}

/// The jobs of a file by name.
fn jobs(root: &Node) -> BTreeMap<&str, &Node> {
    let entries = root.get("jobs").map(Node::entries).unwrap_or_default();
    let entries = entries.iter();
    entries
        .map(|(key, node)| (key.text.as_str(), node))
        .collect()
}

/// The zone of a file that names none is the computer's, which may have changed.
fn zone(old: &Loaded, new: &Loaded, before: &Node, after: &Node) -> Option<Change> {
    let written = before.get("timezone").or(after.get("timezone")).is_some();
    let changed = !written && old.timezone != new.timezone;
    let [from, to] = [old, new].map(|loaded| {
        let name = loaded.timezone.iana_name();
        Some(name.unwrap_or("local time").to_owned())
    });
    changed.then(|| Change {
        setting: "timezone".to_owned(),
        values: Some((from, to)),
    })
}

/// The calendar of a job is named as before, but its file says something else.
fn sessions(old: Option<&JobSpec>, new: &JobSpec, changed: &[Change]) -> Option<Change> {
    let named = changed.iter().any(|change| change.setting == "calendar");
    let other = old.is_some_and(|old| old.policy.calendar != new.policy.calendar);
    (other && !named).then(|| Change {
        setting: "calendar".to_owned(),
        values: None,
    })
}

/// Rules and symbols of a job are those of the same files as before, which say something else.
fn rules(envs: [&Env; 2], new: &JobSpec) -> Vec<Change> {
    let [old, new_env] = envs;
    let Some(wanted) = new.job.rules_wanted(new_env) else {
        return Vec::new();
    };
    let lists = [old, new_env].map(|env| {
        let list = wanted.list.as_ref();
        list.and_then(|path| env.rules.lists.get(path))
    });
    let [before, after] = lists;
    let others = [
        (
            "config/strategies.yaml",
            old.rules.strategies != new_env.rules.strategies,
        ),
        ("symbols", before.is_some() && before != after),
    ];
    let others = others.into_iter().filter(|(_, other)| *other);
    let change = |(name, _): (&str, bool)| Change {
        setting: name.to_owned(),
        values: None,
    };
    others.map(change).collect()
}

/// Two job files as written.
struct Look<'a> {
    old: &'a Written,
    new: &'a Written,
}

impl Look<'_> {
    /// The settings that differ between two blocks, without the key `but`.
    fn changes(&self, before: &Node, after: &Node, but: &str) -> Vec<Change> {
        let [before, after] = [before, after].map(|node| {
            let mut settings = BTreeMap::new();
            for (key, node) in node.entries().iter().filter(|(key, _)| key.text != but) {
                flatten(&key.text, node, &mut settings);
            }
            settings
        });
        let mut changes = Vec::new();
        for (key, from) in &before {
            match after.get(key) {
                Some(to) if from == to => {
                    let another = variables(from).any(|name| !self.same(name));
                    if another {
                        changes.push(Change {
                            setting: key.clone(),
                            values: None,
                        });
                    }
                }
                None if filled(key, &after) => {}
                to => changes.push(change(key, Some(from), to)),
            }
        }
        let new = after
            .iter()
            .filter(|(key, _)| !before.contains_key(*key) && !filled(key, &before));
        changes.extend(new.map(|(key, to)| change(key, None, Some(to))));
        changes
    }

    fn same(&self, variable: &str) -> bool {
        self.old.variables.get(variable) == self.new.variables.get(variable)
    }
}

/// Whether `key`, an empty block in one file, has keys in the other: those tell it all.
fn filled(key: &str, settings: &BTreeMap<String, String>) -> bool {
    let block = format!("{key}.");
    let mut from = settings.range(block.clone()..);
    from.next().is_some_and(|(key, _)| key.starts_with(&block))
}

/// Settings by the path of their key; lists are one value.
fn flatten(path: &str, node: &Node, settings: &mut BTreeMap<String, String>) {
    let entries = node.entries();
    if entries.is_empty() {
        settings.insert(path.to_owned(), text(node));
    }
    for (key, node) in entries {
        flatten(&format!("{path}.{}", key.text), node, settings);
    }
}

/// A value as it could stand in the file.
fn text(node: &Node) -> String {
    match &node.value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => text.text.clone(),
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(text).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(entries) => {
            let entries = entries.iter();
            let entries: Vec<_> = entries
                .map(|(key, node)| format!("{}: {}", key.text, text(node)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn change(key: &str, from: Option<&String>, to: Option<&String>) -> Change {
    let hidden = |value: Option<&String>| value.is_some_and(|value| is_secret(key, value));
    let shown = |value: Option<&String>| value.map(|value| short(value));
    let values = (!hidden(from) && !hidden(to)).then(|| (shown(from), shown(to)));
    Change {
        setting: printable(key),
        values,
    }
}

/// Whether a value must not be shown: it stands in a variable, or looks like something private that
/// should.
fn is_secret(key: &str, value: &str) -> bool {
    const PRIVATE: [&str; 5] = ["password", "secret", "token", "credential", "private"];
    let key = key.to_ascii_lowercase();
    value.contains("${")
        || value.to_ascii_uppercase().contains("SECRET-KEY")
        || PRIVATE.iter().any(|word| key.contains(word))
}

fn short(value: &str) -> String {
    const LONGEST: usize = 60;
    let value = printable(value);
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value,
    }
}

/// The names of the variables in a text.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split("${").skip(1);
    parts.filter_map(|part| part.split_once('}').map(|(name, _)| name))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::{
        clock::Clock,
        jobfile::{Context, load},
        settings::{Raw, Settings},
    };

    fn loaded_in(text: &str, zone: &str, vars: &dyn Fn(&str) -> Option<String>) -> Loaded {
        let raw = Raw {
            root: Some("/root-of-nothing".into()),
            jobs_file: None,
        };
        let context = Context {
            settings: Settings::resolve(&raw, "/".as_ref()),
            clock: Clock::System,
            host: "host".into(),
            local_zone: TimeZone::get(zone).unwrap(),
            vars,
            looks: true,
        };
        load(text.as_bytes(), "jobs.yaml".as_ref(), &context).unwrap()
    }

    fn loaded(text: &str) -> Loaded {
        loaded_in(text, "UTC", &|_| None)
    }

    fn lines(old: &str, new: &str) -> Vec<String> {
        Difference::between(&loaded(old), &loaded(new)).lines(99)
    }

    const PLAIN: &str = "jobs: {a: {schedule: \"0 2 * * *\", backup: {what: [database]}}}\n";

    #[test]
    fn comments_order_and_style_change_nothing() {
        let same = "# two\njobs:\n  a:\n    backup:\n      what: [\"database\"]\n    \
                    schedule: '0 2 * * *'\n";
        let difference = Difference::between(&loaded(PLAIN), &loaded(same));
        assert!(difference.is_empty(), "{difference}");
        assert_eq!(difference.to_string(), "");
        let two = [
            "jobs: {a: {backup: {}}, b: {backup: {}}}",
            "jobs: {b: {backup: {}}, a: {backup: {}}}",
        ];
        assert_eq!(lines(two[0], two[1]), [""; 0]);
    }

    #[test]
    fn every_sort_of_change_has_its_line() {
        let new = "timezone: Asia/Shanghai\ndefaults: {retry: {attempts: 5}}\njobs:\n  \
                   b: {schedule: every 5m, backup: {}}\n  \
                   c: {schedule: \"0 2 * * *\", backup: {to: backups/x, what: [config, data]}, \
                   timeout: 5m}\n  d: {backup: {}}\n";
        let old = "jobs:\n  a: {backup: {}}\n  \
                   c: {schedule: \"0 3 * * *\", backup: {to: backups/y, what: [config]}}\n";
        assert_eq!(
            lines(old, new),
            [
                "~ defaults.retry.attempts: unset → 5",
                "~ timezone: unset → Asia/Shanghai",
                "+ b  every 5m",
                "+ d  only by hand",
                "- a",
                "~ c  backup.to: backups/y → backups/x",
                "~ c  backup.what: [config] → [config, data]",
                "~ c  schedule: 0 3 * * * → 0 2 * * *",
                "~ c  timeout: unset → 5m",
            ]
        );
        let back = lines(new, old);
        assert!(
            back.contains(&"~ c  timeout: 5m → unset".to_owned()),
            "{back:?}"
        );
        assert!(back.contains(&"+ a  only by hand".to_owned()), "{back:?}");
    }

    #[test]
    fn keys_in_an_empty_block_tell_it_all() {
        let [empty, full] =
            ["{}", "{keep: {daily: 7}}"].map(|it| format!("jobs: {{a: {{backup: {it}}}}}"));
        assert_eq!(lines(&empty, &full), ["~ a  backup.keep.daily: unset → 7"]);
        assert_eq!(lines(&full, &empty), ["~ a  backup.keep.daily: 7 → unset"]);
    }

    #[test]
    fn the_value_of_a_variable_is_never_shown() {
        let text = "jobs: {a: {backup: {to: \"backups/${WHERE}\"}}}";
        let at = |value: &'static str| {
            loaded_in(text, "UTC", &move |name| {
                (name == "WHERE").then(|| value.to_owned())
            })
        };
        let difference = Difference::between(&at("hunter2"), &at("hunter3"));
        assert_eq!(difference.to_string(), "~ a  backup.to has another value");
        assert!(Difference::between(&at("hunter2"), &at("hunter2")).is_empty());
        let plain = loaded("jobs: {a: {backup: {to: backups/hunter}}}");
        let difference = Difference::between(&plain, &at("hunter2"));
        assert_eq!(difference.to_string(), "~ a  backup.to has another value");
        assert!(!format!("{:?}", at("hunter2").written).contains("hunter"));
    }

    #[test]
    fn what_looks_private_is_never_shown() {
        for (key, value) in [
            ("notify.email.password", "x"),
            ("push.Token", "x"),
            ("backup.to", "AGE-SECRET-KEY-1QQ"),
        ] {
            let value = value.to_owned();
            let told = change(key, None, Some(&value)).to_string();
            assert_eq!(told, format!("{key} has another value"));
        }
    }

    #[test]
    fn the_computers_zone_counts_only_where_none_is_written() {
        let zoned = format!("timezone: UTC\n{PLAIN}");
        let none = |_: &str| None;
        let between = |text: &str| {
            let [old, new] =
                ["Asia/Shanghai", "Europe/Berlin"].map(|zone| loaded_in(text, zone, &none));
            Difference::between(&old, &new).lines(9)
        };
        assert_eq!(
            between(PLAIN),
            ["~ timezone: Asia/Shanghai → Europe/Berlin"]
        );
        assert_eq!(between(&zoned), [""; 0]);
    }

    #[test]
    fn long_values_and_long_lists_are_cut() {
        let many = |n: usize| {
            let jobs: Vec<_> = (0..n)
                .map(|n| format!("  j{n}: {{backup: {{}}}}\n"))
                .collect();
            format!("jobs:\n{}", jobs.concat())
        };
        let difference = Difference::between(&loaded(&many(1)), &loaded(&many(50)));
        let lines = difference.lines(3);
        assert_eq!((lines.len(), lines[3].as_str()), (4, "… and 46 more"));
        assert_eq!(short(&"ü".repeat(99)).chars().count(), 61);
        assert_eq!(short("\u{1b}[2J"), "\\u{1b}[2J");
    }

    #[test]
    fn it_goes_over_the_socket() {
        let new = "jobs: {a: {schedule: every 5m, backup: {what: [database]}}, b: {backup: {}}}";
        let difference = Difference::between(&loaded(PLAIN), &loaded(new));
        let json = serde_json::to_string(&difference).unwrap();
        assert_eq!(
            serde_json::from_str::<Difference>(&json).unwrap(),
            difference
        );
    }
}

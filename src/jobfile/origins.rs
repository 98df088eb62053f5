//! Where the settings of a job come from: found in the tree when somebody asks, and not before.

use serde::Serialize;

use super::{
    node::{Node, Text, Value},
    problem::printable,
    source::{Place, Source},
};
use crate::{
    job::{JobSpec, Policy},
    kinds,
    schedule::Calendar,
};

/// What a setting has its value from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It stands at the job.
    Job,
    /// It stands in `defaults`.
    Defaults,
    /// It stands at the top of the file.
    File,
    /// The job's kind.
    Kind,
    /// The computer.
    Computer,
    /// Nobody said anything.
    BuiltIn,
}

/// One setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its key, as `retry.attempts`.
    pub key: String,
    /// Its value; as written where a variable is in it, whose value is never shown.
    pub value: String,
    /// Who says so.
    pub from: Origin,
    /// Where, unless it stands nowhere.
    pub place: Option<Place>,
}

/// A job as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins {
    /// The job file's name as it was given to [`super::load`].
    pub file: String,
    /// What the job is for.
    pub description: Option<String>,
    /// When and how it is run.
    pub settings: Vec<Setting>,
    /// The settings of its kind, as far as they are written.
    pub kind: Vec<Setting>,
}

/// One setting that every job has.
struct Row {
    key: &'static str,
    /// Its value in force.
    value: fn(&Policy) -> String,
    /// Who decides when the job and `defaults` say nothing.
    otherwise: Origin,
}

const fn row(key: &'static str, otherwise: Origin, value: fn(&Policy) -> String) -> Row {
    Row {
        key,
        value,
        otherwise,
    }
}

/// All settings of a job but `description`, `schedule` and its kind; a new key of jobs.yaml is one
/// row more. `Origin::File` is the key of that name at the top of the file, or the computer.
const ROWS: &[Row] = &[
    row("timezone", Origin::File, zone),
    row("calendar", Origin::BuiltIn, |policy| {
        let calendar = policy.calendar.as_deref().map(Calendar::name);
        calendar.unwrap_or("none").to_owned()
    }),
    row("only", Origin::BuiltIn, |policy| {
        policy.only.map_or_else(|| "any time".to_owned(), word)
    }),
    row("dst.gap", Origin::BuiltIn, |policy| as_cron(policy.dst.gap)),
    row("dst.fold", Origin::BuiltIn, |policy| {
        as_cron(policy.dst.fold)
    }),
    row("enabled", Origin::BuiltIn, |policy| {
        policy.enabled.to_string()
    }),
    row("timeout", Origin::BuiltIn, |policy| {
        policy.timeout.to_string()
    }),
    row("retry.attempts", Origin::BuiltIn, |policy| {
        policy.retry.attempts.to_string()
    }),
    row("retry.delay", Origin::BuiltIn, |policy| {
        policy.retry.delay.to_string()
    }),
    row("retry.backoff", Origin::BuiltIn, |policy| {
        policy.retry.backoff.to_string()
    }),
    row("retry.max_delay", Origin::BuiltIn, |policy| {
        policy.retry.max_delay.to_string()
    }),
    row("overlap", Origin::BuiltIn, |policy| word(policy.overlap)),
    row("catch_up", Origin::BuiltIn, |policy| word(policy.catch_up)),
    row("catch_up_window", Origin::Kind, |policy| {
        policy.catch_up_window.to_string()
    }),
    row("jitter", Origin::BuiltIn, |policy| {
        policy.jitter.to_string()
    }),
    row("locks", Origin::BuiltIn, |policy| list(&policy.locks)),
    row("needs", Origin::BuiltIn, |policy| list(&policy.needs)),
    row("priority", Origin::BuiltIn, |policy| {
        policy.priority.to_string()
    }),
    row("keep_history", Origin::BuiltIn, |policy| {
        policy.keep_history.to_string()
    }),
];

/// The word that stands for a value in jobs.yaml.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn list(names: &[impl ToString]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn as_cron(value: Option<impl Serialize>) -> String {
    value.map_or_else(|| "as cron does".to_owned(), word)
}

fn zone(policy: &Policy) -> String {
    let name = policy.timezone.iana_name();
    name.unwrap_or("local time, without a name").to_owned()
}

/// The origins of the job `spec`; `root` is the tree it was read from.
pub(super) fn of(root: &Node, source: &Source, spec: &JobSpec) -> Origins {
    let job = root
        .get("jobs")
        .and_then(|jobs| jobs.get(spec.name.as_str()));
    let view = View { root, source, job };
    let mut settings = vec![view.schedule()];
    settings.extend(ROWS.iter().map(|row| view.setting(row, &spec.policy)));
    let mut kind = Vec::new();
    let mut entries = job.map(Node::entries).unwrap_or_default().iter();
    if let Some((key, node)) = entries.find(|(key, _)| kinds::NAMES.contains(&key.text.as_str())) {
        view.written_in(&key.text, node, &mut kind);
    }
    let description = job.and_then(|job| job.get("description"));
    Origins {
        file: source.name.clone(),
        description: description.map(|node| view.text(node)),
        settings,
        kind,
    }
}

struct View<'a> {
    root: &'a Node,
    source: &'a Source,
    job: Option<&'a Node>,
}

impl View<'_> {
    fn schedule(&self) -> Setting {
        let node = self.job.and_then(|job| written(job, "schedule"));
        Setting {
            key: "schedule".to_owned(),
            value: node.map_or_else(|| "none".to_owned(), |node| self.text(node)),
            from: node.map_or(Origin::BuiltIn, |_| Origin::Job),
            place: node.map(|node| node.place),
        }
    }

    fn setting(&self, row: &Row, policy: &Policy) -> Setting {
        let at_job = self.job.and_then(|job| written(job, row.key));
        let defaults = self.root.get("defaults");
        let in_defaults = || defaults.and_then(|node| written(node, row.key));
        let in_file = || match row.otherwise {
            Origin::File => written(self.root, row.key),
            _ => None,
        };
        let found = at_job
            .map(|node| (Origin::Job, node))
            .or_else(|| in_defaults().map(|node| (Origin::Defaults, node)))
            .or_else(|| in_file().map(|node| (Origin::File, node)));
        let otherwise = match row.otherwise {
            Origin::File => Origin::Computer,
            other => other,
        };
        Setting {
            key: row.key.to_owned(),
            value: match found {
                Some((_, node)) if node.variable().is_some() => self.text(node),
                _ => (row.value)(policy),
            },
            from: found.map_or(otherwise, |(from, _)| from),
            place: found.map(|(_, node)| node.place),
        }
    }

    /// The leaves of a block, each with its path; a list of plain values is one of them.
    fn written_in(&self, path: &str, node: &Node, out: &mut Vec<Setting>) {
        match &node.value {
            Value::Map(entries) => {
                for (key, node) in entries {
                    self.written_in(&format!("{path}.{}", printable(&key.text)), node, out);
                }
            }
            Value::List(items) if items.iter().any(|item| !is_plain(item)) => {
                for (index, item) in items.iter().enumerate() {
                    self.written_in(&format!("{path}[{index}]"), item, out);
                }
            }
            Value::Null => {}
            _ => out.push(Setting {
                key: path.to_owned(),
                value: self.text(node),
                from: Origin::Job,
                place: Some(node.place),
            }),
        }
    }

    /// A plain value or a list of them on one line; the values of variables are never shown.
    fn text(&self, node: &Node) -> String {
        match &node.value {
            Value::Text(text) => self.plain_text(text, node.place),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(|item| quoted(self.text(item))).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Null | Value::Map(_) => String::new(),
        }
    }

    fn plain_text(&self, text: &Text, place: Place) -> String {
        let Some(variable) = &text.variable else {
            return printable(&text.text);
        };
        let written = self.source.at(place);
        let written = written.trim().trim_matches(['"', '\'']);
        if written.contains("${") {
            printable(written)
        } else {
            format!("${{{variable}}}")
        }
    }
}

/// An item of a list, in quotes where it would not be told from several.
fn quoted(item: String) -> String {
    if item.contains([' ', ',']) {
        format!("\"{item}\"")
    } else {
        item
    }
}

/// The value at a path such as `retry.attempts`, if one is written there.
fn written<'a>(node: &'a Node, path: &str) -> Option<&'a Node> {
    let found = path.split('.').try_fold(node, |node, key| node.get(key));
    found.filter(|node| node.value != Value::Null)
}

fn is_plain(node: &Node) -> bool {
    !matches!(node.value, Value::List(_) | Value::Map(_))
}

#[cfg(test)]
mod tests {
    use super::super::{explain, tests::loading::with_context};
    use super::*;

    fn origins(text: &str, job: &str) -> Origins {
        let explained = with_context(|context| {
            explain(text.as_bytes(), "jobs.yaml".as_ref(), context, job)
                .unwrap_or_else(|problems| panic!("{}", problems.render(false)))
        });
        explained.1.unwrap()
    }

    fn told(origins: &Origins, key: &str) -> (String, Origin, u32) {
        let all = origins.settings.iter().chain(&origins.kind);
        let setting = { all }.find(|setting| setting.key == key);
        let setting = setting.unwrap_or_else(|| panic!("{key} in {origins:#?}"));
        let line = setting.place.map_or(0, |place| place.line);
        (setting.value.clone(), setting.from, line)
    }

    const FILE: &str = "\
timezone: Asia/Shanghai
defaults:
  timeout: 5m
  retry: {attempts: 7, delay: 2s}
jobs:
  a:
    description: every night
    schedule: [\"0 2 * * *\", \"@weekly\"]
    retry: {attempts: 9}
    overlap: queue
    catch_up:
    backup: {to: \"${FOLDER}/x\", keep: {daily: \"${SEVEN}\", weekly: 4}, what: [database, logs]}
  b:
    timezone: Europe/Berlin
    catch_up_window: 2h
    backup:
";

    #[test]
    fn a_job_goes_over_defaults_over_the_file_over_the_kind() {
        let a = origins(FILE, "a");
        assert_eq!(a.description.as_deref(), Some("every night"));
        let told = |key| told(&a, key);
        let text = str::to_owned;
        assert_eq!(
            told("schedule"),
            (text("[\"0 2 * * *\", @weekly]"), Origin::Job, 8)
        );
        assert_eq!(told("timezone"), (text("Asia/Shanghai"), Origin::File, 1));
        assert_eq!(told("retry.attempts"), (text("9"), Origin::Job, 9));
        assert_eq!(told("retry.delay"), (text("2s"), Origin::Defaults, 4));
        assert_eq!(told("retry.max_delay"), (text("10m"), Origin::BuiltIn, 0));
        assert_eq!(told("timeout"), (text("5m"), Origin::Defaults, 3));
        assert_eq!(told("overlap"), (text("queue"), Origin::Job, 10));
        assert_eq!(
            told("catch_up"),
            (text("latest"), Origin::BuiltIn, 0),
            "left empty"
        );
        assert_eq!(told("catch_up_window"), (text("1d12h"), Origin::Kind, 0));
        let b = origins(FILE, "b");
        assert_eq!(super::tests::told(&b, "timezone").1, Origin::Job);
        assert_eq!(super::tests::told(&b, "catch_up_window").0, "2h");
        assert_eq!(super::tests::told(&b, "schedule").0, "none");
        assert_eq!((b.description, b.kind), (None, Vec::new()));
    }

    #[test]
    fn the_computer_has_the_last_word_on_the_zone() {
        let a = origins("jobs: {a: {backup: {}}}\n", "a");
        assert_eq!(
            told(&a, "timezone"),
            ("UTC".to_owned(), Origin::Computer, 0)
        );
    }

    #[test]
    fn the_kind_is_shown_as_written_and_variables_stay_names() {
        let a = origins(FILE, "a");
        let told = |key| told(&a, key).0;
        assert_eq!(told("backup.to"), "${FOLDER}/x");
        assert_eq!(told("backup.keep.daily"), "${SEVEN}");
        assert_eq!(told("backup.keep.weekly"), "4");
        assert_eq!(told("backup.what"), "[database, logs]");
        let zone = origins(
            "jobs: {a: {timezone: \"${ZONE}\", timeout: 5s, backup: {}}}\n",
            "a",
        );
        assert_eq!(super::tests::told(&zone, "timezone").0, "${ZONE}");
        assert!(!format!("{a:?}{zone:?}").contains("from/variable"));
    }

    #[test]
    fn merged_keys_are_told_where_they_stand() {
        let text = "jobs:\n  a: &a {timeout: 5m, backup: {to: x}}\n  b:\n    <<: *a\n    \
                    backup: {to: y}\n";
        let b = origins(text, "b");
        assert_eq!(told(&b, "timeout"), ("5m".to_owned(), Origin::Job, 2));
        assert_eq!(told(&b, "backup.to"), ("y".to_owned(), Origin::Job, 5));
    }

    /// A key of jobs.yaml without a row would be in force without anybody being able to see it.
    #[test]
    fn every_key_of_a_job_has_its_row() {
        let schema = super::super::schema::value();
        let keys = |name: &str| -> Vec<String> {
            let properties = schema.pointer(&format!("/$defs/{name}/properties"));
            let properties = properties.and_then(serde_json::Value::as_object).unwrap();
            properties.keys().cloned().collect()
        };
        let mut expected = Vec::new();
        for key in keys("Job") {
            match key.as_str() {
                "description" | "schedule" => {}
                "retry" => expected.extend(keys("Retry").iter().map(|k| format!("retry.{k}"))),
                "dst" => expected.extend(keys("Dst").iter().map(|k| format!("dst.{k}"))),
                kind if kinds::NAMES.contains(&kind) => {}
                _ => expected.push(key),
            }
        }
        let rows: Vec<_> = ROWS.iter().map(|row| row.key.to_owned()).collect();
        let missing: Vec<_> = expected.iter().filter(|key| !rows.contains(key)).collect();
        assert!(missing.is_empty(), "add rows to ROWS for {missing:?}");
        let gone: Vec<_> = rows.iter().filter(|key| !expected.contains(key)).collect();
        assert!(gone.is_empty(), "no key of jobs.yaml: {gone:?}");
    }
}

//! The entries of `jobs:`, one by one.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use jiff::tz::TimeZone;

use super::{
    archives::Reader,
    collect,
    fault::{Fault, Wrong, unknown},
    folders::{self, Owned, Rotation},
    kind::{self, Built},
    needs::{self, Need},
    node::{Key, Node, Skip, Text, Value},
    policy,
    problem::{EXAMPLE_HINT, MAX_PROBLEMS, Problem},
    raw::{RawDefaults, RawJob},
    rules::Wanted,
    sessions::{self, Sessions},
    source::{Place, Source},
    zone,
};
use crate::{
    job::{Env, JobName, JobSpec, Policy},
    kinds,
    schedule::{Interner, Schedule},
    suggest::one_of,
};

/// What all jobs of a file share while they are read, and what has come of them.
#[derive(Debug)]
pub(super) struct Jobs<'a> {
    pub(super) source: &'a Source,
    pub(super) env: Arc<Env>,
    /// Whether the kinds may look into the databases.
    pub(super) looks: bool,
    pub(super) timezone: TimeZone,
    pub(super) defaults: RawDefaults,
    /// Where those stand.
    pub(super) defaults_node: Option<&'a Node>,
    pub(super) skip: Skip,
    /// Equal expressions share their pattern: a parsed one costs almost 6 kB.
    pub(super) interner: Interner,
    pub(super) sessions: Sessions,
    pub(super) problems: Vec<Problem>,
    pub(super) specs: Vec<JobSpec>,
    pub(super) places: BTreeMap<JobName, Place>,
    pub(super) owned: Vec<Owned>,
    pub(super) rotations: Vec<Rotation>,
    pub(super) needs: Vec<Need>,
    pub(super) readers: Vec<Reader>,
    pub(super) wanted: Vec<Wanted>,
}

impl Jobs<'_> {
    /// Reads all jobs; stops when there are more problems than anybody reads.
    pub(super) fn all(&mut self, jobs: &Node) {
        for (key, node) in jobs.entries() {
            if self.problems.len() > MAX_PROBLEMS {
                return;
            }
            self.job(key, node);
        }
    }

    /// Checks what no job can tell alone: who else is in its folders, and whom it needs.
    pub(super) fn among_themselves(&mut self) {
        self.problems.extend(folders::clashes(&self.owned));
        let mixed = folders::mixed_logs(&self.specs, &self.env, &self.rotations);
        self.problems.extend(mixed);
        let needs = needs::check(&self.specs, &self.places, &self.needs);
        self.problems.extend(needs);
    }

    fn job(&mut self, key: &Key, node: &Node) {
        let name = key.text.parse::<JobName>();
        let name = name.map_err(|error| {
            self.problems
                .push(Problem::new(key.place, error.to_string()));
        });
        if let Ok(name) = &name {
            self.places.insert(name.clone(), key.place);
        }
        if self.skip.contains(&node.id) {
            return;
        }
        if !matches!(node.value, Value::Map(_) | Value::Null) {
            let message = format!(
                "the job `{}` has no settings: expected keys with values",
                key.text
            );
            self.problems
                .push(Problem::new(node.place, message).hint(EXAMPLE_HINT));
            return;
        }
        let before = self.problems.len();
        let kind = kind::pick(node, kinds::NAMES, &mut self.problems);
        let known = |(_, value): &&(Key, Node)| !self.skip.contains(&value.id);
        let built = kind
            .filter(known)
            .and_then(|(key, node)| self.kind(key, node));
        // Out of the way of the job's own settings.
        let kinds = node
            .entries()
            .iter()
            .filter(|(key, _)| kinds::NAMES.contains(&key.text.as_str()));
        self.skip.extend(kinds.map(|(_, node)| node.id));
        let raw = self.settings(key, node, kind.is_some());
        let schedules = self.schedules(node);
        let timezone = self.timezone(node);
        let calendar = self.sessions.pick(node, &self.skip, &mut self.problems);
        self.problems.extend(sessions::needs(node, &schedules));
        if let (Ok(name), Some(built), Some(raw)) = (name, built, raw) {
            let mut policy =
                policy::resolve(&raw, &self.defaults, timezone, calendar, built.window);
            self.check(node, &raw, &policy);
            policy.locks = self
                .names(node, "locks")
                .into_iter()
                .map(|(name, _)| name)
                .collect();
            for (needed, place) in self.names::<JobName>(node, "needs") {
                policy.needs.push(needed.clone());
                self.needs.push(Need {
                    job: name.clone(),
                    needed,
                    place,
                });
            }
            if self.problems.len() == before {
                self.own(&name, key, kind, &built);
                self.reads(key, kind, &built);
            }
            let never = sessions::never(&policy, &schedules);
            self.problems.extend(never);
            self.specs.push(JobSpec {
                name,
                kind: built.name,
                schedules: schedules
                    .into_iter()
                    .map(|(schedule, _)| schedule)
                    .collect(),
                policy,
                job: built.job,
            });
        }
    }

    /// Checks what is out of range. What `defaults` say of all jobs is told once.
    fn check(&mut self, node: &Node, raw: &RawJob, policy: &Policy) {
        let problems = &mut self.problems;
        policy::check(node, raw.timeout, raw.retry, raw.keep_history, problems);
        policy::check_priority(node, raw.priority, problems);
        let blocks = [Some(node), self.defaults_node];
        let problem = policy::check_window(blocks, &self.skip, policy);
        let new = problem.filter(|problem| !self.problems.contains(problem));
        self.problems.extend(new);
    }

    /// Reads and checks the settings of the kind.
    fn kind(&mut self, key: &Key, node: &Node) -> Option<Built> {
        let mut faults = Vec::new();
        let mut read = kind::Read {
            node,
            skip: &mut self.skip,
            tell: &mut |fault| faults.push(fault),
        };
        let built = kinds::with(&key.text, &mut read).flatten();
        self.problems.extend(faults.iter().map(Fault::problem));
        let built = built.filter(|_| faults.is_empty())?;
        let mut found = built.job.check(&self.env);
        if self.looks {
            found.extend(built.job.look(&self.env));
        }
        for problem in found {
            let place = setting(key, node, problem.setting);
            self.problems
                .push(Problem::new(place, problem.message).maybe_hint(problem.hint));
        }
        Some(built)
    }

    /// The job's own settings.
    fn settings(&mut self, key: &Key, node: &Node, has_kind: bool) -> Option<RawJob> {
        let mut has_kind = has_kind;
        let (problems, skip) = (&mut self.problems, &mut self.skip);
        let mut tell = |fault: Fault| {
            let own = node
                .entries()
                .iter()
                .find(|(_, value)| Some(value.id) == fault.entry);
            let problem = match (&fault.wrong, own) {
                (Wrong::Key { name, expected }, Some((key, value))) => {
                    if !has_kind && kind::is_meant(name, value, kinds::NAMES, expected) {
                        has_kind = true;
                        unknown(key.place, "unknown kind", name, kinds::NAMES)
                    } else {
                        let expected = [expected, kinds::NAMES].concat();
                        unknown(key.place, "unknown key", name, &expected)
                    }
                }
                _ => fault.problem(),
            };
            problems.push(problem);
        };
        let raw = collect::read(node, skip, &mut tell);
        if !has_kind {
            let message = format!(
                "the job `{}` has no kind: nothing says what it does",
                key.text
            );
            let hint = format!("add one of {}, e.g. `backup: {{}}`", one_of(kinds::NAMES));
            self.problems
                .push(Problem::new(key.place, message).hint(hint));
        }
        raw
    }

    /// The schedules that can be read, each with its place.
    fn schedules(&mut self, node: &Node) -> Vec<(Schedule, Place)> {
        let texts = node.get("schedule").map(|node| node.texts(&self.skip));
        let texts = texts.unwrap_or_default().into_iter();
        texts
            .filter_map(|(text, place)| Some((self.schedule(text, place)?, place)))
            .collect()
    }

    fn schedule(&mut self, text: &Text, place: Place) -> Option<Schedule> {
        let error = match self.interner.parse(&text.text) {
            Ok(schedule) => return Some(schedule),
            Err(error) => error,
        };
        let problem = if text.variable.is_some() {
            Problem::new(place, format!("no schedule {}", text.shown()))
        } else {
            let part = self.source.inside(place, &text.text, &error.span);
            Problem::new(part, error.message).maybe_hint(error.hint)
        };
        self.problems.push(problem);
        None
    }

    /// The names in the list at `setting`, each with its place.
    fn names<T>(&mut self, node: &Node, setting: &str) -> Vec<(T, Place)>
    where
        T: FromStr + PartialEq,
        T::Err: fmt::Display,
    {
        let texts = node.get(setting).map(|node| node.texts(&self.skip));
        let mut names: Vec<(T, Place)> = Vec::new();
        for (text, place) in texts.unwrap_or_default() {
            match text.text.parse() {
                // Named twice is as good as once.
                Ok(name) if names.iter().any(|(other, _)| *other == name) => {}
                Ok(name) => names.push((name, place)),
                Err(error) => self.problems.push(Problem::new(place, error.to_string())),
            }
        }
        names
    }

    fn timezone(&mut self, node: &Node) -> TimeZone {
        let written = node.get("timezone").map(|node| node.texts(&self.skip));
        match written
            .unwrap_or_default()
            .first()
            .map(|(text, place)| zone::parse(text, *place))
        {
            Some(Ok(zone)) => return zone,
            Some(Err(problem)) => self.problems.push(problem),
            None => {}
        }
        self.timezone.clone()
    }

    /// Remembers whose archives the job reads, until all jobs are known.
    fn reads(&mut self, key: &Key, kind: Option<&(Key, Node)>, built: &Built) {
        for read in built.job.archives_of() {
            let place = kind.map_or(key.place, |(key, node)| {
                let all = node.get(read.setting).map(|node| node.texts(&self.skip));
                let mut names = all.unwrap_or_default().into_iter();
                let found = names.find(|(text, _)| text.text == read.job.as_str());
                found.map_or_else(|| setting(key, node, read.setting), |(_, place)| place)
            });
            self.readers.push(Reader { read, place });
        }
        if let Some(rules) = built.job.rules_wanted(&self.env) {
            let at = |path| kind.map_or(key.place, |(key, node)| setting(key, node, path));
            let names = kind.and_then(|(_, node)| node.get("strategies"));
            let names = names.map(|node| node.texts(&Skip::new()));
            let written = |(text, place): (&Text, Place)| (text.text.clone(), place);
            let names = names.unwrap_or_default().into_iter().map(written);
            self.wanted.push(Wanted {
                names: names
                    .filter(|(name, _)| rules.strategies.contains(name))
                    .collect(),
                strategies: at("strategies"),
                list: at("symbols"),
                rules,
            });
        }
    }

    fn own(&mut self, name: &JobName, key: &Key, kind: Option<&(Key, Node)>, built: &Built) {
        let place = kind.map_or(key.place, |(key, node)| setting(key, node, "to"));
        let order = self.specs.len();
        let at = |path| kind.map_or(key.place, |(key, node)| setting(key, node, path));
        self.rotations.push(Rotation {
            order,
            files: at("files"),
            archive: at("archive_dir"),
        });
        let owned = built
            .job
            .owned_folders(name, &self.env)
            .into_iter()
            .map(|folder| Owned {
                folder,
                order,
                job: name.to_string(),
                place,
            });
        self.owned.extend(owned);
    }
}

/// The place of the setting `path` (`keep.daily`) of a kind, or of the kind's key.
fn setting(key: &Key, node: &Node, path: &str) -> Place {
    let found = path.split('.').try_fold(node, |node, part| node.get(part));
    found
        .filter(|_| !path.is_empty())
        .map_or(key.place, |node| node.place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobfile::node;

    #[test]
    fn a_kind_points_at_its_settings() {
        let source = Source {
            name: "x".into(),
            text: "backup: {to: a, keep: {daily: 7}}".into(),
        };
        let root = node::parse(&source, &mut Vec::new()).unwrap();
        let (key, kind) = root.entry("backup").unwrap();
        let shown = |path| source.at(setting(key, kind, path));
        assert_eq!(shown("to"), "a");
        assert_eq!(shown("keep.daily"), "7");
        assert_eq!(shown("what"), "backup");
        assert_eq!(shown(""), "backup");
    }
}

//! From the tree to a set of jobs, with everything that is wrong.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use jiff::tz::TimeZone;

use super::{
    archives, collect,
    context::{Context, Loaded},
    fault::Fault,
    interpolate,
    jobs::Jobs,
    node::{Node, Skip, Value},
    policy,
    problem::{EXAMPLE_HINT, Problem},
    problems::Problems,
    raw::RawFile,
    recipient, rules,
    sessions::Sessions,
    source::{Place, Source},
    warnings,
    written::Written,
    zone,
};
use crate::{
    archive::Encryption,
    job::{Env, JobSet, Rules},
    market::Sources,
};

/// Where the assistant's database is unless the file says otherwise, relative to the root.
const DATABASE: &str = "data/trading_assistant.db";

/// Resolves the tree; `problems` holds what is known already and gets the rest, `others` what
/// is wrong with the files that it names.
pub(super) fn file(
    root: &mut Node,
    source: &Source,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
    others: &mut Vec<Problems>,
) -> Option<Loaded> {
    let mut skip = Skip::new();
    let used = interpolate::all(root, source, context.vars, &mut skip, problems);
    let mut tell = |fault: Fault| problems.push(fault.problem());
    let raw: RawFile = collect::read(root, &mut skip, &mut tell)?;
    let timezone = timezone(root, context, &skip, problems);
    let mut jobs = Jobs {
        source,
        env: Arc::new(env(&raw, context)),
        looks: context.looks,
        timezone: timezone.clone(),
        defaults: raw.defaults.clone().unwrap_or_default(),
        defaults_node: root.get("defaults"),
        skip,
        interner: crate::schedule::Interner::default(),
        sessions: Sessions::new(&context.settings),
        problems: std::mem::take(problems),
        specs: Vec::new(),
        places: BTreeMap::new(),
        owned: Vec::new(),
        rotations: Vec::new(),
        needs: Vec::new(),
        readers: Vec::new(),
        wanted: Vec::new(),
    };
    if let (Some(node), Some(defaults)) = (root.get("defaults"), &raw.defaults) {
        let (timeout, retry) = (defaults.timeout, defaults.retry);
        let problems = &mut jobs.problems;
        policy::check(node, timeout, retry, defaults.keep_history, problems);
    }
    jobs.problems.extend(no_room(&raw, root));
    let wrong = recipients(root, &jobs.skip);
    jobs.problems.extend(wrong);
    match entries(root) {
        Ok(node) => jobs.all(node),
        Err(problem) => jobs.problems.push(problem),
    }
    jobs.among_themselves();
    let archives = archives::of(&jobs.specs, &jobs.env);
    jobs.problems
        .extend(archives::check(&jobs.specs, &archives, &jobs.readers));
    let read = rules::of(&jobs.specs, &jobs.wanted, &jobs.env);
    jobs.problems.extend(read.problems);
    *problems = jobs.problems;
    *others = jobs.sessions.wrong;
    others.extend(read.others);
    redact(problems, &used);
    let set = JobSet {
        jobs: jobs.specs,
        env: Arc::new(Env {
            archives,
            rules: read.rules,
            ..(*jobs.env).clone()
        }),
        max_running: raw.max_running,
    };
    let mut warnings = Vec::new();
    if problems.is_empty() {
        warnings = warnings::of(root, source, &set, context.clock.now());
        redact(&mut warnings, &used);
    }
    Some(Loaded {
        set,
        timezone,
        places: jobs.places,
        warnings: Problems::warnings(source.clone(), warnings).and(read.unused),
        written: Written::new(source.clone(), &used),
    })
}

/// A limit that lets nothing run.
fn no_room(raw: &RawFile, root: &Node) -> Option<Problem> {
    (raw.max_running == Some(0)).then(|| {
        let place = root
            .get("max_running")
            .map_or(Place::FILE, |node| node.place);
        Problem::new(place, "`max_running` must be 1 or more")
            .hint("leave it out for no limit; `enabled: false` stops a job")
    })
}

/// Takes the values of variables out of what is told.
fn redact(problems: &mut [Problem], used: &[(String, String)]) {
    for problem in problems {
        problem.message = interpolate::redact(&problem.message, used);
        problem.hint = problem
            .hint
            .as_deref()
            .map(|hint| interpolate::redact(hint, used));
    }
}

fn env(raw: &RawFile, context: &Context<'_>) -> Env {
    let database = raw
        .database
        .clone()
        .unwrap_or_else(|| PathBuf::from(DATABASE));
    let recipients = raw
        .encryption
        .as_ref()
        .map(|encryption| encryption.recipients.clone());
    Env {
        settings: context.settings.clone(),
        database: context.settings.path(database),
        encryption: Encryption {
            recipients: recipients.unwrap_or_default(),
            key_file: context.settings.key_file(),
        },
        clock: context.clock.clone(),
        host: context.host.clone(),
        sources: Sources::new(context.settings.root(), context.vars),
        archives: BTreeMap::new(),
        rules: Rules::default(),
    }
}

fn timezone(
    root: &Node,
    context: &Context<'_>,
    skip: &Skip,
    problems: &mut Vec<Problem>,
) -> TimeZone {
    let written = root.get("timezone").map(|node| node.texts(skip));
    match written
        .unwrap_or_default()
        .first()
        .map(|(text, place)| zone::parse(text, *place))
    {
        Some(Ok(zone)) => return zone,
        Some(Err(problem)) => problems.push(problem),
        None => {}
    }
    context.local_zone.clone()
}

fn recipients(root: &Node, skip: &Skip) -> Vec<Problem> {
    let list = root
        .get("encryption")
        .and_then(|node| node.get("recipients"));
    let texts = list.map(|node| node.texts(skip)).unwrap_or_default();
    texts
        .into_iter()
        .filter_map(|(text, place)| recipient::check(text, place))
        .collect()
}

/// The value of `jobs:`, if it has entries.
fn entries(root: &Node) -> Result<&Node, Problem> {
    let Some((key, node)) = root.entry("jobs") else {
        return Err(
            Problem::new(Place::FILE, "no jobs: the key `jobs` is missing").hint(EXAMPLE_HINT),
        );
    };
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => Ok(node),
        Value::Map(_) | Value::Null => {
            Err(Problem::new(key.place, "no jobs: nothing stands under `jobs`").hint(EXAMPLE_HINT))
        }
        _ => Err(
            Problem::new(node.place, "expected jobs by name: keys with values").hint(EXAMPLE_HINT),
        ),
    }
}

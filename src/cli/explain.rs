//! `explain`: the settings of a job as they are in force, where each comes from, its next slots.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    args,
    shell::{Result, Shell, Table, Times, exit, unknown_job, variable, wrap},
};
use crate::{
    app,
    job::JobSpec,
    jobfile::{Origin, Origins, Setting},
    schedule::Schedule,
};

/// How many slots are shown.
const NEXT: usize = 5;

pub(super) fn run(shell: &Shell, args: &args::Explain) -> Result {
    let (loaded, origins) = app::explain(&shell.site, &variable, &args.job)?;
    let (Some(spec), Some(origins)) = (loaded.set.get(&args.job), origins) else {
        return Err(unknown_job(&loaded, &args.job));
    };
    let ledger = app::open_ledger(&shell.site)?;
    let next = app::next_slots(&shell.site, ledger.as_deref(), spec, NEXT)?;
    let times = shell.times();
    if shell.json {
        shell.json_line(&as_json(spec, &origins, &next, &times));
    } else {
        shell.line(render(spec, &origins, &next, &times));
    }
    Ok(exit::OK)
}

fn render(spec: &JobSpec, origins: &Origins, next: &[Timestamp], times: &Times) -> String {
    let mut head = format!("{} ({})", spec.name, spec.kind);
    if let Some(description) = &origins.description {
        head = format!("{head}: {description}");
    }
    let mut lines = wrap(&head, 0);
    lines.extend(due(spec).iter().flat_map(|text| wrap(text, 2)));
    lines.push(String::new());
    let mut table = Table::new(["setting", "value", "from"]);
    for setting in origins.settings.iter().chain(&origins.kind) {
        let from = from(spec, origins, setting);
        table.row([setting.key.clone(), setting.value.clone(), from]);
    }
    if origins.kind.is_empty() {
        let from = format!("default of {}", spec.kind);
        table.row([spec.kind.to_owned(), "nothing is written".to_owned(), from]);
    }
    lines.extend(table.lines());
    lines.push(String::new());
    let slots = next.iter().map(|at| {
        let (at, relative) = (times.absolute(*at), times.relative(*at));
        format!("next  {at}  {relative}")
    });
    lines.extend(slots);
    if next.is_empty() {
        lines.push(never(spec).to_owned());
    }
    lines.join("\n")
}

/// The schedules in words, one a line.
fn due(spec: &JobSpec) -> Vec<String> {
    let zone = spec.policy.timezone.iana_name().unwrap_or("local time");
    let words = spec.words();
    let mut lines: Vec<_> = words.map(|words| format!("{words} ({zone})")).collect();
    if lines.is_empty() {
        lines.push(spec.due_words());
    }
    lines
}

fn never(spec: &JobSpec) -> &'static str {
    if !spec.policy.enabled {
        "next  never: it is disabled, and runs only by hand"
    } else if spec.is_after_others() {
        "next  when all it needs have succeeded"
    } else if spec.schedules.is_empty() {
        "next  never: it has no schedule, and runs only by hand"
    } else if spec.schedules.iter().all(Schedule::at_start) {
        "next  at the next start of the daemon"
    } else {
        "next  never again"
    }
}

/// Who says so, and where: `jobs.yaml:7`, `defaults, jobs.yaml:2`, `built in`.
fn from(spec: &JobSpec, origins: &Origins, setting: &Setting) -> String {
    let place = match setting.place {
        Some(place) => format!("{}:{}", origins.file, place.line),
        None => String::new(),
    };
    match setting.from {
        Origin::Job => place,
        Origin::Defaults => format!("defaults, {place}"),
        Origin::File => format!("whole file, {place}"),
        Origin::Kind => format!("default of {}", spec.kind),
        Origin::Computer => "this computer".to_owned(),
        Origin::BuiltIn => "built in".to_owned(),
    }
}

fn as_json(spec: &JobSpec, origins: &Origins, next: &[Timestamp], times: &Times) -> Value {
    let setting = |setting: &Setting| {
        json!({
            "key": setting.key,
            "value": setting.value,
            "from": setting.from,
            "line": setting.place.map(|place| place.line),
            "column": setting.place.map(|place| place.column),
        })
    };
    let words = spec.words();
    json!({
        "job": spec.name,
        "kind": spec.kind,
        "description": origins.description,
        "file": origins.file,
        "words": words.collect::<Vec<_>>(),
        "settings": origins.settings.iter().map(setting).collect::<Vec<_>>(),
        "kind_settings": origins.kind.iter().map(setting).collect::<Vec<_>>(),
        "next": next.iter().map(|at| times.rfc3339(*at)).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;

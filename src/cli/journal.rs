//! `journal`: every act of the daemon and of operators, newest first.

use serde_json::json;

use super::{
    args,
    shell::{Bare, Moment, Result, Shell, exit, wrap},
};
use crate::{app, ledger::Entry};

/// How many are shown unless told otherwise.
const COUNT: u32 = 20;

pub(super) fn run(shell: &Shell, args: &args::Journal) -> Result {
    let since = args.since.as_ref();
    let since = since
        .map(|text| shell.moment(text, Bare::Ago).map(Moment::start))
        .transpose()?;
    let count = args.count.unwrap_or(match since {
        Some(_) => u32::MAX,
        None => COUNT,
    });
    let since = since.unwrap_or(jiff::Timestamp::MIN);
    let entries = match app::open_ledger(&shell.site)? {
        Some(ledger) => ledger
            .journal_since(count, since)
            .map_err(app::Error::from)?,
        None => Vec::new(),
    };
    if entries.is_empty() {
        shell.say("the journal has nothing of that time");
    }
    for entry in &entries {
        if shell.json {
            shell.json_line(&as_json(entry));
        } else {
            show(shell, entry);
        }
    }
    Ok(exit::OK)
}

fn as_json(entry: &Entry) -> serde_json::Value {
    json!({
        "at": entry.at,
        "who": entry.who,
        "act": entry.act,
        "subject": entry.subject,
        "detail": entry.detail,
    })
}

/// When, who, and what; anything else below it.
fn show(shell: &Shell, entry: &Entry) {
    let at = shell.times().absolute(entry.at);
    let head = format!("{at}  {}: {} {}", entry.who, entry.act, entry.subject);
    shell.line(head.trim_end());
    for line in wrap(&entry.detail, 4) {
        shell.line(line);
    }
}

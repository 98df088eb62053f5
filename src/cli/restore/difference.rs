//! `restore ARCHIVE --diff`: how the archive differs from what is there.

use serde_json::json;

use super::interruptible;
use crate::{
    app::restore::{self, FileDifference, Staged},
    archive::TableDifference,
    cli::shell::{Bar, Result, Shell, Table, count, exit},
};

/// How many lines of a file are shown.
const LINES: usize = 40;

pub(super) fn run(shell: &Shell, staged: &Staged) -> Result {
    let watch = interruptible();
    let bar = Bar::new(shell.draws());
    let difference = bar.while_running(&watch, || restore::difference(staged, &watch))?;
    if shell.json {
        for (path, tables) in &difference.databases {
            for table in tables {
                shell.json_line(&json!({
                    "database": path,
                    "table": table.table,
                    "only_archive": table.only_archive,
                    "only_live": table.only_live,
                    "changed": table.changed,
                    "note": table.note,
                }));
            }
        }
        for file in &difference.files {
            shell.json_line(&json!({"file": file.path, "there": file.there, "lines": file.lines}));
        }
        return Ok(exit::OK);
    }
    let since = shell.times().absolute(staged.manifest.created_at);
    shell.line(shell.within(&staged.archive));
    shell.line(format!("  shows {since}"));
    for (path, tables) in &difference.databases {
        shell.line("");
        let path = shell.within(path);
        if tables.is_empty() {
            shell.line(format!("{path}: the same rows"));
            continue;
        }
        shell.line(format!("{path}:"));
        rows(shell, tables);
        if let Some(sentence) = sentence(tables, &since) {
            shell.line(sentence);
        }
    }
    for file in &difference.files {
        show(shell, file);
    }
    if difference.files.is_empty() && difference.databases.iter().all(|(_, it)| it.is_empty()) {
        shell.line("nothing differs");
    }
    Ok(exit::OK)
}

fn rows(shell: &Shell, tables: &[TableDifference]) {
    let mut table = Table::new(["table", "only in archive", "only live", "changed"]);
    for one in tables {
        table.row([
            one.table.clone(),
            one.only_archive.to_string(),
            one.only_live.to_string(),
            one.changed.to_string(),
        ]);
    }
    shell.line(table.render());
    for one in tables {
        if let Some(note) = &one.note {
            shell.line(format!("  {}: {note}", one.table));
        }
    }
}

/// `you will lose 132 signals and 3 trades since …`
fn sentence(tables: &[TableDifference], since: &str) -> Option<String> {
    let losing = tables.iter().filter(|one| one.only_live > 0);
    let counts: Vec<String> = losing.map(|one| named(one.only_live, &one.table)).collect();
    let (last, rest) = counts.split_last()?;
    let all = if rest.is_empty() {
        last.clone()
    } else {
        format!("{} and {last}", rest.join(", "))
    };
    Some(format!("you will lose {all}\nsince {since}"))
}

/// `1 signal`, `132 signals`; a name that is no plural stays as it is.
fn named(rows: u64, table: &str) -> String {
    match table.strip_suffix('s') {
        Some(one) if rows == 1 => format!("1 {one}"),
        Some(_) => format!("{rows} {table}"),
        None => format!("{rows} of {table}"),
    }
}

fn show(shell: &Shell, file: &FileDifference) {
    shell.line("");
    let path = shell.within(&file.path);
    let Some(lines) = &file.lines else {
        let what = if file.there {
            "differs"
        } else {
            "is not there"
        };
        shell.line(format!("{path}: {what}"));
        return;
    };
    shell.line(format!("{path}:"));
    for line in lines.iter().take(LINES) {
        shell.line(format!("  {line}"));
    }
    if let Some(more) = lines.len().checked_sub(LINES).filter(|more| *more > 0) {
        shell.line(format!("  and {} more", count(more, "line")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, only_live: u64) -> TableDifference {
        TableDifference {
            table: name.into(),
            only_archive: 0,
            only_live,
            changed: 3,
            note: None,
        }
    }

    #[test]
    fn what_would_be_lost_is_a_sentence() {
        let told = |tables: &[(&str, u64)]| {
            let tables: Vec<_> = tables.iter().map(|(name, n)| table(name, *n)).collect();
            sentence(&tables, "02:00")
        };
        assert_eq!(told(&[("bars", 0)]), None);
        let one = told(&[("signals", 132), ("bars", 0)]).unwrap();
        assert_eq!(one, "you will lose 132 signals\nsince 02:00");
        let all = told(&[("signals", 1), ("cash", 4), ("trades", 2)]).unwrap();
        let list = "you will lose 1 signal, 4 of cash and 2 trades\nsince 02:00";
        assert_eq!(all, list);
    }
}

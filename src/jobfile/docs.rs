//! docs/JOBS.md and the README's table of kinds, from the schema and the registry.

use std::fmt::Write;

use serde_json::Value;

use super::schema;
use crate::{
    job::Kind,
    kinds::{self, Visit},
};

struct Row {
    name: &'static str,
    summary: &'static str,
    example: &'static str,
}

struct Rows;

impl Visit for Rows {
    type Out = Row;

    fn visit<K: Kind>(&mut self) -> Row {
        Row {
            name: K::NAME,
            summary: K::SUMMARY,
            example: K::EXAMPLE,
        }
    }
}

/// The table of kinds as Markdown: kind, what it does, an example.
pub fn kinds_table() -> String {
    let mut out = String::from("| kind | what it does | example |\n|---|---|---|\n");
    for row in kinds::each(&mut Rows) {
        let example = row.example.lines().rfind(|line| line.contains(row.name));
        let example = cell(example.unwrap_or_default().trim());
        let _ = writeln!(out, "| `{}` | {} | `{example}` |", row.name, row.summary);
    }
    out
}

const INTRO: &str = "\
# jobs.yaml, key by key

This file is generated: `cargo test` compares it with the code.

A job file is a map. `jobs` holds the jobs by name; everything else may be left out.

- What a job leaves out comes from `defaults`; the tables show what it is without.
- Durations carry a unit (`90s`, `10m`, `1h30m`, `7d`), and so do sizes (`20MB`, `1GiB`).
- `${VAR}` in a value is replaced by the variable of the environment, `$${` is a plain `${`; keys
  are never touched, and the value of a variable is never shown in a message.
- Anchors, aliases and `<<` merges work. `on`, `off`, `yes` and `no` are texts.
- The first line `# yaml-language-server: $schema=./schema/jobs.schema.json` makes editors complete
  and check the file.
";

/// docs/JOBS.md: each key of a job file with type, default and meaning.
pub fn jobs_md() -> String {
    let root = schema::value();
    let mut out = INTRO.to_owned();
    section(&mut out, "## The file", &root, &root);
    section(
        &mut out,
        "## `defaults`",
        definition(&root, "Defaults"),
        &root,
    );
    section(
        &mut out,
        "## `encryption`",
        definition(&root, "Encryption"),
        &root,
    );
    let job = definition(&root, "Job");
    section(&mut out, "## A job", job, &root);
    out.push_str("\nA job has the key of exactly one kind.\n");
    section(&mut out, "### `retry`", definition(&root, "Retry"), &root);
    section(&mut out, "### `dst`", definition(&root, "Dst"), &root);
    let _ = write!(out, "\n## Kinds\n\n{}", kinds_table());
    for row in kinds::each(&mut Rows) {
        let _ = write!(
            out,
            "\n## `{}`\n\n{}.\n\n```yaml\njobs:\n",
            row.name,
            capital(row.summary)
        );
        for line in row.example.lines() {
            let _ = writeln!(out, "  {line}");
        }
        out.push_str("```\n");
        let kind = root.pointer(&format!("/$defs/Job/properties/{}", row.name));
        let settings = target(kind.unwrap_or(&Value::Null), &root);
        table(&mut out, settings, &root);
        blocks(&mut out, row.name, settings, &root);
    }
    out
}

/// The tables of the blocks inside a kind's settings.
fn blocks(out: &mut String, path: &str, settings: &Value, root: &Value) {
    for (key, property) in properties(settings) {
        let inner = target(property, root);
        if !properties(inner).is_empty() {
            let path = format!("{path}.{key}");
            section(out, &format!("### `{path}`"), inner, root);
            blocks(out, &path, inner, root);
        } else if let Some(entry) = inner.get("additionalProperties") {
            // A map by name: what stands under each name.
            let entry = target(entry, root);
            if !properties(entry).is_empty() {
                section(out, &format!("### `{path}.{key}.NAME`"), entry, root);
            }
        }
    }
}

fn section(out: &mut String, title: &str, schema: &Value, root: &Value) {
    let _ = write!(out, "\n{title}\n");
    if let Some(text) = schema.get("description").and_then(Value::as_str) {
        let _ = write!(out, "\n{}\n", one_line(text));
    }
    table(out, schema, root);
}

fn table(out: &mut String, schema: &Value, root: &Value) {
    out.push_str("\n| key | value | default | meaning |\n|---|---|---|---|\n");
    for (key, property) in properties(schema) {
        if kinds::NAMES.contains(&key.as_str()) {
            continue;
        }
        let default = property
            .get("default")
            .map(|value| format!("`{}`", cell(&yaml(value))));
        let meaning = property
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let (default, meaning) = (
            default.unwrap_or_else(|| "–".to_owned()),
            cell(&one_line(meaning)),
        );
        let _ = writeln!(
            out,
            "| `{key}` | {} | {default} | {meaning} |",
            kind_of(property, root)
        );
    }
}

fn properties(schema: &Value) -> Vec<(&String, &Value)> {
    let map = schema.get("properties").and_then(Value::as_object);
    let mut entries: Vec<_> = map.into_iter().flatten().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

fn definition<'a>(root: &'a Value, name: &str) -> &'a Value {
    root.pointer(&format!("/$defs/{name}"))
        .unwrap_or(&Value::Null)
}

/// What a schema stands for: behind its `$ref`, and without the "or nothing".
fn target<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
        return root.pointer(path.trim_start_matches('#')).unwrap_or(schema);
    }
    match schema
        .get("anyOf")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        Some([first, second]) if second.get("type").is_some_and(|kind| kind == "null") => {
            target(first, root)
        }
        _ => schema,
    }
}

/// What may be written, in a few words.
fn kind_of(schema: &Value, root: &Value) -> String {
    let reference = |schema: &Value| {
        schema
            .get("$ref")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let any = schema.get("anyOf").and_then(Value::as_array);
    let direct = reference(schema).or_else(|| reference(any?.first()?));
    match direct.as_deref() {
        Some("#/$defs/Span") => return "duration".to_owned(),
        Some("#/$defs/Bytes") => return "size".to_owned(),
        Some("#/$defs/Percent") => return "share".to_owned(),
        _ => {}
    }
    let schema = target(schema, root);
    if let Some(words) = words(schema) {
        return words.join(" \\| ");
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let choices: Vec<_> = choices.iter().map(|choice| kind_of(choice, root)).collect();
        return choices.join(" or ");
    }
    let name = match schema.get("type").unwrap_or(&Value::Null) {
        Value::Array(names) => names.first().and_then(Value::as_str),
        name => name.as_str(),
    };
    match name {
        Some("array") => format!(
            "list of {}",
            kind_of(schema.get("items").unwrap_or(&Value::Null), root)
        ),
        Some("object") if properties(schema).is_empty() => "map by name".to_owned(),
        Some("object") => "map".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("boolean") => "`true` \\| `false`".to_owned(),
        Some("string") => "text".to_owned(),
        Some(other) => other.to_owned(),
        None => String::new(),
    }
}

/// The words of an enum, in backquotes.
fn words(schema: &Value) -> Option<Vec<String>> {
    let quoted = |word: &Value| word.as_str().map(|word| format!("`{word}`"));
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(quoted).collect();
    }
    let choices = schema.get("oneOf").and_then(Value::as_array)?;
    let word = |choice: &Value| quoted(choice.get("const")?);
    choices.iter().map(word).collect()
}

/// A value as it would stand in a job file.
fn yaml(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(yaml).collect::<Vec<_>>().join(", ")
        ),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| format!("{key}: {}", yaml(value));
            format!(
                "{{{}}}",
                map.iter().map(entry).collect::<Vec<_>>().join(", ")
            )
        }
        other => other.to_string(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_meaning_and_a_type() {
        let page = jobs_md();
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        for row in rows {
            assert!(!row.contains("|  |  |") && !row.ends_with("|  |"), "{row}");
            assert!(!row.contains("` |  |"), "{row}");
        }
    }

    #[test]
    fn the_table_names_every_kind() {
        let table = kinds_table();
        for name in kinds::NAMES {
            assert!(table.contains(&format!("| `{name}` | ")), "{name}");
        }
    }
}

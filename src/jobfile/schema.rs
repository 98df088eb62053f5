//! The JSON schema of a job file, from the types that read it and from the registry of kinds.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::raw::RawFile;
use crate::{
    job::Kind,
    kinds::{self, Visit},
};

/// One kind in the schema.
struct Entry {
    name: &'static str,
    schema: Value,
}

struct Settings(SchemaGenerator);

impl Visit for Settings {
    type Out = Entry;

    fn visit<K: Kind>(&mut self) -> Entry {
        let settings = self.0.subschema_for::<K>().to_value();
        Entry {
            name: K::NAME,
            schema: json!({ "description": K::SUMMARY, "anyOf": [settings, { "type": "null" }] }),
        }
    }
}

/// The schema as a value.
pub(super) fn value() -> Value {
    let mut settings = Settings(SchemaSettings::draft2020_12().into_generator());
    let kinds = kinds::each(&mut settings);
    let mut root = settings.0.into_root_schema_for::<RawFile>().to_value();
    without_null_defaults(&mut root);
    if let Some(job) = root.pointer_mut("/$defs/Job") {
        add_kinds(job, kinds);
    }
    if let Some(Value::Object(jobs)) = root.pointer_mut("/properties/jobs") {
        jobs.insert("propertyNames".into(), json!({ "pattern": NAME_PATTERN }));
        jobs.insert("minProperties".into(), json!(1));
    }
    if let Some(Value::Object(zone)) = root.pointer_mut("/properties/timezone") {
        zone.insert("examples".into(), json!(["Europe/Berlin", "UTC"]));
    }
    if let Some(Value::Object(dst)) = root.pointer_mut("/$defs/Dst") {
        let text = "The hours that daylight saving skips (gap) or repeats (fold); what is left out is done as \
                    cron does it.";
        dst.insert("description".into(), json!(text));
    }
    if let Value::Object(root) = &mut root {
        root.insert("required".into(), json!(["jobs"]));
    }
    root
}

/// The same rule as [`crate::words::JobName`].
const NAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";

/// A job has the key of exactly one kind.
fn add_kinds(job: &mut Value, kinds: Vec<Entry>) {
    let one_of = kinds
        .iter()
        .map(|kind| json!({ "required": [kind.name] }))
        .collect();
    let Value::Object(job) = job else { return };
    job.insert("oneOf".into(), Value::Array(one_of));
    if let Some(Value::Object(properties)) = job.get_mut("properties") {
        properties.extend(
            kinds
                .into_iter()
                .map(|kind| (kind.name.to_owned(), kind.schema)),
        );
    }
}

/// "Default: null" says no more than that a key may be left out.
fn without_null_defaults(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("default").is_some_and(Value::is_null) {
                map.remove("default");
            }
            map.values_mut().for_each(without_null_defaults);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null_defaults),
        _ => {}
    }
}

/// The keys of a map in a fixed order, whatever the map's own order is.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            let map = entries
                .into_iter()
                .map(|(key, value)| (key.clone(), sorted(value)));
            Value::Object(map.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// The JSON schema (draft 2020-12) of a job file, for editors; always the same text for the same
/// kinds, with a line break at the end. Kept in the repository as `schema/jobs.schema.json`.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&sorted(&value())).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_in_the_schema_and_exactly_one_is_required() {
        let root = value();
        let job = &root["$defs"]["Job"];
        for name in kinds::NAMES {
            assert!(job["properties"][name].is_object(), "{name}");
        }
        assert_eq!(job["oneOf"].as_array().unwrap().len(), kinds::NAMES.len());
        assert_eq!(root["required"], json!(["jobs"]));
        assert_eq!(
            root["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
    }

    #[test]
    fn nothing_takes_keys_it_does_not_know() {
        fn walk(value: &Value, path: &str) {
            if let Value::Object(map) = value {
                let object = map.get("type").is_some_and(|kind| kind == "object");
                let closed = map.get("additionalProperties").is_some();
                assert!(!object || closed, "{path}");
                map.iter()
                    .for_each(|(key, value)| walk(value, &format!("{path}/{key}")));
            }
        }
        walk(&value(), "");
    }
}

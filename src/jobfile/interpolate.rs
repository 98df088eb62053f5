//! `${VAR}` inside values.

use super::{
    node::{Node, Skip, Text, Value},
    problem::{Problem, printable},
    source::Source,
};

/// Where the values of variables come from.
pub(super) type Vars<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Longest value after interpolation; a variable cannot blow a file up.
const LONGEST: usize = 64 * 1024;

/// Replaces `${VAR}` in all values (never in keys); `$${` stands for `${` itself. A text with an
/// undefined variable becomes a problem and is left out. Returns the variables used, with values.
pub(super) fn all(
    root: &mut Node,
    source: &Source,
    vars: Vars<'_>,
    skip: &mut Skip,
    problems: &mut Vec<Problem>,
) -> Vec<(String, String)> {
    let mut used = Vec::new();
    walk(root, &mut |node| {
        let Value::Text(text) = &node.value else {
            return;
        };
        if !text.text.contains("${") {
            return;
        }
        match expand(&text.text, vars, &mut used) {
            Ok(text) => node.value = Value::Text(text),
            Err(wrong) => {
                let place = source.inside(node.place, &text.text, &wrong.part);
                problems.push(Problem::new(place, wrong.message).hint(wrong.hint));
                skip.insert(node.id);
            }
        }
    });
    // Longest first: one value may be part of another.
    used.sort_unstable_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.cmp(b)));
    used.dedup();
    used
}

fn walk(node: &mut Node, act: &mut dyn FnMut(&mut Node)) {
    act(node);
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| walk(item, act)),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, item)| walk(item, act)),
        _ => {}
    }
}

struct Wrong {
    message: String,
    hint: String,
    part: std::ops::Range<usize>,
}

fn expand(text: &str, vars: Vars<'_>, used: &mut Vec<(String, String)>) -> Result<Text, Wrong> {
    let mut out = String::new();
    let mut variable = None;
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, tail) = rest.split_at(at);
        let start = text.len() - tail.len();
        let tail = tail.get(2..).unwrap_or_default();
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = tail;
            continue;
        }
        out.push_str(before);
        let (name, after) = name(tail, start, text.len())?;
        let Some(value) = vars(name) else {
            return Err(Wrong {
                message: format!("the variable `{name}` is not set"),
                hint: format!("set `{name}` in the environment, or write `$${{` for a plain `${{`"),
                part: start..start + name.len() + 3,
            });
        };
        out.push_str(&value);
        used.push((name.to_owned(), value));
        variable.get_or_insert_with(|| name.to_owned());
        rest = after;
        if out.len() > LONGEST {
            return Err(Wrong {
                message: format!("longer than {LONGEST} bytes with its variables"),
                hint: "use a shorter value".to_owned(),
                part: 0..text.len(),
            });
        }
    }
    out.push_str(rest);
    Ok(Text {
        text: out,
        variable,
    })
}

/// The name up to `}` and what follows it.
fn name(tail: &str, start: usize, end: usize) -> Result<(&str, &str), Wrong> {
    let good = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    match tail.split_once('}') {
        Some((name, after)) if good(name) => Ok((name, after)),
        Some((name, _)) => Err(Wrong {
            message: "not the name of a variable".to_owned(),
            hint: "write `${NAME}` with letters, digits and `_`".to_owned(),
            part: start..start + name.len() + 3,
        }),
        None => Err(Wrong {
            message: "`${` without `}`".to_owned(),
            hint: "write `${NAME}`, or `$${` for a plain `${`".to_owned(),
            part: start..end,
        }),
    }
}

/// Takes the values of variables out of a text, as they are and as messages show them. Short ones
/// stay: they tell nothing, and replacing every `1` would make the text unreadable.
pub(super) fn redact(text: &str, used: &[(String, String)]) -> String {
    const SHORTEST: usize = 4;
    let mut out = text.to_owned();
    for (name, value) in used {
        let shown = format!("${{{name}}}");
        for form in [
            value.as_str(),
            value.trim(),
            &printable(value),
            &printable(value.trim()),
        ] {
            if form.len() >= SHORTEST {
                out = out.replace(form, &shown);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let vars = |name: &str| (name == "A_1").then(|| "value".to_owned());
        let text = expand(text, &vars, &mut Vec::new());
        text.map(|text| text.text).map_err(|wrong| wrong.message)
    }

    #[test]
    fn variables_are_replaced_once() {
        assert_eq!(expanded("x${A_1}y${A_1}").unwrap(), "xvalueyvalue");
        assert_eq!(expanded("$${A_1} $A_1 $").unwrap(), "${A_1} $A_1 $");
        let vars = |name: &str| (name == "A").then(|| "${B}".to_owned());
        assert_eq!(
            expand("${A}", &vars, &mut Vec::new()).ok().unwrap().text,
            "${B}"
        );
    }

    #[test]
    fn what_cannot_be_replaced_is_told() {
        assert_eq!(expanded("${B}").unwrap_err(), "the variable `B` is not set");
        assert_eq!(expanded("${B").unwrap_err(), "`${` without `}`");
        assert_eq!(
            expanded("${a b}").unwrap_err(),
            "not the name of a variable"
        );
    }

    #[test]
    fn values_are_taken_out_of_texts() {
        let used = [
            ("A".to_owned(), "hunter2".to_owned()),
            ("B".to_owned(), "1".to_owned()),
        ];
        assert_eq!(redact("`hunter2` is 1", &used), "`${A}` is 1");
        let used = [("A".to_owned(), "hun\u{1b}ter\n".to_owned())];
        assert_eq!(
            redact("`hun\\u{1b}ter\\n` `hun\u{1b}ter`", &used),
            "`${A}` `${A}`"
        );
    }
}

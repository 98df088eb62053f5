//! From a tree to the symbols of a watch list.

use std::collections::HashMap;

use serde::{Deserialize, de::IgnoredAny};

use crate::{
    analysis::Symbol,
    jobfile::{
        collect,
        fault::Fault,
        node::{Node, Skip, Value},
        problem::{MAX_PROBLEMS, Place, Problem},
    },
};

const EXAMPLE: &str = "e.g. `symbols: [AAPL, MSFT]`";

/// More symbols than any exchange has.
const MOST: usize = 20_000;

/// A watch list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    symbols: Option<IgnoredAny>,
}

/// The symbols of a watch list; `problems` gets what is wrong with it.
pub(super) fn of(root: &Node, problems: &mut Vec<Problem>) -> Vec<Symbol> {
    let mut tell = |fault: Fault| problems.push(fault.problem());
    let raw: Option<Raw> = collect::read(root, &mut Skip::new(), &mut tell);
    let entry = raw
        .and_then(|raw| raw.symbols)
        .and_then(|_| root.entry("symbols"));
    let Some((key, node)) = entry else {
        if problems.is_empty() {
            problems.push(Problem::new(Place::FILE, "there are no symbols").hint(EXAMPLE));
        }
        return Vec::new();
    };
    let items = match &node.value {
        Value::List(items) if !items.is_empty() => items,
        Value::List(_) => {
            problems.push(Problem::new(node.place, "the list is empty").hint(EXAMPLE));
            return Vec::new();
        }
        _ => {
            let message = format!("`{}`: expected a list of symbols", key.text);
            problems.push(Problem::new(node.place, message).hint(EXAMPLE));
            return Vec::new();
        }
    };
    if items.len() > MOST {
        let message = format!("a watch list has at most {MOST} symbols");
        problems.push(Problem::new(node.place, message));
        return Vec::new();
    }
    listed(items, problems)
}

fn listed(items: &[Node], problems: &mut Vec<Problem>) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    let mut seen: HashMap<Symbol, Place> = HashMap::new();
    for item in items {
        if problems.len() > MAX_PROBLEMS {
            break;
        }
        let Value::Text(text) = &item.value else {
            let problem = Problem::new(item.place, "expected a symbol such as `AAPL`");
            problems.push(problem.hint("put it in quotes, if it is one"));
            continue;
        };
        match text.text.parse::<Symbol>() {
            Ok(symbol) => match seen.get(&symbol) {
                None => {
                    seen.insert(symbol.clone(), item.place);
                    symbols.push(symbol);
                }
                Some(first) => {
                    let message = format!("`{symbol}` stands here twice");
                    let problem = Problem::new(item.place, message);
                    problems.push(problem.also(*first, "first here"));
                }
            },
            Err(message) => problems.push(Problem::new(item.place, message)),
        }
    }
    symbols
}

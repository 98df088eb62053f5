//! From a tree to strategies, with everything that is wrong.

use serde::{Deserialize, de::IgnoredAny};

use crate::{
    analysis::{
        LONGEST_COOLDOWN, LONGEST_LOOK_BACK, MOST_CONFIRM, Side, Strategy, Timeframe, When,
    },
    jobfile::{
        collect,
        fault::Fault,
        node::{Key, Node, Skip, Value},
        problem::{MAX_PROBLEMS, Place, Problem},
        source::Source,
    },
};

/// What a file without any strategy is told.
const EXAMPLE: &str =
    "e.g. `strategies: {oversold: {timeframe: 1d, side: buy, when: \"rsi(14) < 30\"}}`";

/// The longest name of a strategy.
const LONGEST_NAME: usize = 64;

/// A file of strategies.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawFile {
    strategies: Option<IgnoredAny>,
}

/// A strategy, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default = "daily")]
    timeframe: Timeframe,
    side: RawSide,
    /// Only whether it is text: the rule is read from the tree, which knows its place.
    #[serde(rename = "when")]
    _when: String,
    #[serde(default = "one")]
    confirm: u64,
    #[serde(default)]
    cooldown: u64,
    #[serde(default = "full")]
    strength: f64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawSide {
    Buy,
    Sell,
}

fn daily() -> Timeframe {
    Timeframe::D1
}

fn one() -> u64 {
    1
}

fn full() -> f64 {
    1.0
}

/// The strategies of a file; `problems` gets what is wrong with it.
pub(super) fn strategies(
    root: &Node,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Vec<Strategy> {
    let mut skip = Skip::new();
    let mut tell = |fault: Fault| problems.push(fault.problem());
    let raw: Option<RawFile> = collect::read(root, &mut skip, &mut tell);
    if raw.is_none_or(|raw| raw.strategies.is_none()) {
        if problems.is_empty() {
            let problem = Problem::new(Place::FILE, "there are no strategies");
            problems.push(problem.hint(EXAMPLE));
        }
        return Vec::new();
    }
    let Some((key, node)) = root.entry("strategies") else {
        return Vec::new();
    };
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {}
        Value::Map(_) => {
            let message = "nothing stands under `strategies`";
            problems.push(Problem::new(key.place, message).hint(EXAMPLE));
        }
        _ => {
            let message = "expected strategies by name: keys with values";
            problems.push(Problem::new(node.place, message).hint(EXAMPLE));
        }
    }
    let mut all = Vec::new();
    for (key, node) in node.entries() {
        if problems.len() > MAX_PROBLEMS {
            break;
        }
        let mut build = Build {
            node,
            source,
            problems,
        };
        all.extend(build.strategy(key));
    }
    all
}

struct Build<'a> {
    node: &'a Node,
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
}

impl Build<'_> {
    fn strategy(&mut self, key: &Key) -> Option<Strategy> {
        self.name(key);
        if !matches!(self.node.value, Value::Map(_)) {
            let message = format!("the strategy `{}` says nothing", key.text);
            let problem = Problem::new(self.node.place, message).hint(EXAMPLE);
            self.problems.push(problem);
            return None;
        }
        let mut skip = Skip::new();
        let problems = &mut *self.problems;
        let mut tell = |fault: Fault| problems.push(fault.problem());
        let raw: Option<Raw> = collect::read(self.node, &mut skip, &mut tell);
        // Also of a strategy that cannot be read otherwise.
        let when = self.when(&skip);
        let raw = raw?;
        let counts = [
            ("confirm", raw.confirm, 1, MOST_CONFIRM),
            ("cooldown", raw.cooldown, 0, LONGEST_COOLDOWN),
        ];
        let [confirm, cooldown] =
            counts.map(|(name, value, least, most)| self.count(name, value, least, most));
        let strength = self.strength(raw.strength);
        let strategy = Strategy {
            name: key.text.clone(),
            timeframe: raw.timeframe,
            side: match raw.side {
                RawSide::Buy => Side::Buy,
                RawSide::Sell => Side::Sell,
            },
            when: when?,
            confirm: confirm?,
            cooldown: cooldown?,
            strength: strength?,
        };
        let look_back = strategy.look_back();
        if look_back > LONGEST_LOOK_BACK {
            let message = format!(
                "with `confirm` it needs {look_back} bars before the first signal; at most \
                 {LONGEST_LOOK_BACK} are looked at"
            );
            self.tell("confirm", &message);
        }
        Some(strategy)
    }

    fn name(&mut self, key: &Key) {
        let is_good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let name = &key.text;
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_good) {
            let message = format!("`{name}` is no name for a strategy");
            let problem = Problem::new(key.place, message);
            let hint = "1 to 64 letters, digits, `.`, `_` or `-`";
            self.problems.push(problem.hint(hint));
        }
    }

    /// The rule; what is wrong inside of it is told at its place in the file.
    fn when(&mut self, skip: &Skip) -> Option<When> {
        let texts = self.node.get("when")?.texts(skip);
        let (text, place) = texts.first()?;
        match When::parse(&text.text) {
            Ok(when) => Some(when),
            Err(error) => {
                let part = self.source.inside(*place, &text.text, &error.span);
                let problem = Problem::new(part, error.message).maybe_hint(error.hint);
                self.problems.push(problem);
                None
            }
        }
    }

    fn count(&mut self, name: &str, value: u64, least: usize, most: usize) -> Option<usize> {
        let count = usize::try_from(value).ok();
        let count = count.filter(|count| (least..=most).contains(count));
        if count.is_none() {
            self.tell(
                name,
                &format!("`{name}` must be between {least} and {most}"),
            );
        }
        count
    }

    fn strength(&mut self, value: f64) -> Option<f64> {
        let good = (0.0..=1.0).contains(&value);
        if !good {
            self.tell("strength", "`strength` must be between 0 and 1");
        }
        good.then_some(value)
    }

    fn tell(&mut self, key: &str, message: &str) {
        let place = self
            .node
            .get(key)
            .map_or(self.node.place, |node| node.place);
        self.problems.push(Problem::new(place, message));
    }
}

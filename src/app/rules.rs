//! Signals and the rules that made them: why one is there, and what other rules would say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Error, Site};
use crate::{
    analysis::{Explained, Shown, Stamp, Strategy, When, recompute},
    jobfile::Loaded,
    kinds::{Analysis, Expected, Kept, kept},
    store::{self, StoredBars, StoredSignal},
};

/// Why a signal is there.
#[derive(Debug)]
pub struct Reasons {
    /// The signal.
    pub signal: StoredSignal,
    /// What was kept of it; none if another program made it, or the sample.
    pub kept: Option<Kept>,
    /// Its rule part by part, worked out again from what was kept.
    pub explained: Option<Explained>,
    /// What has become of its strategy since, in words; nothing if it is the same.
    pub rule_changed: Option<String>,
    /// What has become of the bars since, in words; nothing if they are the same.
    pub bars_changed: Option<String>,
}

impl Reasons {
    /// Whether the rule is true with the values that were kept.
    pub fn holds(&self) -> bool {
        let value = self.explained.as_ref().map(|explained| explained.value);
        value == Some(Shown::Truth(Some(true)))
    }
}

/// Why a signal is there; `None` if there is no signal of that number.
///
/// # Errors
/// [`Error::Store`].
pub fn explain_signal(loaded: &Loaded, id: i64) -> Result<Option<Reasons>, Error> {
    let env = &loaded.set.env;
    let Some(signal) = store::signal(&env.database, id)? else {
        return Ok(None);
    };
    let kept = kept(&signal.inputs);
    let mut reasons = Reasons {
        explained: None,
        rule_changed: None,
        bars_changed: None,
        kept: None,
        signal,
    };
    let Some(kept) = kept else {
        return Ok(Some(reasons));
    };
    let when = When::parse(&kept.rule).ok();
    reasons.explained = when.map(|when| recompute(when.condition(), &kept.values, kept.before));
    let rules = env.rules.strategies.iter();
    let rule = rules
        .into_iter()
        .find(|rule| rule.name == reasons.signal.strategy);
    reasons.rule_changed = rule_changed(rule, &kept, &reasons.signal);
    let reader = env.store().reader()?;
    if let Ok(timeframe) = reasons.signal.timeframe.parse() {
        let stored = store::stored_bars(&reader, &reasons.signal.symbol, timeframe)?;
        reasons.bars_changed = bars_changed(&stored, &kept, &reasons.signal);
    }
    reasons.kept = Some(kept);
    Ok(Some(reasons))
}

fn rule_changed(rule: Option<&Strategy>, kept: &Kept, signal: &StoredSignal) -> Option<String> {
    let name = &signal.strategy;
    let Some(rule) = rule else {
        return Some(format!("there is no strategy `{name}` any more"));
    };
    let mut now = Vec::new();
    if rule.when.text() != kept.rule {
        now.push(format!("`when` is now `{}`", rule.when.text()));
    }
    for (what, then, is) in [
        ("confirm", kept.confirm, rule.confirm),
        ("cooldown", kept.cooldown, rule.cooldown),
    ] {
        if then != is {
            now.push(format!("`{what}` is now {is}, it was {then}"));
        }
    }
    if rule.side != signal.side {
        now.push(format!("its side is now {}", rule.side));
    }
    if rule.timeframe.as_str() != signal.timeframe {
        now.push(format!("its timeframe is now {}", rule.timeframe));
    }
    (!now.is_empty()).then(|| now.join("; "))
}

fn bars_changed(stored: &StoredBars, kept: &Kept, signal: &StoredSignal) -> Option<String> {
    let stamps = stored.bars.stamps();
    let place = |text: &str| {
        stamps
            .iter()
            .position(|stamp: &Stamp| stamp.to_string() == text)
    };
    let (first, last) = (place(&kept.first), place(&kept.bar));
    let (Some(first), Some(last)) = (first, last) else {
        return Some("they are not stored any more".to_owned());
    };
    let bars = stored.bars.between(first, last);
    let end = bars.len().saturating_sub(1);
    let hashes = store::data_hashes(&bars, &[end]);
    let same = hashes.first() == Some(&signal.data_hash);
    (!same).then(|| "they are others than those that were judged".to_owned())
}

/// What the rules as they are now would change in the signals that are stored.
#[derive(Debug, Default)]
pub struct Replay {
    /// Signals that they find and that are not there, oldest first.
    pub added: Vec<Expected>,
    /// Signals that are there and that they do not find, oldest first.
    pub removed: Vec<StoredSignal>,
    /// How many they find that are there.
    pub kept: usize,
    /// How many analysis jobs there are.
    pub jobs: usize,
}

/// Works the rules of all analysis jobs out on the stored bars since an instant. Nothing is written.
///
/// Signals of symbols at which no job looks, and those that no rule made, are left out.
///
/// # Errors
/// [`Error::Store`].
pub fn replay(site: &Site, loaded: &Loaded, since: Timestamp) -> Result<Replay, Error> {
    let env = &loaded.set.env;
    let reader = env.store().reader()?;
    let mut replay = Replay::default();
    let (mut expected, mut symbols) = (BTreeMap::new(), BTreeSet::new());
    for spec in &loaded.set.jobs {
        let Some(job) = spec.as_kind::<Analysis>() else {
            continue;
        };
        replay.jobs += 1;
        let (found, looked) = job.expected(&spec.name, env, &reader, site.clock.now())?;
        symbols.extend(looked);
        let found = found.into_iter().filter(|signal| signal.timestamp >= since);
        expected.extend(found.map(|signal| (key_of(&signal), signal)));
    }
    for signal in store::signals(&env.database, since, None)? {
        let known = expected.remove(&key(&signal)).is_some();
        replay.kept += usize::from(known);
        if !known && symbols.contains(&signal.symbol) && kept(&signal.inputs).is_some() {
            replay.removed.push(signal);
        }
    }
    replay.added = expected.into_values().collect();
    replay.added.sort();
    Ok(replay)
}

/// What makes two signals the same one.
type Key = (String, String, Timestamp, String, String);

fn key(signal: &StoredSignal) -> Key {
    (
        signal.symbol.clone(),
        signal.timeframe.clone(),
        signal.timestamp,
        signal.strategy.clone(),
        signal.side.to_string(),
    )
}

fn key_of(signal: &Expected) -> Key {
    (
        signal.symbol.clone(),
        signal.timeframe.to_string(),
        signal.timestamp,
        signal.strategy.clone(),
        signal.side.clone(),
    )
}

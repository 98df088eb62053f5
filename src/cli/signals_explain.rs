//! `signals explain ID`: why a signal is there.

use serde_json::{Value, json};

use super::shell::{Failure, Result, Shell, exit};
use crate::{
    analysis::{Explained, Shown},
    app::{self, Reasons},
};

pub(super) fn run(shell: &Shell, id: i64) -> Result {
    let loaded = shell.load()?;
    let Some(reasons) = app::explain_signal(&loaded, id)? else {
        let failure = Failure::new(exit::NOT_FOUND, format!("there is no signal {id}"));
        return Err(failure.hint("`bellkeeper signals --days N` lists them with their numbers"));
    };
    if shell.json {
        shell.json_line(&as_json(&reasons));
        return Ok(exit::OK);
    }
    let signal = &reasons.signal;
    let at = shell.times().absolute(signal.timestamp);
    shell.line(format!(
        "signal {id}: {} {} by {}, at {at}, price {}",
        signal.side, signal.symbol, signal.strategy, signal.price
    ));
    shell.line(format!(
        "bars of {} from {}",
        signal.timeframe, signal.source
    ));
    let Some(kept) = &reasons.kept else {
        shell.line("it was not made by a rule, or nothing was kept that explains it");
        shell.line(format!("inputs {}", signal.inputs));
        return Ok(exit::OK);
    };
    let (confirm, cooldown) = (kept.confirm, kept.cooldown);
    shell.line(format!("rule {}", kept.rule));
    shell.line(format!(
        "bar {}, after {} others from {} on; confirm {confirm}, cooldown {cooldown}",
        kept.bar, kept.before, kept.first
    ));
    if let Some(explained) = &reasons.explained {
        shell.line("");
        tree(shell, explained, 0);
        shell.line("");
    }
    if !reasons.holds() {
        shell.line("the rule is not true with the values that were kept");
    }
    shell.line(match &reasons.rule_changed {
        None => "the rule is the same now".to_owned(),
        Some(change) => format!("the rule has changed since: {change}"),
    });
    shell.line(match &reasons.bars_changed {
        None => "the bars are the same now".to_owned(),
        Some(change) => format!("the bars have changed since: {change}"),
    });
    Ok(exit::OK)
}

fn tree(shell: &Shell, part: &Explained, depth: usize) {
    let value = match part.value {
        Shown::Truth(Some(true)) => "yes".to_owned(),
        Shown::Truth(Some(false)) => "no".to_owned(),
        Shown::Number(Some(value)) if value.fract() == 0.0 => value.to_string(),
        Shown::Number(Some(value)) => format!("{value:.4}"),
        Shown::Truth(None) | Shown::Number(None) => "unknown".to_owned(),
    };
    shell.line(format!("{}{value}  {}", "  ".repeat(depth), part.text));
    for part in &part.parts {
        tree(shell, part, depth + 1);
    }
}

fn as_json(reasons: &Reasons) -> Value {
    let signal = &reasons.signal;
    json!({
        "id": signal.id,
        "symbol": signal.symbol,
        "timeframe": signal.timeframe,
        "timestamp": signal.timestamp,
        "strategy": signal.strategy,
        "side": signal.side.to_string(),
        "price": signal.price.to_string(),
        "source": signal.source,
        "adjustment": signal.adjustment,
        "version": signal.version,
        "rule": reasons.kept.as_ref().map(|kept| kept.rule.as_str()),
        "confirm": reasons.kept.as_ref().map(|kept| kept.confirm),
        "cooldown": reasons.kept.as_ref().map(|kept| kept.cooldown),
        "bar": reasons.kept.as_ref().map(|kept| kept.bar.as_str()),
        "explained": reasons.explained.as_ref().map(part_json),
        "holds": reasons.kept.as_ref().map(|_| reasons.holds()),
        "rule_changed": reasons.rule_changed,
        "bars_changed": reasons.bars_changed,
    })
}

fn part_json(part: &Explained) -> Value {
    let value: Value = match part.value {
        Shown::Truth(truth) => truth.into(),
        Shown::Number(number) => number.into(),
    };
    let parts: Vec<Value> = part.parts.iter().map(part_json).collect();
    json!({"expression": part.text, "value": value, "parts": parts})
}

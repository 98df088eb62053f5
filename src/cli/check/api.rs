//! `check api`: the sources of prices.

use serde_json::{Value, json};

use crate::{
    analysis::Timeframe,
    cli::{
        args,
        shell::{Failure, Result, Shell, exit},
    },
    market::{self, Ask, Chain, Choice, Source, SourceHealth, SourceName, State},
    watch::Watch,
};

/// The guide's limit for the share of requests that succeed.
const SUCCESS: f64 = 0.99;

/// How bad it is, in the order and with the codes of monitoring plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Ok,
    Warning,
    Critical,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Ok => exit::OK,
            Self::Warning => exit::WARNING,
            Self::Critical => exit::CRITICAL,
        }
    }
}

pub(super) fn run(shell: &Shell, args: &args::CheckApi) -> Result {
    looked(shell, args).or_else(|failure| {
        // Whatever keeps it from looking leaves the state unknown.
        shell.fail(&failure);
        Ok(exit::UNKNOWN)
    })
}

fn looked(shell: &Shell, args: &args::CheckApi) -> Result {
    let env = shell.load()?.set.env.clone();
    let all = [SourceName::AlphaVantage, SourceName::Yahoo, SourceName::Csv];
    let wanted: Vec<SourceName> = args.source.iter().copied().map(Into::into).collect();
    let names = if wanted.is_empty() { &all[..] } else { &wanted };
    let choice = Choice {
        names,
        prices: None,
        calendar: None,
    };
    let chain = env
        .chain(&choice)
        .map_err(|error| Failure::new(exit::CONFIGURATION, error.to_string()))?;
    for warning in chain.warnings() {
        shell.note(format!("warning: {warning}"));
    }
    let probed = args
        .probe
        .as_deref()
        .map(|symbol| probe(&chain, symbol, shell));
    let sources = chain.health().map_err(|error| {
        Failure::new(exit::UNKNOWN, format!("the account of requests: {error}"))
    })?;
    let mut found: Vec<(Level, String)> = sources.iter().filter_map(judge).collect();
    if let Some(probe) = &probed {
        found.push(probe.clone());
    }
    let level = found
        .iter()
        .map(|(level, _)| *level)
        .max()
        .unwrap_or(Level::Ok);
    if shell.json {
        shell.json_line(&written(level, &found, &sources, probed.is_some()));
    } else {
        show(shell, level, &found, &sources);
    }
    Ok(level.code())
}

/// One real request through the chain.
fn probe(chain: &Chain, symbol: &str, shell: &Shell) -> (Level, String) {
    let ask = Ask {
        symbol,
        timeframe: Timeframe::D1,
        // The last days will do.
        newest: Some(crate::analysis::Stamp::Instant(shell.site.clock.now())),
        now: shell.site.clock.now(),
    };
    match chain.fetch(&ask, &Watch::default()) {
        Ok(series) => {
            let (bars, source) = (series.bars.len(), series.source);
            match series.degraded {
                None => (Level::Ok, format!("{source} gave {bars} bars of {symbol}")),
                Some(why) => (
                    Level::Warning,
                    format!("{source} gave {bars} bars of {symbol}: {why}"),
                ),
            }
        }
        Err(refusal) => (Level::Critical, refusal.to_string()),
    }
}

/// What is wrong with a source, if anything.
fn judge(source: &SourceHealth) -> Option<(Level, String)> {
    let name = &source.name;
    let bad = |level, what: String| Some((level, format!("{name}: {what}")));
    match (&source.key, source.breaker) {
        (_, State::Stopped) => return bad(Level::Critical, "it refuses the key".to_owned()),
        (Some(Err(wrong)), _) => return bad(Level::Warning, wrong.clone()),
        (_, State::Open { until, class }) => {
            return bad(
                Level::Warning,
                format!("not asked until {until:.0} ({class})"),
            );
        }
        _ => {}
    }
    if source
        .per_day
        .is_some_and(|per_day| source.tally.made >= per_day)
    {
        return bad(
            Level::Warning,
            "the requests of the day are used up".to_owned(),
        );
    }
    match source.tally.success() {
        Some(share) if share < SUCCESS => bad(
            Level::Warning,
            format!("{:.1} % of its requests succeeded", share * 100.0),
        ),
        _ => None,
    }
}

fn show(shell: &Shell, level: Level, found: &[(Level, String)], sources: &[SourceHealth]) {
    let worst = found.iter().find(|(bad, _)| *bad == level);
    let what = worst.map_or("no source has failed in the last 24 hours", |(_, what)| {
        what.as_str()
    });
    let figures: Vec<String> = sources.iter().filter_map(figures).collect();
    let figures = figures.join(" ");
    let bar = if figures.is_empty() { "" } else { " | " };
    shell.line(format!("{} - {what}{bar}{figures}", level.as_str()));
    for (_, what) in found.iter().filter(|found| Some(*found) != worst) {
        shell.line(what);
    }
    for source in sources {
        shell.line(told(source, shell));
    }
}

/// Figures as monitoring plugins write them: value, warning, critical.
fn figures(source: &SourceHealth) -> Option<String> {
    let made = source.tally.made;
    let calls = match source.per_day {
        Some(per_day) => format!("{}_calls={made};{per_day};", source.name),
        None if source.name == market::Csv::NAME => return None,
        None => format!("{}_calls={made};;", source.name),
    };
    let success = source.tally.success();
    let share = success.map(|share| format!(" {}_success={:.1}%;99:;", source.name, share * 100.0));
    Some(calls + &share.unwrap_or_default())
}

fn told(source: &SourceHealth, shell: &Shell) -> String {
    let name = &source.name;
    if name == market::Csv::NAME {
        return format!("{name}: files, never asked over the network");
    }
    let made = match source.per_day {
        Some(per_day) => format!("{} of {per_day} requests in 24 h", source.tally.made),
        None => format!("{} requests in 24 h", source.tally.made),
    };
    let last = source.last.as_ref().map_or_else(
        || "none".to_owned(),
        |last| format!("{} {}", last.outcome, shell.times().absolute(last.at)),
    );
    format!(
        "{name}: breaker {}, {made}, last {last}",
        source.breaker.as_str()
    )
}

fn written(
    level: Level,
    found: &[(Level, String)],
    sources: &[SourceHealth],
    probed: bool,
) -> Value {
    let source = |source: &SourceHealth| {
        let key = source.key.as_ref();
        let until = match source.breaker {
            State::Open { until, .. } => Some(until.to_string()),
            _ => None,
        };
        json!({
            "name": source.name,
            "key": key.map(std::result::Result::is_ok),
            "breaker": source.breaker.as_str(),
            "until": until,
            "calls": source.tally.made,
            "calls_per_day": source.per_day,
            "ok": source.tally.ok,
            "failed": source.tally.failed,
            "over_quota": source.tally.over_quota,
            "success": source.tally.success(),
            "last_outcome": source.last.as_ref().map(|last| &last.outcome),
            "last_at": source.last.as_ref().map(|last| last.at.to_string()),
        })
    };
    json!({
        "check": "api",
        "state": level.as_str().to_lowercase(),
        "findings": found.iter().map(|(_, what)| what).collect::<Vec<_>>(),
        "probed": probed,
        "sources": sources.iter().map(source).collect::<Vec<_>>(),
    })
}

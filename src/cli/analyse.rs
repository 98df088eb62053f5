//! `analyse SYMBOL`: indicators and conditions on the bars of the store or of a file.

use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};

use super::{
    args,
    shell::{Bare, Failure, Moment, Result, Shell, Table, count, exit},
};
use crate::{
    analysis::{Bars, Expression, RuleError, Sheet, Stamp},
    app,
    market::{self, BadRow, Context, CsvError, Finding, Severity},
    store,
    suggest::hint,
};

/// What is shown unless `--show` says otherwise.
const USUAL: &str = "close, sma(50), sma(200), rsi(14), macd(12,26,9).hist";

/// How many bars a person is shown unless they ask for more.
const SHOWN: usize = 10;

/// A bar's value of one expression.
type Shown = Value;

pub(super) fn run(shell: &Shell, args: &args::Analyse) -> Result {
    let text = args.show.as_deref().unwrap_or(USUAL);
    let shown = Expression::parse_list(text).map_err(|error| wrong(text, &error))?;
    let bars = match &args.csv {
        Some(file) => of_file(shell, &args.symbol, file)?,
        None => of_store(shell, &args.symbol)?,
    };
    let mut sheet = Sheet::new(&bars);
    let columns: Vec<Vec<Shown>> = shown
        .iter()
        .map(|(_, expression)| column(&mut sheet, expression))
        .collect();
    let wanted = wanted(shell, args, &bars)?;
    let rows = wanted.into_iter().filter_map(|at| {
        let values = columns.iter().map(|column| column.get(at).cloned());
        let values: Vec<Shown> = values.map(Option::unwrap_or_default).collect();
        Some((bars.stamps().get(at)?, values))
    });
    if shell.json {
        for (stamp, values) in rows {
            let names = shown.iter().map(|(text, _)| text.clone());
            let values: Map<String, Value> = names.zip(values).collect();
            shell.json_line(&json!({"timestamp": stamp.to_string(), "values": values}));
        }
        return Ok(exit::OK);
    }
    let header = shown.iter().map(|(text, _)| text.clone());
    let mut table = Table::with_columns(std::iter::once("bar".to_owned()).chain(header));
    for (stamp, values) in rows {
        let cells = values.iter().map(cell);
        table.cells(std::iter::once(stamp.to_string()).chain(cells));
    }
    if table.is_empty() {
        shell.say("there is no bar in that time");
    } else {
        shell.line(table.render());
    }
    Ok(exit::OK)
}

/// The bars of a file; what is left out and what is doubtful is told.
fn of_file(shell: &Shell, symbol: &str, file: &Path) -> std::result::Result<Bars, Failure> {
    let read = market::read_prices(file, symbol, None)?;
    // A file is shown as it is, whatever time it is now.
    let context = Context {
        calendar: None,
        now: Timestamp::MAX,
        stored: None,
    };
    let inspected = read.inspect(&context);
    let of = |severity| {
        let findings = inspected.found.iter().map(|found| &found.finding);
        findings.filter(move |finding| finding.severity == severity)
    };
    let name = file.display();
    let place = |finding: &Finding| match (finding.line, finding.stamp) {
        (Some(line), _) => format!("{name}:{line}"),
        (None, Some(stamp)) => format!("{name}: {stamp}"),
        (None, None) => name.to_string(),
    };
    let out: Vec<_> = of(Severity::Quarantined).collect();
    if let (Some(first), true) = (out.first(), inspected.bars.is_empty()) {
        let line = first.line.unwrap_or_default();
        let what = first.what.clone();
        let (path, first) = (file.to_owned(), BadRow { line, what });
        return Err(CsvError::NoneGood { path, first }.into());
    }
    for finding in out.iter().take(SHOWN) {
        shell.note(format!("{}: left out: {}", place(finding), finding.what));
    }
    if let Some(more) = out.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        shell.note(format!("{} more are left out", count(more, "row")));
    }
    let doubts: Vec<_> = of(Severity::Warning).collect();
    for finding in doubts.iter().take(SHOWN) {
        shell.note(format!(
            "{}: {}: {}",
            place(finding),
            finding.flaw,
            finding.what
        ));
    }
    if let Some(more) = doubts.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        shell.note(format!("there are {}", count(more, "more doubt")));
    }
    Ok(inspected.bars)
}

/// The daily bars of the store.
fn of_store(shell: &Shell, symbol: &str) -> std::result::Result<Bars, Failure> {
    let database = shell.load()?.set.env.database.clone();
    let bars = store::daily_bars(&database, symbol).map_err(app::Error::from)?;
    if !bars.is_empty() {
        return Ok(bars);
    }
    let symbols = store::symbols(&database).map_err(app::Error::from)?;
    let failure = Failure::new(exit::NOT_FOUND, format!("no bars of `{symbol}` are stored"));
    let near = hint(symbol, symbols.iter().map(String::as_str));
    Err(
        failure.hint(near.unwrap_or_else(|| match symbols.as_slice() {
            [] => "`--csv FILE` reads bars from a file".to_owned(),
            known => {
                let some = known.iter().take(SHOWN).map(String::as_str);
                let some: Vec<&str> = some.collect();
                let more = if known.len() > some.len() { " …" } else { "" };
                format!("there are bars of {}{more}", some.join(", "))
            }
        })),
    )
}

fn column(sheet: &mut Sheet<'_>, expression: &Expression) -> Vec<Shown> {
    match expression {
        Expression::Number(number) => {
            // What is no number becomes null.
            sheet.numbers(number).into_iter().map(Value::from).collect()
        }
        Expression::Condition(condition) => sheet
            .truths(condition)
            .into_iter()
            .map(Value::from)
            .collect(),
    }
}

/// The positions of the bars that are asked for.
fn wanted(
    shell: &Shell,
    args: &args::Analyse,
    bars: &Bars,
) -> std::result::Result<Vec<usize>, Failure> {
    let moment = |text: &Option<String>| {
        let text = text.as_deref();
        text.map(|text| shell.moment(text, Bare::Ago)).transpose()
    };
    let (from, to) = (moment(&args.from)?, moment(&args.to)?);
    let zone = &shell.site.zone.zone;
    let inside = |stamp: &Stamp| {
        from.is_none_or(|from| !is_before(stamp, from, zone))
            && to.is_none_or(|to| !is_after(stamp, to, zone))
    };
    let stamps = bars.stamps().iter().enumerate();
    let mut wanted: Vec<usize> = stamps
        .filter(|(_, stamp)| inside(stamp))
        .map(|(at, _)| at)
        .collect();
    let bounded = args.from.is_some() || args.to.is_some() || shell.json;
    let usual = if bounded { usize::MAX } else { SHOWN };
    let last = args.last.unwrap_or(usual);
    wanted.drain(..wanted.len().saturating_sub(last));
    Ok(wanted)
}

fn is_before(stamp: &Stamp, moment: Moment, zone: &TimeZone) -> bool {
    let start = moment.start();
    match stamp {
        Stamp::Day(date) => *date < start.to_zoned(zone.clone()).date(),
        Stamp::Instant(at) => *at < start,
    }
}

fn is_after(stamp: &Stamp, moment: Moment, zone: &TimeZone) -> bool {
    let start = moment.start();
    match (stamp, moment) {
        (Stamp::Day(date), _) => *date > start.to_zoned(zone.clone()).date(),
        (Stamp::Instant(at), Moment::Day(_, end)) => *at >= end,
        (Stamp::Instant(at), Moment::At(_)) => *at > start,
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => match number.as_f64() {
            Some(value) if value.fract() != 0.0 => format!("{value:.4}"),
            Some(value) => format!("{value}"),
            None => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn wrong(text: &str, error: &RuleError) -> Failure {
    Failure::at(text, &error.message, &error.span, error.hint.as_deref())
}

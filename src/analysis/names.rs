//! What can stand in rules, as text.

use super::{Field, INDICATORS, Indicator, Param};

/// The names of fields, indicators and functions, for people who write rules.
pub fn names() -> String {
    let fields = Field::ALL.map(Field::name).join(", ");
    let indicators: Vec<String> = INDICATORS.iter().map(described).collect();
    let indicators = indicators.join("\n");
    format!(
        "Fields: {fields}\n\
         Indicators, with what their parameters are when left out:\n{indicators}\n\
         Numbers: + - * /, x[n] of n bars before, highest(x, n), lowest(x, n)\n\
         Conditions: < <= > >= == !=, and, or, not, crosses_above(a, b),\n  \
         crosses_below(a, b), rising(x, n), falling(x, n), within(condition, n)"
    )
}

/// `macd(fast = 12, …) .signal .hist`, and what it says.
fn described(indicator: &Indicator) -> String {
    let param = |param: &Param| match param.default {
        Some(default) if default != 0.0 => format!("{} = {default}", param.name),
        _ => param.name.to_owned(),
    };
    let params: Vec<String> = indicator.params.iter().map(param).collect();
    let outputs = indicator.outputs.join(" .");
    // The output without a name comes first.
    let outputs = outputs.strip_prefix(' ').unwrap_or(&outputs);
    let gap = if outputs.is_empty() { "" } else { " " };
    let dot = if outputs.is_empty() || outputs.starts_with('.') {
        ""
    } else {
        "."
    };
    let (name, params, summary) = (indicator.name, params.join(", "), indicator.summary);
    format!("  {name}({params}){gap}{dot}{outputs}\n      {summary}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_name_is_there_and_every_line_fits() {
        let text = super::names();
        for part in [
            "rsi(period = 14)",
            "sma(period)",
            "macd(fast = 12, slow = 26, signal = 9) .signal .hist",
            "bbands(period = 20, up = 2, down = 2) .upper .middle .lower",
            "obv()",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}

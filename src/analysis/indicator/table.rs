//! The table of indicators, from which parsing, checking and help follow.

use super::{Compute, Indicator, Input, Param, own, ta};

/// More bars than any history has.
const LONGEST: f64 = 100_000.0;

const fn whole(name: &'static str, default: Option<f64>, min: f64) -> Param {
    Param {
        name,
        default,
        min,
        max: LONGEST,
        whole: true,
    }
}

const fn factor(name: &'static str, default: Option<f64>) -> Param {
    Param {
        name,
        default,
        min: 0.0,
        max: 1e6,
        whole: false,
    }
}

/// The parameter at a place, as a number of bars.
fn bars(params: &[f64], at: usize) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and not negative"
    )]
    params.get(at).map_or(0, |value| *value as usize)
}

/// All indicators, by the names that TA-Lib gives them.
pub static INDICATORS: &[Indicator] = &[
    Indicator {
        name: "sma",
        summary: "the mean of the last bars",
        params: &[whole("period", None, 1.0)],
        outputs: &[""],
        input: Input::Column,
        compute: Compute::Column(ta::sma),
        look_back: |params| bars(params, 0) - 1,
    },
    Indicator {
        name: "ema",
        summary: "the exponentially weighted mean, begun with a plain one",
        params: &[whole("period", None, 1.0)],
        outputs: &[""],
        input: Input::Column,
        compute: Compute::Column(ta::ema),
        look_back: |params| bars(params, 0) - 1,
    },
    Indicator {
        name: "rsi",
        summary: "gains against losses by Wilder, 0 to 100; 50 when nothing moves",
        params: &[whole("period", Some(14.0), 2.0)],
        outputs: &[""],
        input: Input::Column,
        compute: Compute::Column(ta::rsi),
        look_back: |params| bars(params, 0),
    },
    Indicator {
        name: "macd",
        summary: "the distance of two exponential means, its own mean, and the rest",
        params: &[
            whole("fast", Some(12.0), 2.0),
            whole("slow", Some(26.0), 2.0),
            whole("signal", Some(9.0), 1.0),
        ],
        outputs: &["", "signal", "hist"],
        input: Input::Column,
        compute: Compute::Column(ta::macd),
        look_back: |params| bars(params, 0).max(bars(params, 1)) + bars(params, 2) - 2,
    },
    Indicator {
        name: "bbands",
        summary: "the mean and a number of standard deviations around it",
        params: &[
            whole("period", Some(20.0), 2.0),
            factor("up", Some(2.0)),
            factor("down", Some(2.0)),
        ],
        outputs: &["upper", "middle", "lower"],
        input: Input::Column,
        compute: Compute::Column(ta::bbands),
        look_back: |params| bars(params, 0) - 1,
    },
    Indicator {
        name: "atr",
        summary: "the mean true range by Wilder",
        params: &[whole("period", Some(14.0), 1.0)],
        outputs: &[""],
        input: Input::Bars,
        compute: Compute::Bars(ta::atr),
        look_back: |params| bars(params, 0),
    },
    Indicator {
        name: "adx",
        summary: "how strong a trend is, 0 to 100",
        params: &[whole("period", Some(14.0), 2.0)],
        outputs: &[""],
        input: Input::Bars,
        compute: Compute::Bars(ta::adx),
        look_back: |params| 2 * bars(params, 0) - 1,
    },
    Indicator {
        name: "plus_di",
        summary: "the upward part of the directional movement",
        params: &[whole("period", Some(14.0), 2.0)],
        outputs: &[""],
        input: Input::Bars,
        compute: Compute::Bars(ta::plus_di),
        look_back: |params| bars(params, 0),
    },
    Indicator {
        name: "minus_di",
        summary: "the downward part of the directional movement",
        params: &[whole("period", Some(14.0), 2.0)],
        outputs: &[""],
        input: Input::Bars,
        compute: Compute::Bars(ta::minus_di),
        look_back: |params| bars(params, 0),
    },
    Indicator {
        name: "stoch",
        summary: "where the close stands in the range of the last bars, smoothed",
        params: &[
            whole("fast", Some(5.0), 1.0),
            whole("slow", Some(3.0), 1.0),
            whole("signal", Some(3.0), 1.0),
        ],
        outputs: &["k", "d"],
        input: Input::Bars,
        compute: Compute::Bars(ta::stoch),
        look_back: |params| bars(params, 0) + bars(params, 1) + bars(params, 2) - 3,
    },
    Indicator {
        name: "obv",
        summary: "volume summed by the direction of the close",
        params: &[],
        outputs: &[""],
        input: Input::Bars,
        compute: Compute::Bars(ta::obv),
        look_back: |_| 0,
    },
    Indicator {
        name: "cci",
        summary: "the distance of the typical price from its mean, by mean deviation",
        params: &[whole("period", Some(14.0), 2.0)],
        outputs: &[""],
        input: Input::Bars,
        compute: Compute::Bars(ta::cci),
        look_back: |params| bars(params, 0) - 1,
    },
    Indicator {
        name: "mfi",
        summary: "RSI of the money that flows, 0 to 100",
        params: &[whole("period", Some(14.0), 2.0)],
        outputs: &[""],
        input: Input::Bars,
        compute: Compute::Bars(ta::mfi),
        look_back: |params| bars(params, 0),
    },
    Indicator {
        name: "willr",
        summary: "where the close stands in the range of the last bars, -100 to 0",
        params: &[whole("period", Some(14.0), 2.0)],
        outputs: &[""],
        input: Input::Bars,
        compute: Compute::Bars(ta::willr),
        look_back: |params| bars(params, 0) - 1,
    },
    Indicator {
        name: "roc",
        summary: "the change against a former close in percent",
        params: &[whole("period", Some(10.0), 1.0)],
        outputs: &[""],
        input: Input::Column,
        compute: Compute::Column(ta::roc),
        look_back: |params| bars(params, 0),
    },
    Indicator {
        name: "donchian",
        summary: "the highest high and the lowest low of the last bars",
        params: &[whole("period", Some(20.0), 1.0)],
        outputs: &["upper", "middle", "lower"],
        input: Input::Bars,
        compute: Compute::Bars(own::donchian),
        look_back: |params| bars(params, 0) - 1,
    },
    Indicator {
        name: "vwap",
        summary: "the mean price by volume: of the last bars, without a period of all",
        params: &[whole("period", Some(0.0), 0.0)],
        outputs: &[""],
        input: Input::Bars,
        compute: Compute::Bars(own::vwap),
        look_back: |params| bars(params, 0).saturating_sub(1),
    },
];

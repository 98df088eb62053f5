//! A file of strategies, or a watch list, as anybody may have written it.

use bellkeeper::jobfile::{Problems, strategies, symbols};

/// The bytes are read as both; what is wrong has a place inside of them and can be shown.
pub fn strategies_yaml(data: &[u8]) -> bool {
    let rules = strategies(data, "strategies.yaml");
    let list = symbols(data, "watchlist.yaml");
    for problems in [rules.as_ref().err(), list.as_ref().err()]
        .into_iter()
        .flatten()
    {
        told(problems, data);
    }
    if let Ok(rules) = &rules {
        assert!(!rules.is_empty());
        for rule in rules {
            assert!((0.0..=1.0).contains(&rule.strength) && rule.confirm > 0);
            assert!(rule.look_back() <= bellkeeper::analysis::LONGEST_LOOK_BACK);
        }
    }
    rules.is_ok() || list.is_ok()
}

fn told(problems: &Problems, data: &[u8]) {
    // What is no text is shown with marks in the place of its bad bytes, which are longer.
    let is_text = std::str::from_utf8(data).is_ok();
    assert!(!problems.list().is_empty());
    for problem in problems.list() {
        let place = problem.place;
        assert!(place.start <= place.end);
        assert!(!is_text || place.end <= data.len());
        assert!(!problem.message.is_empty());
    }
    assert!(!problems.render(false).contains('\u{1b}'));
}

//! "Did you mean …?"

/// The candidate that a person most likely meant by `name`, if one is near enough.
///
/// Near enough: at most a third of the letters differ. Case and `-` against `_` do not count; the
/// last part of a path-like candidate (`Shanghai` of `Asia/Shanghai`) counts as the candidate.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.chars().count() > 64 {
        return None;
    }
    let wanted = plain(name);
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(&wanted, &plain(candidate))?, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace(['-', ' '], "_")
}

fn distance(wanted: &str, candidate: &str) -> Option<usize> {
    if candidate.rsplit('/').next() == Some(wanted) {
        return Some(0);
    }
    let limit = (wanted.chars().count().max(candidate.chars().count()) / 3).max(1);
    let apart = wanted.len().abs_diff(candidate.len());
    if apart > 4 * limit {
        return None;
    }
    Some(strsim::osa_distance(wanted, candidate)).filter(|d| *d <= limit && *d < wanted.len())
}

/// `did you mean …?` as a hint.
pub(crate) fn hint<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Names as a sentence part: `a`, `b` and `c`.
pub(crate) fn all_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// Names as a sentence part: `a`, `b` or `c`.
pub(crate) fn one_of(names: &[&str]) -> String {
    let mut quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match (quoted.pop(), quoted.is_empty()) {
        (None, _) => "nothing".to_owned(),
        (Some(only), true) => only,
        (Some(last), false) => format!("{} or {last}", quoted.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let keys = ["retry", "timeout", "catch_up", "catch_up_window"];
        assert_eq!(nearest("retrys", keys), Some("retry"));
        assert_eq!(nearest("Timeout", keys), Some("timeout"));
        assert_eq!(nearest("catch-up", keys), Some("catch_up"));
        assert_eq!(nearest("tiemout", keys), Some("timeout"));
        assert_eq!(nearest("command", keys), None);
        assert_eq!(nearest("x", keys), None);
        assert_eq!(nearest(&"retry".repeat(99), keys), None);
    }

    #[test]
    fn the_last_part_of_a_zone_is_enough() {
        let zones = ["Asia/Shanghai", "Europe/Berlin"];
        assert_eq!(nearest("shanghai", zones), Some("Asia/Shanghai"));
        assert_eq!(nearest("Asia/Shangai", zones), Some("Asia/Shanghai"));
    }

    #[test]
    fn names_become_a_sentence() {
        assert_eq!(one_of(&["a"]), "`a`");
        assert_eq!(one_of(&["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(all_of(&["a"]), "`a`");
        assert_eq!(all_of(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}

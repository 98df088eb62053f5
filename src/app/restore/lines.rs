//! What has changed between two texts, line by line.

/// Longer texts are not compared line by line.
const MOST: usize = 2_000;

/// A line that is in one of the texts only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Only in the first.
    Removed(String),
    /// Only in the second.
    Added(String),
}

/// The lines by which `new` differs from `old`, in order; `None` if they are too long to compare.
pub(super) fn between(old: &str, new: &str) -> Option<Vec<Line>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let start = old.iter().zip(&new).take_while(same).count();
    let rest = |lines: &[&str]| lines.len() - start;
    let end = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(same)
        .count();
    let end = end.min(rest(&old)).min(rest(&new));
    let old = old.get(start..old.len() - end)?;
    let new = new.get(start..new.len() - end)?;
    if old.len() > MOST || new.len() > MOST {
        return None;
    }
    Some(walk(&table(old, new), old, new))
}

/// The length of the longest common subsequence of what follows each pair of lines.
fn table(old: &[&str], new: &[&str]) -> Vec<Vec<u16>> {
    let mut table = vec![vec![0u16; new.len() + 1]; old.len() + 1];
    for (i, line) in old.iter().enumerate().rev() {
        let below = table.get(i + 1).cloned().unwrap_or_default();
        let Some(row) = table.get_mut(i) else {
            continue;
        };
        for (j, other) in new.iter().enumerate().rev() {
            let at = |row: &[u16], j: usize| row.get(j).copied().unwrap_or_default();
            let best = if line == other {
                at(&below, j + 1) + 1
            } else {
                at(&below, j).max(at(row, j + 1))
            };
            if let Some(cell) = row.get_mut(j) {
                *cell = best;
            }
        }
    }
    table
}

fn walk(table: &[Vec<u16>], old: &[&str], new: &[&str]) -> Vec<Line> {
    let best = |i: usize, j: usize| table.get(i).and_then(|row| row.get(j)).copied();
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    loop {
        match (old.get(i), new.get(j)) {
            (None, None) => return lines,
            (Some(a), Some(b)) if a == b => (i, j) = (i + 1, j + 1),
            (Some(a), b) if b.is_none() || best(i + 1, j) >= best(i, j + 1) => {
                lines.push(Line::Removed((*a).to_owned()));
                i += 1;
            }
            (_, Some(b)) => {
                lines.push(Line::Added((*b).to_owned()));
                j += 1;
            }
            (Some(_), None) => i += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(old: &str, new: &str) -> Vec<String> {
        let shown = |line| match line {
            Line::Removed(text) => format!("-{text}"),
            Line::Added(text) => format!("+{text}"),
        };
        between(old, new).unwrap().into_iter().map(shown).collect()
    }

    #[test]
    fn only_what_differs_is_shown() {
        assert_eq!(shown("a\nb\nc", "a\nb\nc"), [""; 0]);
        assert_eq!(shown("a\nb\nc\n", "a\nx\nc\ny\n"), ["-b", "+x", "+y"]);
        assert_eq!(shown("", "a"), ["+a"]);
        assert_eq!(shown("a\na\na", "a\na"), ["-a"]);
        assert_eq!(between(&"a\n".repeat(3_000), &"b\n".repeat(3_000)), None);
    }

    proptest! {
        #[test]
        fn the_difference_leads_from_one_to_the_other(
            old in proptest::collection::vec("[ab]", 0..12),
            new in proptest::collection::vec("[ab]", 0..12),
        ) {
            let lines = between(&old.join("\n"), &new.join("\n")).unwrap();
            let count = |added: bool| lines.iter()
                .filter(|line| matches!(line, Line::Added(_)) == added)
                .count();
            let common = new.len() - count(true);
            prop_assert_eq!(common, old.len() - count(false));
        }
    }
}

//! How the numbers of a file are written, decided from all of them: `1,234.5` or `1.234,5`.

use std::path::PathBuf;

use super::CsvError;

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// With a decimal point; commas may stand between thousands.
    Point,
    /// With a decimal comma; points may stand between thousands.
    Comma,
}

/// What was seen of the numbers of a file.
#[derive(Debug, Default)]
pub(super) struct Seen {
    point: usize,
    comma: usize,
    /// The first that can be read in either way, and whether its mark is a comma.
    either: Option<(u64, String, bool)>,
}

impl Seen {
    pub(super) fn see(&mut self, line: u64, text: &str) {
        let mark = |c: char| c == '.' || c == ',';
        let Some((before, after)) = text.rsplit_once(mark) else {
            return;
        };
        let is_comma = text.rfind(',') > text.rfind('.');
        let (others, same) = (before.contains(mark), if is_comma { ',' } else { '.' });
        let decimal = match (others, before.contains(same)) {
            // Twice the same mark stands between thousands.
            (true, true) => !is_comma,
            (true, false) => is_comma,
            (false, _) => {
                let whole = before.trim_start_matches(['-', '+']);
                if after.len() == 3 && (1..=3).contains(&whole.len()) && whole != "0" {
                    self.either
                        .get_or_insert_with(|| (line, text.to_owned(), is_comma));
                    return;
                }
                is_comma
            }
        };
        if decimal {
            self.comma += 1;
        } else {
            self.point += 1;
        }
    }

    pub(super) fn decide(
        self,
        commas_separate: bool,
        path: impl Fn() -> PathBuf,
    ) -> Result<Numbers, CsvError> {
        let Self {
            point,
            comma,
            either,
        } = self;
        if point != comma {
            return Ok(if point > comma {
                Numbers::Point
            } else {
                Numbers::Comma
            });
        }
        match either {
            // Where commas separate columns, a point alone is a decimal one.
            Some((_, _, false)) | None if commas_separate => Ok(Numbers::Point),
            None if point == 0 => Ok(Numbers::Point),
            Some((line, text, _)) => Err(CsvError::PointOrComma {
                path: path(),
                line,
                text,
            }),
            None => Ok(Numbers::Point),
        }
    }
}

impl Numbers {
    /// The number in a column.
    pub(super) fn value(self, name: &str, text: &str) -> Result<f64, String> {
        if text.is_empty() {
            return Err(format!("{name} is empty"));
        }
        let (thousands, decimal) = match self {
            Self::Point => (',', '.'),
            Self::Comma => ('.', ','),
        };
        let wrong = || match (self, text.contains(thousands)) {
            (Self::Point, true) => format!("{name} `{text}` has a comma: numbers need a point"),
            (Self::Comma, true) => format!("{name} `{text}` has a point, others have a comma"),
            (_, false) => format!("{name} `{text}` is no number"),
        };
        let (whole, fraction) = text.split_once(decimal).unwrap_or((text, ""));
        if text.contains(thousands) && !grouped(whole, thousands) {
            return Err(wrong());
        }
        let plain = if self == Self::Point && !text.contains(thousands) {
            text.parse()
        } else {
            let whole = whole.replace(thousands, "");
            format!("{whole}.{fraction}").parse()
        };
        plain.map_err(|_| wrong())
    }
}

/// `1,234,567`
fn grouped(whole: &str, by: char) -> bool {
    let mut groups = whole.trim_start_matches(['-', '+']).split(by);
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3)
}

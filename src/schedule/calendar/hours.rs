//! The hours of a usual session.

use std::fmt;

use jiff::civil::Time;

/// From when to when an exchange trades on a usual date, on its own wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    open: Time,
    close: Time,
    lunch: Option<(Time, Time)>,
}

/// Why times are no hours of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    /// It would end before it begins.
    #[error("a session must close after it opens, on the same date")]
    Close,
    /// The lunch break is not inside it.
    #[error("the break must begin after the open and end before the close")]
    Lunch,
}

impl Hours {
    /// Hours from `open` to `close`, without those of `lunch` (from, to).
    ///
    /// # Errors
    /// [`HoursError`] unless open < lunch begins < lunch ends < close.
    pub fn new(open: Time, close: Time, lunch: Option<(Time, Time)>) -> Result<Self, HoursError> {
        if open >= close {
            return Err(HoursError::Close);
        }
        if lunch.is_some_and(|(from, to)| !(open < from && from < to && to < close)) {
            return Err(HoursError::Lunch);
        }
        Ok(Self { open, close, lunch })
    }

    /// When a session begins.
    pub fn open(&self) -> Time {
        self.open
    }

    /// When a usual session ends.
    pub fn close(&self) -> Time {
        self.close
    }

    /// From when to when nobody trades in between.
    pub fn lunch(&self) -> Option<(Time, Time)> {
        self.lunch
    }

    /// Whether a session may end early at `time`.
    pub fn can_close_at(&self, time: Time) -> bool {
        self.open < time && time < self.close
    }
}

/// `09:30-16:00`, or `09:30-11:30, 13:00-15:00` with a lunch break.
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minute = |time: Time| time.strftime("%H:%M").to_string();
        let (open, close) = (minute(self.open), minute(self.close));
        match self.lunch {
            None => f.pad(&format!("{open}-{close}")),
            Some((from, to)) => f.pad(&format!("{open}-{}, {}-{close}", minute(from), minute(to))),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    fn at(hour: i8, minute: i8) -> Time {
        time(hour, minute, 0, 0)
    }

    #[test]
    fn hours_are_in_order_or_none() {
        let lunch = |from, to| Hours::new(at(9, 30), at(15, 0), Some((from, to)));
        assert_eq!(Hours::new(at(9, 0), at(9, 0), None), Err(HoursError::Close));
        assert_eq!(
            Hours::new(at(18, 0), at(9, 0), None),
            Err(HoursError::Close)
        );
        assert_eq!(lunch(at(9, 30), at(10, 0)), Err(HoursError::Lunch));
        assert_eq!(lunch(at(13, 0), at(11, 30)), Err(HoursError::Lunch));
        assert_eq!(lunch(at(13, 0), at(15, 0)), Err(HoursError::Lunch));
        let hours = lunch(at(11, 30), at(13, 0)).unwrap();
        assert_eq!(hours.to_string(), "09:30-11:30, 13:00-15:00");
        assert!(hours.can_close_at(at(12, 0)));
        assert!(!hours.can_close_at(at(15, 0)) && !hours.can_close_at(at(9, 30)));
    }
}

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use super::{super::testing::series, *};
use crate::{schedule::built_in_calendar, watch::CancelReason};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn ask(now: Timestamp) -> Ask<'static> {
    Ask {
        symbol: "AAPL",
        timeframe: Timeframe::D1,
        newest: None,
        now,
    }
}

#[test]
fn prices_are_new_for_a_minute_within_a_session_and_until_the_open_outside() {
    let xnys = built_in_calendar("XNYS").unwrap();
    let until = |now: &str| fresh_until(at(now), Some(&xnys)).to_string();
    // Monday, in the session.
    assert_eq!(until("2026-01-05T15:00:00Z"), "2026-01-05T15:01:00Z");
    // After the close: Tuesday's open.
    assert_eq!(until("2026-01-05T21:00:00Z"), "2026-01-06T14:30:00Z");
    // Friday evening: Monday's.
    assert_eq!(until("2026-01-09T22:00:00Z"), "2026-01-12T14:30:00Z");
    // Nothing is known of that time, or there is no calendar.
    assert_eq!(until("1800-01-09T22:00:00Z"), "1800-01-09T22:01:00Z");
    assert_eq!(
        fresh_until(at("2026-01-09T22:00:00Z"), None).to_string(),
        "2026-01-09T22:01:00Z"
    );
}

#[test]
fn what_is_kept_is_given_while_it_is_new_and_reaches_far_enough() {
    let (cache, now) = (Cache::default(), at("2026-01-05T15:00:00Z"));
    let later = |seconds| now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    let some = Ask {
        newest: Some(Stamp::Day(jiff::civil::date(2026, 1, 2))),
        ..ask(now)
    };
    let question = Question::new("yahoo", &some);
    cache.put(question.clone(), &some, later(60), &series("AAPL", 3));
    assert!(
        cache
            .get(
                &question,
                &Ask {
                    now: later(59),
                    ..some
                }
            )
            .is_some()
    );
    assert!(
        cache
            .get(
                &question,
                &Ask {
                    now: later(60),
                    ..some
                }
            )
            .is_none()
    );
    assert!(
        cache
            .get(
                &question,
                &Ask {
                    now: later(-1),
                    ..some
                }
            )
            .is_none(),
        "the clock was set back"
    );
    assert!(
        cache.get(&question, &ask(later(1))).is_none(),
        "all bars are more than some"
    );
    assert!(cache.get(&Question::new("csv", &some), &some).is_none());
    assert_eq!(cache.clear(), 3);
    assert!(cache.get(&question, &some).is_none());
}

#[test]
fn the_oldest_are_forgotten_when_they_are_too_many() {
    let (cache, now) = (Cache::default(), at("2026-01-05T15:00:00Z"));
    let large = series("AAPL", MOST / 2 - 1);
    for (second, chain) in [(0, "a"), (1, "b"), (2, "c")] {
        let now = now.checked_add(SignedDuration::from_secs(second)).unwrap();
        cache.put(
            Question::new(chain, &ask(now)),
            &ask(now),
            Timestamp::MAX,
            &large,
        );
    }
    let there = |chain| {
        let now = at("2026-01-05T15:00:02Z");
        cache
            .get(&Question::new(chain, &ask(now)), &ask(now))
            .is_some()
    };
    assert_eq!(["a", "b", "c"].map(there), [false, true, true]);
}

#[test]
fn many_who_ask_the_same_at_once_ask_once() {
    let (cache, asked) = (Cache::default(), AtomicU32::new(0));
    let question = Question::new("yahoo", &ask(Timestamp::UNIX_EPOCH));
    let waiting = std::sync::Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                waiting.wait();
                let got = cache.alone(&question, &Watch::default(), || {
                    asked.fetch_add(1, Ordering::SeqCst);
                    // Until all the others wait for this answer.
                    while Arc::strong_count(lock(&cache.flights).get(&question).unwrap()) < 9 {
                        thread::yield_now();
                    }
                    Ok(series("AAPL", 1))
                });
                assert_eq!(got.unwrap().unwrap().bars.len(), 1);
            });
        }
    });
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(lock(&cache.flights).is_empty());
}

#[test]
fn who_waits_may_be_cancelled_and_a_panic_leaves_nobody_waiting() {
    let cache = Cache::default();
    let question = Question::new("yahoo", &ask(Timestamp::UNIX_EPOCH));
    let watch = Watch::default();
    watch.cancel.cancel(CancelReason::Operator);
    let first = cache.alone(&question, &Watch::default(), || {
        let second = cache.alone(&question, &watch, || unreachable!());
        assert!(second.is_err());
        Ok(series("AAPL", 1))
    });
    assert!(first.unwrap().is_ok());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        cache.alone(&question, &Watch::default(), || panic!("on purpose"))
    }));
    assert!(panicked.is_err());
    let next = cache.alone(&question, &Watch::default(), || Ok(series("AAPL", 2)));
    assert_eq!(next.unwrap().unwrap().bars.len(), 2);
}

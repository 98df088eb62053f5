//! Who may write next: the user's writes first, everybody else in the order they came.
//!
//! SQLite's own busy handler sleeps and tries again, so whoever writes much and often starves the
//! others for seconds. Here writers of one process wait in two lines, and each turn goes to the head
//! of the first line that is not empty. A batch is many short turns, so a user's write waits for one
//! of them at most.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// In which line a write waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// What the assistant or a person waits for.
    User,
    /// Maintenance: goes when no user's write waits.
    Batch,
}

/// The two lines.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    user: VecDeque<u64>,
    batch: VecDeque<u64>,
    busy: bool,
}

impl State {
    fn line(&mut self, class: Class) -> &mut VecDeque<u64> {
        match class {
            Class::User => &mut self.user,
            Class::Batch => &mut self.batch,
        }
    }

    fn is_turn_of(&self, ticket: u64) -> bool {
        let head = self.user.front().or_else(|| self.batch.front());
        !self.busy && head == Some(&ticket)
    }
}

/// The right to write; ends when it is dropped, also by a panic.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Queue);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().busy = false;
        self.0.changed.notify_all();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic happens while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for its turn.
    pub(super) fn turn(&self, class: Class) -> Turn<'_> {
        let mut state = self.lock();
        let ticket = state.next;
        state.next += 1;
        state.line(class).push_back(ticket);
        while !state.is_turn_of(ticket) {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.line(class).pop_front();
        state.busy = true;
        Turn(self)
    }

    /// How many wait; for tests that must know that somebody does.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        let state = self.lock();
        state.user.len() + state.batch.len()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, thread};

    use super::*;

    fn until(mut seen: impl FnMut() -> bool) {
        while !seen() {
            thread::yield_now();
        }
    }

    #[test]
    fn users_go_first_and_each_line_keeps_its_order() {
        let (queue, order) = (Queue::default(), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            let held = queue.turn(Class::Batch);
            let wait = |class, name: &'static str| {
                let before = queue.waiting();
                let (queue, order) = (&queue, &order);
                scope.spawn(move || {
                    let _turn = queue.turn(class);
                    order.lock().unwrap().push(name);
                });
                until(|| queue.waiting() > before);
            };
            wait(Class::Batch, "batch 1");
            wait(Class::User, "user 1");
            wait(Class::Batch, "batch 2");
            wait(Class::User, "user 2");
            drop(held);
        });
        let order = order.into_inner().unwrap();
        assert_eq!(order, ["user 1", "user 2", "batch 1", "batch 2"]);
    }

    #[test]
    fn a_panic_gives_the_turn_back() {
        let queue = Queue::default();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _turn = queue.turn(Class::User);
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        drop(queue.turn(Class::Batch));
    }
}

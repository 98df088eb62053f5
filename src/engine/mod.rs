//! When and how jobs run: planner, timer, board, runner, events.

pub mod planner;

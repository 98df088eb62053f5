//! The progress bar of long work: step, how much of how much, rate, time left.

use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressStyle};

use crate::watch::{Sample, Unit, Watch};

const REDRAW: std::time::Duration = std::time::Duration::from_millis(100);

/// A bar on standard error, or nothing where nobody could see it. It appears with the first sample
/// that says how much there is to do.
pub(in crate::cli) struct Bar {
    draws: bool,
    bar: OnceLock<ProgressBar>,
}

impl Bar {
    pub(in crate::cli) fn new(draws: bool) -> Self {
        Self {
            draws,
            bar: OnceLock::new(),
        }
    }

    pub(in crate::cli) fn show(&self, sample: &Sample) {
        if self.draws && sample.total > 0 {
            let bar = self.bar.get_or_init(|| bar(sample.unit));
            bar.set_length(sample.total);
            bar.set_position(sample.done.min(sample.total));
            bar.set_message(sample.step.clone());
        }
    }

    /// Does blocking work while the bar follows its progress.
    pub(in crate::cli) fn while_running<T: Send>(
        &self,
        watch: &Watch,
        work: impl FnOnce() -> T + Send,
    ) -> T {
        let (over, wait) = std::sync::mpsc::channel::<()>();
        let value = std::thread::scope(|scope| {
            scope.spawn(move || {
                use std::sync::mpsc::RecvTimeoutError::Timeout;
                while wait.recv_timeout(REDRAW) == Err(Timeout) {
                    self.show(&watch.progress.sample());
                }
            });
            let value = work();
            drop(over);
            value
        });
        self.clear();
        value
    }

    /// Prints a line above the bar.
    pub(in crate::cli) fn above(&self, print: impl FnOnce()) {
        match self.bar.get() {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    pub(in crate::cli) fn clear(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

fn bar(unit: Unit) -> ProgressBar {
    let bar = ProgressBar::new(0);
    // At most 76 columns.
    let template = match unit {
        Unit::Bytes => {
            "{msg:9} [{bar:20}] {decimal_bytes:>10} of {decimal_total_bytes:10} \
             {decimal_bytes_per_sec:>12} {eta:>4}"
        }
        Unit::Symbols => "{msg:9} [{bar:20}] {pos:>6} of {len} symbols {eta:>4}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

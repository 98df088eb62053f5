//! The ledger of a simulation: the model, and beside it the real one when both are to be compared.

use bellkeeper::{
    clock::Clock,
    job::{JobName, Outcome, Pause, RunId},
    ledger::{
        self, Decision, Ended, FailedAttempt, Filter, Instance, Known, Ledger, LostRun,
        Registration, Waiting,
    },
};
use jiff::Timestamp;

use super::model::{Model, Token};

/// The right to write about a claimed slot, in each of the two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fence {
    token: Token,
    real: Option<ledger::Fence>,
}

impl Fence {
    pub(super) fn run(&self) -> RunId {
        RunId(self.token.run)
    }
}

/// What became of a decision.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written {
    Claim(Fence),
    Skip,
    /// The slot had been decided.
    Denied,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    model: i64,
    real: Option<Instance>,
}

#[derive(Debug)]
struct Real {
    ledger: Ledger,
    clock: Clock,
}

/// Everything is written to the model; with a real ledger to that, too, and both must say the same.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) model: Model,
    real: Option<Real>,
}

impl Book {
    /// A book that is compared with a real ledger on a virtual clock.
    pub(super) fn compared(ledger: Ledger, clock: Clock) -> Self {
        Self {
            model: Model::default(),
            real: Some(Real { ledger, clock }),
        }
    }

    /// The real ledger asks its clock; it is told what time it is.
    pub(super) fn at(&mut self, now: Timestamp) -> &mut Self {
        if let Some(real) = &self.real {
            real.clock.step(real.clock.now().duration_until(now));
        }
        self
    }

    fn real(&self) -> Option<&Ledger> {
        self.real.as_ref().map(|real| &real.ledger)
    }

    pub(super) fn begin(&mut self) -> Owner {
        let real = self.real();
        let real = real.map(|ledger| ledger.begin("daemon", "host", "0").unwrap());
        let model = self.model.begin();
        Owner { model, real }
    }

    pub(super) fn end(&mut self, me: Owner) {
        if let (Some(ledger), Some(me)) = (self.real(), me.real) {
            ledger.end(me).unwrap();
        }
    }

    pub(super) fn recover(&mut self, me: Owner) -> (usize, Vec<LostRun>) {
        let recovered = self.model.recover(me.model);
        if let (Some(ledger), Some(me)) = (self.real(), me.real) {
            let mut real = ledger.recover(me).unwrap();
            let key = |lost: &LostRun| (lost.slot, lost.job.clone(), lost.scope.clone());
            real.waiting.sort_by_key(key);
            assert_eq!((real.died, real.waiting), recovered, "recover");
        }
        recovered
    }

    pub(super) fn retire_others(&mut self, jobs: &[Registration]) {
        self.model.retire_others(jobs);
        if let Some(ledger) = self.real() {
            ledger.retire_others(jobs).unwrap();
        }
    }

    pub(super) fn register(&mut self, jobs: &[Registration], now: Timestamp) -> Vec<Known> {
        let known = self.model.register(jobs, now);
        if let Some(ledger) = self.real() {
            assert_eq!(ledger.register(jobs).unwrap(), known, "register");
        }
        known
    }

    pub(super) fn set_anchor(&mut self, job: &JobName, anchor: Timestamp) {
        self.model.set_anchor(job, anchor);
        if let Some(ledger) = self.real() {
            ledger.set_anchor(job, anchor).unwrap();
        }
    }

    pub(super) fn pause(&mut self, job: &JobName, pause: Option<Pause>) {
        self.model.pause(job, pause);
        match (self.real(), pause) {
            (None, _) => {}
            (Some(ledger), Some(pause)) => ledger.pause(job, pause).unwrap(),
            (Some(ledger), None) => drop(ledger.resume(job).unwrap()),
        }
    }

    /// What became of each decision.
    pub(super) fn decide(
        &mut self,
        me: Owner,
        decisions: &[Decision],
        waiting: &[Waiting],
    ) -> Vec<Written> {
        let model = self.model.decide(me.model, decisions, waiting);
        let real = match (self.real(), me.real) {
            (Some(ledger), Some(me)) => ledger.decide(me, decisions, waiting).unwrap(),
            _ => vec![None; model.len()],
        };
        let compared = self.real.is_some();
        let both = model.into_iter().zip(real);
        both.map(|(model, real)| {
            if compared {
                let run = real.map(|real| (real.run.0, real.fence.is_some()));
                let expected = model.map(|(run, token)| (run, token.is_some()));
                assert_eq!(run, expected, "decide");
            }
            let real = real.and_then(|real| real.fence);
            match model {
                None => Written::Denied,
                Some((_, None)) => Written::Skip,
                Some((_, Some(token))) => Written::Claim(Fence { token, real }),
            }
        })
        .collect()
    }

    pub(super) fn finish(&mut self, fence: Fence, outcome: Outcome, at: Timestamp) -> bool {
        let written = self.model.finish(fence.token, outcome);
        if let (Some(ledger), Some(fence)) = (self.real(), fence.real) {
            let end = Ended {
                fence,
                outcome,
                reason: None,
                attempts: 1,
                report: None,
                at,
            };
            assert_eq!(ledger.finish(&[end]).unwrap(), [written], "finish");
        }
        written
    }

    pub(super) fn attempt_failed(&mut self, fence: Fence, attempt: u32) {
        if let (Some(ledger), Some(fence)) = (self.real(), fence.real) {
            let error = "no".to_owned();
            let failed = FailedAttempt {
                fence,
                attempt,
                error,
            };
            ledger.attempt_failed(&failed).unwrap();
        }
    }

    /// How many runs both have alike.
    pub(super) fn compare(&self) -> usize {
        let Some(ledger) = self.real() else { return 0 };
        let filter = Filter {
            limit: u32::MAX,
            ..Filter::default()
        };
        let mut rows = ledger.runs(&filter).unwrap();
        rows.reverse();
        let rows: Vec<_> = rows
            .into_iter()
            .map(|row| (row.job, row.slot, row.outcome))
            .collect();
        assert_eq!(rows, self.model.outcomes(), "history");
        rows.len()
    }
}

//! Golden texts: one per kind of mistake, as a person sees them at 80 columns.

mod golden;
mod hostile;
mod loading;

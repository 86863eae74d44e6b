//! Random schedules of several threads that use one small cache, through its public face. Run by `./test schedules`.
//!
//! Each scene notes down every call with its beginning, end and result; afterwards `history.rs` asks whether some order
//! of the calls on each key explains what they saw, and whether a caller was given a value invalidated before.
//!
//! `REFRAIN_SCHEDULES` sets how many schedules (default 5,000 over all scenes, by two schedulers), `REFRAIN_SEED` the
//! seed of the first. A failure prints the seed and the schedule; with the seed the run repeats.
#![cfg(shuttle)]

mod history;
mod scenes;
mod stage;

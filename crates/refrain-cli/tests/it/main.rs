//! The `refrain` command as a shell sees it: the real program, in a directory and an environment
//! of its own.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot go on here is a failed test"
)]

mod config;
mod gateway;
mod generate;
mod help;
mod manage;
mod program;
mod serve;

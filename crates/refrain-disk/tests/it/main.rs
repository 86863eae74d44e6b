//! The tier on the disk of this machine.

mod kill;
mod memory;
mod payload;
mod sharing;
mod threads;

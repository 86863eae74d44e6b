//! The tier on the disk of this machine.

mod kill;
mod payload;
mod threads;

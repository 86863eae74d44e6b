//! The contract of a lower tier, and tiers to try it with.
//!
//! A crate with a tier of its own runs [`contract`] in one test and [`try_faults`] in another:
//!
//! ```
//! use std::time::Duration;
//! use refrain_testkit::tier::{MemoryTier, contract, try_faults};
//!
//! contract(Duration::ZERO, |clock| Box::new(MemoryTier::new(clock)));
//! try_faults(1..=10, Duration::ZERO, |clock| Box::new(MemoryTier::new(clock)));
//! ```

mod contract;
mod driving;
mod faulty;
mod memory;
mod scripts;

pub use contract::contract;
pub use driving::{Time, poll_once};
pub use faulty::{Fault, Faults, FaultyTier};
pub use memory::{MemoryTier, PiecewiseBody};
pub use scripts::try_faults;

//! Lower tiers: what may go wrong with one, and what its callers notice of that.
//!
//! The contract of a tier and the random scripts of faults are in `refrain-testkit`; here they are played with tiers in
//! memory. The modules have what needs a memory above, one for each way in which a tier could lie, hang or starve.

mod invalidations;
mod outcomes;
mod stage;
mod trouble;

use std::time::Duration;

use refrain_testkit::tier::{FaultyTier, MemoryTier, contract, try_faults};

#[test]
fn a_tier_in_memory_keeps_the_contract() {
    contract(Duration::ZERO, |clock| Box::new(MemoryTier::new(clock)));
}

#[test]
fn a_tier_whose_bodies_come_in_pieces_keeps_the_contract() {
    contract(Duration::ZERO, |clock| {
        Box::new(MemoryTier::new(clock).in_pieces_of(4096))
    });
}

#[test]
fn a_faulty_tier_without_faults_keeps_the_contract() {
    contract(Duration::ZERO, |clock| {
        Box::new(FaultyTier::new(Box::new(MemoryTier::new(clock))).0)
    });
}

#[test]
fn a_thousand_scripts_of_faults_give_nobody_a_wrong_value() {
    let number = |name, default| {
        let given = std::env::var(name).ok();
        given.and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let first = number("REFRAIN_SEED", 1);
    let scripts = number("REFRAIN_TIER_SCRIPTS", 1000);
    try_faults(first..first + scripts, Duration::ZERO, |clock| {
        Box::new(MemoryTier::new(clock))
    });
}

//! The contract of a lower tier, on a simulated disk.

use refrain_testkit::tier::{contract, try_faults};

use super::*;

fn make(clock: &Clock) -> Box<dyn refrain::tier::Tier> {
    let tier = DiskTier::at("simulated").clock(clock.clone());
    Box::new(tier.open_in(Arc::new(SimulatedDisk::default())).unwrap())
}

#[test]
fn the_disk_keeps_the_contract_of_a_tier() {
    contract(Duration::from_millis(200), make);
}

#[test]
fn whatever_happens_to_a_disk_in_a_stack_no_caller_is_given_a_wrong_value() {
    let scripts = std::env::var("REFRAIN_DISK_SCRIPTS").map_or(1000, |runs| runs.parse().unwrap());
    std::thread::scope(|scope| {
        for first in 0..4 {
            scope.spawn(move || {
                try_faults((first..scripts).step_by(4), Duration::from_millis(1), make);
            });
        }
    });
}

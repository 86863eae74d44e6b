use std::ops::ControlFlow;

use refrain_relief::ReliefError;

use super::{Interrupt, Made, Order, Progress};
use crate::failure::Failure;

/// Generates in this process.
pub(super) fn generate(
    order: &Order,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Made, Failure> {
    let watch = |fraction: f64, step: &'static str| {
        progress.show(fraction, step);
        if interrupt.is_set() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    match refrain_relief::generate(&order.picture, &order.parameters, &watch) {
        Ok(bytes) => Ok(Made {
            bytes,
            outcome: "local".to_owned(),
            key: None,
        }),
        Err(ReliefError::Cancelled) => Err(Interrupt::failure()),
        Err(error) => Err(Failure::new(error)),
    }
}

//! One step of a generation, and its share of the progress.

use std::ops::Range;

use super::{Progress, ReliefError};

/// One step of a generation: reports its own progress as a share of the whole, and passes on the wish to stop.
pub(super) struct Stage<'a> {
    name: &'static str,
    share: Range<f64>,
    progress: Progress<'a>,
}

impl<'a> Stage<'a> {
    /// The step `name`, which takes the generation from the fraction `share.start` to `share.end`.
    pub(super) fn new(name: &'static str, share: Range<f64>, progress: Progress<'a>) -> Self {
        Self {
            name,
            share,
            progress,
        }
    }

    /// Reports that `done` parts of `total` are done.
    ///
    /// # Errors
    ///
    /// [`ReliefError::Cancelled`] when the caller wants to stop.
    pub(super) fn report(&self, done: u32, total: u32) -> Result<(), ReliefError> {
        let fraction = f64::from(done) / f64::from(total.max(1));
        let whole = self.share.start + (self.share.end - self.share.start) * fraction.min(1.0);
        if (self.progress)(whole, self.name).is_break() {
            return Err(ReliefError::Cancelled);
        }
        Ok(())
    }
}

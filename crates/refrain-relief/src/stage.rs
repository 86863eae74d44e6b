//! One step of a generation, and its share of the progress.

use std::ops::{ControlFlow, Range};

use crate::error::ReliefError;

/// The caller's watch on a generation: it is told the fraction done, 0 to 1 and never falling, and the name of the step
/// (`decode`, `resample`, `mesh` or `write`), and answers whether to go on.
///
/// [`ControlFlow::Break`] ends the generation with [`ReliefError::Cancelled`].
/// It is called up to a few thousand times in a generation, from the thread that generates, so it must be quick.
/// One report is a few milliseconds after the last, except inside the decoders of JPEG and WebP, which cannot be
/// interrupted (`docs/relief.md` has the times).
pub type Progress<'a> = &'a (dyn Fn(f64, &'static str) -> ControlFlow<()> + Sync);

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

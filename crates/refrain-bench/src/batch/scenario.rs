//! The ways in which the batch is asked.

use std::fmt;
use std::time::Duration;

/// How long a server is left alone before its memory is read.
const SETTLE: Duration = Duration::from_secs(3);

/// One way to ask the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scenario {
    pub(super) parallel: usize,
    pub(super) cached: bool,
}

impl Scenario {
    pub(super) fn all(parallel: usize) -> Vec<Self> {
        let mut ways = vec![1];
        if parallel > 1 {
            ways.push(parallel);
        }
        ways.into_iter()
            .flat_map(|parallel| [true, false].map(|cached| Self { parallel, cached }))
            .collect()
    }

    /// Waits until the memory of the server is that of its results; without the cache there are none.
    #[expect(
        clippy::disallowed_methods,
        reason = "an allocator gives memory back when it has been left alone for a while"
    )]
    pub(super) fn settle(self) {
        if self.cached {
            std::thread::sleep(SETTLE);
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parallel {
            1 => f.write_str("in order")?,
            parallel => write!(f, "{parallel} at a time")?,
        }
        f.write_str(if self.cached {
            ", with the cache"
        } else {
            ", without"
        })
    }
}

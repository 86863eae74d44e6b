//! The trait of generators, which turn requests into results.
//!
//! A generator is asynchronous and writes into a live body. One that blocks its thread goes through [`blocking`].

mod blocking;
#[cfg(feature = "command")]
pub(crate) mod command;
mod finished;
pub(crate) mod http;
mod keying;
#[cfg(feature = "relief")]
pub(crate) mod relief;

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use refrain::OnAbandoned;

use crate::Problem;
use crate::generate_error::GenerateError;
use crate::live::LiveWriter;
use crate::request::exchange::Exchange;

pub use blocking::{Blocking, BlockingWork, ResultFile, blocking};
pub use finished::{Finished, Keep, ResultPart};
pub use keying::{KeyPart, Keying};

/// A kind of result that this server can make.
///
/// A generator has two halves. [`prepare`](Self::prepare) reads a request quickly and refuses what makes no sense;
/// the [`Work`] it returns may take minutes, and runs only when there is no stored result.
pub trait Generator: Send + Sync + 'static {
    /// Its name in `POST /api/generate/{name}`: lower-case letters, digits and `-`.
    fn name(&self) -> &str;

    /// Changes whenever the same request gives other bytes than before. It is part of every key.
    fn fingerprint(&self) -> &str;

    /// What happens to a running generation when the last client that waits for it hangs up.
    ///
    /// Default: it goes on, so that the next client finds the result.
    fn on_abandoned(&self) -> OnAbandoned {
        OnAbandoned::Finish
    }

    /// How many generations of this generator run at once, and how many may wait for their turn.
    ///
    /// Default: what the server's settings say, for this generator alone. One that waits for another server and not for a
    /// processor wants more.
    fn turns(&self) -> Option<TurnLimits> {
        None
    }

    /// The JSON Schema of its request's body, for the OpenAPI document.
    ///
    /// Default: an object whose fields are not told.
    fn body_schema(&self) -> serde_json::Value {
        serde_json::json!({"type": "object"})
    }

    /// Reads a request.
    ///
    /// # Errors
    ///
    /// A [`Problem`] that names the field that is wrong.
    fn prepare(&self, exchange: Exchange) -> Result<Prepared, Problem>;
}

/// How much of one generator goes on at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnLimits {
    /// Generations that run at once, at least 1.
    pub at_once: usize,
    /// Generations that may wait for their turn; beyond it requests get 503.
    pub max_queued: usize,
}

/// A request that was understood: what it is called and how it is done.
pub struct Prepared {
    /// Under which key the result is kept, or why the cache takes no part.
    pub keying: Keying,
    /// Makes the result.
    pub work: Arc<dyn Work>,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("keying", &self.keying)
            .finish_non_exhaustive()
    }
}

/// Makes one result, and can be asked to do it again.
pub trait Work: Send + Sync + 'static {
    /// Writes the result: a head, then the body.
    ///
    /// The future is dropped when the work should stop. One that leaves something running behind it keeps `out` there,
    /// so that its turn lasts as long as the work.
    fn run(self: Arc<Self>, out: LiveWriter)
    -> BoxFuture<'static, Result<Finished, GenerateError>>;

    /// What the key was made from, part by part: kept with the result, so that a later miss can be explained.
    ///
    /// Asked once for each generation and never for a hit. Default: nothing is known.
    fn key_parts(&self) -> Vec<KeyPart> {
        Vec::new()
    }
}

//! What turns a request into a result: the trait, what it is given and what it gives back.

#[cfg(feature = "relief")]
pub(crate) mod relief;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use refrain::OnAbandoned;

use crate::generate_error::GenerateError;
use crate::progress::Progress;
use crate::request::RequestDocument;
use crate::{Key, Problem};

/// A kind of result that this server can make.
///
/// A generator has two halves. [`prepare`](Self::prepare) reads a request quickly and refuses what makes no sense;
/// the [`Work`] it returns may take minutes, runs on a thread of its own, and runs only when there is no stored
/// result.
pub trait Generator: Send + Sync + 'static {
    /// Its name in `POST /api/generate/{name}`: lower-case letters, digits and `-`.
    fn name(&self) -> &str;

    /// Changes whenever the same request gives other bytes than before. It is part of every key.
    fn fingerprint(&self) -> &str;

    /// What happens to a running generation when the last client who waits for it hangs up.
    ///
    /// Default: it goes on, so that the next client finds the result.
    fn on_abandoned(&self) -> OnAbandoned {
        OnAbandoned::Finish
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
    fn prepare(&self, request: RequestDocument) -> Result<Prepared, Problem>;
}

/// A request that was understood: what it is called and how it is done.
pub struct Prepared {
    /// Digest of everything in the request that the result depends on, and of the generator's fingerprint.
    pub key: Key,
    /// Makes the result.
    pub work: Arc<dyn Work>,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Makes one result. It blocks its thread, and can be asked to do it again.
///
/// Any closure `Fn(&Progress) -> Result<Artifact, GenerateError>` is one.
pub trait Work: Send + Sync + 'static {
    /// Makes the result, telling `progress` how far it is and stopping soon once that is cancelled.
    ///
    /// # Errors
    ///
    /// [`GenerateError`]: the request was at fault, the generator was, or the work was cancelled.
    fn run(&self, progress: &Progress) -> Result<Artifact, GenerateError>;
}

impl<F> Work for F
where
    F: Fn(&Progress) -> Result<Artifact, GenerateError> + Send + Sync + 'static,
{
    fn run(&self, progress: &Progress) -> Result<Artifact, GenerateError> {
        self(progress)
    }
}

/// A finished result.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// Its media type, such as `model/stl`.
    pub media_type: Cow<'static, str>,
    /// The name a client may save it under: letters, digits, `.`, `-` and `_`.
    pub file_name: Cow<'static, str>,
}

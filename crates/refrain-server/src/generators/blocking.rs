//! An adapter for work that blocks its thread and has its result in one piece.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::Work;
use super::finished::Finished;
use super::keying::KeyPart;
use crate::generate_error::GenerateError;
use crate::live::{Head, LiveWriter};
use crate::progress::Progress;

/// Makes one result on a thread of its own, and can be asked to do it again.
///
/// Any closure `Fn(&Progress) -> Result<ResultFile, GenerateError>` is one.
pub trait BlockingWork: Send + Sync + 'static {
    /// Makes the result, telling `progress` how far it is and stopping soon once that is cancelled.
    ///
    /// # Errors
    ///
    /// [`GenerateError`]: the request was at fault, the generator was, or the work was cancelled.
    fn run(&self, progress: &Progress) -> Result<ResultFile, GenerateError>;

    /// What the key was made from; see [`Work::key_parts`].
    fn key_parts(&self) -> Vec<KeyPart> {
        Vec::new()
    }
}

impl<F> BlockingWork for F
where
    F: Fn(&Progress) -> Result<ResultFile, GenerateError> + Send + Sync + 'static,
{
    fn run(&self, progress: &Progress) -> Result<ResultFile, GenerateError> {
        self(progress)
    }
}

/// A finished result: one file.
#[derive(Debug, Clone)]
pub struct ResultFile {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// Its media type, such as `model/stl`.
    pub media_type: Cow<'static, str>,
    /// The name a client may save it under: letters, digits, `.`, `-` and `_`.
    pub file_name: Cow<'static, str>,
}

/// Work that runs on a thread of its own; made by [`blocking`].
#[derive(Debug)]
pub struct Blocking<W>(W);

/// The work as the engine runs it.
///
/// # Example
///
/// ```
/// use refrain_server::{GenerateError, Progress, ResultFile, Work, blocking};
///
/// let work = blocking(|_: &Progress| {
///     Ok(ResultFile { bytes: b"done".to_vec(), media_type: "text/plain".into(), file_name: "done.txt".into() })
/// });
/// assert!(work.key_parts().is_empty());
/// ```
pub fn blocking<W: BlockingWork>(work: W) -> Arc<Blocking<W>> {
    Arc::new(Blocking(work))
}

impl<W: BlockingWork> Work for Blocking<W> {
    fn run(
        self: Arc<Self>,
        mut out: LiveWriter,
    ) -> BoxFuture<'static, Result<Finished, GenerateError>> {
        Box::pin(async move {
            // The writer goes with the thread: the turn lasts until its work ends, not until the waiters are gone.
            let thread = tokio::task::spawn_blocking(move || {
                out.progress().check()?;
                let file = self.0.run(out.progress())?;
                file.write(&mut out)
            });
            match thread.await {
                Ok(finished) => finished,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Err(GenerateError::Cancelled),
                },
            }
        })
    }

    fn key_parts(&self) -> Vec<KeyPart> {
        self.0.key_parts()
    }
}

impl ResultFile {
    /// Judges the file and writes it: only one that can be answered as it is may be stored.
    fn write(self, out: &mut LiveWriter) -> Result<Finished, GenerateError> {
        let refuse = |message: &str| GenerateError::Failed {
            message: message.to_owned(),
        };
        if self.bytes.is_empty() {
            return Err(refuse("the generator made an empty result"));
        }
        let media_type = HeaderValue::try_from(&*self.media_type)
            .map_err(|_| refuse("the generator gave a media type that no header can carry"))?;
        if !is_plain(&self.file_name) {
            return Err(refuse(
                "the generator gave a file name with unusual characters",
            ));
        }
        let disposition = format!("attachment; filename=\"{}\"", self.file_name);
        let disposition = HeaderValue::try_from(disposition)
            .map_err(|_| refuse("the generator gave a file name that no header can carry"))?;
        out.quiet_head(
            Head::new(StatusCode::OK)
                .header(CONTENT_TYPE, media_type)
                .header(CONTENT_DISPOSITION, disposition),
        )?;
        // A boxed slice has no spare room, so what is charged is what is held.
        out.append(Bytes::from(self.bytes.into_boxed_slice()))?;
        Ok(Finished::default())
    }
}

fn is_plain(file_name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !file_name.is_empty() && file_name.bytes().all(plain)
}

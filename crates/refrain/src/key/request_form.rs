//! The canonical form of a whole request, before or instead of its digest.

use std::fmt;

use super::Key;
use super::sink::HashSink;

/// The canonical form of a request on the way to its key; what
/// [`KeyBuilder::build_with`](super::KeyBuilder::build_with) gives.
///
/// ```
/// use refrain::Key;
/// use refrain::key::RequestForm;
///
/// let request = Key::builder().generator("scale", "1").part("width", &2);
/// assert_eq!(request.clone().build_with(RequestForm::key), request.build());
/// ```
pub struct RequestForm(HashSink);

impl RequestForm {
    pub(super) fn new() -> Self {
        Self(HashSink::new())
    }

    /// The sink to write to, in place: it is a kilobyte, and moving it would cost as much as writing it.
    pub(super) fn sink(&mut self) -> &mut HashSink {
        &mut self.0
    }

    /// The bytes of the form, if there are 1024 at most; of a longer one, parts are not kept but digested at once.
    ///
    /// ```
    /// use refrain::Key;
    ///
    /// let request = Key::builder().generator("scale", "1").part("width", &2);
    /// let form = request.clone().canonical_form()?;
    /// request.build_with(|short| assert_eq!(short.short(), Some(&form[..])))?;
    ///
    /// let picture = vec![7_u8; 10_000];
    /// let large = Key::builder().generator("scale", "1").part("picture", &picture);
    /// large.build_with(|form| assert_eq!(form.short(), None))?;
    /// # Ok::<(), refrain::Unkeyable>(())
    /// ```
    pub fn short(&self) -> Option<&[u8]> {
        self.0.whole()
    }

    /// The key of the request.
    ///
    /// ```
    /// use refrain::Key;
    ///
    /// let request = Key::builder().generator("scale", "1").part("width", &2);
    /// let key = request.clone().build_with(|form| form.key())?;
    /// assert_eq!(key, request.build()?);
    /// # Ok::<(), refrain::Unkeyable>(())
    /// ```
    pub fn key(&self) -> Key {
        self.0.digest()
    }
}

impl fmt::Debug for RequestForm {
    /// Tells nothing of the request, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestForm").finish_non_exhaustive()
    }
}

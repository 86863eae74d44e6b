use std::fmt;

use subtle::ConstantTimeEq;

/// The secret that opens the management routes.
///
/// It is never printed: `Debug` shows a placeholder and there is no `Display`.
///
/// # Example
///
/// ```
/// use refrain_server::AdminToken;
///
/// let token = AdminToken::new("correct horse").expect("not empty");
/// assert!(token.matches("correct horse"));
/// assert!(!token.matches("correct hors"));
/// assert_eq!(format!("{token:?}"), "AdminToken(\"…\")");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AdminToken(String);

impl AdminToken {
    /// A token of at least one character that `Authorization: Bearer` can carry.
    ///
    /// `None` when it is empty or holds a character outside visible ASCII: no client could send it.
    pub fn new(token: impl Into<String>) -> Option<Self> {
        let token = token.into();
        let token = token.trim();
        let sendable = token.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        (!token.is_empty() && sendable).then(|| Self(token.to_owned()))
    }

    /// The secret itself, for a client that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `candidate` is this token, in a time that does not tell how much of it was right.
    pub fn matches(&self, candidate: &str) -> bool {
        self.0.as_bytes().ct_eq(candidate.as_bytes()).into()
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(\"…\")")
    }
}

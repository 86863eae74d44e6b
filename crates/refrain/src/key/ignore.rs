//! The list of places that a route leaves out of the key, as a tree of JSON pointers.

use std::collections::BTreeMap;

use super::pointer::{self, ParsePointerError, Pointer};

/// The places of a request that do not count, each named by a JSON pointer whose first step is the part.
///
/// A request with something there, with something else there, and with nothing there has one and the same key.
/// All else counts. Made once per route, used for every request by [`KeyBuilder::ignoring`](crate::KeyBuilder::ignoring).
///
/// In a list, an ignored position is left out as if the list did not have it.
///
/// ```
/// use refrain::Key;
/// use refrain::key::{Document, IgnoreList};
///
/// let ignored = IgnoreList::parse(["/headers", "/body/client_id"])?;
/// let key_of = |body: &str, accept: &str| -> Result<Key, Box<dyn std::error::Error>> {
///     let body = Document::from_json(body.as_bytes())?;
///     let request = Key::builder().generator("relief", "1");
///     Ok(request.part("body", &body).part("headers", &accept).ignoring(&ignored).build()?)
/// };
///
/// let key = key_of(r#"{"seed": 1, "client_id": "a"}"#, "text/plain")?;
/// assert_eq!(key, key_of(r#"{"seed": 1}"#, "image/png")?);
/// assert_ne!(key, key_of(r#"{"seed": 1, "extra": {"client_id": "a"}}"#, "text/plain")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoreList {
    root: Branch,
}

/// The part of the list at and below one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Branch {
    is_ignored: bool,
    below: BTreeMap<Box<str>, Branch>,
}

impl IgnoreList {
    /// Reads the pointers.
    ///
    /// # Errors
    ///
    /// [`ParsePointerError`] for the first text that is not a pointer, or is the empty one.
    ///
    /// ```
    /// use refrain::key::{IgnoreList, ParsePointerError};
    ///
    /// assert!(IgnoreList::parse(["/body/user", "/body/data/3"]).is_ok());
    /// assert_eq!(IgnoreList::parse([""]), Err(ParsePointerError::Empty));
    /// ```
    pub fn parse<P: AsRef<str>>(
        pointers: impl IntoIterator<Item = P>,
    ) -> Result<Self, ParsePointerError> {
        pointers
            .into_iter()
            .map(|pointer| pointer.as_ref().parse())
            .collect()
    }

    pub(super) fn root(&self) -> &Branch {
        &self.root
    }
}

impl FromIterator<Pointer> for IgnoreList {
    fn from_iter<I: IntoIterator<Item = Pointer>>(pointers: I) -> Self {
        let mut root = Branch::default();
        for pointer in pointers {
            let end = pointer.steps().fold(&mut root, |branch, step| {
                branch.below.entry(step.into()).or_default()
            });
            end.is_ignored = true;
        }
        Self { root }
    }
}

impl Branch {
    /// Whether the value here is left out.
    pub(super) fn is_ignored(&self) -> bool {
        self.is_ignored
    }

    /// The part of the list below the field `name`, if there is one.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        self.below.get(name)
    }

    /// The part of the list below the position `index`, if there is one.
    pub(super) fn position(&self, index: usize) -> Option<&Self> {
        self.below.get(index.to_string().as_str())
    }

    /// How many positions of a list of `count` are left out.
    pub(super) fn ignored_positions(&self, count: usize) -> usize {
        let in_list = |step: &str| pointer::index(step).is_some_and(|index| index < count);
        self.below
            .iter()
            .filter(|(step, branch)| branch.is_ignored && in_list(step))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_ignored_where_a_pointer_ends_and_nowhere_else() {
        let list = IgnoreList::parse(["/a/b", "/a/b/c", "/d"]).unwrap();
        let a = list.root().field("a").unwrap();
        assert!(!a.is_ignored());
        assert!(a.field("b").unwrap().is_ignored());
        assert!(list.root().field("d").unwrap().is_ignored());
        assert_eq!(list.root().field("b"), None);
    }

    #[test]
    fn only_positions_inside_the_list_are_counted() {
        let list = IgnoreList::parse(["/0", "/2", "/02", "/-", "/x", "/1/deep"]).unwrap();
        assert_eq!(list.root().ignored_positions(0), 0);
        assert_eq!(list.root().ignored_positions(2), 1);
        assert_eq!(list.root().ignored_positions(3), 2);
        assert!(list.root().position(2).is_some_and(Branch::is_ignored));
        assert!(!list.root().position(1).is_some_and(Branch::is_ignored));
    }
}

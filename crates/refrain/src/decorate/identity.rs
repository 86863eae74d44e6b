//! The key of a call: the function, its version and its arguments.

use super::function::Site;
use crate::catch::catch;
use crate::key::{Key, Keyable, Unkeyable};

/// A call whose key is being made.
#[derive(Debug)]
pub struct Call<'a> {
    name: &'a str,
    /// Types that the function was instantiated with, where `name` does not tell.
    types: &'a str,
}

/// The key of a call, or `None` when the function is to be called without the cache.
///
/// `closure` is the name of a closure inside the function, which is its path and every type it was instantiated with.
pub fn key(
    site: &'static Site,
    enabled: impl FnOnce() -> bool,
    closure: &'static str,
    of_call: impl FnOnce(&Call<'_>) -> Result<Key, Unkeyable>,
) -> Option<Key> {
    let function = site.function();
    match catch(enabled) {
        Ok(true) => {}
        Ok(false) => return None,
        Err(message) => {
            function.warn(&format!("`enabled` panicked: {message}"));
            return None;
        }
    }
    let path = path_of_function(closure);
    if !site.is_named && !function.owns(path) {
        function.warn(
            "another function goes by the same path; give each a name of its own with `name = …`",
        );
        return None;
    }
    // A panic of the user's key function: the function itself may well work.
    match catch(|| key_of(site, path, of_call)) {
        Ok(Ok(key)) => Some(key),
        Ok(Err(unkeyable)) => {
            function.warn(&unkeyable.to_string());
            None
        }
        Err(message) => {
            function.warn(&format!("making the key panicked: {message}"));
            None
        }
    }
}

/// [`key`] with the reason where there is none. `path` is the name of the function or of a closure in it.
///
/// # Errors
///
/// [`Unkeyable`] names the argument.
pub fn key_of(
    site: &'static Site,
    path: &'static str,
    of_call: impl FnOnce(&Call<'_>) -> Result<Key, Unkeyable>,
) -> Result<Key, Unkeyable> {
    let path = path_of_function(path);
    if site.is_named {
        let types = types_in(path);
        return of_call(&Call {
            name: site.function().name(),
            types: &types,
        });
    }
    of_call(&Call {
        name: path,
        types: "",
    })
}

/// A version in words.
pub fn version(version: impl std::fmt::Display) -> String {
    version.to_string()
}

impl Call<'_> {
    /// The key of a call with these arguments.
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] names the argument.
    pub fn arguments(
        &self,
        version: &str,
        arguments: &[(&str, &dyn Keyable)],
    ) -> Result<Key, Unkeyable> {
        let mut key = Key::builder().generator(self.name, version);
        // No argument can have this name.
        if !self.types.is_empty() {
            key = key.part("<>", &self.types);
        }
        for (name, value) in arguments {
            key = key.part(name, *value);
        }
        key.build()
    }
}

/// The value of the closure of `key = |…| …`.
#[derive(Debug)]
pub struct Given<T>(pub T);

impl Given<Key> {
    /// A key is the whole identity of a result, and taken as it is.
    ///
    /// # Errors
    ///
    /// None.
    pub fn key(self, _: &Call<'_>, _: &str) -> Result<Key, Unkeyable> {
        Ok(self.0)
    }
}

impl Given<Result<Key, Unkeyable>> {
    /// As [`KeyBuilder::build`](crate::KeyBuilder::build) gives it.
    ///
    /// # Errors
    ///
    /// That of the closure.
    pub fn key(self, _: &Call<'_>, _: &str) -> Result<Key, Unkeyable> {
        self.0
    }
}

/// Anything else stands in the place of the arguments. A trait, so that the methods above come first.
pub trait GivenParts<T> {
    /// The key of a call with this instead of its arguments.
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] when it cannot be keyed.
    fn key(self, call: &Call<'_>, version: &str) -> Result<Key, Unkeyable>
    where
        T: Keyable;
}

impl<T> GivenParts<T> for Given<T> {
    fn key(self, call: &Call<'_>, version: &str) -> Result<Key, Unkeyable>
    where
        T: Keyable,
    {
        // No argument can have this name, so that a key of the arguments is never one of the closure.
        call.arguments(version, &[("key=", &self.0)])
    }
}

/// The function that a closure is in.
fn path_of_function(mut path: &'static str) -> &'static str {
    while let Some(outer) = path.strip_suffix("::{{closure}}") {
        path = outer;
    }
    path
}

/// The text in angle brackets: types and constants of generic functions and types, and the type and trait of a
/// trait's method.
fn types_in(path: &str) -> String {
    if !path.contains('<') {
        return String::new();
    }
    let mut types = String::new();
    let mut depth = 0_usize;
    let mut before = ' ';
    for character in path.chars() {
        // The arrow of a function's type is not a bracket.
        if character == '>' && before != '-' {
            depth = depth.saturating_sub(1);
        }
        if depth > 0 {
            types.push(character);
        }
        if character == '<' {
            depth += 1;
        }
        if depth == 0 && character == '>' {
            types.push(';');
        }
        before = character;
    }
    types
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_of_an_instance_are_read_from_its_path() {
        assert_eq!(types_in("shop::render"), "");
        assert_eq!(types_in("shop::G<u8>::f"), "u8;");
        assert_eq!(
            types_in("shop::G<fn(u8) -> u16>::f<alloc::vec::Vec<i8>, 3>"),
            "fn(u8) -> u16;alloc::vec::Vec<i8>, 3;"
        );
        assert_eq!(types_in("<shop::A as shop::T>::f"), "shop::A as shop::T;");
    }

    #[test]
    fn a_closure_leads_to_its_function() {
        assert_eq!(
            path_of_function("shop::render::{{closure}}::{{closure}}"),
            "shop::render"
        );
        assert_eq!(
            path_of_function("shop::{{closure}}::render"),
            "shop::{{closure}}::render"
        );
    }
}

//! A recursive-descent reader for configuration: TOML values that know their line, and mistakes that say what is allowed.
//!
//! [`Source::parse`] turns a text into a tree of [`Node`]s, [`Section`] reads one table of it. A section remembers what
//! it was asked for, and [`Section::end`] calls everything else unknown. So the list of allowed keys is the code that
//! reads them.

mod mistake;
mod node;
mod section;

pub use mistake::{Mistake, Mistakes, Place, Source};
pub(crate) use node::one_of;
pub use node::{Node, Value};
pub use section::Section;
pub(crate) use section::suggestion;

//! Routes in front of generation servers, as pure functions: no sockets, no files, no clock, no runtime.
//!
//! A route says in seven concepts how one call of a server is cached: match, key, guard, exchange, success, artifacts,
//! volatile. The server, the command and the Python package read the same language and so agree on every key.
//!
//! The ground floor is here for other generators as well:
//!
//! * [`language`] reads TOML into values that know their line;
//! * [`Pattern`] and [`Conditions`] look into a [`Document`](refrain::key::Document);
//! * [`Validator`] judges whether a body is a whole PNG, GLB, STL and so on, piece by piece.

mod condition;
pub mod language;
mod pattern;
mod validate;

pub use condition::{Condition, Conditions, Test};
pub use pattern::{Pattern, PatternError, Step};
pub use validate::{Invalid, MediaKind, UnknownKind, Validator};

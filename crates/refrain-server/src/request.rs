//! The reading of a request: bodies, JSON, forms, fields, and what the headers ask of the cache.

pub(crate) mod body;
pub(crate) mod directives;
pub(crate) mod exchange;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod prefer;
pub(crate) mod query;
pub(crate) mod value;

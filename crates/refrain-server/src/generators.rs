//! The generators that come with the server.

mod relief;

pub(crate) use relief::{GenerateBody, Relief};

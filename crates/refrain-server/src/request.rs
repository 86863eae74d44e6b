//! A request as generators read it.

pub(crate) mod body;
pub(crate) mod directives;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod prefer;
pub(crate) mod value;

use crate::Problem;
use crate::request::body::Reservation;
use crate::request::fields::Fields;

/// The fields of a generate request, from a JSON body or a form.
#[derive(Debug)]
pub struct RequestDocument {
    /// The fields, to be taken out one by one.
    pub fields: Fields,
    /// Keeps the memory of the request accounted as long as its data lives.
    held: Reservation,
}

impl RequestDocument {
    pub(crate) fn new(fields: Fields, held: Reservation) -> Self {
        Self { fields, held }
    }

    /// Ends the reading and hands over what must live as long as `kept_bytes` of the request's data do.
    ///
    /// # Errors
    ///
    /// A problem that names the first field that nobody asked for.
    pub fn finish(self, kept_bytes: usize) -> Result<Reservation, Problem> {
        let Self { fields, mut held } = self;
        fields.finish()?;
        held.shrink_to(kept_bytes);
        Ok(held)
    }
}

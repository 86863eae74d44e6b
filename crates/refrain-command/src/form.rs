//! A request as a form: names with texts and files, as `-F name=value` of a command line gives them.

use crate::Fields;

/// Names with their values.
///
/// # Example
///
/// ```
/// use refrain_command::{Fields, Form, Given};
///
/// let mut form = Form::new([("width".to_owned(), Given::Text("20".to_owned()))]);
/// assert_eq!(form.digits("width").unwrap().as_deref(), Some("20"));
/// assert!(form.finish().is_ok());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(String, Given)>);

/// The value of a field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// What stood there.
    Text(String),
    /// The bytes of a file.
    File(Vec<u8>),
}

/// A field that is refused.
///
/// ```
/// use refrain_command::{Fields, Form};
///
/// assert_eq!(Form::default().missing("width").to_string(), "`width` is missing");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {wrong}")]
pub struct FieldError {
    /// The field.
    pub field: String,
    /// What is wrong with it.
    pub wrong: String,
}

impl Form {
    /// A form with these fields.
    pub fn new(fields: impl IntoIterator<Item = (String, Given)>) -> Self {
        Self(fields.into_iter().collect())
    }

    fn take(&mut self, name: &str) -> Option<Given> {
        let at = self.0.iter().position(|(field, _)| field == name)?;
        Some(self.0.remove(at).1)
    }
}

impl Fields for Form {
    type Error = FieldError;

    fn file(&mut self, name: &str) -> Result<Option<Vec<u8>>, FieldError> {
        match self.take(name) {
            None => Ok(None),
            Some(Given::File(bytes)) => Ok(Some(bytes)),
            Some(Given::Text(_)) => Err(self.refused(name, "is a file: write `NAME=@PATH`")),
        }
    }

    fn digits(&mut self, name: &str) -> Result<Option<String>, FieldError> {
        self.text(name)
    }

    fn boolean(&mut self, name: &str) -> Result<Option<bool>, FieldError> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let boolean = text.parse().ok();
        boolean
            .map(Some)
            .ok_or_else(|| self.refused(name, "must be true or false"))
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, FieldError> {
        match self.take(name) {
            None => Ok(None),
            Some(Given::Text(text)) => Ok(Some(text)),
            Some(Given::File(bytes)) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(self.refused(name, "must be text in UTF-8")),
            },
        }
    }

    fn missing(&self, name: &str) -> FieldError {
        self.refused(name, "is missing")
    }

    fn refused(&self, name: &str, wrong: &str) -> FieldError {
        FieldError {
            field: name.to_owned(),
            wrong: wrong.to_owned(),
        }
    }

    fn finish(self) -> Result<(), FieldError> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(self.refused(
                name,
                "is not a field of this generator, or stands there twice",
            )),
        }
    }
}

//! A request that was understood: the values of its fields, its key, and the arguments they become.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use refrain::Key;
use refrain::key::{Document, Unkeyable};

use crate::declaration::{Argument, Declaration, field_of_piece};
use crate::field::{FieldKind, Fields, Value};
use crate::run::Input;
use crate::template::{Element, PROGRESS_PATH, Piece, REQUEST_FILE, field_of_file};

/// The values of all fields, defaults filled in.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) values: BTreeMap<String, Value>,
}

/// The arguments of one run, and the files that they name.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) arguments: Vec<String>,
    pub(crate) inputs: Vec<(String, Input)>,
}

impl Declaration {
    /// Reads a request: every field is there or has a default, and there is no other.
    ///
    /// # Errors
    ///
    /// What `fields` makes of the first field that is wrong.
    pub fn read<F: Fields>(&self, mut fields: F) -> Result<Request, F::Error> {
        let mut values = BTreeMap::new();
        for (name, field) in &self.fields {
            values.insert(name.clone(), field.take(&mut fields)?);
        }
        for name in self.fields_that_could_be_options() {
            if matches!(&values[name], Value::Text(text) if text.starts_with('-')) {
                let wrong = "must not begin with `-`: the program would take it for an option";
                return Err(fields.refused(name, wrong));
            }
        }
        fields.finish()?;
        Ok(Request { values })
    }

    /// Texts that are at the beginning of an argument before which there is no `--`.
    fn fields_that_could_be_options(&self) -> BTreeSet<&str> {
        let elements = self.argv.iter().flat_map(|argument| match argument {
            Argument::One(element) => std::slice::from_ref(element),
            Argument::Rest(elements) => elements.as_slice(),
        });
        let mut found = BTreeSet::new();
        for element in elements {
            match element.pieces.first() {
                Some(Piece::Text(text)) if text == "--" && element.pieces.len() == 1 => break,
                Some(Piece::Field(name)) if name == "value" && !self.fields.contains_key(name) => {
                    found.extend(self.rest().map(|field| field.name.as_str()));
                }
                Some(piece @ Piece::Field(_)) => found.extend(field_of_piece(piece)),
                _ => {}
            }
        }
        found.retain(|name| {
            matches!(
                self.fields.get(*name).map(|field| &field.kind),
                Some(FieldKind::Text { .. })
            )
        });
        found
    }

    /// The arguments for these values; the program itself is left out.
    pub(crate) fn invocation(&self, request: &Request) -> Invocation {
        let mut inputs: BTreeMap<String, Input> = BTreeMap::new();
        let mut arguments = Vec::new();
        for argument in self.argv.iter().skip(1) {
            match argument {
                Argument::One(element) => {
                    arguments.push(self.printed(element, request));
                    for piece in &element.pieces {
                        match piece {
                            Piece::In(file) => {
                                inputs.insert(
                                    file.clone(),
                                    content(&request.values[field_of_file(file)]),
                                );
                            }
                            Piece::Request => {
                                inputs.extend(Self::request_files(request));
                            }
                            _ => {}
                        }
                    }
                }
                Argument::Rest(elements) => {
                    for field in self.rest() {
                        let value = &request.values[&field.name];
                        arguments.extend(
                            elements
                                .iter()
                                .map(|element| rest_printed(element, &field.name, value)),
                        );
                    }
                }
            }
        }
        Invocation {
            arguments,
            inputs: inputs.into_iter().collect(),
        }
    }

    fn printed(&self, element: &Element, request: &Request) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Field(name) => request.values[name].printed().unwrap_or_default(),
            Piece::In(file) | Piece::Out(file) => file.clone(),
            Piece::Beside(path) => self.beside(path).to_string_lossy().into_owned(),
            Piece::Request => REQUEST_FILE.to_owned(),
            Piece::Progress => PROGRESS_PATH.to_owned(),
        };
        element.pieces.iter().map(piece).collect()
    }

    /// `request.json` with every field, and a file for each that is one: there stands its name.
    fn request_files(request: &Request) -> Vec<(String, Input)> {
        let mut files = Vec::new();
        let mut object = serde_json::Map::new();
        for (name, value) in &request.values {
            let json = value.json().unwrap_or_else(|| {
                files.push((name.clone(), content(value)));
                name.as_str().into()
            });
            object.insert(name.clone(), json);
        }
        let json = serde_json::Value::Object(object).to_string();
        files.push((REQUEST_FILE.to_owned(), Arc::from(json.into_bytes())));
        files
    }
}

/// The bytes of a value that is put into a file.
fn content(value: &Value) -> Input {
    match value {
        Value::File { bytes, .. } => Arc::clone(bytes),
        other => Arc::from(other.printed().unwrap_or_default().into_bytes()),
    }
}

fn rest_printed(element: &Element, name: &str, value: &Value) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Field(what) => match what.as_str() {
            "name" => name.to_owned(),
            "json" => value.json().unwrap_or_default().to_string(),
            _ => value.printed().unwrap_or_default(),
        },
        _ => String::new(),
    };
    element.pieces.iter().map(piece).collect()
}

impl Request {
    /// Its key under the name and fingerprint of a generator.
    pub(crate) fn key(&self, name: &str, fingerprint: &str) -> Result<Key, Unkeyable> {
        let values: Vec<(&str, Document)> = self.keyed().collect();
        let mut builder = Key::builder().generator(name, fingerprint);
        for (field, value) in &values {
            builder = builder.part(field, value);
        }
        builder.build()
    }

    /// Each field with what it puts into the key: a number by its value, a file by its digest.
    pub fn keyed(&self) -> impl Iterator<Item = (&str, Document)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value.keyed()))
    }

    /// The request as conditions look at it.
    pub(crate) fn document(&self) -> Document {
        let fields = self
            .values
            .iter()
            .map(|(name, value)| (name.as_str(), value.document()));
        Document::from(fields.collect::<refrain::key::Map>())
    }

    /// Bytes of texts and files in it.
    pub fn data_bytes(&self) -> usize {
        let bytes = |value: &Value| match value {
            Value::Text(text) => text.len(),
            Value::File { bytes, .. } => bytes.len(),
            _ => 0,
        };
        self.values.values().map(bytes).sum()
    }
}

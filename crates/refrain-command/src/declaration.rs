//! A generator as it is declared in TOML: the command line, its fields, its limits, and what counts as a result.

mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use refrain::key::Document;
use refrain_route::{Conditions, MediaKind};
use regex::Regex;

use crate::field::Field;
use crate::progress::ProgressPattern;
use crate::strip::Strip;
use crate::supervisor::{Limits, Steadiness};
use crate::template::{Element, Piece, field_of_file};

pub use read::read_generators;

/// A generator that runs a program, as `[generator.NAME]` declares it.
///
/// # Example
///
/// ```
/// use refrain_command::{Declaration, read_generators};
/// use refrain_route::language::{Mistakes, Source};
///
/// let text = "
/// [generator.hello]
/// argv = ['echo', '{name}']
/// version = '1'
/// fields.name = { text = 40 }
/// artifacts.stdout = { name = 'hello.txt', type = 'text/plain' }
/// ";
/// let mistakes = Mistakes::default();
/// let source = Source::new("refrain.toml", text);
/// let declared: Vec<Declaration> = read_generators(&source, ".".as_ref(), &mistakes);
/// assert!(mistakes.is_empty());
/// assert_eq!(declared[0].name(), "hello");
/// assert_eq!(declared[0].at_once(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct Declaration {
    pub(crate) name: String,
    pub(crate) argv: Vec<Argument>,
    pub(crate) version: Version,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) fields: BTreeMap<String, Field>,
    /// Requests that are never stored.
    pub(crate) never_when: Conditions,
    pub(crate) exchange: Exchange,
    pub(crate) success: Success,
    pub(crate) artifacts: Artifacts,
    pub(crate) strip: Vec<Strip>,
    pub(crate) progress: Option<ProgressPattern>,
    /// Everything in it that bears on the bytes of a result.
    pub(crate) identity: Document,
    /// The folder of the file it stands in.
    pub(crate) folder: PathBuf,
}

/// One or several arguments.
#[derive(Debug, Clone)]
pub(crate) enum Argument {
    One(Element),
    /// These once for each field that no other argument names; `{name}`, `{value}` and `{json}` stand for the field.
    Rest(Vec<Element>),
}

/// How the version of the program is known.
#[derive(Debug, Clone)]
pub(crate) enum Version {
    /// What this command prints.
    Command(Vec<String>),
    /// This text, which is changed by hand.
    Text(String),
}

/// Limits, and how the program is run.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) time: Duration,
    pub(crate) limits: Limits,
    pub(crate) at_once: usize,
    pub(crate) queued: usize,
    pub(crate) is_steady: bool,
    pub(crate) steadiness: Steadiness,
    pub(crate) is_isolated: bool,
    /// Whether the program goes on when no caller waits for it any more.
    pub(crate) finishes_abandoned: bool,
}

/// When a run counts as one that worked.
#[derive(Debug, Clone)]
pub(crate) struct Success {
    pub(crate) exit: BTreeSet<i32>,
    pub(crate) stderr_without: Vec<Regex>,
    pub(crate) validate: Validation,
}

/// How the files are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validation {
    /// By the media type of each.
    ByType,
    /// All as this kind.
    As(MediaKind),
    /// Only that they are there and not empty.
    None,
}

/// Where the result is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Artifacts {
    /// In these files, in this order.
    Files(Vec<Artifact>),
    /// On standard output.
    Stdout(Artifact),
}

/// A file of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Artifact {
    pub(crate) name: String,
    pub(crate) media_type: String,
}

impl Declaration {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many of it run at once.
    pub fn at_once(&self) -> usize {
        self.exchange.at_once
    }

    /// How many of it may wait for their turn.
    pub fn queued(&self) -> usize {
        self.exchange.queued
    }

    /// Whether the program goes on when no caller waits for it any more.
    pub fn finishes_abandoned(&self) -> bool {
        self.exchange.finishes_abandoned
    }

    /// The JSON Schema of a request.
    ///
    /// ```
    /// use refrain_command::preset;
    ///
    /// let openscad = preset("openscad").expect("it is one").declaration().expect("it is without mistakes");
    /// assert_eq!(openscad.schema()["required"], serde_json::json!(["model"]));
    /// ```
    pub fn schema(&self) -> serde_json::Value {
        let mut properties = serde_json::Map::new();
        let mut required = Vec::new();
        for (name, field) in &self.fields {
            let mut schema = field.kind.schema();
            match &field.default {
                Some(default) => schema["default"] = default.json().unwrap_or_default(),
                None => required.push(name.as_str()),
            }
            properties.insert(name.clone(), schema);
        }
        serde_json::json!({
            "type": "object",
            "required": required,
            "additionalProperties": false,
            "properties": properties,
        })
    }

    /// The program, as the declaration names it.
    pub fn program(&self) -> &str {
        match self.argv.first() {
            Some(Argument::One(element)) => element.literal().unwrap_or_default(),
            _ => "",
        }
    }

    /// The path of a file beside the declaration, from the root: the program runs in another directory.
    pub(crate) fn beside(&self, path: &str) -> PathBuf {
        let path = self.folder.join(Path::new(path));
        std::path::absolute(&path).unwrap_or(path)
    }

    /// Everything that is put into arguments.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.argv.iter().flat_map(Argument::pieces)
    }

    /// The fields that no argument names, for [`Argument::Rest`].
    pub(crate) fn rest(&self) -> impl Iterator<Item = &Field> {
        let named: BTreeSet<&str> = self.pieces().filter_map(field_of_piece).collect();
        self.fields
            .values()
            .filter(move |field| !named.contains(field.name.as_str()))
    }
}

impl Argument {
    /// What is put into it, but for what stands for each of the rest.
    pub(crate) fn pieces(&self) -> std::slice::Iter<'_, Piece> {
        match self {
            Self::One(element) => element.pieces.iter(),
            Self::Rest(_) => [].iter(),
        }
    }
}

/// The field that a placeholder names.
pub(crate) fn field_of_piece(piece: &Piece) -> Option<&str> {
    match piece {
        Piece::Field(name) => Some(name),
        Piece::In(file) => Some(field_of_file(file)),
        _ => None,
    }
}

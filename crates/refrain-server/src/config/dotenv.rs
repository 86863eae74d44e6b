//! The `.env` file. It is read into a list; the environment of the process stays as it is.

use std::io;
use std::path::Path;

use super::found::{Found, Given};
use super::table::setting_of_variable;
use super::{LoadError, Source, Suggestion};

#[derive(Debug, Default)]
pub(super) struct DotEnv {
    pub(super) found: Vec<Found>,
    pub(super) suggestions: Vec<Suggestion>,
}

/// Reads the settings in `path`; none when there is no such file.
///
/// Variables of other programs are passed over: the file is often shared.
pub(super) fn read(path: &Path) -> Result<DotEnv, LoadError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(DotEnv::default()),
        Err(source) => {
            return Err(LoadError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    // The parser takes a last line that ends in a space, not in a line end, for an unfinished one.
    let text = format!("{}\n", text.trim_start_matches('\u{feff}'));

    let mut file = DotEnv::default();
    for pair in dotenvy::from_read_iter(text.as_bytes()) {
        let (name, value) = match pair {
            Ok(pair) => pair,
            Err(error) => {
                refuse_if_ours(path, &text, &error)?;
                continue;
            }
        };
        let line = line_of(&text, &name);
        match setting_of_variable(&name) {
            Some(setting) => file.found.push(Found {
                setting,
                source: Source::DotEnv {
                    path: path.to_owned(),
                    line,
                    variable: setting.variable,
                },
                given: Given::Text(value),
            }),
            None => file
                .suggestions
                .extend(Suggestion::for_variable(&name, Some((path, line)))),
        }
    }
    Ok(file)
}

/// The last line that sets `name`, as the last one wins; 0 when there is none.
fn line_of(text: &str, name: &str) -> usize {
    text.lines()
        .enumerate()
        .filter(|(_, line)| name_in(line) == Some(name))
        .last()
        .map_or(0, |(index, _)| index + 1)
}

/// What stands before the first `=`.
fn name_in(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('=')?;
    let name = name.trim();
    Some(name.strip_prefix("export ").map_or(name, str::trim_start))
}

/// Passes over a line that another program understands, and refuses every other.
///
/// The parser's own message quotes the line, which may hold a secret; ours gives its number.
fn refuse_if_ours(path: &Path, text: &str, error: &dotenvy::Error) -> Result<(), LoadError> {
    let mut line = 0;
    if let dotenvy::Error::LineParse(quoted, _) = error {
        let first = quoted.lines().next().unwrap_or_default().trim_end();
        let found = text
            .lines()
            .enumerate()
            .find(|(_, line)| line.trim_end().ends_with(first));
        if let Some((index, found)) = found {
            line = index + 1;
            // A quote that never closes swallows the lines after it, and they may be ours.
            let one_line = !quoted.trim_end().contains('\n');
            if one_line && name_in(found).is_some_and(|name| setting_of_variable(name).is_none()) {
                return Ok(());
            }
        }
    }
    Err(LoadError::Syntax {
        path: path.to_owned(),
        line,
        message: "not of the form `NAME=value`; a value with spaces or a `$` needs single quotes"
            .to_owned(),
    })
}

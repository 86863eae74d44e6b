//! The `.env` file. It is read into a list; the environment of the process stays as it is.

use std::collections::HashMap;
use std::path::Path;
use std::{fs, io};

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
    let text = match text_of(path) {
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

    let lines = last_lines(&text);
    let mut unread = text.lines().enumerate();
    let mut file = DotEnv::default();
    for pair in dotenvy::from_read_iter(text.as_bytes()) {
        let (name, value) = match pair {
            Ok(pair) => pair,
            Err(error) => {
                refuse_if_ours(path, &mut unread, &error)?;
                continue;
            }
        };
        let line = lines.get(&*name).copied().unwrap_or(0);
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

/// What is in a regular file. Reading anything else, as a named pipe, could wait for ever.
fn text_of(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    fs::read_to_string(path)
}

/// For each name the number of the last line that sets it, from 1, as the last one wins.
fn last_lines(text: &str) -> HashMap<&str, usize> {
    let named = |(index, line)| name_in(line).map(|name| (name, index + 1));
    text.lines().enumerate().filter_map(named).collect()
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
/// Errors come in the order of the lines, so each is looked for among the `unread` ones only.
fn refuse_if_ours<'a>(
    path: &Path,
    unread: &mut impl Iterator<Item = (usize, &'a str)>,
    error: &dotenvy::Error,
) -> Result<(), LoadError> {
    let mut line = 0;
    if let dotenvy::Error::LineParse(quoted, _) = error {
        let first = quoted.lines().next().unwrap_or_default().trim_end();
        let found = unread.find(|(_, line)| line.trim_end().ends_with(first));
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

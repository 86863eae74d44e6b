//! Doors and routes as they are configured, by a file or by flags.

use std::path::Path;

use refrain_route::Config;
use refrain_route::language::Mistake;
use refrain_server::config::{ConfigFile, SETTINGS, Setting};

use crate::args::ServeArguments;
use crate::failure::Failure;
use crate::sections::{GENERATOR, SECTIONS};

/// Reads the doors of a file that was read.
pub(super) fn read(file: &ConfigFile) -> Result<Config, Failure> {
    of_text(&file.path().display().to_string(), file.text()).map_err(|told| mistaken(&told))
}

/// Reads them again from the same place; the mistakes are in words.
pub(super) fn read_again(path: &Path) -> Result<Config, String> {
    let file = ConfigFile::read(path).map_err(|error| error.to_string())?;
    of_text(&path.display().to_string(), file.text()).map_err(|told| lines(&told))
}

/// The door that the command line asks for, if it does.
pub(super) fn of_flags(arguments: &ServeArguments) -> Result<Option<Config>, Failure> {
    let (Some(preset), Some(upstream), Some(listen)) =
        (&arguments.preset, &arguments.upstream, &arguments.listen)
    else {
        return Ok(None);
    };
    let config = Config::standing_in(preset, upstream, listen);
    config.map(Some).map_err(|told| mistaken(&told))
}

/// Whether the file says anything of doors.
pub(super) fn are_in(file: &ConfigFile) -> bool {
    SECTIONS.iter().any(|section| file.has(section))
}

fn of_text(name: &str, text: &str) -> Result<Config, Vec<Mistake>> {
    let mut others: Vec<&str> = SETTINGS.iter().map(Setting::table).collect();
    others.push(GENERATOR);
    Config::read_sections(name, text, &others)
}

pub(super) fn mistaken(told: &[Mistake]) -> Failure {
    let failure = Failure::usage(lines(told));
    match told.len() {
        1 => failure,
        count => failure.hint(format!(
            "all {count} are told, so that they can be put right at once"
        )),
    }
}

fn lines(told: &[Mistake]) -> String {
    let lines: Vec<String> = told.iter().map(ToString::to_string).collect();
    lines.join("\n       ")
}

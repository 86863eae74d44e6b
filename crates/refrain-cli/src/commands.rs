//! The commands, one in each module.

mod clear;
mod completions;
mod config;
mod doors;
mod entries;
mod generate;
mod generators;
mod presets;
mod routes;
mod serve;
mod stats;

use crate::args::{Arguments, Command, Generator};
use crate::failure::Failure;

/// Does what the command line asks for.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let json = arguments.json;
    match arguments.command {
        Command::Serve(arguments) => serve::run(&arguments, json),
        Command::Generate(Generator::Relief(arguments)) => generate::relief(&arguments, json),
        Command::Generators(what) => generators::run(&what, json),
        Command::Stats(arguments) => stats::run(&arguments, json),
        Command::Entries(arguments) => entries::run(&arguments, json),
        Command::Clear(arguments) => clear::run(&arguments, json),
        Command::Presets(asked) => presets::run(&asked, json),
        Command::Routes(asked) => routes::run(&asked, json),
        Command::Config(flags) => config::run(&flags, json),
        Command::Completions { shell } => completions::run(shell),
    }
}

//! The flags of the settings, made from the table of settings.

use std::path::PathBuf;

use crate::sections::{GENERATOR, SECTIONS};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, ValueHint};
use refrain_server::config::{Configuration, Kind, LoadError, SETTINGS, Setting, Sources};

/// The settings given on the command line, not checked yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingFlags {
    given: Vec<(&'static str, String)>,
    file: Option<PathBuf>,
}

impl SettingFlags {
    /// The settings of this process: flags, environment and files.
    pub(crate) fn load(&self) -> Result<Configuration, LoadError> {
        Sources {
            flags: self.given.clone(),
            file: self.file.clone(),
            sections: [&SECTIONS[..], &[GENERATOR]].concat(),
            ..Sources::of_this_process()
        }
        .load()
    }

    /// Only a configuration file and an admin token, for commands that talk to a server.
    pub(crate) fn of_client(file: Option<PathBuf>, admin_token: Option<String>) -> Self {
        Self {
            given: admin_token
                .map(|token| ("admin_token", token))
                .into_iter()
                .collect(),
            file,
        }
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.given = SETTINGS
            .iter()
            .filter_map(|setting| {
                let text = matches.get_one::<String>(setting.name)?;
                Some((setting.name, text.clone()))
            })
            .collect();
        self.file = matches.get_one::<PathBuf>("config").cloned();
        Ok(())
    }
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .value_hint(ValueHint::FilePath)
            .help("Read this file in the place of `refrain.toml` in the current directory")
            .help_heading("Settings: files");
        command.arg(file).args(SETTINGS.iter().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn flag(setting: &'static Setting) -> Arg {
    let arg = Arg::new(setting.name)
        .long(setting.name.replace('_', "-"))
        .value_name(value_name(setting))
        .help(setting.help)
        .long_help(long_help(setting))
        .help_heading(format!("Settings: {}", setting.table()))
        // A value like -1 is refused with the range, not as an unknown flag.
        .allow_hyphen_values(true);
    match setting.kind {
        Kind::Switch => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("1"),
        _ => arg,
    }
}

fn long_help(setting: &Setting) -> String {
    let default = setting.default.unwrap_or("not set");
    format!(
        "{}\n[default: {default}] [allowed: {}]\n[env: {}] [refrain.toml: {}]",
        setting.help, setting.kind, setting.variable, setting.key
    )
}

fn value_name(setting: &Setting) -> &'static str {
    match setting.kind {
        Kind::Switch => "0|1",
        Kind::Address => "ADDRESS",
        Kind::HostNames => "NAMES",
        Kind::Choice(_) => "WORD",
        Kind::Token => "SECRET",
        Kind::Text if setting.name.ends_with("_dir") => "FOLDER",
        Kind::Text => "FILTER",
        _ if setting.name.ends_with("_seconds") => "SECONDS",
        _ if setting.name.ends_with("_mb") => "MB",
        _ => "NUMBER",
    }
}

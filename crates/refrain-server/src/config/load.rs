use std::ffi::OsString;
use std::path::PathBuf;

use super::found::{Found, Given};
use super::table::setting_of_variable;
use super::told::Told;
use super::{
    ConfigFile, Configuration, EffectiveSetting, LoadError, SETTINGS, Source, Suggestion, dotenv,
    file,
};

/// The places settings are looked for.
///
/// # Example
///
/// ```
/// use refrain_server::config::{Source, Sources};
///
/// let directory = tempfile::tempdir().unwrap();
/// std::fs::write(directory.path().join(".env"), "CACHE_MAX_SIZE=7\nREFRAIN_PORT=6000\n").unwrap();
/// let sources = Sources {
///     flags: vec![("port", "7000".to_owned())],
///     environment: Vec::new(),
///     directory: directory.path().to_owned(),
///     file: None,
///     sections: Vec::new(),
/// };
/// let configuration = sources.load().unwrap();
/// assert_eq!(configuration.server.max_entries, 7);
/// assert_eq!(configuration.server.port, 7000);
/// assert_eq!(configuration.setting("port").source, Source::Flag("--port".to_owned()));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Values given as flags, by the [name](super::Setting::name) of the setting.
    pub flags: Vec<(&'static str, String)>,
    /// The variables of the environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Where `.env` and `refrain.toml` are looked for; empty: the current directory.
    pub directory: PathBuf,
    /// A file to read in the place of `refrain.toml`; it must exist.
    pub file: Option<PathBuf>,
    /// Tables of `refrain.toml` that hold no settings and are read elsewhere, from [`Configuration::file`].
    pub sections: Vec<&'static str>,
}

impl Sources {
    /// The environment of this process and the current directory, without flags.
    pub fn of_this_process() -> Self {
        Self {
            environment: std::env::vars_os().collect(),
            ..Self::default()
        }
    }

    /// Reads every place and keeps, for each setting, the first value in the order of precedence.
    ///
    /// # Errors
    ///
    /// When a value in effect makes no sense, a file cannot be read or has a key that is not a
    /// setting, or the address is open to other machines and there is no admin token.
    pub fn load(&self) -> Result<Configuration, LoadError> {
        let (environment, mut suggestions) = self.environment();
        let dotenv = dotenv::read(&self.directory.join(".env"))?;
        suggestions.extend(dotenv.suggestions);
        let file = match &self.file {
            Some(path) => Some(ConfigFile::read(path)?),
            None => file::read_if_present(&self.directory.join("refrain.toml"))?,
        };
        let in_file = match &file {
            Some(file) => file.settings(&self.sections)?,
            None => Vec::new(),
        };

        let mut told = Told::default();
        let mut settings = Vec::with_capacity(SETTINGS.len());
        let places = [&self.flags(), &environment, &dotenv.found, &in_file];
        for setting in SETTINGS {
            let found = places.iter().find_map(|place| {
                place
                    .iter()
                    .rfind(|found| found.setting.name == setting.name)
            });
            let (value, source) = match found {
                Some(found) => (Some(found.read()?), found.source.clone()),
                None => (setting.default_value(), Source::Default),
            };
            if let Some(value) = &value {
                (setting.apply)(&mut told, value);
            }
            settings.push(EffectiveSetting {
                setting,
                value,
                source,
            });
        }
        let configuration = Configuration {
            server: told.server,
            log: told.log,
            settings,
            suggestions,
            file,
        };
        configuration.check()?;
        Ok(configuration)
    }

    fn flags(&self) -> Vec<Found> {
        let by_name = |name| SETTINGS.iter().find(|setting| setting.name == name);
        self.flags
            .iter()
            .filter_map(|(name, text)| {
                let setting = by_name(*name)?;
                Some(Found {
                    setting,
                    source: Source::Flag(setting.flag()),
                    given: Given::Text(text.clone()),
                })
            })
            .collect()
    }

    fn environment(&self) -> (Vec<Found>, Vec<Suggestion>) {
        let mut found = Vec::new();
        let mut suggestions = Vec::new();
        for (name, value) in &self.environment {
            let Some(name) = name.to_str() else { continue };
            match setting_of_variable(name) {
                Some(setting) => found.push(Found {
                    setting,
                    source: Source::Environment(setting.variable),
                    given: match value.to_str() {
                        Some(text) => Given::Text(text.to_owned()),
                        None => Given::NotUnicode,
                    },
                }),
                None => suggestions.extend(Suggestion::for_variable(name, None)),
            }
        }
        (found, suggestions)
    }
}

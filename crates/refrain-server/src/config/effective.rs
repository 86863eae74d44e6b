use super::{ConfigFile, LoadError, LogConfig, ServerConfig, Setting, Source, Suggestion, Value};

/// The settings of one start, each with the place it came from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Configuration {
    /// What the server is told.
    pub server: ServerConfig,
    /// What is logged, and how; the program that starts the server sets it up.
    pub log: LogConfig,
    /// The same values, one by one, in the order of [`SETTINGS`](super::SETTINGS).
    pub settings: Vec<EffectiveSetting>,
    /// Variables that look like a slip of the pen, to be shown before the server starts.
    pub suggestions: Vec<Suggestion>,
    /// The `refrain.toml` that was read, for those that read sections of it; `None` when there is none.
    pub file: Option<ConfigFile>,
}

/// One setting with its value and the place it came from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EffectiveSetting {
    /// The row of the table.
    pub setting: &'static Setting,
    /// The value in effect; `None` when it is not set.
    pub value: Option<Value>,
    /// Where it came from.
    pub source: Source,
}

impl Configuration {
    /// The setting called `name`.
    ///
    /// # Panics
    ///
    /// When no setting has that name.
    pub fn setting(&self, name: &str) -> &EffectiveSetting {
        self.settings
            .iter()
            .find(|effective| effective.setting.name == name)
            .expect("the name stands in the table of settings")
    }
}

impl EffectiveSetting {
    /// The error that refuses this value for a reason that only its user can know,
    /// as the filter of a log; `allowed` says what would have been right.
    pub fn refuse(&self, allowed: &str) -> LoadError {
        let given = self.value.as_ref().map(ToString::to_string);
        LoadError::value(
            self.setting,
            self.source.clone(),
            &given.unwrap_or_default(),
            allowed,
        )
    }
}

impl Configuration {
    /// Refuses values that make sense alone and none together.
    pub(super) fn check(&self) -> Result<(), LoadError> {
        self.server.check_bind()?;
        if self.server.body_memory_mb >= self.server.max_body_mb {
            return Ok(());
        }
        let (together, one) = (self.setting("body_memory_mb"), self.setting("max_body_mb"));
        Err(if together.source == Source::Default {
            one.refuse(&format!(
                "at most `{}`, which is {}",
                together.setting.name, self.server.body_memory_mb
            ))
        } else {
            together.refuse(&format!(
                "at least `{}`, which is {}",
                one.setting.name, self.server.max_body_mb
            ))
        })
    }
}

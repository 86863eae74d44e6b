use super::told::Told;
use super::{Kind, Value};

/// One row of [`SETTINGS`](super::SETTINGS): a setting's names, default, range and meaning.
#[derive(Debug)]
pub struct Setting {
    /// Name in listings.
    pub name: &'static str,
    /// Environment variable, also looked for in `.env`.
    pub variable: &'static str,
    /// Table and key in `refrain.toml`, with a dot between them.
    pub key: &'static str,
    /// Default as a user would write it; `None`: not set.
    pub default: Option<&'static str>,
    /// What a value may be.
    pub kind: Kind,
    /// What it does: one sentence without a final period.
    pub help: &'static str,
    pub(super) apply: fn(&mut Told, &Value),
}

impl Setting {
    /// The long flag, with its dashes.
    pub fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }

    /// The table of `refrain.toml` it stands in.
    pub fn table(&self) -> &'static str {
        self.key.split_once('.').map_or("", |(table, _)| table)
    }

    /// The default after reading; `None` when the setting is not set by default.
    ///
    /// # Panics
    ///
    /// When the row has a default that its own kind refuses.
    pub fn default_value(&self) -> Option<Value> {
        self.default.map(|text| {
            self.kind
                .read(text)
                .expect("the default of a setting is a value its kind allows")
        })
    }
}

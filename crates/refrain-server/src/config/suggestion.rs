use std::fmt;
use std::path::{Path, PathBuf};

use super::{SETTINGS, Setting};

/// Variables that begin with `REFRAIN_` and are read elsewhere than in a server's settings.
const OTHER_VARIABLES: &[&str] = &["REFRAIN_SERVER"];

/// A variable that is no setting but reads almost like one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    given: String,
    place: Option<(PathBuf, usize)>,
    meant: Option<&'static str>,
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some((path, line)) => write!(f, "`{}` line {line}: ", path.display())?,
            None => f.write_str("environment variable ")?,
        }
        write!(f, "`{}` is not a setting", self.given)?;
        match self.meant {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

impl Suggestion {
    /// A suggestion when `name` is ours by its prefix, or a letter or two from a setting.
    pub(super) fn for_variable(name: &str, place: Option<(&Path, usize)>) -> Option<Self> {
        if OTHER_VARIABLES.contains(&name) {
            return None;
        }
        let (distance, meant) = SETTINGS
            .iter()
            .map(|setting| {
                (
                    strsim::osa_distance(name, setting.variable),
                    setting.variable,
                )
            })
            .min()?;
        let near = distance <= 2;
        (near || name.starts_with("REFRAIN_")).then(|| Self {
            given: name.to_owned(),
            place: place.map(|(path, line)| (path.to_owned(), line)),
            meant: near.then_some(meant),
        })
    }

    /// The key or section of `refrain.toml` that was probably meant by `key`, by whatever name it was called.
    pub(super) fn nearest_key(key: &str, sections: &[&'static str]) -> Option<&'static str> {
        let bare = key.rsplit('.').next().unwrap_or(key);
        let likeness = |setting: &Setting| {
            let last = setting.key.rsplit('.').next().unwrap_or_default();
            [last, setting.name, setting.variable]
                .iter()
                .map(|name| strsim::jaro_winkler(bare, name))
                .fold(strsim::jaro_winkler(key, setting.key), f64::max)
        };
        let settings = SETTINGS
            .iter()
            .map(|setting| (likeness(setting), setting.key));
        let sections = sections
            .iter()
            .map(|section| (strsim::jaro_winkler(key, section), *section));
        settings
            .chain(sections)
            .filter(|(likeness, _)| *likeness > 0.85)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, key)| key)
    }
}

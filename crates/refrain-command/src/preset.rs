//! Presets: declarations of known programs, as the TOML that a user would write.

use refrain_route::language::{Mistakes, Node, Source};

const PRESETS: &[Preset] = &[
    Preset {
        name: "blender",
        text: include_str!("presets/blender.toml"),
    },
    Preset {
        name: "espeak-ng",
        text: include_str!("presets/espeak-ng.toml"),
    },
    Preset {
        name: "openscad",
        text: include_str!("presets/openscad.toml"),
    },
    Preset {
        name: "povray",
        text: include_str!("presets/povray.toml"),
    },
    Preset {
        name: "python",
        text: include_str!("presets/python.toml"),
    },
    Preset {
        name: "typst",
        text: include_str!("presets/typst.toml"),
    },
];

/// A declaration that comes with Refrain: `[generator.NAME]` with the name of the preset.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    name: &'static str,
    text: &'static str,
}

/// The preset of this name.
///
/// # Example
///
/// ```
/// use refrain_command::preset;
///
/// assert!(preset("povray").expect("it is one").text().contains("[generator.povray]"));
/// assert!(preset("paint").is_none());
/// ```
pub fn preset(name: &str) -> Option<Preset> {
    PRESETS.iter().copied().find(|preset| preset.name == name)
}

/// The names of all presets, in the order of the alphabet.
///
/// ```
/// assert!(refrain_command::preset_names().any(|name| name == "openscad"));
/// ```
pub fn preset_names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|preset| preset.name)
}

impl Preset {
    /// The file, to be read, copied and changed.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// What the file is for: its first line.
    pub fn about(&self) -> &'static str {
        let first = self.text.lines().next().unwrap_or_default();
        first.trim_start_matches('#').trim()
    }

    /// Its declaration, below which another is laid.
    pub(crate) fn node(&self, mistakes: &Mistakes) -> Option<Node> {
        self.source()
            .parse(mistakes)?
            .get("generator")?
            .get(self.name)
            .cloned()
    }

    pub(crate) fn source(&self) -> Source {
        Source::new(format!("preset {}", self.name), self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_has_its_name_in_it_and_says_what_it_is_for() {
        for preset in PRESETS {
            let mistakes = Mistakes::default();
            assert!(preset.node(&mistakes).is_some(), "{}", preset.name);
            assert!(
                preset.text.starts_with("# ") && preset.about().len() > 10,
                "{}",
                preset.name
            );
        }
    }
}

//! The sections of `refrain.toml` beside the settings that this command reads.

/// Generators that run a program.
pub(crate) const GENERATOR: &str = "generator";

/// Doors that stand in for other servers, those servers, and their routes.
pub(crate) const SECTIONS: [&str; 3] = ["listen", "upstream", "route"];

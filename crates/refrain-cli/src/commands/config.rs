use refrain_server::config::{Configuration, EffectiveSetting, Source};
use serde_json::{Value, json};

use crate::args::SettingFlags;
use crate::failure::Failure;
use crate::logging;
use crate::output::{self, Table};

pub(super) fn run(flags: &SettingFlags, as_json: bool) -> Result<(), Failure> {
    let configuration = flags.load()?;
    logging::filter(&configuration)?;
    logging::show_suggestions(&configuration, anstream::stderr());
    if as_json {
        return output::print_json(&document(&configuration));
    }
    let mut table = Table::new(&["setting", "value", "from"], &[]);
    for effective in &configuration.settings {
        table.row([
            effective.setting.name.to_owned(),
            shown(effective),
            effective.source.to_string(),
        ]);
    }
    table.print()
}

fn shown(effective: &EffectiveSetting) -> String {
    match &effective.value {
        Some(value) => value.to_string(),
        None => "(not set)".to_owned(),
    }
}

fn document(configuration: &Configuration) -> Value {
    let settings: Vec<Value> = configuration.settings.iter().map(setting).collect();
    let suggestions: Vec<String> = configuration
        .suggestions
        .iter()
        .map(ToString::to_string)
        .collect();
    json!({ "settings": settings, "suggestions": suggestions })
}

fn setting(effective: &EffectiveSetting) -> Value {
    let row = effective.setting;
    json!({
        "name": row.name,
        "value": effective.value,
        "from": place(&effective.source),
        "default": row.default_value(),
        "allowed": row.kind.to_string(),
        "flag": row.flag(),
        "variable": row.variable,
        "key": row.key,
    })
}

fn place(source: &Source) -> Value {
    match source {
        Source::Flag(flag) => json!({ "place": "flag", "flag": flag }),
        Source::Environment(variable) => json!({ "place": "environment", "variable": variable }),
        Source::DotEnv {
            path,
            line,
            variable,
        } => json!({ "place": ".env", "path": path, "line": line, "variable": variable }),
        Source::File { path, line, key } => {
            json!({ "place": "file", "path": path, "line": line, "key": key })
        }
        _ => json!({ "place": "default" }),
    }
}

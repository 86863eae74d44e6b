use refrain_route::Preset;
use serde_json::{Value, json};

use crate::args::Presets;
use crate::failure::Failure;
use crate::output::{self, Table};

pub(super) fn run(asked: &Presets, as_json: bool) -> Result<(), Failure> {
    match asked {
        Presets::List if as_json => {
            let presets: Vec<Value> = Preset::all().iter().map(document).collect();
            output::print_json(&presets)
        }
        Presets::List => {
            let mut table = Table::new(&["preset", "for"], &[]);
            for preset in Preset::all() {
                table.row([preset.name.to_owned(), preset.about.to_owned()]);
            }
            table.print()
        }
        Presets::Show { name } => {
            let preset = Preset::named(name).ok_or_else(|| unknown(name))?;
            if as_json {
                return output::print_json(
                    &json!({ "name": preset.name, "about": preset.about, "text": preset.text }),
                );
            }
            output::print(preset.text)
        }
    }
}

fn document(preset: &Preset) -> Value {
    json!({ "name": preset.name, "about": preset.about })
}

pub(super) fn unknown(name: &str) -> Failure {
    let names: Vec<&str> = Preset::all().iter().map(|preset| preset.name).collect();
    Failure::usage(format!("there is no preset `{name}`"))
        .hint(format!("there is: {}", names.join(", ")))
}

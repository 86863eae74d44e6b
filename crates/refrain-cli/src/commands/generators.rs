//! `refrain generators`: presets, and what a file declares, without a server.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use refrain_command::{
    CommandGenerator, Declaration, Form, Given, Launcher, Told, preset, preset_names,
    read_generators,
};
use refrain_route::language::{Mistakes, Source};
use serde_json::json;

use crate::args::{Generators, TryArguments};
use crate::failure::Failure;
use crate::output;

pub(super) fn run(what: &Generators, json: bool) -> Result<(), Failure> {
    match what {
        Generators::List => list(json),
        Generators::Show { name } => show(name),
        Generators::Check { file } => check(file, json),
        Generators::Try(arguments) => try_out(arguments),
    }
}

fn list(json: bool) -> Result<(), Failure> {
    let presets = preset_names().filter_map(|name| Some((name, preset(name)?.about())));
    if json {
        let all: Vec<_> = presets
            .map(|(name, about)| json!({ "name": name, "about": about }))
            .collect();
        return output::print_json(&json!(all));
    }
    let lines: Vec<String> = presets
        .map(|(name, about)| format!("{name:<10} {about}\n"))
        .collect();
    output::print(&lines.concat())
}

fn show(name: &str) -> Result<(), Failure> {
    let Some(preset) = preset(name) else {
        let all: Vec<&str> = preset_names().collect();
        return Err(Failure::usage(format!("there is no preset `{name}`"))
            .hint(format!("there are {}", all.join(", "))));
    };
    output::print(preset.text())
}

/// The generators in a file, or all of its mistakes on standard error.
fn declared(file: &Path) -> Result<Vec<Declaration>, Failure> {
    let text = fs::read_to_string(file).map_err(|error| {
        Failure::new(format!("cannot read `{}`", file.display())).because(error)
    })?;
    let mistakes = Mistakes::default();
    let source = Source::new(
        file.display().to_string(),
        text.trim_start_matches('\u{feff}'),
    );
    let declared = read_generators(&source, file.parent().unwrap_or(Path::new("")), &mistakes);
    let mistakes = mistakes.into_vec();
    if mistakes.is_empty() {
        return Ok(declared);
    }
    for mistake in &mistakes {
        // Where standard error is closed, there is no place to say so.
        let _ = writeln!(anstream::stderr(), "{mistake}");
    }
    let count = mistakes.len();
    let (noun, verb) = if count == 1 {
        ("mistake", "is")
    } else {
        ("mistakes", "are")
    };
    Err(Failure::usage(format!(
        "there {verb} {count} {noun} in `{}`",
        file.display()
    )))
}

fn check(file: &Path, json: bool) -> Result<(), Failure> {
    let declared = declared(file)?;
    if json {
        let all: Vec<_> = declared
            .iter()
            .map(|generator| json!({ "name": generator.name(), "program": generator.program(), "schema": generator.schema() }))
            .collect();
        return output::print_json(&json!(all));
    }
    let lines: Vec<String> = declared
        .iter()
        .map(|generator| format!("{} runs {}\n", generator.name(), generator.program()))
        .collect();
    if lines.is_empty() {
        return output::print("no generators\n");
    }
    output::print(&lines.concat())
}

fn try_out(arguments: &TryArguments) -> Result<(), Failure> {
    let file = arguments
        .config
        .clone()
        .unwrap_or_else(|| PathBuf::from("refrain.toml"));
    let all = declared(&file)?;
    let names: Vec<String> = all.iter().map(|one| format!("`{}`", one.name())).collect();
    let Some(declaration) = all.into_iter().find(|one| one.name() == arguments.name) else {
        return Err(Failure::usage(format!(
            "there is no generator `{}` in `{}`",
            arguments.name,
            file.display()
        ))
        .hint(format!("there are {}", names.join(", "))));
    };
    let fields = arguments
        .fields
        .iter()
        .map(|text| field(text))
        .collect::<Result<Vec<_>, _>>()?;
    let request = declaration
        .read(Form::new(fields))
        .map_err(Failure::usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("cannot start a runtime").because(error))?;
    runtime.block_on(async {
        let launcher = Launcher::this_program().map_err(Failure::new)?;
        let launcher = launcher.tried().await.map_err(Failure::new)?;
        let generator = CommandGenerator::start(declaration, launcher)
            .await
            .map_err(Failure::new)?;
        let told = |told: Told| {
            let _ = writeln!(
                anstream::stderr(),
                "{:>3.0}% {}",
                told.fraction * 100.0,
                told.step
            );
        };
        let interrupted = async {
            // Without a signal to wait for, it runs to its end.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let mut result = generator
            .run(&request, interrupted, told)
            .await
            .map_err(Failure::new)?;
        let folder = arguments.output.clone().unwrap_or_default();
        for file in result.files() {
            let path = folder.join(file.name());
            let failed =
                |error| Failure::new(format!("cannot write `{}`", path.display())).because(error);
            let mut written = fs::File::create(&path).map_err(failed)?;
            let mut bytes = 0;
            while let Some(piece) = file.next_piece().map_err(failed)? {
                written.write_all(&piece).map_err(failed)?;
                bytes += piece.len() as u64;
            }
            let _ = writeln!(
                anstream::stderr(),
                "{}: {}",
                path.display(),
                output::bytes(bytes)
            );
        }
        Ok(())
    })
}

/// `NAME=VALUE`, or `NAME=@PATH` for the bytes of a file.
fn field(text: &str) -> Result<(String, Given), Failure> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(Failure::usage(format!(
            "`-F {text}` is not of the form NAME=VALUE"
        )));
    };
    let given = match value.strip_prefix('@') {
        None => Given::Text(value.to_owned()),
        Some(path) => Given::File(
            fs::read(path)
                .map_err(|error| Failure::new(format!("cannot read `{path}`")).because(error))?,
        ),
    };
    Ok((name.to_owned(), given))
}

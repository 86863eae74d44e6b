//! Any program behind the trait: an adapter between a request's fields, the live body, and the crate that runs programs.

use std::path::Path;
use std::sync::Arc;

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use futures_util::future::BoxFuture;
use refrain::{BypassReason, OnAbandoned};
use refrain_command::{
    CommandError, CommandGenerator, Declaration, Keyed, Launcher, Output, Request, read_generators,
};
use refrain_route::language::{Mistakes, Source};

use crate::config::{ConfigFile, LoadError};
use crate::generate_error::GenerateError;
use crate::generators::{
    Finished, Generator, Keep, KeyPart, Keying, Prepared, ResultPart, TurnLimits, Work,
};
use crate::live::{Head, LiveWriter};
use crate::request::exchange::Exchange;
use crate::{Fields, Problem, ProblemKind, Reservation};

/// A generator that runs a program, as `[generator.NAME]` of `refrain.toml` declares it.
#[derive(Debug, Clone)]
pub struct Command(Arc<CommandGenerator>);

/// Starts every generator that the file declares; what is weaker here than elsewhere is said to `warn`.
///
/// # Errors
///
/// [`LoadError`] with line and column of a mistake, or with the generator whose program is not there, does not say its version,
/// or asks for what is not to be had here.
///
/// # Example
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let none = refrain_server::commands_of(None, |_| {}).await.unwrap();
/// assert!(none.is_empty());
/// # });
/// ```
pub async fn commands_of(
    file: Option<&ConfigFile>,
    warn: fn(&str),
) -> Result<Vec<Command>, LoadError> {
    let Some(file) = file.filter(|file| file.has("generator")) else {
        return Ok(Vec::new());
    };
    let declared = declarations(file)?;
    let refuse = |error: &dyn std::fmt::Display| {
        let hint = "`refrain generators check FILE` looks at it without starting the server";
        LoadError::Generator {
            path: file.path().to_owned(),
            message: error.to_string(),
            hint: Some(hint.to_owned()),
        }
    };
    let launcher = Launcher::this_program().map_err(|error| refuse(&error))?;
    let launcher = launcher.tried().await.map_err(|error| refuse(&error))?;
    if let Some(why) = launcher.lacks_namespace() {
        warn(&format!(
            "programs have no namespace of processes here ({why}): their orphans are looked for one by one"
        ));
    }
    let mut commands = Vec::new();
    for declaration in declared {
        let started = CommandGenerator::start(declaration, launcher.clone()).await;
        commands.push(Command(Arc::new(started.map_err(|error| refuse(&error))?)));
    }
    Ok(commands)
}

/// The generators that a file declares.
fn declarations(file: &ConfigFile) -> Result<Vec<Declaration>, LoadError> {
    let mistakes = Mistakes::default();
    let source = Source::new(file.path().display().to_string(), file.text());
    let folder = file.path().parent().unwrap_or(Path::new(""));
    let declared = read_generators(&source, folder, &mistakes);
    let mut mistakes = mistakes.into_vec().into_iter();
    let Some(first) = mistakes.next() else {
        return Ok(declared);
    };
    let more = mistakes.len();
    Err(LoadError::Section {
        path: file.path().to_owned(),
        line: first.line,
        column: first.column,
        message: first.what,
        hint: (more > 0).then(|| {
            format!("`refrain generators check FILE` shows this and the other mistakes ({more})")
        }),
    })
}

impl Generator for Command {
    fn name(&self) -> &str {
        self.0.declaration().name()
    }

    fn fingerprint(&self) -> &'static str {
        // Each request asks for the one of the program as it is then.
        "command"
    }

    fn on_abandoned(&self) -> OnAbandoned {
        if self.0.declaration().finishes_abandoned() {
            OnAbandoned::Finish
        } else {
            OnAbandoned::Cancel
        }
    }

    fn turns(&self) -> Option<TurnLimits> {
        Some(TurnLimits {
            at_once: self.0.declaration().at_once(),
            max_queued: self.0.declaration().queued(),
        })
    }

    fn body_schema(&self) -> serde_json::Value {
        self.0.declaration().schema()
    }

    fn prepare(&self, mut exchange: Exchange) -> Result<Prepared, Problem> {
        let request = self.0.declaration().read(exchange.fields()?)?;
        let held = exchange.keep(request.data_bytes());
        let failed =
            |error: CommandError| Problem::new(ProblemKind::GenerationFailed, error.to_string());
        let (keying, fingerprint) = match self.0.key(&request).map_err(failed)? {
            Keyed::Key { key, fingerprint } => (Keying::Key(key), Some(fingerprint)),
            Keyed::Never => (Keying::Bypass(BypassReason::new("never_when")), None),
            Keyed::Unkeyable(unkeyable) => {
                (Keying::Bypass(BypassReason::unkeyable(&unkeyable)), None)
            }
        };
        let work = Arc::new(CommandWork {
            generator: Arc::clone(&self.0),
            request,
            fingerprint,
            _held: held,
        });
        Ok(Prepared { keying, work })
    }
}

/// A program to be run for a request.
struct CommandWork {
    generator: Arc<CommandGenerator>,
    request: Request,
    /// The program that the key was made for.
    fingerprint: Option<Arc<str>>,
    _held: Reservation,
}

impl Work for CommandWork {
    fn run(
        self: Arc<Self>,
        mut out: LiveWriter,
    ) -> BoxFuture<'static, Result<Finished, GenerateError>> {
        Box::pin(async move {
            // A task of its own: when the caller is gone, it goes on until the program has ended, and has its turn so long.
            let task = tokio::spawn(async move { self.write(&mut out).await });
            match task.await {
                Ok(finished) => finished,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Err(GenerateError::Cancelled),
                },
            }
        })
    }

    fn key_parts(&self) -> Vec<KeyPart> {
        let part = |(name, value): (&str, _)| KeyPart::of(&format!("/{name}"), &value).ok();
        self.request.keyed().filter_map(part).collect()
    }
}

impl CommandWork {
    async fn write(&self, out: &mut LiveWriter) -> Result<Finished, GenerateError> {
        let progress = out.progress().clone();
        let stop = async { out.cancelled().await };
        let ran = self
            .generator
            .run(&self.request, stop, |told| {
                progress.set(told.fraction, told.step);
            })
            .await;
        let mut output = ran.map_err(|error| match error {
            CommandError::Cancelled { .. } => GenerateError::Cancelled,
            error => failed(&error),
        })?;
        out.quiet_head(head(&mut output)?)?;
        let mut finished = Finished::default();
        let is_one = output.is_one();
        // Pieces are read on threads that may wait for a disk, one at a time.
        loop {
            let read = tokio::task::spawn_blocking(move || (output.next_piece(), output));
            let (piece, rest) = read.await.map_err(|_| GenerateError::Cancelled)?;
            output = rest;
            let Some((file, bytes)) = piece.map_err(|error| failed(&error))? else {
                break;
            };
            if !is_one {
                let file = &output.files()[file];
                match finished.parts.last_mut() {
                    Some(part) if *part.name == *file.name() => part.length += bytes.len() as u64,
                    _ => finished.parts.push(ResultPart {
                        name: file.name().into(),
                        media_type: file.media_type().into(),
                        length: bytes.len() as u64,
                    }),
                }
            }
            out.write(bytes).await?;
        }
        // A program that was replaced meanwhile has made a result that belongs under no key.
        let is_still = |fingerprint: &Arc<str>| self.generator.is_still(fingerprint);
        if !self.fingerprint.as_ref().is_none_or(is_still) {
            finished.keep = Keep::Share;
        }
        Ok(finished)
    }
}

/// The head of an answer: the one file with its name, or several in one body.
fn head(output: &mut Output) -> Result<Head, GenerateError> {
    let is_one = output.is_one();
    let first = output.files().first();
    let (media_type, name) = match first.filter(|_| is_one) {
        Some(file) => (file.media_type(), file.name()),
        None => ("application/octet-stream", "result.bin"),
    };
    let media_type = HeaderValue::try_from(media_type).map_err(|error| failed(&error))?;
    let disposition = format!("attachment; filename=\"{name}\"");
    let disposition = HeaderValue::try_from(disposition).map_err(|error| failed(&error))?;
    Ok(Head::new(StatusCode::OK)
        .header(CONTENT_TYPE, media_type)
        .header(CONTENT_DISPOSITION, disposition))
}

fn failed(error: &dyn std::fmt::Display) -> GenerateError {
    GenerateError::Failed {
        message: error.to_string(),
    }
}

impl refrain_command::Fields for Fields {
    type Error = Problem;

    fn file(&mut self, name: &str) -> Result<Option<Vec<u8>>, Problem> {
        if !self.has(name) {
            return Ok(None);
        }
        Self::file(self, name).map(Some)
    }

    fn digits(&mut self, name: &str) -> Result<Option<String>, Problem> {
        self.written_number(name)
    }

    fn boolean(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        Self::boolean(self, name)
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        if !self.has(name) {
            return Ok(None);
        }
        Self::text(self, name).map(Some)
    }

    fn missing(&self, name: &str) -> Problem {
        Self::missing(self, name)
    }

    fn refused(&self, name: &str, wrong: &str) -> Problem {
        Self::refused(self, name, wrong)
    }

    fn finish(self) -> Result<(), Problem> {
        Self::finish(self)
    }
}

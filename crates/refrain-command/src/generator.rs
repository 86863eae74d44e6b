//! A declared program, ready to run: its version is known, and what it asks for is to be had here.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use refrain::Key;
use refrain::key::Unkeyable;

use crate::declaration::Declaration;
use crate::progress::{Told, told};
use crate::result::Output;
use crate::run::{Task, run};
use crate::version::Identity;
use crate::{CommandError, LaunchError, Launcher, Request};

/// How long a program may take to say its version at the start.
const VERSION_WITHIN: Duration = Duration::from_secs(10);

/// A generator that runs a program.
///
/// # Example
///
/// ```no_run
/// use refrain_command::{CommandGenerator, Form, Given, Launcher, preset};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// refrain_command::supervise_if_asked();
/// let launcher = Launcher::this_program()?.tried().await?;
/// let povray = preset("povray").expect("it is one").declaration().expect("it is without mistakes");
/// let generator = CommandGenerator::start(povray, launcher).await?;
/// let scene = Given::File(b"sphere { 0, 1 }".to_vec());
/// let request = generator.declaration().read(Form::new([("scene".to_owned(), scene)]))?;
/// let mut output = generator.run(&request, std::future::pending(), |_| {}).await?;
/// assert_eq!(output.files()[0].media_type(), "image/png");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CommandGenerator {
    declared: Declaration,
    launcher: Launcher,
    identity: Identity,
}

/// Why a generator cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The program is not there, or does not say its version.
    #[error("generator `{generator}`: {source}")]
    Version {
        /// The generator.
        generator: String,
        /// What went wrong.
        #[source]
        source: CommandError,
    },
    /// Something that it asks for is not to be had here.
    #[error("generator `{generator}`: {source}")]
    Unable {
        /// The generator.
        generator: String,
        /// What went wrong.
        #[source]
        source: LaunchError,
    },
}

/// How a request is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keyed {
    /// Under this key.
    Key {
        /// The key.
        key: Key,
        /// The program it was made for.
        fingerprint: Arc<str>,
    },
    /// Never: the declaration says so.
    Never,
    /// Never: part of it has no key.
    Unkeyable(Unkeyable),
}

impl CommandGenerator {
    /// Finds the program, asks for its version, and tries out what the declaration asks for.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn start(declared: Declaration, launcher: Launcher) -> Result<Self, StartError> {
        Self::start_within(declared, launcher, VERSION_WITHIN).await
    }

    /// The same with another time for the version.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn start_within(
        declared: Declaration,
        launcher: Launcher,
        within: Duration,
    ) -> Result<Self, StartError> {
        let exchange = &declared.exchange;
        let able = launcher
            .can(exchange.is_isolated, exchange.steadiness)
            .await;
        able.map_err(|source| StartError::Unable {
            generator: declared.name.clone(),
            source,
        })?;
        let identity = Identity::ask(&declared, &launcher, within).await;
        let identity = identity.map_err(|source| StartError::Version {
            generator: declared.name.clone(),
            source,
        })?;
        Ok(Self {
            declared,
            launcher,
            identity,
        })
    }

    /// What was declared.
    pub fn declaration(&self) -> &Declaration {
        &self.declared
    }

    /// The key of a request, for the program as it is now.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the program has changed and does not say its version.
    pub fn key(&self, request: &Request) -> Result<Keyed, CommandError> {
        if !self.declared.never_when.is_never()
            && self.declared.never_when.hold(&request.document())
        {
            return Ok(Keyed::Never);
        }
        let fingerprint = self.fingerprint()?;
        Ok(match request.key(self.declared.name(), &fingerprint) {
            Ok(key) => Keyed::Key { key, fingerprint },
            Err(unkeyable) => Keyed::Unkeyable(unkeyable),
        })
    }

    /// The fingerprint of the program as it is now, and of everything in the declaration that bears on results.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the program has changed and does not say its version.
    pub fn fingerprint(&self) -> Result<Arc<str>, CommandError> {
        self.identity.fingerprint(&self.declared, &self.launcher)
    }

    /// Whether the program is still the one that a key was made for. If not, what it made belongs under no key.
    pub fn is_still(&self, fingerprint: &str) -> bool {
        self.identity.is_still(fingerprint, &self.declared)
    }

    /// Runs the program for a request, to its end or until `stop`.
    ///
    /// When this returns, no process of it is left; dropping it ends the program as well, without waiting for that.
    ///
    /// # Errors
    ///
    /// [`CommandError`]: it did not succeed, or its files are not what they should be.
    pub async fn run(
        &self,
        request: &Request,
        stop: impl Future<Output = ()>,
        mut progress: impl FnMut(Told),
    ) -> Result<Output, CommandError> {
        let declared = &self.declared;
        let invocation = declared.invocation(request);
        let program = self.identity.program().to_string_lossy().into_owned();
        let exchange = &declared.exchange;
        let task = Task {
            argv: std::iter::once(program)
                .chain(invocation.arguments)
                .collect(),
            environment: declared
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            inputs: invocation.inputs,
            limits: exchange.limits,
            time: exchange.time,
            is_isolated: exchange.is_isolated,
            is_steady: exchange.is_steady,
            steadiness: exchange.steadiness,
            stderr_without: declared.success.stderr_without.clone(),
        };
        let each_line = |line: &str| {
            if let Some(told) = told(line, declared.progress.as_ref()) {
                progress(told);
            }
        };
        let room = run(&self.launcher, task, stop, each_line).await?;
        room.succeeded(declared.success.exit.iter())?;
        let declared = declared.clone();
        // Megabytes are read and judged on a thread that may wait.
        let judged = tokio::task::spawn_blocking(move || Output::of(room, &declared)).await;
        judged.unwrap_or_else(|_| {
            Err(CommandError::Cancelled {
                program: self.declared.program().to_owned(),
            })
        })
    }
}

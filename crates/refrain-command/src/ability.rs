//! What this kernel allows, tried out by running a program that does nothing.

use crate::run::{Task, run};
use crate::supervisor::{Containment, Limits, NOTHING, Steadiness};
use crate::{LaunchError, Launcher};

impl Launcher {
    /// Tries out what this kernel allows, by running a program that does nothing.
    ///
    /// # Errors
    ///
    /// [`LaunchError`] when nothing can be started at all.
    pub async fn tried(mut self) -> Result<Self, LaunchError> {
        if self.containment == Containment::Namespace
            && let Err(why) = self.try_out(false, Steadiness::default()).await
        {
            self = self.without_namespace();
            self.without_namespace = Some(why);
        }
        match self.try_out(false, Steadiness::default()).await {
            Ok(()) => Ok(self),
            Err(why) => Err(LaunchError::Unable {
                what: "running a program",
                why,
            }),
        }
    }

    /// Tries out what a generator asks for.
    pub(crate) async fn can(
        &self,
        is_isolated: bool,
        steadiness: Steadiness,
    ) -> Result<(), LaunchError> {
        if is_isolated {
            let tried = self.try_out(true, Steadiness::default()).await;
            tried.map_err(|why| LaunchError::Unable {
                what: "isolation (`isolated = true`)",
                why,
            })?;
        }
        if steadiness != Steadiness::default() {
            let tried = self.try_out(false, steadiness).await;
            tried.map_err(|why| LaunchError::Unable {
                what: "`no_aslr` or `one_cpu`",
                why,
            })?;
        }
        Ok(())
    }

    async fn try_out(&self, is_isolated: bool, steadiness: Steadiness) -> Result<(), String> {
        let task = Task {
            argv: vec![
                self.supervisor.to_string_lossy().into_owned(),
                NOTHING.to_owned(),
            ],
            steadiness,
            is_isolated,
            time: std::time::Duration::from_secs(10),
            limits: Limits {
                cpu_seconds: 10,
                memory: 1 << 30,
                output: 1 << 20,
                processes: 8,
            },
            ..Task::default()
        };
        let ran = run(self, task, std::future::pending(), |_| {}).await;
        let room = ran.map_err(|error| error.to_string())?;
        room.succeeded([0].iter())
            .map_err(|error| error.to_string())
    }
}

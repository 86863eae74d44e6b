use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Steps of the bar; more than a terminal has columns.
const STEPS: u64 = 1000;

/// A bar on standard error when that is a terminal, and nothing otherwise.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn start() -> Self {
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        // Without colors: it reads the same everywhere.
        if let Ok(style) =
            ProgressStyle::with_template("{msg:>10} [{bar:40}] {percent:>3}% {elapsed}")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar }
    }

    /// Shows the `fraction` done, from 0 to 1, and the name of the step.
    pub(super) fn show(&self, fraction: f64, step: &str) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "clamped to 0..=1000"
        )]
        let position = (fraction.clamp(0.0, 1.0) * STEPS as f64) as u64;
        if self.bar.message() != step {
            self.bar.set_message(step.to_owned());
        }
        self.bar.set_position(position);
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

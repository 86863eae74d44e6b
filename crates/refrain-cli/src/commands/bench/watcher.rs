use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows on standard error what is being measured: a bar on a terminal, else a line a scenario.
#[derive(Debug)]
pub(super) struct Watcher {
    bar: ProgressBar,
}

impl Watcher {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::with_template("{msg:44} [{bar:30}] {pos:>3}/{len} {elapsed}")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar }
    }

    pub(super) fn begin(&mut self, what: &str) {
        if self.bar.is_hidden() {
            self.say(what);
        }
        self.bar.set_position(0);
        self.bar.set_message(what.to_owned());
    }

    pub(super) fn step(&self, done: usize, all: usize) {
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
    }

    pub(super) fn say(&self, line: &str) {
        self.bar.suspend(|| {
            use std::io::Write;
            // Nobody is left to be told that standard error is closed.
            let _ = writeln!(anstream::stderr(), "{line}");
        });
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

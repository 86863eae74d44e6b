//! A folder with a declaration and scripts, the generator in it, and eyes on the processes it leaves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use refrain_command::{
    CommandError, CommandGenerator, Declaration, Form, Given, Keyed, Launcher, Output, StartError,
    Told,
};
use refrain_route::language::{Mistakes, Source};
use tempfile::TempDir;

pub(crate) struct Stage {
    folder: TempDir,
}

/// How the ends of programs are made sure, where a test is about that: as on a kernel with namespaces, and on one without.
pub(crate) const CONTAINMENTS: [bool; 2] = [true, false];

pub(crate) async fn launcher(has_namespaces: bool) -> Launcher {
    let launcher = Launcher::by(env!("CARGO_BIN_EXE_refrain-room").into()).unwrap();
    let launcher = if has_namespaces {
        launcher
    } else {
        launcher.without_namespace()
    };
    launcher.tried().await.unwrap()
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// A program of a few lines for the shell.
    pub(crate) fn script(&self, name: &str, lines: &str) -> PathBuf {
        let path = self.file(name);
        let beside = path.with_extension("new");
        fs::write(&beside, format!("#!/bin/sh\n{lines}\n")).unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&beside, &path).unwrap();
        path
    }

    pub(crate) fn declared(&self, toml: &str) -> Declaration {
        let mistakes = Mistakes::default();
        let source = Source::new("refrain.toml", toml);
        let mut read = refrain_command::read_generators(&source, self.path(), &mistakes);
        let mistakes = mistakes.into_vec();
        assert!(mistakes.is_empty(), "{mistakes:?}");
        read.pop().unwrap()
    }

    pub(crate) async fn start(
        &self,
        toml: &str,
        has_namespaces: bool,
    ) -> Result<CommandGenerator, StartError> {
        CommandGenerator::start(self.declared(toml), launcher(has_namespaces).await).await
    }

    /// A generator whose program is `lines` for the shell and whose result is the file `out`; `more` goes on in its table.
    pub(crate) async fn shell_in(
        &self,
        has_namespaces: bool,
        lines: &str,
        more: &str,
    ) -> CommandGenerator {
        self.script("program", lines);
        self.start(&shell_toml(more), has_namespaces).await.unwrap()
    }

    pub(crate) async fn shell(&self, lines: &str, more: &str) -> CommandGenerator {
        self.shell_in(true, lines, more).await
    }
}

pub(crate) fn shell_toml(more: &str) -> String {
    let artifacts = if more.contains("artifacts") {
        ""
    } else {
        "artifacts.file = { name = 'out', type = 'text/plain' }\n"
    };
    format!("[generator.it]\nargv = ['./program']\nversion = '1'\n{artifacts}{more}\n")
}

pub(crate) fn form(fields: &[(&str, &str)]) -> Form {
    Form::new(
        fields
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Given::Text((*text).to_owned()))),
    )
}

/// Runs it to its end for a request without fields.
pub(crate) async fn ran(generator: &CommandGenerator) -> Result<Vec<u8>, CommandError> {
    ran_with(generator, &[]).await
}

pub(crate) async fn ran_with(
    generator: &CommandGenerator,
    fields: &[(&str, &str)],
) -> Result<Vec<u8>, CommandError> {
    let request = generator.declaration().read(form(fields)).unwrap();
    let mut output = generator
        .run(&request, std::future::pending(), |_: Told| {})
        .await?;
    Ok(bytes_of(&mut output))
}

pub(crate) fn bytes_of(output: &mut Output) -> Vec<u8> {
    let mut all = Vec::new();
    for file in output.files() {
        while let Some(piece) = file.next_piece().unwrap() {
            all.extend_from_slice(&piece);
        }
    }
    all
}

pub(crate) fn key_of(generator: &CommandGenerator, fields: &[(&str, &str)]) -> String {
    let request = generator.declaration().read(form(fields)).unwrap();
    match generator.key(&request).unwrap() {
        Keyed::Key { key, .. } => key.to_string(),
        other => format!("{other:?}"),
    }
}

/// Numbers of the processes in whose command line `mark` stands.
pub(crate) fn processes_with(mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(mark) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

/// Waits until no process has `mark` in its command line: what is being ended takes a moment to be gone.
pub(crate) async fn gone(mark: &str) {
    for _ in 0..500 {
        if processes_with(mark).is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("left behind: {:?}", processes_with(mark));
}

/// A time for `sleep` that no other test has, by which its processes are known.
pub(crate) fn mark() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{}.{count:04}", 10_000 + std::process::id() % 80_000)
}

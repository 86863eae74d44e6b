//! Programs that fail, each in its own way: every failure has a name, says what to look at, and leaves no result.

use std::time::Duration;

use refrain_command::CommandError;

use crate::stage::{CONTAINMENTS, Stage, form, gone, launcher, mark, processes_with, ran};

#[tokio::test]
async fn an_exit_status_a_signal_and_a_forbidden_line_are_told_with_what_was_said() {
    let cases = [
        (
            "echo result > out; echo no paper >&2; exit 3",
            "`program` ended with exit status 3; it said \"no paper\"",
        ),
        (
            "echo result > out; kill -SEGV $$",
            "`program` was killed by SIGSEGV",
        ),
        (
            "echo result > out; kill -TERM $$",
            "`program` was killed by SIGTERM",
        ),
        (
            "echo result > out; echo 'ERROR: no such model' >&2",
            "`program` failed: a line of its standard error matches `^ERROR:`: \"ERROR: no such model\"",
        ),
    ];
    for has_namespaces in CONTAINMENTS {
        for (lines, message) in cases {
            let stage = Stage::new();
            let generator = stage
                .shell_in(
                    has_namespaces,
                    lines,
                    "success.stderr_without = ['^ERROR:']",
                )
                .await;
            let error = ran(&generator).await.expect_err(lines);
            assert_eq!(error.to_string(), message);
        }
    }
}

#[tokio::test]
async fn other_exit_statuses_can_be_allowed() {
    let stage = Stage::new();
    let generator = stage
        .shell("echo result > out; exit 4", "success.exit = [0, 4]")
        .await;
    assert_eq!(ran(&generator).await.unwrap(), b"result\n");
}

#[tokio::test]
async fn the_limit_of_output_counts_one_file_and_many() {
    for has_namespaces in CONTAINMENTS {
        for lines in [
            "exec head -c 3000000 /dev/zero > out",
            "exec head -c 3000000 /dev/zero",
            "for i in 1 2 3 4 5 6; do head -c 500000 /dev/zero > out$i; done; echo > out; sleep 5",
            "for i in 1 2 3 4 5 6; do head -c 500000 /dev/zero > out$i; done; echo > out",
        ] {
            let stage = Stage::new();
            let generator = stage
                .shell_in(has_namespaces, lines, "exchange.output = '2MB'")
                .await;
            let error = ran(&generator).await.expect_err(lines).to_string();
            assert!(
                error.contains("was ended: it went over `output`, its limit of 2 MB"),
                "{lines}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn the_limit_of_memory_holds_for_one_process_and_for_all_together() {
    let take = |megabytes: u32| {
        format!(
            "python3 -c 'import time; x = bytearray({megabytes} << 20); x[::4096] = bytes(len(x[::4096])); time.sleep(9)'"
        )
    };
    for has_namespaces in CONTAINMENTS {
        let stage = Stage::new();
        let memory = "exchange.memory = '128MB'";
        let generator = stage
            .shell_in(has_namespaces, &format!("exec {}", take(400)), memory)
            .await;
        let error = ran(&generator).await.expect_err("it takes more");
        assert!(
            matches!(
                error,
                CommandError::Over {
                    limit: "memory",
                    ..
                } | CommandError::Exit { .. }
            ),
            "{error}"
        );
        assert!(error.to_string().contains("emory"), "{error}");

        let lines = format!("{0} & {0} & {0} & {0} & wait", take(60));
        let generator = stage.shell_in(has_namespaces, &lines, memory).await;
        let error = ran(&generator).await.expect_err("together they take more");
        assert!(
            matches!(
                error,
                CommandError::Over {
                    limit: "memory",
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_flood_of_standard_error_is_read_and_not_kept() {
    let stage = Stage::new();
    let generator = stage
        .shell("head -c 20000000 /dev/zero >&2; echo end >&2; exit 1", "")
        .await;
    let error = ran(&generator).await.expect_err("it fails").to_string();
    assert!(
        error.contains("exit status 1") && error.len() < 2000,
        "{} bytes",
        error.len()
    );
}

#[tokio::test]
async fn a_program_that_is_gone_when_it_is_to_run_is_told() {
    for has_namespaces in CONTAINMENTS {
        let stage = Stage::new();
        let generator = stage
            .shell_in(has_namespaces, "echo result > out", "")
            .await;
        std::fs::remove_file(stage.file("program")).unwrap();
        let error = ran(&generator).await.expect_err("it is gone");
        assert!(matches!(error, CommandError::NotStarted { .. }), "{error}");
        assert!(error.to_string().contains("No such file"), "{error}");
    }
}

/// The number of the parent of a process.
fn parent_of(process: &str) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields = stat.rsplit(") ").next().unwrap();
    fields.split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn a_supervisor_that_is_killed_is_an_error_and_leaves_nothing() {
    if launcher(true).await.lacks_namespace().is_some() {
        println!(
            "left out: without a namespace, what a killed supervisor leaves behind is left behind"
        );
        return;
    }
    let (stage, mark) = (Stage::new(), mark());
    let generator = stage
        .shell(&format!("echo result > out; sleep {mark}"), "")
        .await;
    let request = generator.declaration().read(form(&[])).unwrap();
    // Above `sleep` are the shell, the supervisor in the namespace, and the one outside of it.
    let kill = async {
        loop {
            if let Some(sleeping) = processes_with(&format!("sleep\0{mark}")).first() {
                let outer = parent_of(&parent_of(&parent_of(sleeping)));
                std::process::Command::new("kill")
                    .args(["-9", &outer])
                    .status()
                    .unwrap();
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let error = tokio::select! {
        ran = generator.run(&request, std::future::pending(), |_| {}) => ran.map(drop).expect_err("its supervisor is gone"),
        () = kill => unreachable!("it waits for ever"),
    };
    assert_eq!(
        error.to_string(),
        "`program` was not started: its supervisor was killed"
    );
    gone(&mark).await;
}

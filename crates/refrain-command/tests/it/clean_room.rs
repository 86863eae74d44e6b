//! The clean room: what a program sees of the world around it, and what is left of it when it has ended.

use std::path::Path;
use std::time::Duration;

use refrain_command::CommandError;

use crate::stage::{
    CONTAINMENTS, Stage, form, gone, launcher, mark, processes_with, ran, shell_toml,
};

#[tokio::test]
async fn the_environment_is_its_own() {
    for has_namespaces in CONTAINMENTS {
        let stage = Stage::new();
        let generator = stage
            .shell_in(has_namespaces, "env > out", "env = { ASKED = 'yes' }")
            .await;
        let environment = String::from_utf8(ran(&generator).await.unwrap()).unwrap();
        let mut names: Vec<&str> = environment
            .lines()
            .filter_map(|line| line.split('=').next())
            .collect();
        names.sort_unstable();
        // `PWD` and what is left out here are the shell's own.
        names.retain(|name| !matches!(*name, "_" | "SHLVL" | "OLDPWD"));
        let own = [
            "ASKED",
            "HOME",
            "LC_ALL",
            "PATH",
            "PWD",
            "SOURCE_DATE_EPOCH",
            "TMPDIR",
            "TZ",
        ];
        assert_eq!(names, own, "{environment}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_descriptor_is_inherited() {
    // One that is not closed when a program is started: as a server may be given by its own parent.
    let leaked = std::fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    for has_namespaces in CONTAINMENTS {
        let stage = Stage::new();
        let lines =
            "exec python3 -c 'import os; print(*sorted(os.listdir(\"/proc/self/fd\")))' > out";
        let generator = stage.shell_in(has_namespaces, lines, "").await;
        // 3 is the folder that is listed.
        let open = String::from_utf8(ran(&generator).await.unwrap()).unwrap();
        assert_eq!(open, "0 1 2 3\n");
    }
}

#[tokio::test]
async fn the_directory_is_empty_and_private_and_removed() {
    for has_namespaces in CONTAINMENTS {
        let stage = Stage::new();
        let folder = stage.path().display().to_string();
        let lines =
            format!("(ls -A; stat -c %a .) > out; chmod 0 ../home; pwd -P > {folder}/where");
        let generator = stage.shell_in(has_namespaces, &lines, "").await;
        // The file that the shell has opened for it is there.
        assert_eq!(
            String::from_utf8(ran(&generator).await.unwrap()).unwrap(),
            "out\n700\n"
        );
        let room = std::fs::read_to_string(stage.file("where")).unwrap();
        let room = Path::new(room.trim());
        for _ in 0..200 {
            if !room.exists() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(!room.exists(), "{} is still there", room.display());
    }
}

#[tokio::test]
async fn two_runs_at_once_do_not_see_each_other() {
    if launcher(true).await.lacks_namespace().is_some() {
        println!(
            "left out: this kernel gives no namespaces, and so only names that are not to be guessed"
        );
        return;
    }
    let (stage, mark) = (Stage::new(), mark());
    // Each waits until the other must have begun, and then says what it sees.
    let lines = format!(
        "sleep {mark} & sleep 0.3; (ls ..; ls ../..; cat /proc/*/cmdline | tr '\\0' ' ' | grep -o {mark} | wc -l) > out"
    );
    let generator = stage.shell(&lines, "").await;
    let (one, other) = tokio::join!(ran(&generator), ran(&generator));
    for said in [one, other] {
        let said = String::from_utf8(said.unwrap()).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        // Its own `sleep`, and the two that look for it.
        assert_eq!(lines[..4], ["home", "stdout", "work", "room"], "{said}");
        assert!(
            lines.len() == 5 && lines[4].trim().parse::<u32>().unwrap() <= 2,
            "{said}"
        );
    }
}

#[tokio::test]
async fn what_ignores_sigterm_leaves_its_group_or_goes_on_as_a_daemon_ends_with_its_time() {
    for has_namespaces in CONTAINMENTS {
        for lines in [
            "trap '' TERM INT HUP; sleep MARK; sleep MARK",
            "setsid sleep MARK & sleep MARK",
            "setsid sh -c 'trap \"\" TERM; (setsid sleep MARK &) ; sleep MARK' & sleep MARK",
            "nohup sh -c '(nohup sleep MARK &) & (sleep MARK &)' & sleep MARK",
        ] {
            let (stage, mark) = (Stage::new(), mark());
            let lines = lines.replace("MARK", &mark);
            let generator = stage
                .shell_in(has_namespaces, &lines, "exchange.time = '250ms'")
                .await;
            let error = ran(&generator).await.expect_err(&lines);
            assert!(matches!(error, CommandError::TimeOver { .. }), "{error}");
            assert_eq!(processes_with(&mark), [""; 0], "after {lines}");
        }
    }
}

#[tokio::test]
async fn what_a_program_leaves_behind_when_it_succeeds_ends_with_it() {
    for has_namespaces in CONTAINMENTS {
        let (stage, mark) = (Stage::new(), mark());
        let lines = format!(
            "setsid sleep {mark} & (setsid sleep {mark} &) ; sleep {mark} & sleep 0.1; echo done > out"
        );
        let generator = stage.shell_in(has_namespaces, &lines, "").await;
        assert_eq!(ran(&generator).await.unwrap(), b"done\n");
        assert_eq!(processes_with(&mark), [""; 0]);
    }
}

#[tokio::test]
async fn what_never_closes_its_output_is_not_waited_for() {
    for has_namespaces in CONTAINMENTS {
        let (stage, mark) = (Stage::new(), mark());
        // The child has standard output and standard error, and keeps both open.
        let lines = format!("setsid sleep {mark} & echo spoken; exit 0");
        let more = "artifacts.stdout = { name = 'out', type = 'text/plain' }";
        let generator = stage.shell_in(has_namespaces, &lines, more).await;
        let ran = tokio::time::timeout(Duration::from_secs(5), ran(&generator))
            .await
            .expect("it is not waited for");
        assert_eq!(ran.unwrap(), b"spoken\n");
        assert_eq!(processes_with(&mark), [""; 0]);
    }
}

#[tokio::test]
async fn a_fork_bomb_ends_at_the_limit_of_processes() {
    for has_namespaces in CONTAINMENTS {
        let stage = Stage::new();
        // It doubles every few hundredths of a second, so that other tests have processes too.
        let lines = "bomb() { sleep 0.03; bomb & bomb & sleep 20; }; bomb";
        let more = "exchange.processes = 40\nexchange.time = '10s'";
        let generator = stage.shell_in(has_namespaces, lines, more).await;
        let error = ran(&generator).await.expect_err("it is a bomb");
        // For a user other than root the kernel refuses the fork, and the shell gives up.
        let is_named = matches!(
            error,
            CommandError::Over {
                limit: "processes",
                ..
            } | CommandError::Exit { .. }
        );
        assert!(is_named, "{error}");
        gone(&stage.file("program").display().to_string()).await;
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_or_dropped_leaves_no_process() {
    for has_namespaces in CONTAINMENTS {
        let (stage, mark) = (Stage::new(), mark());
        let lines = format!("setsid sleep {mark} & sleep {mark}");
        let generator = stage.shell_in(has_namespaces, &lines, "").await;
        let request = generator.declaration().read(form(&[])).unwrap();
        let both_run = async || {
            while processes_with(&format!("sleep\0{mark}")).len() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let stopped = generator.run(&request, both_run(), |_| {}).await;
        let error = stopped.map(drop).expect_err("it is stopped");
        assert!(matches!(error, CommandError::Cancelled { .. }), "{error}");
        assert_eq!(
            processes_with(&mark),
            [""; 0],
            "when it returns, everything has ended"
        );

        tokio::select! {
            _ = generator.run(&request, std::future::pending(), |_| {}) => unreachable!("it sleeps"),
            () = both_run() => {}
        }
        gone(&mark).await;
    }
}

#[tokio::test]
async fn an_isolated_program_writes_nowhere_else_and_has_no_network() {
    let stage = Stage::new();
    let outside = stage.file("outside");
    let lines = format!(
        "echo x > {outside} && echo wrote; rm -f {program} && echo removed; mv {program} {outside} && echo moved; \
         tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; kill -9 $PPID && echo killed; \
         echo x > /dev/null && echo x > inside && cat inside; echo end",
        outside = outside.display(),
        program = stage.file("program").display(),
    );
    let more = "artifacts.stdout = { name = 'out', type = 'text/plain' }\nexchange.isolated = true";
    stage.script("program", &lines);
    let generator = stage.start(&shell_toml(more), true).await.unwrap();
    let said = String::from_utf8(ran(&generator).await.unwrap()).unwrap();
    assert!(!outside.exists() && stage.file("program").exists());
    // The loopback interface is there, and down; the supervisor, which is the first process of the namespace, cannot be killed.
    assert_eq!(said, "lo\nkilled\nx\nend\n");

    // Where isolation is not to be had, it is not left out.
    let refused = stage
        .start(&shell_toml(more), false)
        .await
        .map(drop)
        .expect_err("it is refused")
        .to_string();
    assert!(
        refused.starts_with("generator `it`: isolation (`isolated = true`) is not to be had here"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_isolated_program_that_has_to_write_elsewhere_fails_by_name() {
    let stage = Stage::new();
    let outside = stage.file("outside");
    let lines = format!("echo x > {} || exit 9; echo x > out", outside.display());
    let generator = stage.shell(&lines, "exchange.isolated = true").await;
    let error = ran(&generator)
        .await
        .expect_err("it writes outside")
        .to_string();
    assert!(
        error.contains("ended with exit status 9; it said") && error.contains("Permission denied"),
        "{error}"
    );
    assert!(!outside.exists());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_processor_and_no_randomness_of_memory_are_given_where_asked() {
    let stage = Stage::new();
    let lines =
        "(grep Cpus_allowed_list /proc/self/status | cut -f2; cat /proc/self/personality) > out";
    let more = "exchange.one_cpu = true\nexchange.no_aslr = true";
    for has_namespaces in CONTAINMENTS {
        let generator = stage.shell_in(has_namespaces, lines, more).await;
        let said = String::from_utf8(ran(&generator).await.unwrap()).unwrap();
        let (cpus, persona) = said.trim().split_once('\n').unwrap();
        assert!(cpus.parse::<u32>().is_ok(), "{said}");
        assert_eq!(persona, "00040000", "{said}");
    }
}

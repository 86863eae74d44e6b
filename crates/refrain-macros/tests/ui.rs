//! Uses that compile, and mistakes with what the compiler says about them.
//!
//! The messages in `ui/fail` are those of one version of the compiler, named in `ui/toolchain`: others word theirs
//! differently. With another version they are not compared; say `TRYBUILD=overwrite` to write them anew.

use std::process::Command;

#[test]
fn uses_compile_and_mistakes_are_explained() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass.rs");
    cases.pass("tests/ui/pass/warnings_are_denied.rs");
    let known = include_str!("ui/toolchain").trim();
    let version = compiler_version();
    if version.starts_with(&format!("rustc {known}.")) {
        cases.compile_fail("tests/ui/fail/*.rs");
    } else {
        println!("the messages are those of rustc {known} and not compared with {version}");
    }
}

fn compiler_version() -> String {
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(compiler).arg("--version").output();
    let output = output.expect("what compiled this test can be run");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

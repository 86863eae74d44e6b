use crate::program::Place;

#[test]
fn the_command_says_what_it_can_do() {
    insta::assert_snapshot!(Place::new().succeed(&["--help"]).out);
}

#[test]
fn serve_explains_every_setting_with_its_default_range_variable_and_key() {
    insta::assert_snapshot!(Place::new().succeed(&["serve", "--help"]).out);
}

#[test]
fn serve_has_a_short_help() {
    insta::assert_snapshot!(Place::new().succeed(&["serve", "-h"]).out);
}

#[test]
fn generate_explains_every_option() {
    insta::assert_snapshot!(Place::new().succeed(&["generate", "relief", "--help"]).out);
}

#[test]
fn the_other_commands_explain_themselves() {
    let place = Place::new();
    for command in ["stats", "entries", "clear", "config", "completions"] {
        let help = place.succeed(&[command, "-h"]).out;
        insta::assert_snapshot!(format!("{command}_help"), help);
    }
    for command in ["presets", "routes"] {
        let help = place.succeed(&[command, "-h"]).out;
        insta::assert_snapshot!(format!("{command}_help"), help);
    }
    let help = place.succeed(&["generate", "-h"]).out;
    insta::assert_snapshot!("generate_help", help);
}

#[test]
fn completions_name_every_command_for_every_shell() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = place.succeed(&["completions", shell]).out;
        for word in [
            "serve", "generate", "stats", "entries", "clear", "config", "max-size",
        ] {
            assert!(script.contains(word), "{shell} has no {word}");
        }
    }
}

#[test]
fn a_command_that_is_not_there_is_pointed_out() {
    insta::assert_snapshot!(Place::new().fail(&["serv"]));
}

#[test]
fn nothing_is_colored_unless_it_is_a_terminal() {
    let place = Place::new();
    for arguments in [
        &["--help"][..],
        &["stats"],
        &["serve", "--port", "-1"],
        &["config"],
    ] {
        let ran = place.run(arguments);
        assert!(!ran.out.contains('\u{1b}'), "{arguments:?}: {}", ran.out);
        assert!(!ran.err.contains('\u{1b}'), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn colors_can_be_asked_for_and_no_color_is_respected() {
    let forced = Place::new().variable("CLICOLOR_FORCE", "1");
    assert!(forced.fail(&["stats"]).contains("\u{1b}["));
    let plain = Place::new().variable("NO_COLOR", "1");
    assert!(!plain.fail(&["stats"]).contains('\u{1b}'));
}

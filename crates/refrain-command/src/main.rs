//! The supervisor as a program of its own, for programs that start commands and are not the supervisor themselves.

fn main() {
    refrain_command::supervise_if_asked();
}

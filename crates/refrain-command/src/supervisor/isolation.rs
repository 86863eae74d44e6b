//! Landlock: keeps the program from changing any file outside its room. The network is kept away by a namespace.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope,
};

/// What programs write to without changing anything.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full"];

/// From now on this process and its descendants read everywhere and write in `room` only.
pub(super) fn restrict(room: &Path) -> Result<(), String> {
    let say = |error: &dyn std::fmt::Display| {
        format!("cannot keep the program in its directory: {error}")
    };
    // What the kernel does not know yet of this version is left out, but a kernel that knows none of it is refused.
    let abi = ABI::V6;
    let mut rules = vec![
        (Path::new("/"), AccessFs::from_read(abi)),
        (room, AccessFs::from_all(abi)),
    ];
    let devices = DEVICES
        .iter()
        .map(Path::new)
        .filter(|device| device.exists());
    rules.extend(devices.map(|device| (device, AccessFs::from_file(abi))));
    let rules: Vec<_> = rules
        .into_iter()
        .map(|(path, access)| PathFd::new(path).map(|opened| PathBeneath::new(opened, access)))
        .collect::<Result<_, _>>()
        .map_err(|error| say(&error))?;
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))
        .and_then(|rules| rules.scope(Scope::Signal))
        .and_then(Ruleset::create)
        .and_then(|created| created.add_rules(rules.into_iter().map(Ok::<_, RulesetError>)))
        .map_err(|error| say(&error))?;
    let status = rules.restrict_self().map_err(|error| say(&error))?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err(say(&"this kernel has no Landlock")),
        _ => Ok(()),
    }
}

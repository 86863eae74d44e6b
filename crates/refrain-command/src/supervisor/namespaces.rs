//! Namespaces of a user, of processes and of mounts (`unshare`), which need no privilege where the kernel lets users make them.

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getgid, getuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    configure_capability_in_ambient_set, set_capabilities,
};

use super::Order;

/// What root is called inside: it is root there neither, so a program gets no capabilities by being started.
const NOBODY: u32 = 65534;

/// The name of every room, as the program in it sees it: a path that a program writes into its files is always the same.
const ROOM: &str = "room";

/// Makes a namespace for the process that is started next, and for its descendants.
///
/// Called before this process starts a thread: only then may it change its namespace of users.
pub(super) fn make(isolated: bool) -> Result<(), String> {
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    let mut flags = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID;
    if isolated {
        flags |= CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC;
    }
    unshare(flags).map_err(|error| format!("cannot make a namespace of processes: {error}"))?;
    let map = |name: &str, text: String| {
        fs::write(format!("/proc/self/{name}"), text)
            .map_err(|error| format!("cannot write the `{name}` of a namespace: {error}"))
    };
    map("setgroups", "deny".to_owned())?;
    let inside = |id: u32| if id == 0 { NOBODY } else { id };
    map("uid_map", format!("{} {user} 1", inside(user)))?;
    map("gid_map", format!("{} {group} 1", inside(group)))?;
    // The first process in the namespace mounts, and then lets go of this.
    let admin = CapabilitySet::SYS_ADMIN;
    let all = rustix::thread::capabilities(None).map_err(|error| error.to_string())?;
    set_capabilities(
        None,
        CapabilitySets {
            inheritable: admin,
            ..all
        },
    )
    .and_then(|()| configure_capability_in_ambient_set(admin, true))
    .map_err(|error| format!("cannot hand on the right to mount: {error}"))
}

/// Shows this process only its own room and its own processes, and gives every capability away.
pub(super) fn settle(order: &Order) -> Result<PathBuf, String> {
    unshare(CloneFlags::CLONE_NEWNS)
        .map_err(|error| format!("cannot make a namespace of mounts: {error}"))?;
    let nothing: Option<&str> = None;
    let say = |what: &str, error: nix::Error| format!("cannot mount {what}: {error}");
    mount(
        nothing,
        "/",
        nothing,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        nothing,
    )
    .map_err(|error| say("`/` privately", error))?;
    let room = open(&order.rooms.join(&order.room)).map_err(|error| error.to_string())?;
    let rooms = order.rooms.as_path();
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(
        Some("rooms"),
        rooms,
        Some("tmpfs"),
        quiet,
        Some("mode=0755,size=64k"),
    )
    .map_err(|error| say("over the other rooms", error))?;
    let here = rooms.join(ROOM);
    fs::create_dir(&here).map_err(|error| format!("cannot make a place for the room: {error}"))?;
    let held = format!("/proc/self/fd/{}", room.as_raw_fd());
    mount(
        Some(held.as_str()),
        &here,
        nothing,
        MsFlags::MS_BIND,
        nothing,
    )
    .map_err(|error| say("the room", error))?;
    let seal = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | quiet;
    mount(nothing, rooms, nothing, seal, nothing)
        .map_err(|error| say("the rooms read-only", error))?;
    // In a container whose `/proc` is partly hidden, the kernel gives no whole one; then the old one stays, through which
    // other processes can be listed and not looked into.
    let _ = mount(
        Some("proc"),
        "/proc",
        Some("proc"),
        quiet | MsFlags::MS_NOEXEC,
        nothing,
    );
    give_up_capabilities().map_err(|error| format!("cannot give capabilities away: {error}"))?;
    Ok(here)
}

fn open(room: &Path) -> std::io::Result<File> {
    const O_PATH: i32 = 0o10_000_000;
    OpenOptions::new()
        .read(true)
        .custom_flags(O_PATH)
        .open(room)
}

fn give_up_capabilities() -> rustix::io::Result<()> {
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )
}

//! Resource limits (`setrlimit`), taken by the supervisor just before it starts the program, which inherits them.

use std::io;

use nix::sys::resource::{Resource, setrlimit};

use super::{Containment, Limits, Steadiness};

/// Files that a program may have open.
const OPEN_FILES: u64 = 1024;

/// Takes the limits. Afterwards this process should do nothing but start the program and wait for it.
pub(super) fn take(limits: &Limits, containment: Containment) -> io::Result<()> {
    let set = |resource, value: u64| -> io::Result<()> {
        // A limit that is lower already stays: it is not ours to raise.
        let (_, hard) = nix::sys::resource::getrlimit(resource)?;
        let value = value.min(hard);
        Ok(setrlimit(resource, value, value)?)
    };
    set(Resource::RLIMIT_CORE, 0)?;
    set(Resource::RLIMIT_FSIZE, limits.output)?;
    set(Resource::RLIMIT_CPU, limits.cpu_seconds)?;
    set(Resource::RLIMIT_NOFILE, OPEN_FILES)?;
    // Address space that is only reserved does not count as data: some runtimes reserve far more than they use.
    #[cfg(target_os = "linux")]
    set(Resource::RLIMIT_DATA, limits.memory)?;
    // Counts the processes of this user in this namespace, which are those of the program and its two supervisors; without a namespace
    // it would count all that the user runs. Root is not limited by it: then the watch alone counts.
    #[cfg(target_os = "linux")]
    if containment == Containment::Namespace {
        set(Resource::RLIMIT_NPROC, limits.processes.saturating_add(2))?;
    }
    Ok(())
}

/// Takes away what differs between two runs.
#[cfg(target_os = "linux")]
pub(super) fn steady(steadiness: Steadiness) -> io::Result<()> {
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::sys::personality;
    use nix::unistd::Pid;

    if steadiness.no_aslr {
        let persona = personality::get()?;
        personality::set(persona | personality::Persona::ADDR_NO_RANDOMIZE)?;
    }
    if steadiness.one_cpu {
        let this = Pid::from_raw(0);
        let allowed = sched_getaffinity(this)?;
        let first = (0..CpuSet::count()).find(|&cpu| allowed.is_set(cpu).unwrap_or(false));
        if let Some(first) = first {
            let mut one = CpuSet::new();
            one.set(first)?;
            sched_setaffinity(this, &one)?;
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn steady(steadiness: Steadiness) -> io::Result<()> {
    match steadiness {
        Steadiness {
            one_cpu: false,
            no_aslr: false,
        } => Ok(()),
        _ => Err(io::Error::other("`one_cpu` and `no_aslr` need Linux")),
    }
}

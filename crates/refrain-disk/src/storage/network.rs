//! File systems of other machines, told by the magic number of `statfs`: a lock taken here means nothing there.

use std::path::Path;

/// The name of the network file system that the folder is on, if it is on one that is known.
#[cfg(target_os = "linux")]
pub(crate) fn network_file_system(dir: &Path) -> Option<&'static str> {
    let about = rustix::fs::statfs(dir).ok()?;
    // The type of the number differs from platform to platform; it has 32 bits.
    let magic = i128::from(about.f_type) & i128::from(u32::MAX);
    name_of(u32::try_from(magic).ok()?)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn network_file_system(_: &Path) -> Option<&'static str> {
    None
}

#[cfg(any(target_os = "linux", test))]
fn name_of(magic: u32) -> Option<&'static str> {
    match magic {
        0x6969 => Some("NFS"),
        0x517B | 0xFF53_4D42 | 0xFE53_4D42 => Some("SMB"),
        0x5346_414F | 0x6B41_4653 => Some("AFS"),
        0x7375_7245 => Some("Coda"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_of_other_machines_have_their_names_and_those_of_this_one_have_none() {
        let names = [
            (0x6969, Some("NFS")),
            (0x517B, Some("SMB")),
            (0xFF53_4D42, Some("SMB")),
            (0xFE53_4D42, Some("SMB")),
            (0x5346_414F, Some("AFS")),
            (0x6B41_4653, Some("AFS")),
            (0x7375_7245, Some("Coda")),
            (0xEF53, None),
            (0x5846_5342, None),
            (0x9123_683E, None),
            (0x0102_1994, None),
            (0x794C_7630, None),
        ];
        for (magic, name) in names {
            assert_eq!(name_of(magic), name, "{magic:#x}");
        }
        assert_eq!(network_file_system(&std::env::temp_dir()), None);
    }
}

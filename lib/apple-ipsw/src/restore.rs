//! Restore.plist: hints that BuildManifest does not have. Newer IPSWs may lack it.

use crate::Result;
use crate::plist::Plist;

/// Path in an IPSW.
pub const RESTORE: &str = "Restore.plist";

/// What is used of Restore.plist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restore {
    /// `DeviceMap`.
    pub devices: Vec<Device>,
    /// `SystemRestoreImageFileSystems`: name of a disk image, and its file system in words.
    pub file_systems: Vec<(String, String)>,
}

/// An entry of `DeviceMap`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// `BoardConfig`, such as `d22ap`.
    pub board: String,
    /// `BDID`.
    pub board_id: Option<u64>,
    /// `CPID`.
    pub chip_id: Option<u64>,
    /// `Platform`, such as `t8015`.
    pub platform: String,
}

impl Restore {
    /// Reads it, XML or binary.
    pub fn parse(bytes: &[u8]) -> Result<Restore> {
        let list = Plist::parse(RESTORE, bytes)?;
        let devices = list.get("DeviceMap").map(Plist::items).unwrap_or_default();
        let systems = list.get("SystemRestoreImageFileSystems").map(Plist::entries).unwrap_or_default();
        Ok(Restore {
            devices: devices
                .iter()
                .map(|d| Device {
                    board: d.get_text("BoardConfig").unwrap_or_default(),
                    board_id: d.get_number("BDID"),
                    chip_id: d.get_number("CPID"),
                    platform: d.get_text("Platform").unwrap_or_default(),
                })
                .collect(),
            file_systems: systems
                .iter()
                .filter_map(|(n, s)| s.text().map(|s| (n.clone(), s.to_string())))
                .collect(),
        })
    }
}

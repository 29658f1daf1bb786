//! BuildManifest.plist: which files make which boot of which device.
//!
//! The facts are those of an iOS 11.2 manifest and of `blacktop/ipsw:pkg/plist/build_manifest.go`. Keys that are not
//! needed to choose, check and name files (signing rules, baseband) are passed over.

use crate::plist::Plist;
use crate::{Choice, Error, Result};

/// Path of the manifest in an IPSW.
pub const BUILD_MANIFEST: &str = "BuildManifest.plist";

/// Where an over-the-air archive has its manifest and boot files.
pub const OTA_FOLDER: &str = "AssetData/boot/";

/// The folder of the manifest of an archive of these members: none in an IPSW, [`OTA_FOLDER`] in an over-the-air archive,
/// another if someone has packed a folder with the IPSW's files. `None` if there is no manifest, or more than one.
pub(crate) fn base<'n>(names: impl Iterator<Item = &'n str>) -> Option<String> {
    let mut found: Option<&str> = None;
    for name in names {
        let Some(folder) = name.strip_suffix(BUILD_MANIFEST) else { continue };
        if folder.is_empty() || folder == OTA_FOLDER {
            return Some(folder.into());
        }
        if !folder.ends_with('/') {
            continue;
        }
        if found.is_some() {
            return None;
        }
        found = Some(folder);
    }
    found.map(str::to_string)
}

/// A build manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildManifest {
    /// `ProductVersion`, such as `11.2`.
    pub version: String,
    /// `ProductBuildVersion`, such as `15C114`.
    pub build: String,
    /// `SupportedProductTypes`, such as `iPhone10,3`.
    pub products: Vec<String>,
    /// `BuildIdentities`, in the order of the file.
    pub identities: Vec<Identity>,
}

/// A build identity: one board and one way to install.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its index in the manifest.
    pub index: usize,
    /// `ApBoardID`.
    pub board_id: Option<u64>,
    /// `ApChipID`, such as 0x8015.
    pub chip_id: Option<u64>,
    /// `ApSecurityDomain`.
    pub security_domain: Option<u64>,
    /// `Info.DeviceClass`: the board configuration, such as `d22ap`.
    pub board: String,
    /// `Info.RestoreBehavior`: `Erase` or `Update`.
    pub behavior: String,
    /// `Info.Variant`, such as `Customer Erase Install (IPSW)`.
    pub variant: String,
    /// `Info.BuildNumber`.
    pub build: String,
    /// `Info.BuildTrain`.
    pub train: String,
    /// `Ap,ProductType`, in newer manifests.
    pub product: Option<String>,
    /// `Manifest`: the components, in the order of the file.
    pub components: Vec<Component>,
}

/// A component: what a file is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Component {
    /// Apple's name for it, such as `RestoreRamDisk`.
    pub name: String,
    /// Path in the IPSW; some components have none.
    pub path: Option<String>,
    /// `Digest`: of the whole IM4P file with its type set to [`Component::im4p_type`] (see [`crate::DigestCheck`]).
    pub digest: Option<Vec<u8>>,
    /// `Info.Img4PayloadType`: the type under which the boot loads the file, if not the file's own.
    pub im4p_type: Option<String>,
    /// `Trusted`.
    pub trusted: bool,
    /// `Info.IsFUDFirmware`.
    pub is_fud: bool,
    /// `Info.IsFirmwarePayload`.
    pub is_firmware: bool,
    /// `BuildString`.
    pub build_string: Option<String>,
}

impl BuildManifest {
    /// Reads the manifest, XML or binary.
    pub fn parse(bytes: &[u8]) -> Result<BuildManifest> {
        let list = Plist::parse(BUILD_MANIFEST, bytes)?;
        let Some(identities) = list.get("BuildIdentities") else {
            return Err(Error::Plist {
                file: BUILD_MANIFEST.into(),
                what: "key BuildIdentities is missing".into(),
            });
        };
        Ok(BuildManifest {
            version: list.get_text("ProductVersion").unwrap_or_default(),
            build: list.get_text("ProductBuildVersion").unwrap_or_default(),
            products: list.texts("SupportedProductTypes"),
            identities: identities.items().iter().enumerate().map(|(i, p)| identity(i, p)).collect(),
        })
    }

    /// Puts all paths below a folder of the archive.
    pub(crate) fn rebase(&mut self, folder: &str) {
        let components = self.identities.iter_mut().flat_map(|i| &mut i.components);
        for path in components.filter_map(|c| c.path.as_mut()).filter(|_| !folder.is_empty()) {
            path.insert_str(0, folder);
        }
    }

    /// All identities that fit a choice, in the order of the file.
    pub fn fitting(&self, choice: &Choice) -> Result<Vec<&Identity>> {
        let boards = choice.device.as_deref().map(|d| self.boards_of(d)).transpose()?;
        let fits = |i: &&Identity| {
            choice.identity.is_none_or(|n| n == i.index)
                && choice.board.as_deref().is_none_or(|b| same_board(b, &i.board))
                && boards.as_ref().is_none_or(|b| b.contains(&i.board))
                && choice.variant.as_deref().is_none_or(|v| i.is_variant(v))
        };
        let found: Vec<&Identity> = self.identities.iter().filter(fits).collect();
        if found.is_empty() {
            return Err(Error::NoIdentity { wanted: choice.to_string(), there: self.list() });
        }
        Ok(found)
    }

    /// The identity to use: of the fitting ones that for a customer's erasing install, and an error if they are for
    /// several boards and differ in the files of the components `wanted`.
    pub fn choose(&self, choice: &Choice, wanted: &[&str]) -> Result<&Identity> {
        let mut found = self.fitting(choice)?;
        // Stable, so that the first of the best stays first.
        found.sort_by_key(|i| i.rank());
        let Some(first) = found.first().copied() else {
            return Err(Error::NoIdentity { wanted: choice.to_string(), there: self.list() });
        };
        let files = |i: &Identity| -> Vec<Option<String>> {
            wanted.iter().map(|w| i.component(w).ok().and_then(|c| c.path.clone())).collect()
        };
        let differs = |i: &&&Identity| i.board != first.board && i.rank() == first.rank();
        if found.iter().filter(differs).any(|i| files(i) != files(first)) {
            return Err(Error::Ambiguous { there: list(&found) });
        }
        Ok(first)
    }

    /// The boards of a product type. Newer manifests say; else our table; else, if the whole IPSW is for one product
    /// type, all.
    fn boards_of(&self, device: &str) -> Result<Vec<String>> {
        let named = self.identities.iter().filter(|i| i.product.as_deref() == Some(device));
        let mut boards: Vec<String> = named.map(|i| i.board.clone()).collect();
        let known = crate::devices::boards(device);
        if boards.is_empty() {
            let of_table = self.identities.iter().filter(|i| known.iter().any(|k| same_board(k, &i.board)));
            boards = of_table.map(|i| i.board.clone()).collect();
        }
        let supported = self.products.iter().any(|p| p == device);
        if boards.is_empty() && known.is_empty() && supported {
            let alone = self.products.len() == 1;
            boards = self.identities.iter().filter(|_| alone).map(|i| i.board.clone()).collect();
            if boards.is_empty() {
                return Err(Error::Ambiguous { there: self.list() });
            }
        }
        if boards.is_empty() {
            let there = format!("{} (products {})", self.list(), self.products.join(", "));
            return Err(Error::NoIdentity { wanted: format!("device {device}"), there });
        }
        Ok(boards)
    }

    fn list(&self) -> String {
        list(&self.identities.iter().collect::<Vec<_>>())
    }
}

/// `d22ap (Erase, Update), d221ap (Erase, Update)`.
fn list(identities: &[&Identity]) -> String {
    let mut boards: Vec<(&str, Vec<&str>)> = Vec::new();
    for i in identities {
        match boards.iter_mut().find(|(b, _)| *b == i.board) {
            Some((_, ways)) if ways.contains(&i.way()) => {}
            Some((_, ways)) => ways.push(i.way()),
            None => boards.push((&i.board, vec![i.way()])),
        }
    }
    let boards: Vec<String> = boards.iter().map(|(b, ways)| format!("{b} ({})", ways.join(", "))).collect();
    if boards.is_empty() { "none".into() } else { boards.join(", ") }
}

/// Boards are written `d22ap`, `D22AP` and, for short, `d22`.
fn same_board(asked: &str, board: &str) -> bool {
    let strip = |s: &str| {
        let s = s.to_ascii_lowercase();
        s.strip_suffix("ap").map(str::to_string).unwrap_or(s)
    };
    strip(asked) == strip(board)
}

impl Identity {
    /// A component by name: Apple's, in any case, or a usual short one (`kernel`, `ramdisk`, ...).
    pub fn component(&self, name: &str) -> Result<&Component> {
        let by_name = |n: &str| self.components.iter().find(|c| c.name.eq_ignore_ascii_case(n));
        by_name(name).or_else(|| aliases(name).iter().find_map(|n| by_name(n))).ok_or_else(|| {
            let names: Vec<&str> = self.components.iter().map(|c| c.name.as_str()).collect();
            Error::NoComponent { name: name.into(), components: names.join(", ") }
        })
    }

    /// `Erase`, `Update`, `Recovery`, `Research Erase`, ...: the way to install in a word or two.
    pub fn way(&self) -> &str {
        if self.is_special() || self.behavior.is_empty() { &self.variant } else { &self.behavior }
    }

    /// Whether it is neither a customer's erase nor update.
    fn is_special(&self) -> bool {
        let v = self.variant.to_ascii_lowercase();
        ["research", "recovery", "factory", "developer", "internal"].iter().any(|s| v.contains(s))
    }

    /// Smaller is what a user who says nothing wants.
    fn rank(&self) -> (bool, bool) {
        (self.is_special(), !self.behavior.eq_ignore_ascii_case("erase"))
    }

    /// `Erase` and `Update` are behaviours; anything else is looked for in the variant's text.
    fn is_variant(&self, asked: &str) -> bool {
        let variant = self.variant.to_ascii_lowercase();
        let asked = asked.to_ascii_lowercase();
        variant == asked
            || (self.behavior.eq_ignore_ascii_case(&asked) && !self.is_special())
            || (!["erase", "update"].contains(&asked.as_str())
                && !asked.is_empty()
                && variant.contains(&asked))
    }
}

/// What users of other tools call components, best first.
fn aliases(name: &str) -> &'static [&'static str] {
    match name.to_ascii_lowercase().as_str() {
        "kernel" | "kc" => &["KernelCache", "RestoreKernelCache"],
        "dt" | "dtree" | "device-tree" => &["DeviceTree", "RestoreDeviceTree"],
        "ramdisk" | "rdisk" | "rd" => &["RestoreRamDisk"],
        "trustcache" | "tc" => &["RestoreTrustCache", "StaticTrustCache"],
        "fs" | "rootfs" => &["OS", "Cryptex1,SystemOS"],
        _ => &[],
    }
}

fn identity(index: usize, list: &Plist) -> Identity {
    let empty = Plist::Other;
    let info = list.get("Info").unwrap_or(&empty);
    let manifest = list.get("Manifest").unwrap_or(&empty);
    Identity {
        index,
        board_id: list.get_number("ApBoardID"),
        chip_id: list.get_number("ApChipID"),
        security_domain: list.get_number("ApSecurityDomain"),
        board: info.get_text("DeviceClass").or(list.get_text("Ap,Target")).unwrap_or_default(),
        behavior: info.get_text("RestoreBehavior").unwrap_or_default(),
        variant: info.get_text("Variant").unwrap_or_default(),
        build: info.get_text("BuildNumber").unwrap_or_default(),
        train: info.get_text("BuildTrain").unwrap_or_default(),
        product: list.get_text("Ap,ProductType"),
        components: manifest.entries().iter().map(|(name, c)| component(name, c)).collect(),
    }
}

fn component(name: &str, list: &Plist) -> Component {
    let empty = Plist::Other;
    let info = list.get("Info").unwrap_or(&empty);
    Component {
        name: name.into(),
        path: info.get_text("Path"),
        digest: list.get_data("Digest").map(<[u8]>::to_vec),
        im4p_type: info.get_text("Img4PayloadType").filter(|t| t.len() == 4),
        trusted: list.get_bool("Trusted"),
        is_fud: info.get_bool("IsFUDFirmware"),
        is_firmware: info.get_bool("IsFirmwarePayload"),
        build_string: list.get_text("BuildString"),
    }
}

#[cfg(test)]
mod tests;

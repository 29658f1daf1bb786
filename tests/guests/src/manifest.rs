//! The two property lists of an IPSW, with the keys that real ones have (see `ipsw.md` facts in bootimg(5)'s sources).

use plist::{Dictionary, Value};

/// A component of the manifest.
pub struct Component {
    /// Its key, such as `RestoreKernelCache`.
    pub name: &'static str,
    /// Path in the archive.
    pub path: String,
    /// `Img4PayloadType`, when the file is used as another type than it says.
    pub used_as: Option<&'static str>,
    /// SHA-384 of the IM4P with that type.
    pub digest: Vec<u8>,
}

/// One build identity: a device and a way to install.
pub struct Identity {
    /// `Erase` or `Update`.
    pub behavior: &'static str,
    /// Its components.
    pub components: Vec<Component>,
}

/// The device and the release that an IPSW is for.
#[derive(Debug, Clone, Copy)]
pub struct Product {
    /// `ProductType`.
    pub kind: &'static str,
    /// `DeviceClass` of the build identity.
    pub board: &'static str,
    /// Name in the kernelcache's.
    pub family: &'static str,
    /// `t8010`.
    pub platform: &'static str,
    /// Chip.
    pub chip: u32,
    /// Release.
    pub version: &'static str,
    /// Build.
    pub build: &'static str,
}

/// The demo's.
pub const DEMO: Product = Product {
    kind: "iPhone9,1",
    board: "d10ap",
    family: "iphone9",
    platform: "t8010",
    chip: 0x8010,
    version: "12.1",
    build: "16B92",
};

/// `BuildManifest.plist`.
pub fn build_manifest(product: &Product, identities: &[Identity]) -> Value {
    let mut root = Dictionary::new();
    root.insert(
        "BuildIdentities".into(),
        Value::Array(identities.iter().map(|i| identity(product, i)).collect()),
    );
    root.insert("ManifestVersion".into(), 0.into());
    root.insert("ProductBuildVersion".into(), product.build.into());
    root.insert("ProductVersion".into(), product.version.into());
    root.insert("SupportedProductTypes".into(), Value::Array(vec![product.kind.into()]));
    Value::Dictionary(root)
}

fn identity(product: &Product, it: &Identity) -> Value {
    let mut info = Dictionary::new();
    info.insert("BuildNumber".into(), product.build.into());
    info.insert("BuildTrain".into(), "xnuboot demo".into());
    info.insert("DeviceClass".into(), product.board.into());
    info.insert("RestoreBehavior".into(), it.behavior.into());
    info.insert("Variant".into(), format!("Customer {} Install (IPSW)", it.behavior).into());
    let mut manifest = Dictionary::new();
    for c in &it.components {
        let mut info = Dictionary::new();
        info.insert("HashMethod".into(), "sha2-384".into());
        info.insert("Path".into(), c.path.as_str().into());
        if let Some(used_as) = c.used_as {
            info.insert("Img4PayloadType".into(), used_as.into());
        }
        let mut entry = Dictionary::new();
        entry.insert("Digest".into(), Value::Data(c.digest.clone()));
        entry.insert("Info".into(), Value::Dictionary(info));
        entry.insert("Trusted".into(), true.into());
        manifest.insert(c.name.into(), Value::Dictionary(entry));
    }
    let mut out = Dictionary::new();
    out.insert("ApBoardID".into(), "0x08".into());
    out.insert("ApChipID".into(), format!("{:#06x}", product.chip).into());
    out.insert("ApSecurityDomain".into(), "0x01".into());
    out.insert("Info".into(), Value::Dictionary(info));
    out.insert("Manifest".into(), Value::Dictionary(manifest));
    Value::Dictionary(out)
}

/// `Restore.plist`.
pub fn restore(product: &Product, kernel: &str, erase: &str, update: &str) -> Value {
    let mut device = Dictionary::new();
    device.insert("BDID".into(), 8.into());
    device.insert("BoardConfig".into(), product.board.into());
    device.insert("CPID".into(), product.chip.into());
    device.insert("Platform".into(), product.platform.into());
    device.insert("SCEP".into(), 1.into());
    let mut kernels = Dictionary::new();
    let mut release = Dictionary::new();
    release.insert("Release".into(), kernel.into());
    kernels.insert(product.family.into(), Value::Dictionary(release));
    let mut ramdisks = Dictionary::new();
    ramdisks.insert("User".into(), erase.into());
    ramdisks.insert("Update".into(), update.into());
    let mut file_systems = Dictionary::new();
    file_systems.insert(erase.into(), "Case-sensitive HFS+".into());
    file_systems.insert(update.into(), "Case-sensitive HFS+".into());
    let mut root = Dictionary::new();
    root.insert("DeviceClass".into(), "iPhone".into());
    root.insert("DeviceMap".into(), Value::Array(vec![Value::Dictionary(device)]));
    root.insert("KernelCachesByPlatform".into(), Value::Dictionary(kernels));
    root.insert("ProductBuildVersion".into(), product.build.into());
    root.insert("ProductType".into(), product.kind.into());
    root.insert("ProductVersion".into(), product.version.into());
    root.insert("RestoreRamDisks".into(), Value::Dictionary(ramdisks));
    root.insert("SupportedProductTypes".into(), Value::Array(vec![product.kind.into()]));
    root.insert("SystemRestoreImageFileSystems".into(), Value::Dictionary(file_systems));
    Value::Dictionary(root)
}

use super::*;
use crate::Choice;
use crate::test_support::{DEFLATED, STORED, archive, digest, im4p, manifest, streamed};

const TREE: &str = "Firmware/all_flash/DeviceTree.d22ap.im4p";

struct Files {
    manifest: Vec<u8>,
    kernel: Vec<u8>,
    tree: Vec<u8>,
}

fn files() -> Files {
    let kernel = im4p("krnl", &[7; 30_000]);
    let tree = im4p("dtre", b"device tree");
    let rows = vec![
        ("KernelCache", "kernelcache", None, digest(&kernel, "krnl")),
        ("RestoreKernelCache", "kernelcache", Some("rkrn"), digest(&kernel, "rkrn")),
        ("DeviceTree", TREE, None, digest(&tree, "dtre")),
        ("RestoreDeviceTree", TREE, Some("rdtr"), digest(&tree, "rdtr")),
        ("OS", "os.dmg", None, vec![9; 48]),
    ];
    let manifest = manifest(&[("d22ap", "Erase", "Customer Erase Install (IPSW)", rows)]);
    Files { manifest, kernel, tree }
}

fn zip(f: &Files) -> Vec<u8> {
    archive(
        &[
            ("BuildManifest.plist", &f.manifest, DEFLATED),
            ("kernelcache", &f.kernel, DEFLATED),
            (TREE, &f.tree, STORED),
            ("os.dmg", b"a disk image", STORED),
        ],
        false,
    )
}

/// Name, bytes, verdict.
type Taken = (String, Vec<u8>, Option<Verdict>);

/// Reads all components that have a file.
fn components(ipsw: &Ipsw) -> Result<Vec<Taken>> {
    let identity = ipsw.manifest().choose(&Choice::default(), &[])?;
    let mut all = Vec::new();
    for c in &identity.components {
        let mut r = ipsw.component_reader(c)?;
        let mut bytes = Vec::new();
        r.copy_to(&mut bytes).map_err(|e| Error::io(&c.name, e))?;
        all.push((c.name.clone(), bytes, r.verdict()));
    }
    Ok(all)
}

#[test]
fn components_are_read_and_their_digests_compared_under_their_types() {
    let f = files();
    let all = components(&Ipsw::open(zip(&f)).unwrap()).unwrap();
    assert_eq!(all.len(), 5);
    for (name, bytes, verdict) in &all {
        match name.as_str() {
            "OS" => assert_eq!(*verdict, Some(Verdict::NotComparable)),
            n => {
                assert_eq!(*verdict, Some(Verdict::Match), "{n}");
                assert!(*bytes == if n.contains("Kernel") { &f.kernel[..] } else { &f.tree[..] });
            }
        }
    }
}

#[test]
fn a_changed_file_is_refused_before_its_last_byte() {
    let mut f = files();
    let last = f.kernel.len() - 1;
    f.kernel[last] ^= 1;
    let ipsw = Ipsw::open(zip(&f)).unwrap();
    let identity = ipsw.manifest().choose(&Choice::default(), &[]).unwrap();
    let mut bytes = Vec::new();
    let e = ipsw.component_reader(&identity.components[0]).unwrap().copy_to(&mut bytes).unwrap_err();
    assert!(bytes.len() < f.kernel.len());
    assert!(matches!(Error::io("x", e), Error::Digest { algorithm: "SHA-384", .. }));
}

#[test]
fn an_unpacked_folder_is_as_good_as_the_archive() {
    let f = files();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("Firmware/all_flash")).unwrap();
    for (name, bytes) in [
        ("BuildManifest.plist", &f.manifest),
        ("kernelcache", &f.kernel),
        (TREE, &f.tree),
        ("os.dmg", &vec![1]),
    ] {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let ipsw = Ipsw::open_folder(dir.path()).unwrap();
    assert_eq!(ipsw.entries().len(), 4);
    assert!(components(&ipsw).unwrap()[..4] == components(&Ipsw::open(zip(&f)).unwrap()).unwrap()[..4]);
}

#[test]
fn a_link_out_of_a_folder_is_not_followed() {
    let f = files();
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(dir.path().join("BuildManifest.plist"), &f.manifest).unwrap();
    std::os::unix::fs::symlink(outside.path(), dir.path().join("kernelcache")).unwrap();
    let ipsw = Ipsw::open_folder(dir.path()).unwrap();
    assert!(matches!(ipsw.read("kernelcache", 1000), Err(Error::Escape(_))));
}

/// Through a pipe, wanting the files of the boot.
fn piped(bytes: &[u8], early_limit: u64) -> Result<Ipsw> {
    let mut keep = |m: &BuildManifest| {
        let i = m.choose(&Choice::default(), &[])?.clone();
        let wanted =
            move |path: &str| i.components.iter().any(|c| c.name != "OS" && c.path.as_deref() == Some(path));
        Ok(Box::new(wanted) as Wanted)
    };
    Ipsw::from_stream(bytes, tempfile::tempfile().unwrap(), early_limit, &mut keep)
}

#[test]
fn a_pipe_keeps_what_is_wanted_and_passes_over_the_rest() {
    let f = files();
    let ipsw = piped(&zip(&f), 0).unwrap();
    let names: Vec<_> = ipsw.entries().iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["BuildManifest.plist", "kernelcache", TREE]);
    assert!(ipsw.read("kernelcache", 1 << 20).unwrap() == f.kernel);
    assert!(matches!(ipsw.read("os.dmg", 1 << 20), Err(Error::NotKept(_))));
}

#[test]
fn in_a_pipe_small_members_may_come_before_the_manifest() {
    let f = files();
    let late = [
        ("kernelcache", &f.kernel[..], DEFLATED),
        (TREE, &f.tree[..], DEFLATED),
        ("BuildManifest.plist", &f.manifest[..], DEFLATED),
    ];
    for bytes in [archive(&late, true), streamed(&late)] {
        let ipsw = piped(&bytes, 1 << 20).unwrap();
        assert!(ipsw.read(TREE, 1 << 20).unwrap() == f.tree);
    }
    let ipsw = piped(&archive(&late, false), 10).unwrap();
    assert!(matches!(ipsw.read(TREE, 1 << 20), Err(Error::NotKept(_))));
}

#[test]
fn an_archive_without_a_manifest_is_no_ipsw() {
    let e = Ipsw::open(archive(&[("a", b"x", STORED)], false)).unwrap_err();
    assert!(matches!(e, Error::NoFile(f) if f == "BuildManifest.plist"));
}

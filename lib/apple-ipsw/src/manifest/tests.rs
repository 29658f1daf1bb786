use super::*;
use crate::test_support::manifest;

const BOOT: [&str; 2] = ["KernelCache", "RestoreRamDisk"];

fn iphone_x() -> BuildManifest {
    let rows = |ramdisk: &'static str, tree: &'static str| {
        vec![
            ("KernelCache", "kernelcache.release.iphone10b", None, vec![1; 48]),
            ("DeviceTree", tree, None, vec![2; 48]),
            ("RestoreDeviceTree", tree, Some("rdtr"), vec![3; 48]),
            ("RestoreRamDisk", ramdisk, None, vec![4; 48]),
        ]
    };
    let (d22, d221) =
        ("Firmware/all_flash/DeviceTree.d22ap.im4p", "Firmware/all_flash/DeviceTree.d221ap.im4p");
    let bytes = manifest(&[
        ("d221ap", "Update", "Customer Upgrade Install (IPSW)", rows("u.dmg", d221)),
        ("d221ap", "Erase", "Customer Erase Install (IPSW)", rows("e.dmg", d221)),
        ("d22ap", "Erase", "Research Customer Erase Install (IPSW)", rows("r.dmg", d22)),
        ("d22ap", "Erase", "Customer Erase Install (IPSW)", rows("e.dmg", d22)),
        ("d22ap", "Update", "Customer Upgrade Install (IPSW)", rows("u.dmg", d22)),
    ]);
    BuildManifest::parse(&bytes).unwrap()
}

fn choice(board: Option<&str>, device: Option<&str>, variant: Option<&str>) -> Choice {
    let own = |s: Option<&str>| s.map(str::to_string);
    Choice { board: own(board), device: own(device), variant: own(variant), identity: None }
}

#[test]
fn a_manifest_is_read_with_digests_types_and_hexadecimal_numbers() {
    let m = iphone_x();
    assert_eq!((m.version.as_str(), m.build.as_str()), ("11.2", "15C114"));
    let i = &m.identities[3];
    assert_eq!((i.index, i.board.as_str(), i.chip_id, i.board_id), (3, "d22ap", Some(0x8015), Some(6)));
    let c = i.component("restoredevicetree").unwrap();
    assert_eq!((c.im4p_type.as_deref(), c.digest.as_deref()), (Some("rdtr"), Some(&[3; 48][..])));
    assert!(c.trusted && !c.is_fud);
    assert_eq!(i.component("kernel").unwrap().name, "KernelCache");
    let e = i.component("SEP").unwrap_err().to_string();
    assert!(e.contains("KernelCache, DeviceTree"), "{e}");
}

#[test]
fn the_customers_erasing_install_is_taken_when_nobody_says_which() {
    let m = iphone_x();
    assert_eq!(m.choose(&choice(Some("d22ap"), None, None), &BOOT).unwrap().index, 3);
    assert_eq!(m.choose(&choice(Some("D22"), None, None), &BOOT).unwrap().index, 3);
    assert_eq!(m.choose(&choice(Some("d22ap"), None, Some("update")), &BOOT).unwrap().index, 4);
    assert_eq!(m.choose(&choice(Some("d22ap"), None, Some("research")), &BOOT).unwrap().index, 2);
    assert_eq!(m.choose(&choice(None, Some("iPhone10,6"), None), &BOOT).unwrap().index, 1);
}

#[test]
fn boards_that_share_all_wanted_files_need_no_choice_others_do() {
    let m = iphone_x();
    assert_eq!(m.choose(&Choice::default(), &BOOT).unwrap().index, 1);
    let e = m.choose(&Choice::default(), &["KernelCache", "DeviceTree"]).unwrap_err();
    let text = e.to_string();
    assert!(matches!(e, Error::Ambiguous { .. }) && text.contains("d221ap (Erase, Update)"), "{text}");
    assert!(text.contains("d22ap (Erase, Update, Research Customer Erase Install (IPSW))"), "{text}");
}

#[test]
fn what_does_not_fit_is_an_error_that_lists_what_would() {
    let m = iphone_x();
    for c in [
        choice(Some("n61ap"), None, None),
        choice(None, Some("iPhone7,2"), None),
        choice(Some("d22ap"), None, Some("Recovery")),
        Choice { identity: Some(9), ..Choice::default() },
    ] {
        let e = m.choose(&c, &BOOT).unwrap_err();
        assert!(matches!(&e, Error::NoIdentity { there, .. } if there.contains("d22ap")), "{c}: {e}");
    }
}

#[test]
fn damaged_manifests_never_panic() {
    let good = manifest(&[("d22ap", "Erase", "x", vec![("A", "a", None, vec![1; 20])])]);
    for at in 0..good.len() {
        for byte in [b'<', b'>', b'&', 0, 0xff] {
            let mut bad = good.clone();
            bad[at] = byte;
            let _ = BuildManifest::parse(&bad);
        }
        let _ = BuildManifest::parse(&good[..at]);
    }
    assert!(BuildManifest::parse(&good[..good.len() / 2]).is_err());
    let e = BuildManifest::parse(b"<plist><dict></dict></plist>").unwrap_err().to_string();
    assert!(e.contains("BuildIdentities"), "{e}");
}

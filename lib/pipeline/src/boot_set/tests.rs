use super::*;
use bootimg::{Header, Reader};

fn demo() -> Ipsw {
    Ipsw::open(guests::demo::ipsw().unwrap()).unwrap()
}

fn write(ipsw: &Ipsw, options: &BootOptions) -> (Vec<u8>, Vec<(String, Verdict)>) {
    let mut notes = Vec::new();
    let set = BootSet::new(ipsw, options).unwrap();
    let mut passed = 0;
    let image =
        set.write(Vec::new(), &mut |n| passed += n, &mut |c, v| notes.push((c.name.clone(), v))).unwrap();
    assert_eq!(passed, set.total());
    (image, notes)
}

#[test]
fn the_boot_set_streams_out_in_order_and_every_digest_is_right() {
    let ipsw = demo();
    let (image, notes) =
        write(&ipsw, &BootOptions { bootargs: Some("serial=3".into()), ..Default::default() });
    let names = ["RestoreDeviceTree", "RestoreTrustCache", "RestoreKernelCache", "RestoreRamDisk"];
    assert_eq!(notes, names.map(|n| (n.to_string(), Verdict::Match)));
    let parts = guests::demo::parts().unwrap();
    let mut r = Reader::new(&image[..]).unwrap();
    for should in [&parts.device_tree, &parts.trust_cache, &parts.kernelcache, &parts.ramdisk] {
        assert!(r.next_part().unwrap().unwrap().read_verified(1 << 30).unwrap() == *should);
    }
    let h = Header::parse(&image).unwrap();
    let boot = h.select(None).unwrap();
    assert_eq!(boot.bootargs, Some("serial=3"));
    let c = boot.configuration.unwrap();
    assert_eq!((c.name.as_str(), c.product.as_deref()), ("d10ap-erase", Some("iPhone9,1")));
    let kernel = boot.part(PartKind::Kernel).unwrap();
    assert_eq!((kernel.format.as_deref(), kernel.im4p_type.as_deref()), (Some("im4p"), Some("rkrn")));
    assert_eq!(kernel.digests[0].algorithm.name(), "crc32");
    assert!(kernel.im4p_description.as_deref().unwrap().starts_with("KernelCacheBuilder"));
    assert!(
        write(&ipsw, &BootOptions { bootargs: Some("serial=3".into()), ..Default::default() }).0 == image
    );
}

#[test]
fn all_ways_share_what_they_share() {
    let (image, _) = write(&demo(), &BootOptions { all_ways: true, ..Default::default() });
    let h = Header::parse(&image).unwrap();
    let names: Vec<_> = h.parts.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(
        names,
        ["devicetree", "trustcache", "trustcache-update", "kernel", "ramdisk", "ramdisk-update"]
    );
    assert_eq!(h.default.as_deref(), Some("d10ap-erase"));
    let update = h.select(Some("d10ap-update")).unwrap();
    assert_eq!(update.part(PartKind::Ramdisk).unwrap().name, "ramdisk-update");
    assert_eq!(update.part(PartKind::Kernel).unwrap().name, "kernel");
}

#[test]
fn a_folder_gives_the_same_parts() {
    let ipsw = demo();
    let dir = tempfile::tempdir().unwrap();
    for e in ipsw.entries() {
        let path = dir.path().join(&e.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, ipsw.read(&e.name, 1 << 30).unwrap()).unwrap();
    }
    let (image, _) = write(&Ipsw::open_folder(dir.path()).unwrap(), &BootOptions::default());
    let (packed, _) = write(&ipsw, &BootOptions::default());
    let h = Header::parse(&image).unwrap();
    assert_eq!(h.parts[0].digests[0].algorithm.name(), "sha256");
    assert!(image[h.len as usize..] == packed[h.len as usize..]);
}

#[test]
fn an_update_is_chosen_and_an_unknown_board_is_not() {
    let choice = |board: &str| Choice {
        board: Some(board.into()),
        variant: Some("update".into()),
        ..Default::default()
    };
    let options = BootOptions { choice: choice("d10"), ..Default::default() };
    let ipsw = demo();
    assert_eq!(
        BootSet::new(&ipsw, &options).unwrap().header().unwrap().default.as_deref(),
        Some("d10ap-update")
    );
    assert_eq!(boot_paths(ipsw.manifest(), &options).unwrap().len(), 4);
    let options = BootOptions { choice: choice("d22ap"), ..Default::default() };
    assert!(matches!(BootSet::new(&ipsw, &options), Err(Error::Ipsw(apple_ipsw::Error::NoIdentity { .. }))));
}

#[test]
fn names_of_components_become_names_of_nodes() {
    assert_eq!(node_name("Cryptex1,SystemOS"), "cryptex1,systemos");
    assert_eq!(node_name("Customer Erase Install (IPSW)"), "customer-erase-install--ipsw");
    assert_eq!(node_name("\u{1f600}"), "part");
}

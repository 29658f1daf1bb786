use super::*;
use apple_dt::{Action, Script};
use bootimg::{Builder, ConfigurationSpec, Header, PartSpec, Reader};

fn tree_bytes() -> Vec<u8> {
    apple_dt::compile(
        r#"/apple-dt/ 1; device-tree { compatible = "AppleARM"; secure-root-prefix = "md"; chosen { a = u32(1); } }"#,
    )
    .unwrap()
    .to_bytes()
}

fn wrapped() -> Vec<u8> {
    apple_wrap::write::im4p(*b"dtre", "test", &tree_bytes(), apple_wrap::write::Method::Lzfse).unwrap()
}

fn edits(script: &str) -> TreeEdits {
    TreeEdits { scripts: vec![Script::parse(script).unwrap()], ..TreeEdits::default() }
}

fn image(parts: &[(&str, PartKind, &[u8])], bootargs: Option<&str>) -> Vec<u8> {
    let mut builder = Builder::new("test");
    for (name, kind, bytes) in parts {
        builder.add(PartSpec::of_bytes(*name, *kind, bytes)).unwrap();
    }
    let mut spec = ConfigurationSpec::new("default");
    if let Some(args) = bootargs {
        spec = spec.bootargs(args);
    }
    builder.configure(spec).unwrap();
    let mut out = Vec::new();
    let order: Vec<String> = builder.parts().iter().map(|p| p.name().to_string()).collect();
    let mut writer = builder.write(&mut out).unwrap();
    for name in order {
        let (_, _, bytes) = parts.iter().find(|(n, ..)| *n == name).unwrap();
        writer.part(&mut &bytes[..]).unwrap();
    }
    writer.finish().unwrap();
    out
}

fn patch_image(image: &[u8], edits: &TreeEdits) -> Result<(Vec<u8>, PatchedImage), TreeError> {
    let mut rewriter = Rewriter::new(image)?;
    let done = patch_device_tree(&mut rewriter, edits)?;
    let mut out = Vec::new();
    rewriter.finish(&mut out)?;
    Ok((out, done))
}

fn part(image: &[u8], name: &str) -> Vec<u8> {
    let mut reader = Reader::new(image).unwrap();
    while let Some(mut p) = reader.next_part().unwrap() {
        if p.part().name == name {
            return p.read_verified(1 << 20).unwrap();
        }
    }
    panic!("no part {name}");
}

#[test]
fn a_wrapped_tree_comes_out_bare_or_in_its_container() {
    let mut e = edits("delete /:secure-root-prefix");
    let bare = e.patch(&wrapped()).unwrap();
    assert_eq!(bare.wrappings, [Kind::Im4p, Kind::Lzfse]);
    assert!(!Tree::parse(&bare.bytes).unwrap().root.has("secure-root-prefix"));
    e.wrap = true;
    let again = e.patch(&wrapped()).unwrap();
    let (opened, tree) = open_tree(&again.bytes, &e.open).unwrap();
    assert_eq!(opened.im4p_type, Some(*b"dtre"));
    assert_eq!(tree, bare.tree);
    assert_eq!(
        e.patch(&again.bytes).unwrap().bytes,
        again.bytes,
        "nothing to change gives the identical file"
    );
}

#[test]
fn only_the_tree_part_of_an_image_changes() {
    let kernel = vec![7; 50_000];
    let tree = wrapped();
    let parts: &[(&str, PartKind, &[u8])] =
        &[("devicetree", PartKind::DeviceTree, &tree), ("kernel", PartKind::Kernel, &kernel)];
    let before = image(parts, None);
    let mut e = edits("set /chosen:a = 2 # why");
    e.bootargs = Some("serial=3 rd=md0".into());
    let (after, done) = patch_image(&before, &e).unwrap();
    assert_eq!(part(&after, "kernel"), kernel);
    let tree = Tree::parse(&part(&after, "devicetree")).unwrap();
    assert_eq!(tree.property("/chosen", "a").unwrap().number(), Some(2));
    assert_eq!(done.trees[0].changes.len(), 1);
    let header = Header::parse(&after).unwrap();
    assert_eq!(header.select(None).unwrap().bootargs, Some("serial=3"), "no ramdisk, so no root on it");
    assert_eq!(header.part("devicetree").unwrap().format.as_deref(), Some(TREE_FORMAT));
}

#[test]
fn the_images_own_boot_arguments_win_and_a_ramdisk_keeps_its_root() {
    let tree = tree_bytes();
    let parts: &[(&str, PartKind, &[u8])] =
        &[("devicetree", PartKind::DeviceTree, &tree), ("ramdisk", PartKind::Ramdisk, b"disk")];
    let mut e = edits("");
    e.bootargs = Some("serial=3 rd=md0 -v".into());
    let (after, done) = patch_image(&image(parts, Some("serial=1 x")), &e).unwrap();
    assert_eq!(Header::parse(&after).unwrap().select(None).unwrap().bootargs, Some("serial=1 rd=md0 -v x"));
    assert!(done.bootargs.is_some());
    let (again, done) = patch_image(&after, &e).unwrap();
    assert!(done.bootargs.is_none());
    assert_eq!(again, after, "a second time changes nothing");
}

#[test]
fn a_strict_edit_that_matches_nothing_is_an_error() {
    let strict = |text: &str| {
        let action: Action = apple_dt::parse_edit(text).unwrap();
        TreeEdits { strict: vec![Edit::new(action, "")], ..TreeEdits::default() }.patch(&tree_bytes())
    };
    assert!(matches!(strict("delete /nothing"), Err(TreeError::NothingMatches(_))));
    assert!(matches!(strict("set /nothing:a = 1"), Err(TreeError::NothingMatches(_))));
    assert!(strict("set /chosen:a = 1").unwrap().changes.is_empty());
    assert!(strict("set /chosen:new = 1").is_ok());
}

#[test]
fn other_things_are_named() {
    let e = edits("");
    for (data, part) in [
        (&b"\xd0\x0d\xfe\xed\0\0\0\x28"[..], "flattened"),
        (b"\xcf\xfa\xed\xfe\x0c\0\0\x01\0\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "Mach-O"),
        (b"what is this", "nothing known"),
    ] {
        let message = e.patch(data).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
    let none = image(&[("kernel", PartKind::Kernel, b"k")], None);
    assert!(matches!(patch_image(&none, &e), Err(TreeError::NoTreePart)));
}

#[test]
fn a_cut_image_is_an_error_at_every_length() {
    let tree = tree_bytes();
    let whole = image(&[("devicetree", PartKind::DeviceTree, &tree)], None);
    let e = edits("set /chosen:a = 2");
    let header = Header::parse(&whole).unwrap().len as usize;
    for n in (0..header).step_by(97).chain(header..header + tree.len()) {
        assert!(patch_image(&whole[..n], &e).is_err(), "{n}");
    }
}

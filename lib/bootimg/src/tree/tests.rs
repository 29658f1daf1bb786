use super::*;

fn sample() -> Node {
    let mut root = Node::default();
    root.set_cell("timestamp", 0);
    let mut images = Node::new("images");
    let mut one = Node::new("one");
    one.set_text("description", "first");
    one.set("data", [1, 2, 3]);
    one.set("empty", []);
    images.children.push(one);
    root.children.push(images);
    root.children.push(Node::new("configurations"));
    root
}

#[test]
fn a_tree_reads_back_as_it_was_written() {
    let bytes = sample().to_bytes(16384);
    assert_eq!(bytes.len(), 16384);
    assert_eq!(Node::parse(&bytes).unwrap(), sample());
}

/// Writes a tree with vm-fdt.
fn by_vm_fdt(w: &mut vm_fdt::FdtWriter, node: &Node) {
    let open = w.begin_node(&node.name).unwrap();
    for (name, value) in &node.properties {
        w.property(name, value).unwrap();
    }
    for child in &node.children {
        by_vm_fdt(w, child);
    }
    w.end_node(open).unwrap();
}

#[test]
fn we_write_the_bytes_that_vm_fdt_writes() {
    let mut w = vm_fdt::FdtWriter::new().unwrap();
    by_vm_fdt(&mut w, &sample());
    let theirs = w.finish().unwrap();
    assert_eq!(Node::parse(&theirs).unwrap(), sample());
    let mut ours = sample().to_bytes(8);
    // The length, which alone we pad.
    ours.truncate(theirs.len());
    ours[4..8].copy_from_slice(&theirs[4..8]);
    assert!(ours == theirs);
}

#[test]
fn long_names_and_numbers_pass_though_vm_fdt_refuses_them() {
    let name = "048-fdt-freescale_imx8mm-evk-and-more.dtb";
    assert!(vm_fdt::FdtWriter::new().unwrap().begin_node(name).is_err());
    let root = Node { children: vec![Node::new(name), Node::new("kernel@1")], ..Node::default() };
    assert_eq!(Node::parse(&root.to_bytes(8)).unwrap(), root);
}

#[test]
fn a_tree_whose_end_is_missing_is_told_by_its_place() {
    let good = sample().to_bytes(8);
    // The value of "empty" grows beyond the tree: the crate alone would take the tree for a shorter one.
    let prop = [0, 0, 0, 3, 0, 0, 0, 0];
    let at = good.windows(8).position(|w| w == prop).unwrap();
    let mut bad = good.clone();
    bad[at + 4..at + 8].copy_from_slice(&0x1000u32.to_be_bytes());
    assert!(matches!(Node::parse(&bad), Err(Error::Tree { .. })));
    // NOP tokens: refused, and where.
    let begin = good.windows(8).position(|w| w == b"images\0\0").unwrap() - 4;
    let mut nops = good.clone();
    nops.splice(begin..begin, [0, 0, 0, 4]);
    nops[36..40].copy_from_slice(&(be32(&good, 36).unwrap() as u32 + 4).to_be_bytes());
    nops[12..16].copy_from_slice(&(be32(&good, 12).unwrap() as u32 + 4).to_be_bytes());
    nops[4..8].copy_from_slice(&(good.len() as u32 + 4).to_be_bytes());
    let e = Node::parse(&nops).unwrap_err().to_string();
    assert!(e.contains("NOP"), "{e}");
}

#[test]
fn no_value_of_a_header_field_panics() {
    let good = sample().to_bytes(8);
    for field in (4..40).step_by(4) {
        for value in [0u32, 1, 3, 8, 39, 0x7fff_fffc, 0x8000_0000, 0xffff_fffc, u32::MAX] {
            let mut bad = good.clone();
            bad[field..field + 4].copy_from_slice(&value.to_be_bytes());
            let refused = Node::parse(&bad).is_err();
            // What is behind off_mem_rsvmap, version numbers below 18 and boot_cpuid_phys is nothing to us.
            assert!(refused || [16, 20, 24, 28].contains(&field) || value < 40, "field {field} = {value:#x}");
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = sample().to_bytes(8);
    for len in 0..bytes.len() {
        assert!(Node::parse(&bytes[..len]).is_err(), "{len} of {} bytes", bytes.len());
    }
}

#[test]
fn one_changed_byte_never_panics_and_never_grows() {
    let good = sample().to_bytes(8);
    for at in 0..good.len() {
        for value in [0, 1, 2, 4, 9, 0x7f, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            if let Ok(tree) = Node::parse(&bad) {
                assert!(tree.to_bytes(8).len() <= good.len() * 2, "byte {at} = {value:#x}");
            }
        }
    }
}

#[test]
fn deep_nesting_and_twins_are_refused() {
    let mut node = Node::new("leaf");
    for _ in 0..40 {
        let mut parent = Node::new("n");
        parent.children.push(node);
        node = parent;
    }
    let mut root = Node::default();
    root.children.push(node);
    assert!(matches!(Node::parse(&root.to_bytes(8)), Err(Error::Tree { .. })));

    let root = Node { children: vec![Node::new("a"), Node::new("a")], ..Node::default() };
    assert!(matches!(Node::parse(&root.to_bytes(8)), Err(Error::Tree { .. })));
}

#[test]
fn one_long_shared_name_is_refused_rather_than_copied() {
    let mut root = Node::default();
    root.set(&"x".repeat(200), []);
    assert!(matches!(Node::parse(&root.to_bytes(8)), Err(Error::Tree { .. })));
}

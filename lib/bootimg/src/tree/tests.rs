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

#[test]
fn the_fdt_crate_reads_what_we_write() {
    let bytes = sample().to_bytes(8);
    let tree = fdt::Fdt::new_unaligned_fallible(&bytes).expect("well-formed");
    let node = tree.find_node("/images/one").expect("no damage").expect("the node is there");
    let value = node.properties().unwrap().find("description").unwrap().expect("the property is there");
    assert_eq!(value.value, b"first\0");
}

#[test]
fn what_vm_fdt_writes_is_read() {
    let mut w = vm_fdt::FdtWriter::new().unwrap();
    let root = w.begin_node("").unwrap();
    w.property_u32("timestamp", 7).unwrap();
    let images = w.begin_node("images").unwrap();
    w.property_string("description", "x").unwrap();
    w.end_node(images).unwrap();
    w.end_node(root).unwrap();
    let tree = Node::parse(&w.finish().unwrap()).unwrap();
    assert_eq!(tree.number("timestamp"), Some(7));
    assert_eq!(tree.child("images").and_then(|i| i.text("description")).as_deref(), Some("x"));
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

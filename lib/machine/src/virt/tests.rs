use super::*;

#[test]
fn the_tree_reads_back_and_names_what_is_there() {
    let options = Options { cpus: 3, command_line: "console=ttyAMA0".into(), ..Options::default() };
    let tree = device_tree(&options, Some((0x4800_0000, 0x1234))).unwrap();
    let back = Node::parse(&tree.to_bytes(8)).unwrap();
    assert_eq!(back, tree);
    let chosen = back.child("chosen").unwrap();
    assert_eq!(chosen.text("bootargs").as_deref(), Some("console=ttyAMA0"));
    assert_eq!(chosen.number("linux,initrd-end"), Some(0x4800_1234));
    assert_eq!(chosen.text("stdout-path").as_deref(), Some("/pl011@9000000"));
    assert_eq!(back.child("cpus").unwrap().children.len(), 3);
    assert!(back.child("memory@40000000").is_some());
}

#[test]
fn a_tree_of_the_users_keeps_what_it_says() {
    let mut own = Node::new("");
    own.children.push(Node::new("memory"));
    let mut chosen = Node::new("chosen");
    chosen.set_text("stdout-path", "mine");
    own.children.push(chosen);
    let options = Options { dtb: Some(own.to_bytes(8)), ..Options::default() };
    let tree = device_tree(&options, None).unwrap();
    assert_eq!(tree.child("chosen").unwrap().text("stdout-path").as_deref(), Some("mine"));
    assert_eq!(tree.children.len(), 2);
    let damaged = Options { dtb: Some(b"\xd0\x0d\xfe\xed\0".to_vec()), ..Options::default() };
    assert!(device_tree(&damaged, None).is_err());
}

#[test]
fn impossible_machines_are_refused() {
    let refused = |options: Options| build(None, &Parts::default(), options, Config::new()).is_err();
    assert!(refused(Options { cpus: 0, ..Options::default() }));
    assert!(refused(Options { cpus: 9, gic: GicVersion::V2, ..Options::default() }));
    assert!(refused(Options { memory: 1 << 20, ..Options::default() }));
    assert!(refused(Options { memory: (64 << 20) + 1, ..Options::default() }));
}

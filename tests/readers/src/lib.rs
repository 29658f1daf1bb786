//! Every reader of bytes that strangers made, as one function each: what the fuzz targets and the damage tests call.
//!
//! A reader may refuse what it is given; it may not panic, run for ever, or take memory without bound.
#![forbid(unsafe_code)]

use apple_dt::flat;

/// A reader's name, which is also that of its fuzz target and its folder in `tests/corpus/fuzz`, and the reader.
pub type Reader = (&'static str, fn(&[u8]));

/// All of them.
pub const READERS: &[Reader] = &[
    ("img4", img4),
    ("wrap", wrap),
    ("devicetree", device_tree),
    ("devicetree_text", device_tree_text),
    ("fdt", flat_tree),
    ("dts", flat_source),
    ("bootimg", boot_image),
    ("kernelcache", kernelcache),
    ("manifest", manifest),
    ("zip", archive),
    ("ota", payload),
    ("disk", disk),
    ("trustcache", trust_cache),
    ("code_signature", code_signature),
    ("prelink", prelink),
    ("picture", picture),
    ("certificate", certificate),
    ("volume_change", volume_change),
];

/// The reader of that name.
pub fn reader(name: &str) -> fn(&[u8]) {
    READERS.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no reader called {name}")).1
}

fn img4(data: &[u8]) {
    if let Ok(it) = apple_img4::Im4p::parse(data) {
        // What was read can be written again.
        let _ = it.parts().to_bytes();
    }
    let _ = apple_img4::Im4m::parse(data);
    let _ = apple_img4::Im4r::parse(data);
    let _ = apple_img4::Img4::parse(data);
    let _ = apple_img4::fields(data);
    let mut retyped = data.to_vec();
    if let Ok(old) = apple_img4::edit::retype(&mut retyped, apple_img4::FourCc(*b"fuzz")) {
        assert!(apple_img4::diff(data, &retyped).is_ok_and(|d| d.len() <= 1), "only the type differs");
        assert!(apple_img4::edit::retype(&mut retyped, old).is_ok() && retyped == data, "and goes back");
    }
}

fn wrap(data: &[u8]) {
    let options = apple_wrap::Options { max_output: 16 << 20, ..apple_wrap::Options::default() };
    if let Ok(opened) = apple_wrap::open(data, &options) {
        let _ = apple_wrap::rewrap(data, &opened.payload);
    }
    let method = Some(apple_wrap::write::Method::Lzss);
    let change = apple_wrap::write::Change { method, max_output: 1 << 20, ..Default::default() };
    let _ = apple_wrap::write::change(data, &change);
}

fn device_tree(data: &[u8]) {
    if let Ok(tree) = apple_dt::Tree::parse(data) {
        assert!(tree.to_bytes() == data, "a tree is written back to the identical bytes");
        let text = apple_dt::print(&tree);
        let again = apple_dt::compile(&text).expect("what we print compiles");
        assert!(again.to_bytes() == data, "the text compiles back to the identical bytes");
        let flat = flat::export(&tree);
        let read = flat::Flat::parse(&flat.to_bytes()).expect("what we write is read");
        assert!(read == flat, "a flattened tree is read back");
        let back = flat::import(&read).expect("what was exported is imported");
        assert!(back.to_bytes() == data, "and gives the identical bytes");
    }
}

fn flat_tree(data: &[u8]) {
    let Ok(flat) = flat::Flat::parse(data) else { return };
    let again = flat::Flat::parse(&flat.to_bytes()).expect("what we write is read");
    assert!(again == flat, "a flattened tree is read back");
    if let Ok(tree) = flat::import(&flat) {
        let back = flat::import(&flat::export(&tree)).expect("what was exported is imported");
        assert!(back == tree, "an imported tree survives");
    }
}

fn flat_source(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(flat) = flat::from_dts(text) {
        let _ = flat::import(&flat);
    }
}

fn device_tree_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(tree) = apple_dt::compile(text) {
        let bytes = tree.to_bytes();
        assert!(apple_dt::Tree::parse(&bytes).is_ok_and(|t| t == tree), "what compiles can be read");
    }
    let _ = apple_dt::Script::parse(text);
}

fn boot_image(data: &[u8]) {
    let _ = bootimg::Header::parse(data);
    if let Ok(mut reader) = bootimg::Reader::new(data) {
        while let Ok(Some(mut part)) = reader.next_part() {
            let _ = part.read_verified(1 << 20);
        }
    }
}

fn kernelcache(data: &[u8]) {
    let Ok(cache) = apple_kc::KernelCache::parse(data) else { return };
    let _ = cache.symbols(data).entries().count();
    if let Ok(list) = cache.kexts(data) {
        for kext in list.kexts.iter().take(20) {
            if let Ok(file) = cache.extract_kext(data, kext) {
                let _ = apple_kc::KernelCache::parse(&file);
            }
        }
    }
    let mut resolved = data.to_vec();
    let _ = cache.resolve_fixups(&mut resolved);
}

fn prelink(data: &[u8]) {
    if let Ok(document) = apple_kc::Prelink::parse(data, 0) {
        // Values are shared: a walk goes one level down, as all readers of it do.
        for value in document.root().items().chain(document.root().entries().map(|(_, v)| v)) {
            let _ = (value.text(), value.integer(), value.boolean(), value.data(), value.items().count());
        }
    }
}

fn picture(data: &[u8]) {
    let _ = apple_wrap::picture::pictures(data, 16 << 20);
}

fn certificate(data: &[u8]) {
    if let Ok(certificate) = apple_img4::x509::Certificate::parse(data) {
        let _ = img4_verify::check(&certificate.key, certificate.signed, certificate.signature);
    }
    if let Ok(manifest) = apple_img4::Im4m::parse(data) {
        let _ = img4_verify::manifest(&manifest, &[]);
    }
}

fn manifest(data: &[u8]) {
    let _ = apple_ipsw::BuildManifest::parse(data);
    let _ = apple_ipsw::Restore::parse(data);
}

fn archive(data: &[u8]) {
    if let Ok(ipsw) = apple_ipsw::Ipsw::open(data.to_vec()) {
        for path in ["BuildManifest.plist", "Restore.plist"] {
            let _ = ipsw.read(path, 1 << 20);
        }
    }
}

fn disk(data: &[u8]) {
    let Ok(image) = apple_fs::Image::open(apple_fs::Bytes::shared(data.to_vec())) else { return };
    if let Ok(volume) = image.mount(None, false) {
        for entry in volume.tree().entries().iter().take(200) {
            let _ = volume.read(entry, 1 << 16);
            let _ = volume.xattrs(entry);
        }
    }
}

fn trust_cache(data: &[u8]) {
    if let Ok(cache) = apple_fs::trustcache::TrustCache::parse(data) {
        let _ = (cache.to_string(), cache.to_bytes());
    }
}

fn code_signature(data: &[u8]) {
    let Ok(file) = code_signature::MachO::parse(data) else { return };
    for slice in file.slices() {
        if let Ok(Some(signature)) = slice.signature() {
            let _ = signature.check(slice.bytes());
        }
    }
    // What can be signed has a signature that fits.
    if let Ok(signed) = code_signature::Signer::new("fuzz").sign(data) {
        let again = code_signature::MachO::parse(&signed).expect("a signed file can be read");
        for slice in again.slices() {
            let signature = slice.signature().expect("the signature is right").expect("it is there");
            assert!(signature.check(slice.bytes()).expect("it covers the file").is_good());
        }
    }
}

fn payload(data: &[u8]) {
    let mut input = data;
    let _ = apple_ota::walk(&mut input, &mut |entry, contents| {
        assert!(entry.offset <= 1 << 32, "no place beyond what is there");
        std::io::copy(contents, &mut std::io::sink()).map(|_| ())
    });
}

fn volume_change(data: &[u8]) {
    use apple_fs::hfsplus::{HfsPlus, write::Builder};
    use apple_fs::{Bytes, FileSystem, Kind, Source};
    let Ok(old) = HfsPlus::open(Bytes::shared(data.to_vec())) else { return };
    let Ok(mut builder) = Builder::salvage(&old) else { return };
    let nodes = builder.nodes();
    if let Some(node) = nodes.iter().find(|n| n.kind == Kind::File) {
        let _ = builder.remove(&node.path);
        let _ = builder.file(&node.path, &node.attributes, "new");
    }
    let Ok(laid) = builder.lay_out() else { return };
    if laid.len() > 16 << 20 {
        return;
    }
    // Contents of a damaged volume may not be readable; what can be written can be read again.
    if let Ok(bytes) = builder.build() {
        let new = HfsPlus::open(Bytes::shared(bytes)).expect("what was laid out can be read");
        assert!(new.volume().warnings.is_empty(), "{:?}", new.volume().warnings);
        assert_eq!(new.tree().entries().len(), builder.nodes().len() + 1);
    }
}

//! Containers made, changed, compared and checked by the program; read back by PyIMG4 and openssl where they are.

mod common;

use apple_img4::{FourCc, Im4p, Value, write as image4};
use apple_kc::test_support::tiny_kernel;
use apple_wrap::picture::{Picture, encode};
use apple_wrap::write::{self, Method, compress};
use common::{err, fails, folder, json, ok, other, text, tool};
use std::path::Path;

const MONITOR: &[u8] = b"\xcf\xfa\xed\xfe the monitor";

fn put(dir: &Path, name: &str, data: &[u8]) {
    std::fs::write(dir.join(name), data).unwrap();
}

fn get(dir: &Path, name: &str) -> Vec<u8> {
    std::fs::read(dir.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Every kind of IM4P there is: plain, compressed, with monitor, keybags, properties, unknown elements, lengths that are
/// not minimal.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let kernel = tiny_kernel();
    let with_monitor = |method| [&compress(&kernel, method).unwrap().0[..], MONITOR].concat();
    let (lzss, lzfse) = (with_monitor(Method::Lzss), with_monitor(Method::Lzfse));
    let bags = image4::keybags(&[(1, &[1; 16], &[2; 32]), (2, &[3; 16], &[4; 32])]).unwrap();
    let kcep = image4::property(FourCc(*b"kcep"), &Value::Integer(7)).unwrap();
    let properties = image4::payload_properties(&[kcep]).unwrap();
    let parts = |payload| image4::Im4pParts::new(FourCc(*b"krnl"), "KernelCacheBuilder-1", payload);
    let compression = compress(&kernel, Method::Lzfse).unwrap().1;
    let encrypted = image4::Im4pParts { keybags_raw: Some(&bags), ..parts(&[0x5a; 640]) };
    let everything = image4::Im4pParts {
        keybags_raw: Some(&bags),
        compression,
        properties_raw: Some(&properties),
        extra: vec![&[0xa5, 1, 0xff]],
        ..parts(&lzfse)
    };
    let mut long = vec![0x30, 0x84, 0, 0, 0, 0x19, 0x16, 4];
    long.extend(b"IM4P\x16\x04krnl\x16\x81\x01x\x04\x82\0\x06abcdef");
    long[5] = (long.len() - 6) as u8;
    vec![
        ("plain", parts(&kernel).to_bytes().unwrap()),
        ("lzss", parts(&lzss).to_bytes().unwrap()),
        ("lzfse", image4::Im4pParts { compression, ..parts(&lzfse) }.to_bytes().unwrap()),
        ("encrypted", encrypted.to_bytes().unwrap()),
        ("everything", everything.to_bytes().unwrap()),
        ("long", long),
        ("empty", image4::im4p(FourCc(*b"krnl"), "", b"", None).unwrap()),
    ]
}

/// Has another decoder take the kernel out: PyIMG4, or for LZSS the `lzss` module itself, since PyIMG4 0.8 gives it the
/// header too and so cannot even read its own files.
fn others_read(dir: &Path, file: &str, method: &str) {
    const LZSS: &str = "import sys\ntry:\n  import lzss\nexcept ImportError:\n  sys.exit(77)\n\
                        d=open(sys.argv[1],'rb').read(); i=d.index(b'complzss'); \
                        n=int.from_bytes(d[i+16:i+20],'big'); \
                        open('theirs','wb').write(lzss.decompress(d[i+0x180:i+0x180+n]))";
    let out = match method {
        "lzss" => other(dir, "python3", &["-c", LZSS, file]),
        _ => other(dir, "pyimg4", &["im4p", "extract", "-i", file, "-o", "theirs"]),
    };
    match out {
        Some(out) if out.status.code() == Some(77) => {
            eprintln!("passed over: Python's lzss is not installed")
        }
        Some(out) => {
            ok(&out);
            assert!(get(dir, "theirs") == tiny_kernel(), "{file} {method}");
        }
        None => {}
    }
}

#[test]
fn retyped_files_differ_in_the_type_s_bytes_only() {
    let dir = folder();
    for (name, file) in samples() {
        put(dir.path(), name, &file);
        ok(&tool(dir.path(), &["retype", name, "rkrn", "-o", "new"], None));
        let new = get(dir.path(), "new");
        let at = Im4p::parse(&file).unwrap().kind_offset as usize;
        let differing: Vec<usize> = (0..file.len()).filter(|i| file[*i] != new[*i]).collect();
        assert!(new.len() == file.len() && differing.iter().all(|i| (at..at + 4).contains(i)), "{name}");
        assert_eq!(&new[at..at + 4], b"rkrn");
        // The same by other words.
        for args in
            [&["rewrap", name, "-t", "rkrn"][..], &[name, "--retype", "rkrn"], &["rename", name, "rkrn"]]
        {
            assert!(tool(dir.path(), args, None).stdout == new, "{name}: {args:?}");
        }
        let diff = tool(dir.path(), &["diff", name, "new"], None);
        assert_eq!(diff.status.code(), Some(1));
        assert_eq!(
            text(&diff),
            format!("--- {name}\n+++ new\n- IM4P.type  krnl\n+ IM4P.type  rkrn\n"),
            "{name}"
        );
        // Unwrap and wrap again: nothing at all differs.
        ok(&tool(dir.path(), &["rewrap", "new", "--in-place", "-t", "krnl"], None));
        assert!(get(dir.path(), "new") == file, "{name}");
        ok(&tool(dir.path(), &["cmp", name, "new"], None));
        let raw = tool(dir.path(), &["extract", name, "--raw", "-o", "payload"], None);
        ok(&raw);
        assert!(get(dir.path(), "payload") == Im4p::parse(&file).unwrap().payload, "{name}");
    }
}

#[test]
fn recompressed_payloads_keep_everything_else_and_others_read_them() {
    let dir = folder();
    for (name, file) in samples() {
        put(dir.path(), name, &file);
        for method in ["lzss", "lzfse"] {
            let out = tool(dir.path(), &["rewrap", name, "--compress", method, "-o", "new"], None);
            if name == "encrypted" {
                fails(&out, 5, "keybags");
                continue;
            }
            ok(&out);
            let shortcut = tool(dir.path(), &[name, "--compress", method], None);
            let new = get(dir.path(), "new");
            assert!(shortcut.stdout == new);
            let (a, b) = (Im4p::parse(&file).unwrap(), Im4p::parse(&new).unwrap());
            assert_eq!(
                (a.description, a.keybags_raw, a.properties_raw, &a.extra),
                (b.description, b.keybags_raw, b.properties_raw, &b.extra)
            );
            if matches!(name, "long" | "empty") {
                continue;
            }
            let kernel = tool(dir.path(), &["new", "-o", "kernel"], None);
            ok(&kernel);
            assert!(get(dir.path(), "kernel") == tiny_kernel(), "{name} {method}");
            if name != "plain" {
                ok(&tool(dir.path(), &["new", "-o", "kernel", "--monitor", "monitor"], None));
                assert_eq!(get(dir.path(), "monitor"), MONITOR);
            }
            // What follows the stream is read by nobody else behind LZFSE.
            if name == "plain" || method == "lzss" {
                others_read(dir.path(), "new", method);
            }
        }
    }
    let bare = folder();
    put(bare.path(), "in", &samples()[1].1);
    fails(
        &tool(bare.path(), &["rewrap", "in", "--compress", "none", "-o", "x"], None),
        5,
        "behind a compressed",
    );
    ok(&tool(bare.path(), &["rewrap", "in", "--compress", "none", "--no-monitor", "-o", "x"], None));
    assert!(Im4p::parse(&get(bare.path(), "x")).unwrap().payload == tiny_kernel());
    assert_eq!(tool(bare.path(), &["rewrap", "-t", "toolong"], None).status.code(), Some(2));
    fails(&tool(bare.path(), &["rewrap", "-t", "krnl"], Some(b"not a container")), 1, "create");
}

#[test]
fn containers_are_made_and_taken_apart_again() {
    let dir = folder();
    put(dir.path(), "kernel", &tiny_kernel());
    put(dir.path(), "monitor", MONITOR);
    for method in ["none", "lzss", "lzfse"] {
        let args = ["create", "kernel", "-t", "krnl", "-d", "mine", "-c", method, "-o", "k.im4p"];
        ok(&tool(dir.path(), &args, None));
        let file = get(dir.path(), "k.im4p");
        let im4p = Im4p::parse(&file).unwrap();
        assert_eq!((im4p.kind, im4p.description), (FourCc(*b"krnl"), &b"mine"[..]));
        assert_eq!(tool(dir.path(), &["k.im4p"], None).stdout, tiny_kernel());
        others_read(dir.path(), "k.im4p", method);
        let info = ok(&tool(dir.path(), &["info", "k.im4p"], None));
        for word in ["IM4P.type", "krnl", "mine", "Darwin 18.2.0, iOS 12"] {
            assert!(info.contains(word), "{word} in {info}");
        }
    }
    let args =
        ["make", "kernel", "--fourcc", "krnl", "--compression", "lzss", "--extra", "monitor", "-o", "m.im4p"];
    ok(&tool(dir.path(), &args, None));
    ok(&tool(dir.path(), &["m.im4p", "--monitor", "again", "-o", "out"], None));
    assert_eq!(get(dir.path(), "again"), MONITOR);
    put(dir.path(), "m.im4m", &image4::im4m(&[], &[1; 8], &[]).unwrap());
    let args = ["create", "k.im4p", "-m", "m.im4m", "--nonce", "0x1122334455667788", "-o", "k.img4"];
    ok(&tool(dir.path(), &args, None));
    ok(&tool(dir.path(), &["split", "k.img4", "-o", "parts"], None));
    assert_eq!(get(dir.path(), "parts/k.im4p"), get(dir.path(), "k.im4p"));
    assert_eq!(get(dir.path(), "parts/k.im4m"), get(dir.path(), "m.im4m"));
    ok(&tool(dir.path(), &["create", "--nonce", "0x1122334455667788", "-o", "n.im4r"], None));
    assert_eq!(get(dir.path(), "parts/k.im4r"), get(dir.path(), "n.im4r"));
    assert!(ok(&tool(dir.path(), &["info", "n.im4r"], None)).contains("generator 0x1122334455667788"));
    if let Some(out) =
        other(dir.path(), "pyimg4", &["img4", "extract", "-i", "k.img4", "-p", "theirs", "-r", "theirs.im4r"])
    {
        ok(&out);
        assert_eq!(get(dir.path(), "theirs"), get(dir.path(), "k.im4p"));
        assert_eq!(get(dir.path(), "theirs.im4r"), get(dir.path(), "n.im4r"));
    }
    for (args, status, word) in [
        (&["create", "kernel"][..], 2, "--type"),
        (&["create", "k.im4p", "-t", "krnl"], 2, "rewrap"),
        (&["create", "kernel", "-t", "krnl", "--monitor", "monitor"], 2, "compressed"),
        (&["create", "k.im4p", "-m", "kernel"], 1, "manifest"),
        (&["split", "k.im4p", "-o", "x"], 1, "IMG4"),
        (&["split", "k.im4p"], 2, "--output"),
        (&["diff", "kernel", "k.im4p"], 1, "Image4"),
    ] {
        let out = tool(dir.path(), args, None);
        assert_eq!(out.status.code(), Some(status), "{args:?}: {}", err(&out));
        assert!(err(&out).contains(word), "{args:?}: {}", err(&out));
    }
    assert!(!dir.path().join("x").exists());
}

#[test]
fn a_difference_of_payloads_says_whether_the_content_is_the_same() {
    let dir = folder();
    put(dir.path(), "a", &write::im4p(*b"krnl", "1", &tiny_kernel(), Method::Lzss).unwrap());
    put(dir.path(), "b", &write::im4p(*b"krnl", "2", &tiny_kernel(), Method::Lzfse).unwrap());
    let out = tool(dir.path(), &["diff", "a", "b"], None);
    assert_eq!(out.status.code(), Some(1));
    for word in [
        "IM4P.description  1",
        "IM4P.payload",
        "+ IM4P.compression.algorithm  lzfse",
        "same bytes, wrapped differently",
    ] {
        assert!(text(&out).contains(word), "{word} in {}", text(&out));
    }
    let out = tool(dir.path(), &["diff", "--json", "a", "b"], None);
    let value: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&value["equal"], &value["same_content"]), (&false.into(), &true.into()));
}

/// An SHSH file as restore tools write them.
fn shsh(ticket: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut base64 = String::new();
    for chunk in ticket.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            base64.push(char::from(DIGITS[(n >> (18 - 6 * i)) as usize & 63]));
        }
        base64.push_str(&"=".repeat(3 - chunk.len()));
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"x\">\n\
         <plist version=\"1.0\"><dict><key>ApImg4Ticket</key><data>\n{base64}\n</data><key>generator</key>\
         <string>0x1111111111111111</string></dict></plist>"
    )
    .into_bytes()
}

#[test]
fn manifests_are_checked_against_images_and_roots() {
    let dir = folder();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lib/img4-verify/src/tests");
    put(dir.path(), "signed.im4m", &std::fs::read(tests.join("rsa.im4m")).unwrap());
    put(dir.path(), "root.der", &std::fs::read(tests.join("root.der")).unwrap());
    let said = ok(&tool(dir.path(), &["verify", "signed.im4m"], None));
    assert!(said.contains("good (RSA, SHA-1)") && said.contains("--root"), "{said}");
    let value = json(&tool(dir.path(), &["check", "signed.im4m", "--root", "root.der", "--json"], None));
    assert_eq!((&value["rooted"], &value["chain"][1]["signature"]["result"]), (&true.into(), &"good".into()));
    if let Some(out) =
        other(dir.path(), "openssl", &["x509", "-inform", "der", "-in", "root.der", "-out", "root.pem"])
    {
        ok(&out);
        let value = json(&tool(dir.path(), &["verify", "signed.im4m", "--root", "root.pem", "--json"], None));
        assert_eq!(value["rooted"], true);
    }
    // Its only entry has a digest of zeros.
    put(dir.path(), "tree.im4p", &write::im4p(*b"dtre", "", b"tree", Method::None).unwrap());
    put(dir.path(), "logo.im4p", &write::im4p(*b"logo", "", b"logo", Method::None).unwrap());
    let out = tool(dir.path(), &["verify", "signed.im4m", "tree.im4p"], None);
    assert!(text(&out).contains("NOT ALLOWED"), "{}", text(&out));
    fails(&out, 3, "tree.im4p");
    fails(&tool(dir.path(), &["verify", "signed.im4m", "logo.im4p"], None), 1, "no logo");
    let mut changed = get(dir.path(), "signed.im4m");
    let digest = changed.windows(20).position(|w| w == [0; 20]).unwrap();
    changed[digest] = 1;
    put(dir.path(), "changed.im4m", &changed);
    let out = tool(dir.path(), &["verify", "changed.im4m"], None);
    assert!(text(&out).contains("signature    BAD"), "{}", text(&out));
    fails(&out, 3, "was changed");
    // The same in an SHSH file.
    put(dir.path(), "blob.shsh2", &shsh(&get(dir.path(), "signed.im4m")));
    assert_eq!(ok(&tool(dir.path(), &["verify", "blob.shsh2"], None)), said);
    let info = ok(&tool(dir.path(), &["info", "blob.shsh2"], None));
    assert!(info.contains("generator     0x1111111111111111") && info.contains("IM4M.dtre.DGST"), "{info}");
    ok(&tool(dir.path(), &["split", "blob.shsh2", "-m", "ticket.im4m", "-r", "nonce.im4r"], None));
    assert_eq!(get(dir.path(), "ticket.im4m"), get(dir.path(), "signed.im4m"));
    assert!(get(dir.path(), "nonce.im4r").ends_with(&[0x11; 8]));
}

#[test]
fn a_manifest_allows_the_images_that_it_has_digests_of() {
    let dir = folder();
    let kernel = write::im4p(*b"krnl", "", &tiny_kernel(), Method::Lzss).unwrap();
    let mut retyped = kernel.clone();
    apple_img4::edit::retype(&mut retyped, FourCc(*b"rkrn")).unwrap();
    let entry = |name: &[u8; 4], im4p: &[u8]| {
        let digest = img4_verify::digest(im4p, 48).unwrap();
        let property = image4::property(FourCc(*b"DGST"), &Value::Octets(&digest)).unwrap();
        image4::object(FourCc(*name), &[property]).unwrap()
    };
    let manifest = image4::im4m(&[entry(b"rkrn", &retyped)], &[1; 8], &[]).unwrap();
    put(dir.path(), "kernel", &kernel);
    put(dir.path(), "img4", &image4::img4(&retyped, Some(&manifest), None).unwrap());
    let out = ok(&tool(dir.path(), &["verify", "img4", "kernel"], None));
    for word in [
        "img4: allowed: the digest",
        "kernel: allowed as rkrn",
        "not checked: the manifest has no certificate",
    ] {
        assert!(out.contains(word), "{word} in {out}");
    }
}

#[test]
fn pictures_become_png_files_that_others_read() {
    let dir = folder();
    let picture = |grey: bool| Picture {
        width: 3,
        height: 2,
        x: -1,
        y: 2,
        grey,
        pixels: (0..3 * 2 * if grey { 2 } else { 4 }).map(|i| i * 9).collect(),
    };
    let file = [encode(&picture(true)), encode(&picture(false))].concat();
    put(dir.path(), "logo.im4p", &write::im4p(*b"logo", "1", &file, Method::None).unwrap());
    let list = ok(&tool(dir.path(), &["picture", "logo.im4p", "-l"], None));
    assert!(list.contains("grey") && list.contains("colour"), "{list}");
    fails(&tool(dir.path(), &["picture", "logo.im4p"], None), 2, "2 pictures");
    ok(&tool(dir.path(), &["png", "logo.im4p", "-o", "out.png"], None));
    for (n, grey) in [(1, true), (2, false)] {
        let data = get(dir.path(), &format!("out-{n}.png"));
        let mut reader = png::Decoder::new(std::io::Cursor::new(data)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (3, 2));
        assert_eq!(pixels[..info.buffer_size()], picture(grey).pixels);
    }
    std::fs::create_dir(dir.path().join("pngs")).unwrap();
    ok(&tool(dir.path(), &["picture", "logo.im4p", "-o", "pngs"], None));
    assert!(dir.path().join("pngs/logo-2.png").exists());
    fails(&tool(dir.path(), &["picture"], Some(&tiny_kernel())), 1, "no picture");
    let mut damaged = encode(&picture(true));
    damaged[0x14] ^= 1;
    fails(&tool(dir.path(), &["picture", "-", "-o", "bad.png"], Some(&damaged)), 3, "adler32");
    assert!(!dir.path().join("bad.png").exists());
}

/// An IMG3 of these tags.
fn img3(ident: &[u8; 4], tags: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let reversed = |name: &[u8; 4]| u32::from_be_bytes(*name).to_le_bytes();
    let mut body = Vec::new();
    for (name, data) in tags {
        let padded = data.len().next_multiple_of(4);
        body.extend(reversed(name));
        body.extend((padded as u32 + 12).to_le_bytes());
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(*data);
        body.resize(body.len() + padded - data.len(), 0);
    }
    let mut out = b"3gmI".to_vec();
    out.extend((body.len() as u32 + 20).to_le_bytes());
    out.extend([body.len() as u32, body.len() as u32].map(u32::to_le_bytes).concat());
    out.extend(reversed(ident));
    out.extend(body);
    out
}

#[test]
fn img3_files_are_shown_and_their_payload_taken_out() {
    let dir = folder();
    let file =
        img3(b"logo", &[(b"DATA", b"payload"), (b"VERS", b"\x04\0\0\0v1.0"), (b"SEPO", &[5, 0, 0, 0])]);
    let info = ok(&tool(dir.path(), &["info"], Some(&file)));
    for word in ["IMG3.type", "logo", "IMG3.VERS", "v1.0", "05000000"] {
        assert!(info.contains(word), "{word} in {info}");
    }
    assert_eq!(tool(dir.path(), &["extract"], Some(&file)).stdout, b"payload");
    let locked = img3(b"logo", &[(b"DATA", &[7; 32]), (b"KBAG", &[1, 0, 0, 0, 128, 0, 0, 0])]);
    fails(&tool(dir.path(), &["extract", "-", "-o", "x"], Some(&locked)), 5, "--key");
    assert_eq!(tool(dir.path(), &["extract", "--raw"], Some(&locked)).stdout, [7; 32]);
    assert!(ok(&tool(dir.path(), &["info"], Some(&locked))).contains("IMG3.KBAG"));
}

//! Making, changing, signing and trusting, as the command line does it.

use crate::{Args, run};
use apple_fs::hfsplus::HfsPlus;
use apple_fs::hfsplus::write::{Attributes, Builder};
use apple_fs::{Bytes, FileSystem, Image, Kind, Xattr};
use clap::Parser;
use cli::{Code, Io, Result, Status};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(TempDir::new().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the tool; `@` before a name makes it a path in this place.
    fn run(&self, args: &[&str]) -> Result<Status> {
        let args = args.iter().map(|a| match a.strip_prefix('@') {
            Some(name) => self.at(name).display().to_string(),
            None => a.to_string(),
        });
        let args = Args::try_parse_from(["rd-extract".to_string()].into_iter().chain(args)).unwrap();
        run(args, &mut Io::new("rd-extract", &cli::Common { quiet: true, ..Default::default() }))
    }

    fn ok(&self, args: &[&str]) {
        assert_eq!(self.run(args).unwrap(), Status::Done, "{args:?}");
    }

    fn fails(&self, args: &[&str], code: Code, word: &str) {
        let e = self.run(args).unwrap_err();
        assert!(e.code() == code && e.to_string().contains(word), "{args:?}: {:?} {e}", e.code());
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap()
    }

    fn write(&self, name: &str, data: impl AsRef<[u8]>) {
        fs::write(self.at(name), data).unwrap();
    }

    fn tree(&self, name: &str) -> BTreeMap<String, Said> {
        said(&self.read(name))
    }

    fn names(&self) -> Vec<String> {
        let mut all: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        all.sort();
        all
    }
}

/// What a volume says of an entry: kind, mode, owner, links, date, device, contents, attributes.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    kind: Kind,
    mode: u16,
    owner: (u32, u32),
    links: u32,
    modified: Option<i64>,
    device: u32,
    contents: Vec<u8>,
    xattrs: Vec<Xattr>,
}

fn said(image: &[u8]) -> BTreeMap<String, Said> {
    let data = apple_wrap::open(image, &apple_wrap::Options::default()).unwrap().payload.into_owned();
    let image = Image::open(Bytes::shared(data)).unwrap();
    let fs = image.mount(None, false).unwrap();
    assert!(fs.volume().warnings.is_empty(), "{:?}", fs.volume().warnings);
    let one = |(i, e): (usize, &apple_fs::Entry)| {
        let m = &e.meta;
        let contents = match m.kind {
            Kind::File | Kind::Symlink => fs.read(e, 1 << 24).unwrap(),
            _ => Vec::new(),
        };
        let said = Said {
            kind: m.kind,
            mode: m.mode,
            owner: (m.uid, m.gid),
            links: m.links,
            modified: m.modified.map(|t| t.seconds),
            device: m.device,
            contents,
            xattrs: fs.xattrs(e).unwrap(),
        };
        (fs.tree().path(i), said)
    };
    fs.tree().entries().iter().enumerate().map(one).collect()
}

/// A volume with some of everything.
fn ramdisk() -> Vec<u8> {
    let mut b = Builder::new("Old");
    b.date(1_600_000_000);
    let mut su = Attributes::new(0o4755);
    su.modified = Some(1_500_000_000);
    su.uid = 501;
    b.file("/bin/su", &su, vec![5; 30_000]).unwrap();
    b.hard_link("/bin/login", "/bin/su").unwrap();
    b.symlink("/etc", &Attributes::new(0o755), "private/etc").unwrap();
    b.file("/private/etc/fstab", &Attributes::new(0o644), "old\n").unwrap();
    b.file(&format!("/{}/{}", "dir".repeat(40), "long".repeat(40)), &Attributes::new(0o644), "long").unwrap();
    b.special("/dev/console", &Attributes::new(0o622), Kind::CharDevice, 5 << 24 | 1).unwrap();
    b.special("/dev/pipe", &Attributes::new(0o600), Kind::Fifo, 0).unwrap();
    b.file("/Ac\u{327}ai\u{301}", &Attributes::new(0o644), "").unwrap();
    b.xattr("/private/etc/fstab", "user.note", b"a=b c\0d").unwrap();
    b.xattr("/bin", "user.folder", &[7; 5000]).unwrap();
    b.build().unwrap()
}

/// An unsigned arm64 program.
fn program() -> Vec<u8> {
    use guests::macho::{EXECUTABLE, MachO, READ, Segment};
    let text: Vec<u8> = (0..0x8000u32).map(|i| if i < 0x1000 { 0 } else { (i / 3) as u8 }).collect();
    let segment = Segment {
        name: "__TEXT",
        vmaddr: 1 << 32,
        vmsize: 0x8000,
        data: text,
        protection: READ | EXECUTABLE,
    };
    MachO {
        segments: vec![segment],
        entry: (1 << 32) + 0x1000,
        uuid: [3; 16],
        symbols: vec![("a".into(), 1)],
        flags: 1,
    }
    .to_bytes()
}

fn cpio(members: &[(&str, u32, u32, u32, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, mode, ino, links, data) in members.iter().chain([&("TRAILER!!!", 0, 0, 1, &b""[..])]) {
        let mut head = "070701".to_string();
        for v in [
            *ino,
            *mode,
            1,
            2,
            *links,
            1_500_000_000,
            data.len() as u32,
            0,
            1,
            5,
            1,
            name.len() as u32 + 1,
            0,
        ] {
            head += &format!("{v:08x}");
        }
        out.extend(head.as_bytes());
        out.extend(name.as_bytes());
        out.push(0);
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend(*data);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

#[test]
fn a_volume_goes_through_tar_and_gzip_and_comes_back_the_same() {
    let place = Place::new();
    place.write("old", ramdisk());
    place.ok(&["@old", "--tar", "-o", "@tar"]);
    place.ok(&["--create", "@tar", "--volume-name", "New", "-o", "@new"]);
    assert_eq!(place.tree("new"), place.tree("old"));
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, &place.read("tar")).unwrap();
    place.write("tar.gz", gz.finish().unwrap());
    place.ok(&["@tar.gz", "--make", "--volname", "New", "-o", "@again"]);
    assert!(place.read("again") == place.read("new"));
    let fs = HfsPlus::open(Bytes::shared(place.read("new"))).unwrap();
    assert_eq!((fs.volume().name.as_str(), fs.volume().free_blocks), ("New", Some(0)));
    place.ok(&["--create", "@tar", "--case-insensitive", "--free", "1M", "--all-root", "-o", "@plus"]);
    let fs = HfsPlus::open(Bytes::shared(place.read("plus"))).unwrap();
    assert!(!fs.volume().case_sensitive && fs.volume().free_blocks == Some(256));
    assert_eq!(place.tree("plus")["/bin/su"].owner, (0, 0));
}

#[test]
fn a_folder_is_taken_with_links_modes_dates_and_what_is_excluded_left_out() {
    let place = Place::new();
    fs::create_dir_all(place.at("tree/bin")).unwrap();
    place.write("tree/bin/a", [1; 5000]);
    fs::set_permissions(place.at("tree/bin/a"), fs::Permissions::from_mode(0o4711)).unwrap();
    fs::hard_link(place.at("tree/bin/a"), place.at("tree/b")).unwrap();
    symlink("../outside", place.at("tree/link")).unwrap();
    place.write("tree/x.o", "");
    place.ok(&["--create", "@tree", "--exclude", "*.o", "-o", "@image"]);
    let all = place.tree("image");
    assert_eq!(all.keys().map(String::as_str).collect::<Vec<_>>(), ["/", "/b", "/bin", "/bin/a", "/link"]);
    assert_eq!((all["/b"].mode, all["/b"].links, all["/b"].contents.len()), (0o4711, 2, 5000));
    assert_eq!((all["/link"].kind, all["/link"].contents.as_slice()), (Kind::Symlink, &b"../outside"[..]));
    // Made of the same files it is the same volume.
    place.ok(&["--create", "@tree", "--exclude", "*.o", "-o", "@again"]);
    assert!(place.read("again") == place.read("image"));
}

#[test]
fn cpio_archives_one_after_another_are_one_tree() {
    let place = Place::new();
    let one = cpio(&[
        (".", 0o040755, 1, 2, b""),
        ("bin", 0o040700, 2, 2, b""),
        ("bin/a", 0o100755, 3, 2, b""),
        ("bin/b", 0o100755, 3, 2, b"shared"),
        ("dev", 0o020600, 4, 1, b""),
    ]);
    let two = cpio(&[("bin/c", 0o120777, 3, 1, b"b"), ("bin/a", 0o100644, 5, 1, b"later")]);
    place.write("cpio", [one.clone(), two].concat());
    place.ok(&["--create", "@cpio", "-o", "@image"]);
    let all = place.tree("image");
    assert_eq!((all["/bin/b"].contents.as_slice(), all["/bin/b"].links), (&b"shared"[..], 1));
    assert_eq!((all["/bin/a"].contents.as_slice(), all["/bin/a"].mode), (&b"later"[..], 0o644));
    assert_eq!((all["/dev"].device, all["/dev"].owner, all["/bin"].mode), (5 << 24 | 1, (1, 2), 0o700));
    assert_eq!(all["/bin/c"].kind, Kind::Symlink);
    for cut in 1..one.len() - 600 {
        place.write("cut", &one[..cut]);
        if let Err(e) = place.run(&["--create", "@cut", "-o", "@none"]) {
            assert!(matches!(e.code(), Code::Damaged | Code::Unsupported), "{cut}: {e}");
        }
    }
}

#[test]
fn archives_that_lead_out_or_are_cut_make_nothing() {
    let place = Place::new();
    let member = |name: &str, kind: tar::EntryType, target: &str, data: &[u8]| {
        let mut h = tar::Header::new_ustar();
        h.set_size(data.len() as u64);
        h.set_entry_type(kind);
        h.set_mode(0o644);
        h.set_uid(0);
        h.set_gid(0);
        h.set_mtime(0);
        for (to, from) in h.as_old_mut().name.iter_mut().zip(name.bytes()) {
            *to = from;
        }
        for (to, from) in h.as_old_mut().linkname.iter_mut().zip(target.bytes()) {
            *to = from;
        }
        h.set_cksum();
        let mut out = [h.as_bytes().as_slice(), data].concat();
        out.resize(out.len().next_multiple_of(512), 0);
        out
    };
    use tar::EntryType::{Link, Regular, Symlink};
    for (bad, word) in [
        (member("a/../../b", Regular, "", b"x"), "leads out"),
        (member("a", Link, "../x", b""), "leads out"),
        (member("a", Link, "none", b""), "not in the volume"),
        (member("a\u{e9}", Regular, "", &[7; 400])[..600].to_vec(), "ends in the middle"),
        (
            [member("s", Symlink, "s", b""), member("s/x", Regular, "", b"")].concat(),
            "too many symbolic links",
        ),
        ([member("f", Regular, "", b""), member("f/x", Regular, "", b"")].concat(), "no folder"),
    ] {
        place.write("bad.tar", &bad);
        let e = place.run(&["--create", "@bad.tar", "-o", "@none"]).unwrap_err();
        assert!(e.to_string().contains(word), "{e}");
    }
    // A link inside leads to where it points inside, never to the host.
    place.write(
        "link.tar",
        [member("up", Symlink, "/../../tmp", b""), member("up/x", Regular, "", b"inside"), vec![0; 1024]]
            .concat(),
    );
    place.ok(&["--create", "@link.tar", "-o", "@image"]);
    assert_eq!(place.tree("image")["/tmp/x"].contents, b"inside");
    place.write("text", "no archive at all");
    place.fails(&["--create", "@text", "-o", "@none"], Code::Unsupported, "no folder, tar or cpio");
    place.fails(&["--create", "@missing", "-o", "@none"], Code::Io, "missing");
    place.fails(&["--create", "@link.tar", "--size", "8K", "-o", "@none"], Code::Usage, "are not enough");
    assert!(!place.names().iter().any(|n| n.contains("none")), "{:?}", place.names());
}

#[test]
fn changes_are_made_in_place_and_failed_ones_leave_the_file() {
    let place = Place::new();
    place.write("image", ramdisk());
    place.write("motd", "hello\n");
    fs::create_dir_all(place.at("tree/usr/lib")).unwrap();
    place.write("tree/usr/lib/x", "x");
    let before = place.tree("image");
    place.ok(&[
        "@image",
        "-i",
        "--rm",
        "/bin/login",
        "/dev/pipe",
        "--mv",
        "/private/etc/fstab",
        "/private/etc/old",
        "--mkdir",
        "/new/er",
        "--add",
        "@motd",
        "/etc/",
        "--add",
        "@motd",
        "/bin/su",
        "--add",
        "@tree",
        "/new",
        "--ln",
        "su",
        "/bin/sh",
        "--hard-link",
        "/bin/su",
        "/new/",
        "--chmod",
        "go-rx",
        "/bin",
        "--chown",
        "7:8",
        "/new",
        "-R",
        "--set-xattr",
        "user.k=0x00ff",
        "/etc/motd",
        "--remove-xattr",
        "user.folder",
        "/bin",
    ]);
    let after = place.tree("image");
    let changed: Vec<&str> = after
        .iter()
        .filter(|(path, said)| before.get(*path) != Some(said))
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(
        changed,
        [
            "/bin",
            "/bin/sh",
            "/bin/su",
            "/new",
            "/new/er",
            "/new/su",
            "/new/usr",
            "/new/usr/lib",
            "/new/usr/lib/x",
            "/private/etc/motd",
            "/private/etc/old"
        ]
    );
    let su = &after["/bin/su"];
    assert_eq!((su.contents.as_slice(), su.mode, su.owner, su.links), (&b"hello\n"[..], 0o4700, (7, 8), 2));
    assert_eq!((after["/bin"].mode, after["/bin"].xattrs.len()), (0o700, 0));
    assert_eq!(after["/private/etc/motd"].xattrs[0].value, [0, 0xff]);
    assert_eq!(after["/private/etc/old"].xattrs, before["/private/etc/fstab"].xattrs);
    let image = place.read("image");
    for (bad, code) in [
        (&["--rm", "/none"][..], Code::NotFound),
        (&["--rm", "/bin/su", "--chmod", "9", "/bin"], Code::Usage),
        (&["--add", "@nothing", "/x"], Code::Io),
        (&["--resize", "4K"], Code::Usage),
        (&["--mkdir", "/bin/su/x"], Code::Usage),
    ] {
        let e = place.run(&[&["@image", "-i"], bad].concat()).unwrap_err();
        assert_eq!(e.code(), code, "{e}");
        assert!(place.read("image") == image, "{bad:?}");
    }
    assert_eq!(place.names(), ["image", "motd", "tree"]);
    place.fails(&["-", "-i", "--rm", "/x"], Code::Usage, "name of a file");
    place.fails(&["@image", "-i"], Code::Usage, "what is to be changed");
    place.fails(&["@image", "--rm", "/x", "-l"], Code::Usage, "one thing at a time");
}

#[test]
fn a_volume_is_resized_both_ways_and_grows_when_it_must() {
    let place = Place::new();
    place.write("image", ramdisk());
    let before = place.tree("image");
    for size in ["32M", "-16M", "+1M", "min"] {
        place.ok(&["@image", "-i", "--resize", size]);
        assert_eq!(place.tree("image"), before, "{size}");
    }
    assert_eq!(place.read("image").len(), ramdisk().len(), "as small as it was");
    place.write("large", vec![1; 1 << 20]);
    place.ok(&["@image", "--add", "@large", "/large", "-o", "@larger"]);
    assert!(place.read("larger").len() > 1 << 20);
    place.ok(&["@larger", "--rm", "/large", "-o", "@same"]);
    assert_eq!(place.read("same").len(), place.read("larger").len(), "it keeps its size");
}

#[test]
fn containers_stay_around_a_changed_volume_and_others_are_put_on() {
    let place = Place::new();
    place.write("raw", ramdisk());
    place.ok(&["@raw", "--type", "rdsk", "--description", "text", "-o", "@im4p"]);
    place.ok(&["@im4p", "--rm", "/bin", "-o", "@changed"]);
    let changed = place.read("changed");
    let im4p = apple_wrap::open(&changed, &apple_wrap::Options::default()).unwrap();
    assert!(
        im4p.layers[0].detail.contains("rdsk") && im4p.layers[0].detail.contains("text"),
        "{:?}",
        im4p.layers
    );
    assert!(!place.tree("changed").contains_key("/bin"));
    for format in ["dmg", "udif"] {
        place.ok(&["@im4p", "--format", format, "-o", "@dmg"]);
        assert_eq!(place.tree("dmg"), place.tree("raw"));
        place.ok(&["@dmg", "-o", "@back"]);
        assert!(place.read("back") == place.read("raw"));
        place.fails(&["@dmg", "-i", "--rm", "/bin"], Code::Usage, "--format");
        place.ok(&["@dmg", "-i", "--rm", "/bin", "--format", format]);
        assert!(place.read("dmg").ends_with(&[0]) && !place.tree("dmg").contains_key("/bin"));
    }
    place.fails(&["@raw", "--type", "toolong", "-o", "@x"], Code::Usage, "four characters");
    place.write("apfs", [vec![0; 32], b"NXSB".to_vec(), vec![0; 8000]].concat());
    assert!(place.run(&["@apfs", "-i", "--rm", "/x"]).is_err());
}

#[test]
fn programs_are_signed_listed_and_found_in_the_trust_cache_of_their_tree() {
    let place = Place::new();
    fs::create_dir_all(place.at("tree/bin")).unwrap();
    place.write("tree/bin/hello", program());
    place.write("tree/bin/script", "#!/bin/sh\n");
    place.write("tree/launchd", guests::demo::launchd().unwrap());
    place.ok(&["--create", "@tree", "--sign", "--code-flags", "hard,kill", "-o", "@image"]);
    let all = place.tree("image");
    assert!(all["/launchd"].contents == place.read("tree/launchd"), "what is signed stays");
    let hashes = |file: &[u8]| code_signature::cdhashes(file).unwrap();
    let hello = hashes(&all["/bin/hello"].contents)[0].1.unwrap();
    let launchd = hashes(&all["/launchd"].contents)[0].1.unwrap();
    place.ok(&["@image", "--trust-cache", "-o", "@one"]);
    let cache = apple_fs::trustcache::TrustCache::parse(&place.read("one")).unwrap();
    assert!(cache.is_sorted() && cache.version == 1);
    let mut want = [hello.bytes, launchd.bytes];
    want.sort_unstable();
    assert_eq!(cache.entries.iter().map(|e| e.cdhash).collect::<Vec<_>>(), want);
    // The folder itself: only what is signed there. Merged with the other it is the same list.
    place.ok(&["-T", "@tree", "--cache-version", "2", "--type", "rtsc", "-o", "@two"]);
    assert_eq!(&place.read("two")[8..16], b"\x16\x04rtsc\x16\0");
    place.ok(&["@two", "@one", "-T", "--cache-version", "1", "-o", "@merged"]);
    assert!(place.read("merged") == place.read("one"));
    // Signed by itself, with the same choices, the program has the same hash.
    place.write("hello", program());
    place.ok(&["--sign", "@hello", "--code-flags", "hard,kill"]);
    place.ok(&["@one", "--find", "@hello", &launchd.to_string()]);
    assert_eq!(place.run(&["@two", "--find", "@hello"]).unwrap(), Status::NothingFound);
    place.ok(&["-l", "@hello"]);
    place.ok(&["-l", "--json", "@one"]);
    place.ok(&["-l", "-T", "@image"]);
    let mut broken = place.read("hello");
    broken[0x2000] ^= 1;
    place.write("broken", broken);
    place.fails(&["-l", "@broken"], Code::Damaged, "do not fit");
    place.fails(&["--sign", "@tree/bin/script"], Code::NotFound, "no Mach-O");
    assert_eq!(place.run(&["-T", "@tree/bin", "-o", "@none"]).unwrap(), Status::NothingFound);
    place.ok(&["--sign", "@tree"]);
    assert_eq!(place.run(&["--sign", "@tree"]).unwrap(), Status::NothingFound);
}

#[test]
fn options_of_a_signature_are_in_it() {
    let place = Place::new();
    place.write("hello", program());
    place.write("e.plist", "<plist version=\"1.0\"><dict><key>get-task-allow</key><true/></dict></plist>");
    place.ok(&[
        "@hello",
        "--sign",
        "--identifier",
        "org.example",
        "--entitlements",
        "@e.plist",
        "--digest",
        "sha1,sha256",
        "--page-size",
        "16K",
        "--team",
        "T",
        "-o",
        "@signed",
    ]);
    let file = place.read("signed");
    let parsed = code_signature::MachO::parse(&file).unwrap();
    let s = parsed.slices()[0].signature().unwrap().unwrap();
    assert_eq!(s.directories().len(), 2);
    assert_eq!(
        (s.best().identifier.as_str(), s.best().page_shift, s.best().team.as_deref()),
        ("org.example", 14, Some("T"))
    );
    assert!(s.entitlements().unwrap().contains("get-task-allow"));
    assert!(place.read("hello") == program(), "the input stays");
    // Signed again, it says the same.
    place.ok(&["--sign", "@signed"]);
    assert!(place.read("signed") == file);
    place.fails(&["@hello", "--sign", "--page-size", "8K"], Code::Usage, "4096 or 16384");
    place.write("bad.plist", "text");
    place.fails(&["@hello", "--sign", "--entitlements", "@bad.plist"], Code::Damaged, "entitlements");
    place.fails(&["--sign", "@hello", "@signed", "-o", "@x"], Code::Usage, "one file");
}

#[test]
fn why_says_where_reading_stops() {
    let place = Place::new();
    place.write("image", ramdisk());
    place.ok(&["--why", "@image"]);
    place.write("aea", [b"AEA1\x01\0\0\0\0\0\0\0".to_vec(), vec![7; 5000]].concat());
    place.fails(&["--why", "@aea"], Code::Unsupported, "Encrypted Archive");
    place.write("text", vec![b'x'; 5000]);
    place.fails(&["--why", "@text"], Code::NotFound, "recognised");
    place.write("hello", program());
    assert_eq!(place.run(&["--why", "@hello"]).unwrap(), Status::NothingFound);
}

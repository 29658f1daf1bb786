//! The tool as a whole, on images made here; files that a volume must not hold are put in by changing its bytes.

use super::*;
use apple_fs::hfsplus::write::{Attributes, Builder};
use clap::Parser;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use tempfile::TempDir;

struct Place {
    dir: TempDir,
}

impl Place {
    fn new(image: &[u8]) -> Place {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("image"), image).unwrap();
        Place { dir }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs the tool on `image`; `@` before a name makes it a path in this place.
    fn run(&self, args: &[&str]) -> Result<Status> {
        let args = args.iter().map(|a| match a.strip_prefix('@') {
            Some(name) => self.at(name).display().to_string(),
            None => a.to_string(),
        });
        let image = self.at("image").display().to_string();
        let args = Args::try_parse_from(["rd-extract".to_string(), image].into_iter().chain(args)).unwrap();
        let mut io = Io::new("rd-extract", &cli::Common { quiet: true, ..Default::default() });
        run(args, &mut io)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap()
    }
}

fn code(r: Result<Status>) -> Code {
    r.unwrap_err().code()
}

/// A ramdisk with some of everything.
fn ramdisk() -> Vec<u8> {
    let mut b = Builder::new("ramdisk");
    b.date(1_600_000_000);
    let mut su = Attributes::new(0o4755);
    su.modified = Some(1_500_000_000);
    su.uid = 4_294_967_294;
    b.file("/bin/su", &su, vec![5; 300_000]).unwrap();
    b.hard_link("/bin/login", "/bin/su").unwrap();
    b.directory("/secret", &Attributes::new(0o500)).unwrap();
    b.file("/secret/key", &Attributes::new(0o400), "key").unwrap();
    b.symlink("/etc", &Attributes::new(0o755), "private/etc").unwrap();
    b.file("/private/etc/fstab", &Attributes::new(0o644), "/dev/md0 / hfs ro 0 1\n").unwrap();
    b.file(&format!("/{}", "long".repeat(40)), &Attributes::new(0o644), "long").unwrap();
    b.special("/dev/console", &Attributes::new(0o622), apple_fs::Kind::CharDevice, 5 << 24 | 1).unwrap();
    b.xattr("/private/etc/fstab", "user.note", b"a=b c\0d").unwrap();
    b.build().unwrap()
}

/// Replaces a name wherever it is in the volume with another one of the same length.
fn rename(image: &mut [u8], from: &str, to: &str) {
    let wide = |s: &str| s.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let (from, to) = (wide(from), wide(to));
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> =
        (0..image.len() - from.len()).filter(|&i| image[i..i + from.len()] == from[..]).collect();
    assert!(!places.is_empty());
    for at in places {
        image[at..at + to.len()].copy_from_slice(&to);
    }
}

#[test]
fn everything_is_extracted_with_modes_links_and_times() {
    let place = Place::new(&ramdisk());
    assert_eq!(place.run(&["-x", "/", "-C", "@out"]).unwrap(), Status::Done);
    let meta = |name: &str| fs::symlink_metadata(place.at("out").join(name)).unwrap();
    assert!(place.read("out/bin/su") == vec![5; 300_000]);
    assert_eq!(meta("bin/su").permissions().mode() & 0o7777, 0o755, "no set-id bit without the owner");
    assert_eq!(meta("bin/su").ino(), meta("bin/login").ino());
    assert_eq!(meta("bin/su").mtime(), 1_500_000_000);
    assert_eq!(meta("secret").permissions().mode() & 0o777, 0o500);
    assert_eq!(meta("secret").mtime(), 1_600_000_000);
    assert_eq!(place.read("out/secret/key"), b"key");
    assert_eq!(fs::read_link(place.at("out/etc")).unwrap(), Path::new("private/etc"));
    assert!(!place.at("out/dev/console").exists());
    // So that the folder can be removed by who is not root.
    fs::set_permissions(place.at("out/secret"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn only_what_is_named_is_extracted_and_nothing_named_wrong_is_success() {
    let place = Place::new(&ramdisk());
    place.run(&["-x", "/bin/s*", "**/fstab", "-C", "@out"]).unwrap();
    assert!(place.at("out/bin/su").exists() && place.at("out/private/etc/fstab").exists());
    assert!(!place.at("out/bin/login").exists() && !place.at("out/secret").exists());
    assert_eq!(place.run(&["-x", "/none", "-C", "@none"]).unwrap(), Status::NothingFound);
    assert!(!place.at("none").exists());
    assert_eq!(place.run(&["-x", "/none", "/etc", "-C", "@some"]).unwrap(), Status::NothingFound);
    assert!(place.at("some/etc").is_symlink());
}

#[test]
fn files_that_are_there_stay_unless_forced() {
    let place = Place::new(&ramdisk());
    fs::create_dir_all(place.at("out/secret")).unwrap();
    fs::write(place.at("out/secret/key"), "mine").unwrap();
    assert!(place.run(&["-x", "/secret/key", "-C", "@out"]).is_err());
    assert_eq!(place.read("out/secret/key"), b"mine");
    place.run(&["-x", "/secret/key", "-C", "@out", "--force"]).unwrap();
    assert_eq!(place.read("out/secret/key"), b"key");
}

#[test]
fn links_in_the_folder_are_never_followed() {
    let place = Place::new(&ramdisk());
    fs::create_dir_all(place.at("outside")).unwrap();
    fs::create_dir_all(place.at("out")).unwrap();
    fs::write(place.at("outside/target"), "mine").unwrap();
    std::os::unix::fs::symlink(place.at("outside"), place.at("out/secret")).unwrap();
    std::os::unix::fs::symlink(place.at("outside/target"), place.at("out/etc")).unwrap();
    assert!(place.run(&["-x", "/secret", "/etc", "-C", "@out", "--force"]).is_err());
    assert_eq!(fs::read_dir(place.at("outside")).unwrap().count(), 1);
    assert_eq!(place.read("outside/target"), b"mine");
    assert_eq!(
        fs::read_link(place.at("out/etc")).unwrap(),
        Path::new("private/etc"),
        "the link itself is replaced"
    );
}

#[test]
fn a_link_of_the_image_is_no_way_out() {
    // A symbolic link and a folder of one name: what is in the folder must not go through the link.
    let outside = TempDir::new().unwrap();
    let mut b = Builder::new("evil");
    b.symlink("/aaaa", &Attributes::new(0o755), outside.path().to_str().unwrap()).unwrap();
    b.file("/bbbb/passwd", &Attributes::new(0o644), "evil").unwrap();
    let mut image = b.build().unwrap();
    rename(&mut image, "bbbb", "aaaa");
    let place = Place::new(&image);
    assert!(place.run(&["-x", "/", "-C", "@out"]).is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(place.read("out/aaaa/passwd"), b"evil", "the folder was first, the link refused");
    assert!(!place.at("out/aaaa").is_symlink());
}

#[test]
fn names_that_lead_elsewhere_are_refused_and_the_rest_is_extracted() {
    let mut b = Builder::new("evil");
    b.file("/zz/up", &Attributes::new(0o644), "evil").unwrap();
    b.file("/good", &Attributes::new(0o644), "good").unwrap();
    let mut image = b.build().unwrap();
    rename(&mut image, "zz", "..");
    let place = Place::new(&image);
    assert_eq!(code(place.run(&["-x", "/", "-C", "@out"])), Code::Damaged);
    assert_eq!(place.read("out/good"), b"good");
    assert!(!place.at("up").exists());
    assert_eq!(fs::read_dir(place.at("out")).unwrap().count(), 1);
    // Nor are they in a tar stream.
    assert!(place.run(&["--tar", "-o", "@t"]).is_err());
}

#[test]
fn a_stored_colon_or_slash_never_separates_names() {
    let mut b = Builder::new("evil");
    b.file("/a-b", &Attributes::new(0o644), "x").unwrap();
    b.file("/c:d", &Attributes::new(0o644), "y").unwrap();
    let mut image = b.build().unwrap();
    rename(&mut image, "a-b", "a:b");
    let place = Place::new(&image);
    place.run(&["-x", "/", "-C", "@out"]).unwrap();
    assert_eq!((place.read("out/a:b"), place.read("out/c:d")), (b"x".to_vec(), b"y".to_vec()));
}

#[test]
fn of_two_files_with_one_name_the_second_is_refused() {
    let mut b = Builder::new("evil");
    b.file("/one1", &Attributes::new(0o644), "first").unwrap();
    b.file("/one2", &Attributes::new(0o644), "second").unwrap();
    let mut image = b.build().unwrap();
    rename(&mut image, "one2", "one1");
    let place = Place::new(&image);
    for force in [&["-x", "/", "-C", "@out"][..], &["-x", "/", "-C", "@out", "--force"]] {
        assert!(place.run(force).is_err());
        assert_eq!(place.read("out/one1"), b"first");
    }
}

#[test]
fn a_tar_stream_holds_everything() {
    let place = Place::new(&ramdisk());
    place.run(&["--tar", "-o", "@tar"]).unwrap();
    let bytes = place.read("tar");
    let mut found = BTreeMap::new();
    let mut archive = tar::Archive::new(&bytes[..]);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let pax: BTreeMap<String, Vec<u8>> = entry
            .pax_extensions()
            .unwrap()
            .into_iter()
            .flatten()
            .map(|e| e.unwrap())
            .map(|e| (e.key().unwrap().to_string(), e.value_bytes().to_vec()))
            .collect();
        let h = entry.header().clone();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let link = entry.link_name_bytes().map(|l| String::from_utf8(l.into_owned()).unwrap());
        let mut data = Vec::new();
        entry.read_to_end(&mut data).unwrap();
        found.insert(path, (h, link, data, pax));
    }
    let (h, _, data, pax) = &found["bin/login"];
    assert_eq!((h.entry_type(), h.mode().unwrap(), data.len()), (tar::EntryType::Regular, 0o4755, 300_000));
    assert_eq!((&pax["uid"][..], h.mtime().unwrap()), (&b"4294967294"[..], 1_500_000_000));
    let (h, link, ..) = &found["bin/su"];
    assert_eq!((h.entry_type(), link.as_deref()), (tar::EntryType::Link, Some("bin/login")));
    let (h, link, ..) = &found["etc"];
    assert_eq!((h.entry_type(), link.as_deref()), (tar::EntryType::Symlink, Some("private/etc")));
    let (h, ..) = &found["dev/console"];
    assert_eq!(
        (h.entry_type(), h.device_major().unwrap(), h.device_minor().unwrap()),
        (tar::EntryType::Char, Some(5), Some(1))
    );
    assert_eq!(found["private/etc/fstab"].3["SCHILY.xattr.user.note"], b"a=b c\0d");
    assert_eq!(found[&"long".repeat(40)].2, b"long");
    assert!(found.contains_key("./") && found.contains_key("secret/"));
    // The same again, byte for byte.
    place.run(&["--tar", "-o", "@again"]).unwrap();
    assert!(place.read("again") == bytes);
}

#[test]
fn a_file_is_shown_through_links_of_the_image() {
    let place = Place::new(&ramdisk());
    place.run(&["--cat", "/etc/fstab", "-o", "@f"]).unwrap();
    assert_eq!(place.read("f"), b"/dev/md0 / hfs ro 0 1\n");
    assert_eq!(code(place.run(&["--cat", "/none", "-o", "@g"])), Code::NotFound);
    assert_eq!(code(place.run(&["--cat", "/bin", "-o", "@g"])), Code::NotFound);
    assert!(!place.at("g").exists());
    let mut b = Builder::new("loop");
    b.symlink("/a", &Attributes::new(0o755), "b").unwrap();
    b.symlink("/b", &Attributes::new(0o755), "a/../a/x").unwrap();
    let place = Place::new(&b.build().unwrap());
    assert_eq!(code(place.run(&["--cat", "/a", "-o", "@g"])), Code::NotFound);
}

fn im4p(payload: &[u8]) -> Vec<u8> {
    apple_wrap::write::im4p(*b"rdsk", "ramdisk", payload, apple_wrap::write::Method::None).unwrap()
}

fn packed(ramdisk: &[u8]) -> Vec<u8> {
    use bootimg::{Builder, ConfigurationSpec, PartKind, PartSpec};
    let mut b = Builder::new("test");
    b.add(PartSpec::of_bytes("kernel", PartKind::Kernel, b"kernel")).unwrap();
    b.add(PartSpec::of_bytes("ramdisk", PartKind::Ramdisk, ramdisk)).unwrap();
    b.configure(ConfigurationSpec::new("default")).unwrap();
    let mut image = Vec::new();
    let order: Vec<String> = b.parts().iter().map(|p| p.name().to_string()).collect();
    let mut w = b.write(&mut image).unwrap();
    for name in order {
        w.part(&mut if name == "kernel" { &b"kernel"[..] } else { ramdisk }).unwrap();
    }
    w.finish().unwrap();
    image
}

#[test]
fn every_wrapping_gives_the_same_raw_image() {
    let raw = ramdisk();
    for image in [raw.clone(), im4p(&raw)] {
        let place = Place::new(&image);
        place.run(&["-o", "@raw"]).unwrap();
        assert!(place.read("raw") == raw);
        place.run(&["--cat", "/secret/key", "-o", "@key"]).unwrap();
        assert_eq!(place.read("key"), b"key");
    }
    let image = packed(&im4p(&raw));
    let place = Place::new(&image);
    place.run(&["--bare", "-o", "@raw"]).unwrap();
    assert!(place.read("raw") == raw);
    place.run(&["-x", "/secret/key", "-C", "@out"]).unwrap();
    assert_eq!(place.read("out/secret/key"), b"key");
    // Packed in, packed out: only the ramdisk is another.
    place.run(&["-o", "@packed"]).unwrap();
    let again = place.read("packed");
    let mut reader = bootimg::Reader::new(&again[..]).unwrap();
    let mut parts = BTreeMap::new();
    while let Some(mut p) = reader.next_part().unwrap() {
        let name = p.part().name.clone();
        parts.insert(name, p.read_verified(1 << 30).unwrap());
    }
    assert_eq!(parts["kernel"], b"kernel");
    assert!(parts["ramdisk"] == raw);
    assert_eq!(code(place.run(&["--part", "none", "--bare", "-o", "@x"])), Code::NotFound);
    assert_eq!(code(place.run(&["--part", "kernel", "--bare", "-o", "@x"])), Code::NotFound);
}

#[test]
fn damage_is_an_error_and_leaves_no_output() {
    let raw = ramdisk();
    let image = im4p(&raw);
    let cut = Place::new(&image[..image.len() / 2]);
    assert_eq!(code(cut.run(&["-o", "@raw"])), Code::Damaged);
    assert!(!cut.at("raw").exists());
    let cut = Place::new(&raw[..raw.len() / 2]);
    assert_eq!(code(cut.run(&["--tar", "-o", "@tar"])), Code::Damaged);
    // What cannot be read is left out and told; the archive is whole without it.
    let tar = cut.read("tar");
    let names: Vec<_> = tar::Archive::new(&tar[..])
        .entries()
        .unwrap()
        .map(|e| String::from_utf8(e.unwrap().path_bytes().into_owned()).unwrap())
        .collect();
    assert!(names.contains(&"bin/".to_string()) && !names.contains(&"bin/su".to_string()), "{names:?}");
    assert!(cut.run(&["-x", "/", "-C", "@out"]).is_err());
    for left in ["out/bin/su", "out/bin/login"] {
        assert!(!cut.at(left).exists(), "half of {left}");
    }
    assert_eq!(code(Place::new(b"").run(&["-l"])), Code::Damaged);
    assert_eq!(code(Place::new(&[7; 9000]).run(&["-l"])), Code::NotFound);
}

#[test]
fn bombs_are_refused_before_anything_is_written() {
    let place = Place::new(&ramdisk());
    for args in [
        &["-x", "/", "-C", "@out", "--max-size", "1000"][..],
        &["--tar", "-o", "@out", "--max-size", "1000"],
        &["-o", "@out", "--max-size", "1000"],
        &["--cat", "/bin/su", "-o", "@out", "--max-size", "1000"],
    ] {
        assert_eq!(code(place.run(args)), Code::Unsupported, "{args:?}");
        assert!(!place.at("out").exists(), "{args:?}");
    }
}

#[test]
fn nothing_is_written_when_only_asked_what_would_be() {
    let place = Place::new(&ramdisk());
    place.run(&["-n", "-o", "@out"]).unwrap();
    place.run(&["-n", "-x", "/bin", "-C", "@out"]).unwrap();
    place.run(&["-n", "--tar", "-o", "@out"]).unwrap();
    assert!(!place.at("out").exists());
}

#[test]
fn requests_that_make_no_sense_are_wrong_usage() {
    let place = Place::new(&ramdisk());
    assert_eq!(code(place.run(&["-x", "/"])), Code::Usage);
    assert_eq!(code(place.run(&["--part", "ramdisk", "-l"])), Code::Usage);
    assert_eq!(code(place.run(&["-k", "xyz"])), Code::Usage);
    let parse = |args: &[&str]| Args::try_parse_from(["rd-extract"].iter().chain(args)).is_err();
    assert!(parse(&["-l", "-o", "x"]) && parse(&["--json"]) && parse(&["--tar", "-C", "x", "-x", "/"]));
    use clap::CommandFactory;
    Args::command().debug_assert();
}

//! The built tool on servers: with and without ranges, broken, changing, behind a proxy.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use httpd::sparse::{self, Part};
use httpd::{Behaviour, Content, Server};
use std::path::Path;
use std::process::Command;

struct Ran {
    status: i32,
    stdout: Vec<u8>,
    stderr: String,
}

fn run_in(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipsw-extract"));
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"] {
        command.env_remove(name);
    }
    let out = command.args(args).envs(env.iter().copied()).current_dir(folder).output().unwrap();
    Ran {
        status: out.status.code().unwrap_or(-1),
        stdout: out.stdout,
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
    }
}

fn run(args: &[&str]) -> Ran {
    run_in(Path::new("/"), args, &[])
}

fn demo() -> Content {
    Content::Bytes(guests::demo::ipsw().unwrap())
}

fn tagged() -> Behaviour {
    Behaviour { etag: Some("\"one\"".into()), ..Behaviour::default() }
}

#[test]
fn of_two_gibibytes_only_what_is_wanted_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let ipsw = guests::demo::ipsw().unwrap();
    std::fs::write(folder.path().join("demo.ipsw"), &ipsw).unwrap();
    assert_eq!(run_in(folder.path(), &["demo.ipsw", "**", "-o", "all"], &[]).status, 0);
    let file = |name: &str| std::fs::read(folder.path().join("all").join(name)).unwrap();
    let (manifest, restore) = (file("BuildManifest.plist"), file("Restore.plist"));
    let kernel = file("kernelcache.release.iphone9");
    let wanted: Vec<u8> = (0..24u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    // Members beyond 4 GiB need the directory's zip64 fields, too.
    let big = 2200 << 20;
    let members = [
        ("system.dmg", Part::Hole(big)),
        ("kernelcache.release.iphone9", Part::Bytes(&kernel)),
        ("system2.dmg", Part::Hole(big)),
        ("Firmware/wanted.bin", Part::Bytes(&wanted)),
        ("Restore.plist", Part::Bytes(&restore)),
        ("BuildManifest.plist", Part::Bytes(&manifest)),
    ];
    let mut zip = tempfile::tempfile().unwrap();
    sparse::zip(&mut zip, &members).unwrap();
    let server = Server::start(Content::File(zip), tagged());
    let url = server.url("/big.ipsw");
    let out = run(&[&url, "Firmware/wanted.bin"]);
    assert!(out.status == 0 && out.stdout == wanted, "{}", out.stderr);
    let sent = server.bytes() as f64 / wanted.len() as f64;
    assert!(sent < 1.01, "{sent} of what is wanted");
    assert_eq!(server.connections(), 1);
    let before = server.bytes();
    let out = run(&["--remote", &url, "-v", "kernel"]);
    assert!(out.status == 0 && out.stdout == kernel, "{}", out.stderr);
    assert!(out.stderr.contains("bytes of 4"), "-v says how much was read: {}", out.stderr);
    let overhead = server.bytes() - before - kernel.len() as u64;
    assert!(overhead < 3000 + (manifest.len() + restore.len()) as u64, "{overhead}");
}

#[test]
fn a_server_gives_what_a_file_gives_in_every_way_of_taking_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("demo.ipsw"), guests::demo::ipsw().unwrap()).unwrap();
    let server = Server::start(demo(), tagged());
    let url = server.url("/redirect");
    for rest in [&["--json"][..], &["kernel"], &["--append", "serial=3"], &["--check"], &["**DeviceTree*"]] {
        let of_file = run_in(folder.path(), &[&["demo.ipsw"], rest].concat(), &[]);
        let of_server = run_in(folder.path(), &[&[url.as_str()], rest].concat(), &[]);
        assert!(
            of_server.status == 0 && of_server.stdout == of_file.stdout,
            "{rest:?}: {}",
            of_server.stderr
        );
    }
    let out = run_in(folder.path(), &["--remote", &url, "kernel", "ramdisk", "-o", "got"], &[]);
    assert_eq!(out.status, 0, "{}", out.stderr);
    let kernel = std::fs::read(folder.path().join("got/kernelcache.release.iphone9")).unwrap();
    assert!(kernel == guests::demo::parts().unwrap().kernelcache);
}

#[test]
fn lost_connections_are_resumed_and_what_cannot_be_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let kernel = guests::demo::parts().unwrap().kernelcache;
    let server = Server::start(demo(), Behaviour { drop_after: Some(1500), unavailable: 1, ..tagged() });
    let out = run(&[&server.url("/x"), "kernel"]);
    assert!(out.status == 0 && out.stdout == kernel, "{}", out.stderr);
    let server = Server::start(demo(), Behaviour { drop_after: Some(0), ..tagged() });
    let out = run_in(folder.path(), &[&server.url("/x"), "kernel", "-o", "out", "--retries", "1"], &[]);
    assert!(out.status == 4 && out.stderr.contains("gave up after 2 tries"), "{}", out.stderr);
    // The file changes before the last of its parts is asked for.
    let server = Server::start(demo(), tagged());
    assert_eq!(run_in(folder.path(), &[&server.url("/x"), "kernel", "ramdisk", "-o", "all"], &[]).status, 0);
    let last = server.requests() - 1;
    let changes = Behaviour { other_etag: Some((last, "\"two\"".into())), ..tagged() };
    let server = Server::start(demo(), changes);
    let out = run_in(folder.path(), &[&server.url("/x"), "kernel", "ramdisk", "-o", "out"], &[]);
    assert!(out.status == 4 && out.stderr.contains("changed on the server"), "{}", out.stderr);
    assert_eq!(out.stderr.lines().count(), 1);
    let left = std::fs::read_dir(folder.path().join("out")).map_or(0, |d| d.count());
    assert!(left <= 1, "what was not whole is not there");
}

#[test]
fn a_server_without_ranges_is_named_and_read_in_order_if_the_user_wants() {
    let server = Server::start(demo(), Behaviour { no_ranges: true, ..tagged() });
    let url = server.url("/x");
    let out = run(&[&url, "kernel"]);
    assert!(out.status == 5 && out.stderr.contains("--allow-full-download"), "{}", out.stderr);
    assert_eq!(out.stderr.lines().count(), 1);
    let out = run(&[&url, "kernel", "--allow-full-download"]);
    assert!(out.status == 0 && out.stdout == guests::demo::parts().unwrap().kernelcache, "{}", out.stderr);
    assert_eq!(server.requests(), 2);
}

#[test]
fn proxies_come_from_the_environment() {
    let proxy = Server::start(demo(), tagged());
    let env = [("http_proxy", proxy.url("")), ("no_proxy", "other.invalid".to_string())];
    let env: Vec<(&str, &str)> = env.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let out = run_in(Path::new("/"), &["http://nowhere.invalid/demo.ipsw", "kernel"], &env);
    assert!(out.status == 0 && out.stdout == guests::demo::parts().unwrap().kernelcache, "{}", out.stderr);
    assert!(proxy.lines().iter().all(|l| l.starts_with("GET http://nowhere.invalid/demo.ipsw ")));
}

#[test]
fn what_is_wrong_with_a_server_is_said_in_one_line() {
    let server = Server::start(demo(), tagged());
    for (args, status, says) in [
        (vec![server.url("/missing")], 1, "404"),
        (vec![server.url("/loop")], 4, "redirections"),
        (vec!["http://:80/x".into()], 2, "http"),
        (vec![server.url("/x"), "--header".into(), "nonsense".into()], 2, "Name: value"),
        (vec!["http://127.0.0.1:9/x".into(), "--retries".into(), "0".into()], 4, "refused"),
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let out = run(&args);
        assert!(out.status == status && out.stderr.contains(says), "{args:?}: {} {}", out.status, out.stderr);
        assert_eq!(out.stderr.lines().count(), 1, "{}", out.stderr);
    }
    let not_zip = Server::start(Content::Bytes(vec![7; 5000]), tagged());
    let out = run(&[&not_zip.url("/x")]);
    assert!(out.status == 3 && out.stderr.contains("not an IPSW"), "{}", out.stderr);
}

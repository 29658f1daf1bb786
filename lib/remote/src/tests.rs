use super::*;
use httpd::{Behaviour, Content, Server};
use std::io::Read;

fn bytes() -> Vec<u8> {
    (0..1_000_003u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn patient() -> Options {
    Options {
        backoff: Duration::from_millis(1),
        timeout: Duration::from_secs(5),
        proxies: Proxies::default(),
        ..Options::default()
    }
}

fn ranged(server: &Server, path: &str) -> RemoteFile {
    match open(&server.url(path), patient()).unwrap() {
        Opened::Ranges(file) => file,
        Opened::Whole(_) => panic!("the server has ranges"),
    }
}

fn read(file: &RemoteFile, at: u64, len: usize) -> std::io::Result<Vec<u8>> {
    let mut buf = vec![0; len];
    let mut filled = 0;
    while filled < len {
        match file.read_at(&mut buf[filled..], at + filled as u64)? {
            0 => break,
            n => filled += n,
        }
    }
    buf.truncate(filled);
    Ok(buf)
}

fn tagged() -> Behaviour {
    Behaviour { etag: Some("\"one\"".into()), ..Behaviour::default() }
}

#[test]
fn any_part_is_read_and_no_byte_more_is_sent() {
    let all = bytes();
    let server = Server::start(Content::Bytes(all.clone()), tagged());
    let file = ranged(&server, "/file");
    assert_eq!(file.size(), all.len() as u64);
    for (at, len) in [(0, 10), (999_990, 100), (500_000, 70_000), (1_000_003, 5), (u64::MAX, 5)] {
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(all.len());
        assert!(read(&file, at, len).unwrap() == all[from..all.len().min(from.saturating_add(len))], "{at}");
    }
    assert_eq!(server.bytes(), 1 + 10 + 13 + 70_000);
    assert!(read(&file, 999_995, 3).unwrap() == all[999_995..999_998], "was read before");
    assert_eq!(server.bytes(), 1 + 10 + 13 + 70_000);
}

#[test]
fn what_is_announced_comes_in_one_answer_over_one_connection() {
    let all = bytes();
    let server = Server::start(Content::Bytes(all.clone()), tagged());
    let file = ranged(&server, "/file");
    for start in [1000u64, 300_000] {
        file.will_read(start..start + 200_000);
        let mut got: Vec<u8> = Vec::new();
        while got.len() < 200_000 {
            let mut buf = [0; 7000];
            let n = file.read_at(&mut buf, start + got.len() as u64).unwrap();
            got.extend(&buf[..n]);
        }
        assert!(got[..200_000] == all[start as usize..start as usize + 200_000]);
    }
    assert_eq!((server.requests(), server.connections()), (3, 1));
    assert!(server.bytes() < 401_000 + 7000, "{}", server.bytes());
}

#[test]
fn several_readers_do_not_disturb_each_other() {
    let all = bytes();
    let server = Server::start(Content::Bytes(all.clone()), tagged());
    let file = ranged(&server, "/file");
    std::thread::scope(|s| {
        for reader in 0..8u64 {
            let (file, all) = (&file, &all);
            s.spawn(move || {
                let (start, len) = (reader * 100_000, 150_000);
                file.will_read(start..start + len);
                let got = read(file, start, len as usize).unwrap();
                assert!(got == all[start as usize..(start + len) as usize]);
            });
        }
    });
}

#[test]
fn a_lost_connection_is_taken_up_where_it_was() {
    let all = bytes();
    let server =
        Server::start(Content::Bytes(all.clone()), Behaviour { drop_after: Some(90_000), ..tagged() });
    let file = ranged(&server, "/file");
    file.will_read(0..1_000_003);
    assert!(read(&file, 0, 1_000_003).unwrap() == all);
    assert_eq!(server.bytes(), 1 + 1_000_003, "nothing is sent twice");
}

#[test]
fn a_server_that_never_gives_a_byte_is_given_up() {
    let server = Server::start(Content::Bytes(bytes()), Behaviour { drop_after: Some(1), ..tagged() });
    let file = ranged(&server, "/file");
    // A byte each time is progress.
    assert_eq!(read(&file, 10, 20).unwrap().len(), 20);
    let server = Server::start(Content::Bytes(bytes()), Behaviour { drop_after: Some(0), ..tagged() });
    let e = match open(&server.url("/file"), patient()).unwrap() {
        Opened::Ranges(file) => file.read_at(&mut [0; 9], 77).unwrap_err().to_string(),
        Opened::Whole(_) => panic!("the server has ranges"),
    };
    assert!(e.contains("offset 0x4d") && e.contains("gave up after 6 tries"), "{e}");
}

#[test]
fn a_file_that_changes_is_an_error_and_never_a_mixture() {
    for first in [tagged(), Behaviour { etag: Some("W/\"weak\"".into()), ..Behaviour::default() }] {
        let behaviour = Behaviour { other_etag: Some((2, "\"two\"".into())), ..first };
        let server = Server::start(Content::Bytes(bytes()), behaviour);
        let file = ranged(&server, "/file");
        assert!(file.read_at(&mut [0; 9], 0).is_ok());
        let e = file.read_at(&mut [0; 9], 5000).unwrap_err().to_string();
        assert!(e.contains("changed on the server") && e.contains("ETag"), "{e}");
    }
}

#[test]
fn a_busy_server_is_asked_again_and_a_missing_file_is_not() {
    let server = Server::start(Content::Bytes(bytes()), Behaviour { unavailable: 3, ..tagged() });
    assert_eq!(ranged(&server, "/file").size(), 1_000_003);
    assert_eq!(server.requests(), 4);
    let e = open(&server.url("/missing"), patient()).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
    assert!(e.to_string().contains("404"), "{e}");
    assert_eq!(server.requests(), 5);
    let server = Server::start(Content::Bytes(bytes()), Behaviour { unavailable: 99, ..tagged() });
    let e = open(&server.url("/file"), patient()).unwrap_err();
    assert!(e.to_string().contains("503") && e.kind() == ErrorKind::Io, "{e}");
    assert_eq!(server.requests(), 6);
}

#[test]
fn redirections_are_followed_once_and_not_for_ever() {
    let server = Server::start(Content::Bytes(bytes()), tagged());
    let file = ranged(&server, "/redirect");
    assert!(read(&file, 5, 50).is_ok() && read(&file, 500, 50).is_ok());
    assert_eq!(server.requests(), 4, "later requests go to where the first was sent");
    let e = open(&server.url("/loop"), patient()).unwrap_err().to_string();
    assert!(e.contains("more than 10 redirections"), "{e}");
}

#[test]
fn a_server_without_ranges_gives_the_whole_file_also_over_lost_connections() {
    for (drop_after, chunked) in [(None, false), (None, true), (Some(700_000), false)] {
        let behaviour = Behaviour { no_ranges: true, drop_after, chunked, ..tagged() };
        let server = Server::start(Content::Bytes(bytes()), behaviour);
        let Opened::Whole(mut file) = open(&server.url("/file"), patient()).unwrap() else {
            panic!("the server has no ranges")
        };
        assert_eq!(file.size(), (!chunked).then_some(1_000_003));
        let mut got = Vec::new();
        // A server that breaks off at the same byte each time gives no more than that.
        match drop_after {
            None => assert_eq!(file.read_to_end(&mut got).unwrap(), 1_000_003),
            Some(_) => assert!(file.read_to_end(&mut got).unwrap_err().to_string().contains("gave up")),
        }
        assert!(got == bytes()[..got.len()]);
    }
}

#[test]
fn http_goes_through_a_proxy_as_whole_urls_unless_excepted() {
    let proxy = Server::start(Content::Bytes(bytes()), tagged());
    let mut options = patient();
    options.proxies.http = Some(proxy.url(""));
    let Opened::Ranges(file) = open("http://nowhere.invalid/file", options.clone()).unwrap() else {
        panic!("ranges")
    };
    assert!(read(&file, 5, 50).unwrap() == bytes()[5..55]);
    assert!(
        proxy.lines().iter().all(|l| l == "GET http://nowhere.invalid/file HTTP/1.1"),
        "{:?}",
        proxy.lines()
    );
    let server = Server::start(Content::Bytes(bytes()), tagged());
    options.proxies.none = Some("127.0.0.0/8".into());
    assert!(open(&server.url("/file"), options).is_ok());
    assert_eq!((server.requests(), proxy.requests()), (1, 2));
}

#[test]
fn headers_and_passwords_are_sent_and_not_shown() {
    let wants = Behaviour { authorization: Some("Basic bWU6c2VjcmV0".into()), ..tagged() };
    let server = Server::start(Content::Bytes(bytes()), wants);
    assert!(open(&server.url("/file"), patient()).unwrap_err().to_string().contains("401"));
    let url = server.url("/file").replace("127", "me:secret@127");
    let Opened::Ranges(file) = open(&url, patient()).unwrap() else { panic!("ranges") };
    assert!(!file.name().contains("secret"), "{}", file.name());
    let headers = vec![("Authorization".to_string(), "Basic bWU6c2VjcmV0".to_string())];
    assert!(open(&server.url("/file"), Options { headers, ..patient() }).is_ok());
    let headers = vec![("a b".to_string(), "x\n".to_string())];
    assert!(open(&server.url("/file"), Options { headers, ..patient() }).is_err());
}

#[test]
fn an_empty_file_and_a_closed_port_are_told() {
    let server = Server::start(Content::Bytes(Vec::new()), tagged());
    assert!(open(&server.url("/file"), patient()).unwrap_err().to_string().contains("empty"));
    let e = open("http://127.0.0.1:9/x", patient()).unwrap_err().to_string();
    assert!(e.contains("refused"), "{e}");
    #[cfg(not(feature = "https"))]
    assert_eq!(open("https://127.0.0.1/x", patient()).unwrap_err().kind(), ErrorKind::Unsupported);
}

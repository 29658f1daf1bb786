//! The RSA chain was made for this test with the `cryptography` package: `rsa.im4m` is signed (SHA-1) by "Test Signer",
//! whom "Test Authority" certified, whom `root.der`, "Test Root", certified (SHA-256). Its keys are gone.
use super::*;
use apple_img4::{Value, write};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

const RSA_MANIFEST: &[u8] = include_bytes!("tests/rsa.im4m");
const RSA_ROOT: &[u8] = include_bytes!("tests/root.der");

#[test]
fn an_rsa_chain_is_followed_to_the_root_that_is_given() {
    let im4m = Im4m::parse(RSA_MANIFEST).unwrap();
    let root = Certificate::parse(RSA_ROOT).unwrap();
    assert!(root.is_self_signed());
    let report = manifest(&im4m, &[root]).unwrap();
    assert_eq!(report.signature, Verdict::Good("RSA, SHA-1"));
    let chain: Vec<_> =
        report.chain.iter().map(|l| (l.subject.as_str(), l.verdict.clone(), l.rooted)).collect();
    let good = Verdict::Good("RSA, SHA-256");
    assert_eq!(chain, [("Test Signer", good.clone(), false), ("Test Authority", good, true)]);
    assert!(report.is_rooted());
    let without = manifest(&im4m, &[]).unwrap();
    assert!(without.is_good() && !without.is_rooted());
    assert!(matches!(&without.chain[1].verdict, Verdict::Unknown(why) if why.contains("--root")));
}

#[test]
fn another_byte_in_what_is_signed_is_noticed() {
    let at = |part: &[u8]| part.as_ptr() as usize - RSA_MANIFEST.as_ptr() as usize;
    let im4m = Im4m::parse(RSA_MANIFEST).unwrap();
    let digest = at(im4m.object(FourCc(*b"dtre")).unwrap().digest().unwrap());
    let (signature, authority) = (at(im4m.signature) + 9, at(im4m.certificates[1]) + 200);
    for (place, wrong_signature) in [(digest, true), (signature, true), (authority, false)] {
        let mut bad = RSA_MANIFEST.to_vec();
        bad[place] ^= 1;
        let root = Certificate::parse(RSA_ROOT).unwrap();
        let Ok(report) = manifest(&Im4m::parse(&bad).unwrap(), &[root]) else { continue };
        assert!(!report.is_good());
        assert_eq!(report.signature.is_bad(), wrong_signature, "{place}");
    }
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let mut out = vec![tag];
    match value.len() {
        n @ 0..0x80 => out.push(n as u8),
        n @ 0x80..0x100 => out.extend([0x81, n as u8]),
        n => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend(value);
    out
}

/// A certificate of a P-384 key, signed by it.
fn p384_certificate(key: &EcdsaKeyPair) -> Vec<u8> {
    let name = |text: &str| {
        let attribute = tlv(0x30, &[&[6, 3, 0x55, 4, 3], &tlv(0x0c, &[text.as_bytes()])]);
        tlv(0x30, &[&tlv(0x31, &[&attribute])])
    };
    let algorithm = tlv(0x30, &[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]]);
    let curve: [&[u8]; 2] = [&[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], &[6, 5, 0x2b, 0x81, 4, 0, 0x22]];
    let point = tlv(3, &[&[0], key.public_key().as_ref()]);
    let spki = tlv(0x30, &[&tlv(0x30, &curve), &point]);
    let date = tlv(0x17, &[b"200101000000Z"]);
    let validity = tlv(0x30, &[&date, &date]);
    let version = tlv(0xa0, &[&[2, 1, 2]]);
    let tbs =
        tlv(0x30, &[&version, &[2, 1, 5], &algorithm, &name("Test EC"), &validity, &name("Test EC"), &spki]);
    let signature = key.sign(&SystemRandom::new(), &tbs).unwrap();
    tlv(0x30, &[&tbs, &algorithm, &tlv(3, &[&[0], signature.as_ref()])])
}

#[test]
fn a_manifest_signed_on_p_384_is_checked() {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let certificate = p384_certificate(&key);
    let chip = write::property(FourCc(*b"CHIP"), &Value::Integer(0x8110)).unwrap();
    let objects = [write::object(FourCc(*b"MANP"), &[chip]).unwrap()];
    let unsigned = write::im4m(&objects, &[], &[]).unwrap();
    let body = Im4m::parse(&unsigned).unwrap().body;
    let signature = key.sign(&random, body).unwrap();
    let file = write::im4m(&objects, signature.as_ref(), &[&certificate]).unwrap();
    let report = manifest(&Im4m::parse(&file).unwrap(), &[]).unwrap();
    assert_eq!(report.signature, Verdict::Good("ECDSA P-384, SHA-384"));
    assert_eq!((report.chain[0].subject.as_str(), report.chain[0].key.as_str()), ("Test EC", "P-384"));
    assert!(report.is_good() && !report.is_rooted(), "a certificate that vouches for itself is no root");
}

#[test]
fn a_manifest_without_a_certificate_cannot_be_checked() {
    let file = write::im4m(&[], &[1], &[]).unwrap();
    let report = manifest(&Im4m::parse(&file).unwrap(), &[]).unwrap();
    assert!(matches!(report.signature, Verdict::Unknown(_)) && report.chain.is_empty() && !report.is_good());
    let file = write::im4m(&[], &[1], &[&[0x30, 1, 0]]).unwrap();
    assert!(manifest(&Im4m::parse(&file).unwrap(), &[]).is_err());
}

#[test]
fn images_are_compared_under_their_own_type_and_its_twins() {
    let image = |kind: &[u8; 4], payload: &[u8]| write::im4p(FourCc(*kind), "1", payload, None).unwrap();
    let entry = |name: &[u8; 4], digest: Vec<u8>| {
        let property = write::property(FourCc(*b"DGST"), &Value::Octets(&digest)).unwrap();
        write::object(FourCc(*name), &[property]).unwrap()
    };
    let objects = [
        entry(b"krnl", digest(&image(b"krnl", b"kernel"), 48).unwrap()),
        entry(b"rdtr", digest(&image(b"rdtr", b"tree"), 20).unwrap()),
        entry(b"rdsk", digest(b"other", 48).unwrap()),
    ];
    let file = write::im4m(&objects, &[1], &[]).unwrap();
    let im4m = Im4m::parse(&file).unwrap();
    let check = |kind: &[u8; 4], payload: &[u8]| super::image(&im4m, &image(kind, payload)).unwrap();
    assert_eq!(check(b"krnl", b"kernel"), Allowed::Yes(FourCc(*b"krnl")));
    assert_eq!(check(b"dtre", b"tree"), Allowed::As(FourCc(*b"rdtr")));
    assert!(matches!(check(b"rdsk", b"disk"), Allowed::No { .. }));
    assert_eq!(check(b"logo", b"x"), Allowed::Absent(FourCc(*b"logo")));
}

#[test]
fn damaged_certificates_are_refused() {
    for n in 0..RSA_ROOT.len() {
        assert!(Certificate::parse(&RSA_ROOT[..n]).is_err(), "{n}");
    }
    for at in 0..RSA_ROOT.len() {
        let mut bad = RSA_ROOT.to_vec();
        bad[at] ^= 0xff;
        let _ = Certificate::parse(&bad).map(|c| check(&c.key, c.signed, c.signature));
    }
}

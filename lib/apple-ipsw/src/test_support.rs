//! Small IPSWs for the tests, written by the `zip` crate.

use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, ZipWriter};
use sha2::{Digest, Sha384};
use std::io::{Cursor, Write};

pub const STORED: CompressionMethod = CompressionMethod::Stored;
pub const DEFLATED: CompressionMethod = CompressionMethod::Deflated;

/// An archive of these files.
pub fn archive(files: &[(&str, &[u8], CompressionMethod)], zip64: bool) -> Vec<u8> {
    let mut w = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes, method) in files {
        w.start_file(*name, SimpleFileOptions::default().compression_method(*method).large_file(zip64))
            .unwrap();
        w.write_all(bytes).unwrap();
    }
    w.finish().unwrap().into_inner()
}

/// The same as someone writes it who cannot seek: sizes follow the data.
pub fn streamed(files: &[(&str, &[u8], CompressionMethod)]) -> Vec<u8> {
    let mut w = ZipWriter::new_stream(Vec::new());
    for (name, bytes, method) in files {
        w.start_file(*name, SimpleFileOptions::default().compression_method(*method)).unwrap();
        w.write_all(bytes).unwrap();
    }
    w.finish().unwrap().into_inner()
}

/// An IM4P around a payload of less than 64 KiB.
pub fn im4p(kind: &str, payload: &[u8]) -> Vec<u8> {
    let len = |n: usize| [0x82, (n >> 8) as u8, n as u8];
    let mut body = b"\x16\x04IM4P\x16\x04".to_vec();
    body.extend(kind.bytes());
    body.extend(b"\x16\x011\x04");
    body.extend(len(payload.len()));
    body.extend(payload);
    [&[0x30][..], &len(body.len()), &body].concat()
}

/// SHA-384 of an IM4P under another type, as the manifest has it.
pub fn digest(im4p: &[u8], kind: &str) -> Vec<u8> {
    let place = crate::type_offset(im4p).unwrap();
    let mut bytes = im4p.to_vec();
    bytes[place..place + 4].copy_from_slice(kind.as_bytes());
    Sha384::digest(&bytes).to_vec()
}

/// One component for [`manifest`]: name, path, IM4P type, digest.
pub type Row<'a> = (&'a str, &'a str, Option<&'a str>, Vec<u8>);

/// A BuildManifest of identities: board, behaviour, variant, components.
pub fn manifest(identities: &[(&str, &str, &str, Vec<Row<'_>>)]) -> Vec<u8> {
    let mut list = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>\
         <key>ProductVersion</key><string>11.2</string><key>ProductBuildVersion</key><string>15C114</string>\
         <key>SupportedProductTypes</key><array><string>iPhone10,3</string><string>iPhone10,6</string></array>\
         <key>BuildIdentities</key><array>",
    );
    for (board, behavior, variant, components) in identities {
        list += &format!(
            "<dict><key>ApBoardID</key><string>0x06</string><key>ApChipID</key><string>0x8015</string>\
             <key>Info</key><dict><key>DeviceClass</key><string>{board}</string>\
             <key>RestoreBehavior</key><string>{behavior}</string><key>Variant</key><string>{variant}</string></dict>\
             <key>Manifest</key><dict>"
        );
        for (name, path, kind, digest) in components {
            let kind =
                kind.map_or(String::new(), |k| format!("<key>Img4PayloadType</key><string>{k}</string>"));
            list += &format!(
                "<key>{name}</key><dict><key>Digest</key><data>{}</data><key>Trusted</key><true/>\
                 <key>Info</key><dict><key>Path</key><string>{path}</string>{kind}</dict></dict>",
                base64(digest)
            );
        }
        list += "</dict></dict>";
    }
    list += "</array></dict></plist>\n";
    list.into_bytes()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = DIGITS[(n >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

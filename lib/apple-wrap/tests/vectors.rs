//! LZFSE streams of every block type, by other encoders than ours (tests/corpus/lzfse).

use apple_wrap::{Kind, Options, open};
use sha2::{Digest, Sha256};
use std::path::Path;

#[test]
fn published_streams_decode_to_the_bytes_that_apple_s_decoder_gives() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/lzfse");
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let mut seen = 0;
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        let stream = std::fs::read(folder.join(name)).unwrap();
        if name == "special-null.vx2.lzfse" {
            assert!(open(&stream, &Options::default()).is_err(), "a block without tables is damage");
            continue;
        }
        let (want, mut wrapped) = (sum.to_string(), stream.clone());
        // Alone, and with padding as decryption leaves it.
        for _ in 0..2 {
            let found = match open(&wrapped, &Options::default()) {
                Ok(opened) => {
                    assert_eq!(opened.layers[0].kind, Kind::Lzfse, "{name}");
                    opened.payload.into_owned()
                }
                Err(e) => panic!("{name}: {e}"),
            };
            let digest: String = Sha256::digest(&found).iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(digest, want, "{name}");
            wrapped.extend([0; 12]);
        }
        seen += 1;
    }
    assert!(seen >= 38, "{seen} streams");
}

//! The frames of the remote protocol (GDB manual, E.1): `$body#checksum`, with `+`, `-` and the interrupt byte between them.

use crate::Error;

/// Longest packet that a client may send, as announced to it.
pub const PACKET: usize = 16 << 10;

/// What the stream consists of.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// A byte outside packets.
    Byte(u8),
    /// A whole packet, from `$` to the second digit of the checksum.
    Packet(Vec<u8>),
}

/// Cuts a stream into pieces.
#[derive(Debug, Default)]
pub struct Framer {
    packet: Vec<u8>,
    /// Where `#` is in it.
    hash: Option<usize>,
}

impl Framer {
    /// Takes one byte; a piece comes out when it is complete.
    ///
    /// # Errors
    /// [`Error::TooLong`].
    pub fn push(&mut self, byte: u8) -> Result<Option<Piece>, Error> {
        if self.packet.is_empty() && byte != b'$' {
            return Ok(Some(Piece::Byte(byte)));
        }
        if self.packet.len() >= PACKET {
            return Err(Error::TooLong { most: PACKET });
        }
        self.packet.push(byte);
        match self.hash {
            None if byte == b'#' => self.hash = Some(self.packet.len()),
            Some(at) if self.packet.len() == at + 2 => {
                self.hash = None;
                return Ok(Some(Piece::Packet(std::mem::take(&mut self.packet))));
            }
            _ => {}
        }
        Ok(None)
    }
}

/// The body of a packet whose checksum is right.
pub fn body(packet: &[u8]) -> Option<&[u8]> {
    let (body, sum) = packet.strip_prefix(b"$")?.split_last_chunk::<3>()?;
    let digits = std::str::from_utf8(sum).ok()?.strip_prefix('#')?;
    (u8::from_str_radix(digits, 16).ok()? == checksum(body)).then_some(body)
}

/// The packet of a body that has no bytes to escape.
pub fn packet(body: &str) -> Vec<u8> {
    format!("${body}#{:02x}", checksum(body.as_bytes())).into_bytes()
}

fn checksum(body: &[u8]) -> u8 {
    body.iter().fold(0, |sum, b| sum.wrapping_add(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_falls_into_packets_and_single_bytes() {
        let mut framer = Framer::default();
        let mut pieces = Vec::new();
        for byte in b"+$qC#b4\x03$#00-" {
            pieces.extend(framer.push(*byte).unwrap());
        }
        let expected = [
            Piece::Byte(b'+'),
            Piece::Packet(b"$qC#b4".to_vec()),
            Piece::Byte(3),
            Piece::Packet(b"$#00".to_vec()),
            Piece::Byte(b'-'),
        ];
        assert_eq!(pieces, expected);
        assert_eq!(body(b"$qC#b4"), Some(&b"qC"[..]));
        assert_eq!(packet("qC"), b"$qC#b4");
        for bad in [&b"$qC#b5"[..], b"qC#b4", b"$#0", b"", b"$qC#zz"] {
            assert_eq!(body(bad), None);
        }
    }

    #[test]
    fn a_packet_without_end_is_refused() {
        let mut framer = Framer::default();
        let refused = (0..PACKET + 1).try_for_each(|_| framer.push(b'$').map(|_| ()));
        assert!(matches!(refused, Err(Error::TooLong { .. })));
    }
}

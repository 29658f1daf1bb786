//! Keys of a client as bytes for a serial console.

/// Remembers which modifiers are down.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keyboard {
    control: bool,
}

impl Keyboard {
    /// The bytes that a terminal would send for a key (X11's keysym, RFC 6143 7.5.4); none for modifiers and releases.
    pub fn bytes(&mut self, down: bool, keysym: u32) -> Vec<u8> {
        if matches!(keysym, 0xffe3 | 0xffe4) {
            self.control = down;
            return Vec::new();
        }
        if !down {
            return Vec::new();
        }
        let escape = |c: u8| vec![0x1b, b'[', c];
        match keysym {
            0xff0d | 0xff8d => vec![b'\r'],
            0xff08 => vec![0x7f],
            0xff09 => vec![b'\t'],
            0xff1b => vec![0x1b],
            0xffff => vec![0x1b, b'[', b'3', b'~'],
            0xff51 => escape(b'D'),
            0xff52 => escape(b'A'),
            0xff53 => escape(b'C'),
            0xff54 => escape(b'B'),
            0xff50 => escape(b'H'),
            0xff57 => escape(b'F'),
            0x40..=0x7e if self.control => vec![(keysym & 0x1f) as u8],
            0x20..=0x7e => vec![keysym as u8],
            0xa0..=0xff => text(keysym),
            0x0100_0100..=0x0110_ffff => text(keysym & 0xff_ffff),
            _ => Vec::new(),
        }
    }
}

fn text(code: u32) -> Vec<u8> {
    char::from_u32(code).map(|c| c.to_string().into_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_terminals_send() {
        let mut k = Keyboard::default();
        let mut press = |keysym| k.bytes(true, keysym);
        assert_eq!(press(b'a'.into()), b"a");
        assert_eq!(press(0xff0d), b"\r");
        assert_eq!(press(0xff52), b"\x1b[A");
        assert_eq!(press(0xe9), "é".as_bytes());
        assert_eq!(press(0x0100_20ac), "€".as_bytes());
        assert!(press(0xffe1).is_empty() && press(u32::MAX).is_empty());
        k.bytes(true, 0xffe3);
        assert_eq!(k.bytes(true, b'c'.into()), [3]);
        k.bytes(false, 0xffe3);
        assert_eq!(k.bytes(true, b'c'.into()), b"c");
        assert!(k.bytes(false, b'c'.into()).is_empty());
    }
}

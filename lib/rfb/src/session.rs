//! A client's session: handshake, messages, updates.

use crate::Error;
use crate::pixel::PixelFormat;
use crate::zrle::{TILE, Zrle};

/// Longest text that a client may send to the clipboard, which nobody reads.
const MAX_CUT: u64 = 1 << 20;
const VERSION: &[u8; 12] = b"RFB 003.008\n";
/// Security type None.
const NONE: u8 = 1;
const RAW: i32 = 0;
const ZRLE: i32 = 16;

/// What a client's user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A key, as X11 numbers them.
    Key {
        /// Pressed, or released.
        down: bool,
        /// Its keysym.
        keysym: u32,
    },
    /// The pointer moved, or its buttons changed.
    Pointer {
        /// Buttons that are down, by bit.
        buttons: u8,
        /// Pixels from the left.
        x: u16,
        /// Pixels from the top.
        y: u16,
    },
}

/// What is awaited from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Version,
    Security {
        result: bool,
    },
    Init,
    Messages,
    /// So many bytes of clipboard text are thrown away.
    Cut(u64),
}

/// A session with one client.
#[derive(Debug)]
pub struct Session {
    name: String,
    width: u16,
    height: u16,
    state: State,
    input: Vec<u8>,
    output: Vec<u8>,
    format: PixelFormat,
    zrle: Option<Zrle>,
    use_zrle: bool,
    /// An update is wanted; false: only of what changed.
    wanted: Option<bool>,
    /// What the client has: rows of red, green, blue.
    has: Vec<u8>,
}

impl Session {
    /// A session that shows a picture of this size.
    pub fn new(name: &str, width: u16, height: u16) -> Self {
        Self {
            name: name.to_owned(),
            width,
            height,
            state: State::Version,
            input: Vec::new(),
            output: VERSION.to_vec(),
            format: PixelFormat::XRGB,
            zrle: None,
            use_zrle: false,
            wanted: None,
            has: Vec::new(),
        }
    }

    /// Takes what is to be sent.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Whether the client waits for a picture.
    pub fn wants_update(&self) -> bool {
        self.wanted.is_some()
    }

    /// Takes what the client sent.
    ///
    /// # Errors
    /// Whatever ends the session.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Vec<Event>, Error> {
        self.input.extend_from_slice(bytes);
        let mut events = Vec::new();
        loop {
            let before = (self.input.len(), self.state);
            self.step(&mut events)?;
            if (self.input.len(), self.state) == before {
                return Ok(events);
            }
        }
    }

    /// Takes `N` bytes of input, if there are as many.
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = *self.input.first_chunk::<N>()?;
        self.input.drain(..N);
        Some(bytes)
    }

    fn step(&mut self, events: &mut Vec<Event>) -> Result<(), Error> {
        match self.state {
            State::Version => {
                let Some(version) = self.take::<12>() else { return Ok(()) };
                let minor = version
                    .strip_prefix(b"RFB 003.")
                    .and_then(|v| std::str::from_utf8(v.get(..3)?).ok()?.parse::<u32>().ok());
                match minor {
                    None => return Err(Error::Version(version.escape_ascii().to_string())),
                    // The server decides.
                    Some(..7) => {
                        self.output.extend([0, 0, 0, NONE]);
                        self.state = State::Init;
                    }
                    Some(minor) => {
                        self.output.extend([1, NONE]);
                        self.state = State::Security { result: minor >= 8 };
                    }
                }
            }
            State::Security { result } => {
                let Some([chosen]) = self.take() else { return Ok(()) };
                if chosen != NONE {
                    return Err(Error::Security(chosen));
                }
                if result {
                    self.output.extend([0; 4]);
                }
                self.state = State::Init;
            }
            State::Init => {
                // Whether others may share: they may not be there anyway.
                let Some([_shared]) = self.take() else { return Ok(()) };
                self.output.extend(self.width.to_be_bytes());
                self.output.extend(self.height.to_be_bytes());
                self.output.extend(self.format.to_bytes());
                self.output.extend(u32::try_from(self.name.len()).unwrap_or(0).to_be_bytes());
                self.output.extend(self.name.bytes());
                self.state = State::Messages;
            }
            State::Cut(0) => self.state = State::Messages,
            State::Cut(left) => {
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(self.input.len());
                self.input.drain(..n);
                self.state = State::Cut(left.saturating_sub(n as u64));
            }
            State::Messages => self.message(events)?,
        }
        Ok(())
    }

    fn message(&mut self, events: &mut Vec<Event>) -> Result<(), Error> {
        match self.input.first() {
            None => {}
            Some(0) => {
                let Some(m) = self.take::<20>() else { return Ok(()) };
                if let Some(format) = m.last_chunk::<16>() {
                    self.format = PixelFormat::parse(format)?;
                    // What it has is in another format: it asks again anyway.
                    self.has.clear();
                }
            }
            Some(2) => {
                let count = match self.input.first_chunk::<4>() {
                    Some([_, _, a, b]) => usize::from(u16::from_be_bytes([*a, *b])),
                    None => return Ok(()),
                };
                let length = count.saturating_mul(4).saturating_add(4);
                if self.input.len() < length {
                    return Ok(());
                }
                let message: Vec<u8> = self.input.drain(..length).collect();
                let all = message.get(4..).unwrap_or_default().chunks_exact(4);
                let mut known = all
                    .filter_map(|c| c.first_chunk().map(|b| i32::from_be_bytes(*b)))
                    .filter(|e| [RAW, ZRLE].contains(e));
                // The client's order is its preference.
                self.use_zrle = known.next() == Some(ZRLE);
            }
            Some(3) => {
                let Some([_, incremental, ..]) = self.take::<10>() else { return Ok(()) };
                // A full picture that is due stays due. Parts are not sent by part: clients accept more.
                let full = incremental == 0 || self.wanted == Some(true);
                self.wanted = Some(full);
            }
            Some(4) => {
                let Some([_, down, _, _, a, b, c, d]) = self.take() else { return Ok(()) };
                events.push(Event::Key { down: down != 0, keysym: u32::from_be_bytes([a, b, c, d]) });
            }
            Some(5) => {
                let Some([_, buttons, a, b, c, d]) = self.take() else { return Ok(()) };
                let (x, y) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                events.push(Event::Pointer { buttons, x, y });
            }
            Some(6) => {
                let Some([_, _, _, _, a, b, c, d]) = self.take() else { return Ok(()) };
                // Negative lengths are of an extension with the same place for the length.
                let length = u64::from(i32::from_be_bytes([a, b, c, d]).unsigned_abs());
                if length > MAX_CUT {
                    return Err(Error::TooLong(length, "clipboard text"));
                }
                self.state = State::Cut(length);
            }
            Some(other) => return Err(Error::Message(*other)),
        }
        Ok(())
    }

    /// Answers a wanted update with the tiles of the picture (rows of red, green, blue) that the client does not have. A
    /// picture of another size than the session's, or nothing new: the answer waits.
    pub fn update(&mut self, rgb: &[u8]) {
        let Some(full) = self.wanted else { return };
        let (width, height) = (usize::from(self.width), usize::from(self.height));
        if rgb.len() != width.saturating_mul(height).saturating_mul(3) {
            return;
        }
        let all = full || self.has.len() != rgb.len();
        let mut tiles = Vec::new();
        for y in (0..height).step_by(TILE) {
            for x in (0..width).step_by(TILE) {
                let (w, h) = (TILE.min(width.saturating_sub(x)), TILE.min(height.saturating_sub(y)));
                let row = |y: usize| {
                    let start = y.saturating_mul(width).saturating_add(x).saturating_mul(3);
                    start..start.saturating_add(w.saturating_mul(3))
                };
                let differs = |y: usize| rgb.get(row(y)) != self.has.get(row(y));
                if all || (y..y.saturating_add(h)).any(differs) {
                    tiles.push((x, y, w, h));
                }
            }
        }
        // The number of rectangles has 16 bits; a screen of more tiles comes in several answers.
        tiles.truncate(usize::from(u16::MAX));
        if tiles.is_empty() {
            return;
        }
        self.wanted = None;
        self.output.extend([0, 0]);
        self.output.extend(u16::try_from(tiles.len()).unwrap_or(0).to_be_bytes());
        let pixel = |x: usize, y: usize| {
            let at = y.saturating_mul(width).saturating_add(x).saturating_mul(3);
            rgb.get(at..).and_then(|b| b.first_chunk::<3>().copied()).unwrap_or_default()
        };
        for (x, y, w, h) in tiles {
            for number in [x, y, w, h] {
                self.output.extend(u16::try_from(number).unwrap_or(0).to_be_bytes());
            }
            let encoding = if self.use_zrle { ZRLE } else { RAW };
            self.output.extend(encoding.to_be_bytes());
            let format = self.format;
            if self.use_zrle {
                let zrle = self.zrle.get_or_insert_with(Zrle::new);
                let at = |dx: usize, dy: usize| pixel(x.saturating_add(dx), y.saturating_add(dy));
                self.output.extend(zrle.encode(w, h, &format, at));
            } else {
                for dy in 0..h {
                    for dx in 0..w {
                        format.put(pixel(x.saturating_add(dx), y.saturating_add(dy)), &mut self.output);
                    }
                }
            }
        }
        self.has = rgb.to_vec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session of 66 by 2 pixels after its handshake.
    fn ready(version: &[u8; 12]) -> Session {
        let mut s = Session::new("n", 66, 2);
        assert_eq!(s.take_output(), VERSION);
        s.receive(version).unwrap();
        match version {
            b"RFB 003.003\n" => assert_eq!(s.take_output(), [0, 0, 0, 1]),
            _ => {
                assert_eq!(s.take_output(), [1, 1]);
                s.receive(&[1]).unwrap();
            }
        }
        if version == VERSION {
            assert_eq!(s.take_output(), [0; 4]);
        }
        s.receive(&[1]).unwrap();
        let init = s.take_output();
        assert_eq!((&init[..4], init.len(), init[init.len() - 1]), (&[0, 66, 0, 2][..], 25, b'n'));
        s
    }

    const FULL: [u8; 10] = [3, 0, 0, 0, 0, 0, 0, 66, 0, 2];
    const MORE: [u8; 10] = [3, 1, 0, 0, 0, 0, 0, 66, 0, 2];

    #[test]
    fn all_versions_get_through_the_handshake() {
        for version in [VERSION, b"RFB 003.007\n", b"RFB 003.003\n", b"RFB 003.889\n"] {
            let mut s = Session::new("n", 66, 2);
            s.receive(version).unwrap();
        }
        ready(VERSION);
        ready(b"RFB 003.007\n");
        ready(b"RFB 003.003\n");
    }

    #[test]
    fn an_update_has_all_tiles_and_then_only_those_that_changed() {
        let mut s = ready(VERSION);
        s.receive(&FULL).unwrap();
        let mut picture = vec![9; 66 * 2 * 3];
        s.update(&picture);
        let first = s.take_output();
        assert_eq!(first[..4], [0, 0, 0, 2]);
        assert_eq!(first.len(), 4 + 2 * 12 + 66 * 2 * 4);
        s.receive(&MORE).unwrap();
        s.update(&picture);
        assert!(s.take_output().is_empty() && s.wants_update(), "nothing new: the answer waits");
        picture[65 * 3] = 1;
        s.update(&picture);
        let second = s.take_output();
        assert_eq!(second[..12], [0, 0, 0, 1, 0, 64, 0, 0, 0, 2, 0, 2]);
        assert_eq!(second[16..24], [9, 9, 9, 0, 9, 9, 1, 0]);
    }

    #[test]
    fn messages_may_come_in_any_pieces_and_keys_come_out() {
        let mut s = ready(VERSION);
        let zrle_first = [2, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 16, 0, 0, 0, 0];
        let all: Vec<u8> = [
            &zrle_first[..],
            &[4, 1, 0, 0, 0, 0, 0, 65],
            &[6, 0, 0, 0, 0, 0, 0, 3, 4, 4, 4],
            &[5, 1, 0, 7, 0, 1],
            &FULL,
        ]
        .concat();
        let mut events = Vec::new();
        for byte in all {
            events.extend(s.receive(&[byte]).unwrap());
        }
        let expected = [Event::Key { down: true, keysym: 65 }, Event::Pointer { buttons: 1, x: 7, y: 1 }];
        assert_eq!(events, expected);
        s.update(&[0; 66 * 2 * 3]);
        let out = s.take_output();
        assert_eq!(out[12..16], [0, 0, 0, 16], "ZRLE, the first of the known ones");
    }

    #[test]
    fn what_is_no_client_is_told_so() {
        assert!(matches!(Session::new("", 1, 1).receive(b"GET / HTTP/1.1\r\n"), Err(Error::Version(_))));
        let mut s = Session::new("", 1, 1);
        s.receive(VERSION).unwrap();
        assert_eq!(s.receive(&[2]), Err(Error::Security(2)));
        assert_eq!(ready(VERSION).receive(&[99]), Err(Error::Message(99)));
        assert!(ready(VERSION).receive(&[6, 0, 0, 0, 0x7f, 0, 0, 0]).is_err());
        let mut state = 7u32;
        for _ in 0..200 {
            let mut s = ready(VERSION);
            let noise: Vec<u8> = (0..100)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8 & 7
                })
                .collect();
            let _ = s.receive(&noise);
            s.update(&[0; 66 * 2 * 3]);
        }
    }
}

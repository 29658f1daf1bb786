//! Small texts of the command line: sizes, modes, owners, attribute values.

use apple_fs::Kind;

/// `4096`, `16K`, `64M`, `1G`, in hexadecimal with `0x`.
pub fn size(text: &str) -> Result<u64, String> {
    let t = text.trim();
    let lower = t.to_ascii_lowercase();
    let bare =
        lower.strip_suffix("ib").or_else(|| lower.strip_suffix('b').filter(|_| !lower.starts_with("0x")));
    let bare = bare.unwrap_or(&lower);
    if let Some(hex) = bare.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).map_err(|_| format!("{text:?} is no size"));
    }
    let (digits, shift) = match bare.chars().last() {
        Some('k') => (bare.strip_suffix('k'), 10),
        Some('m') => (bare.strip_suffix('m'), 20),
        Some('g') => (bare.strip_suffix('g'), 30),
        Some('t') => (bare.strip_suffix('t'), 40),
        _ => (Some(bare), 0),
    };
    let n: Option<u64> = digits.and_then(|d| d.parse().ok());
    n.and_then(|n| n.checked_mul(1 << shift))
        .ok_or_else(|| format!("{text:?} is no size: 4096, 16K, 64M and 1G are"))
}

/// The size of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// As small as can be.
    Smallest,
    /// This many bytes.
    Bytes(u64),
    /// This much more than now.
    More(u64),
    /// This much less than now.
    Less(u64),
}

/// `min`, a size, `+SIZE` or `-SIZE`.
pub fn volume_size(text: &str) -> Result<Size, String> {
    match text.as_bytes() {
        b"min" | b"minimum" | b"fit" | b"shrink" => Ok(Size::Smallest),
        [b'+', ..] => size(text.trim_start_matches('+')).map(Size::More),
        [b'-', ..] => size(text.trim_start_matches('-')).map(Size::Less),
        _ => size(text).map(Size::Bytes),
    }
}

/// Applies a mode as chmod(1) takes it: octal, or `u+x,go-w`.
pub fn chmod(text: &str, kind: Kind, old: u16) -> Result<u16, String> {
    let wrong = || format!("{text:?} is no mode: 755, u+x and go-w are");
    if text.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        return u16::from_str_radix(text, 8).ok().filter(|&m| m <= 0o7777).ok_or_else(wrong);
    }
    let mut mode = old;
    for clause in text.split(',') {
        let at = clause.find(['+', '-', '=']).ok_or_else(wrong)?;
        let (who, rest) = clause.split_at(at);
        let mut whose = 0u16;
        for c in who.chars() {
            whose |= match c {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o1007,
                'a' => 0o7777,
                _ => return Err(wrong()),
            };
        }
        if who.is_empty() {
            whose = 0o7777;
        }
        let mut chars = rest.chars();
        let op = chars.next().ok_or_else(wrong)?;
        let mut bits = 0u16;
        for c in chars {
            bits |= match c {
                'r' => 0o444,
                'w' => 0o222,
                'x' => 0o111,
                'X' if kind == Kind::Directory || old & 0o111 != 0 => 0o111,
                'X' => 0,
                's' => 0o6000,
                't' => 0o1000,
                _ => return Err(wrong()),
            };
        }
        // The sticky bit belongs to nobody in particular.
        let bits = bits & (whose | 0o1000);
        mode = match op {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => mode & !whose | bits,
        };
    }
    Ok(mode)
}

/// `UID`, `UID:GID`, `:GID`; `root` and `wheel` are 0.
pub fn owner(text: &str) -> Result<(Option<u32>, Option<u32>), String> {
    let wrong = || format!("{text:?} is no owner: 0, 0:0 and :80 are (numbers, root or wheel)");
    let id = |t: &str| match t {
        "" => Ok(None),
        "root" | "wheel" => Ok(Some(0)),
        t => t.parse().map(Some).map_err(|_| wrong()),
    };
    let (user, group) = text.split_once([':', '.']).unwrap_or((text, ""));
    let both = (id(user)?, id(group)?);
    if both == (None, None) { Err(wrong()) } else { Ok(both) }
}

/// The value of an attribute as setfattr(1) takes it: text, `0x` hexadecimal, `0s` base64; `@FILE` is the caller's.
pub fn value(text: &str) -> Result<Vec<u8>, String> {
    if let Some(hex) = text.strip_prefix("0x") {
        return self::hex(hex).ok_or_else(|| format!("{text:?} is no hexadecimal value"));
    }
    if let Some(b) = text.strip_prefix("0s") {
        return base64(b.as_bytes()).ok_or_else(|| format!("{text:?} is no base64 value"));
    }
    Ok(text.as_bytes().to_vec())
}

/// Bytes from hexadecimal digits, two each.
pub fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|d| d.len().is_multiple_of(2))?;
    Some(digits.chunks_exact(2).map(|p| p.iter().fold(0u8, |n, d| n << 4 | d)).collect())
}

/// Hexadecimal digits of bytes.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Bytes from base64, with or without padding.
pub fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut n) = (0u32, 0);
    for &c in text {
        let v = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' | b'\n' | b'\r' => continue,
            _ => return None,
        };
        bits = bits << 6 | u32::from(v);
        n += 6;
        if n >= 8 {
            n -= 8;
            out.push((bits >> n & 0xff) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_suffixes_of_1024() {
        for (text, n) in [
            ("0", 0),
            ("4096", 4096),
            ("16k", 16384),
            ("64M", 64 << 20),
            ("1GiB", 1 << 30),
            ("0x200b", 0x200b),
        ] {
            assert_eq!(size(text), Ok(n), "{text}");
        }
        assert!(
            size("").is_err() && size("M").is_err() && size("99999999999T").is_err() && size("1x").is_err()
        );
        assert_eq!(volume_size("min"), Ok(Size::Smallest));
        assert_eq!(volume_size("+1M"), Ok(Size::More(1 << 20)));
    }

    #[test]
    fn modes_are_those_of_chmod() {
        let m = |t, old| chmod(t, Kind::File, old);
        assert_eq!(m("755", 0), Ok(0o755));
        assert_eq!(m("4755", 0o600), Ok(0o4755));
        assert_eq!(m("u+x,go-w", 0o666), Ok(0o744));
        assert_eq!(m("a=r", 0o4777), Ok(0o444));
        assert_eq!(m("+t", 0o777), Ok(0o1777));
        assert_eq!(m("u+s", 0o755), Ok(0o4755));
        assert_eq!(m("go+X", 0o700), Ok(0o711));
        for bad in ["", "8", "77777", "u~x", "z+x", "u+q"] {
            assert!(m(bad, 0).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn owners_and_values_are_read() {
        assert_eq!(owner("501:20"), Ok((Some(501), Some(20))));
        assert_eq!((owner("root"), owner(":wheel")), (Ok((Some(0), None)), Ok((None, Some(0)))));
        assert!(owner("bob").is_err() && owner(":").is_err() && owner("").is_err());
        assert_eq!(value("text"), Ok(b"text".to_vec()));
        assert_eq!((value("0x00ff"), value("0saGk=")), (Ok(vec![0, 255]), Ok(b"hi".to_vec())));
        assert!(value("0x0").is_err() && value("0s*").is_err());
        assert_eq!(to_hex(&hex("00ab").unwrap()), "00ab");
    }
}

//! The kernel's version string, from which release, build flavour and SoC are known.

/// `Darwin Kernel Version 18.2.0: <date>; root:xnu-4903.232.2~1/RELEASE_ARM64_T8010`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The whole string.
    pub text: String,
    /// Darwin's version: 17 is iOS 11, 18 is iOS 12, … 24 is iOS 18.
    pub darwin: (u32, u32, u32),
    /// XNU's version with its build suffix: `4903.232.2~1`. Empty if the string has none.
    pub xnu: String,
    /// `RELEASE`, `DEVELOPMENT`, `RESEARCH`, `KASAN`…; empty if the string has none.
    pub flavor: String,
    /// `T8010`, `S8000`, `VMAPPLE`…
    pub soc: Option<String>,
}

const START: &[u8] = b"Darwin Kernel Version ";
const MAX_LEN: usize = 512;

impl Version {
    /// The first version string in the bytes that has a sensible number.
    pub fn find(bytes: &[u8]) -> Option<Version> {
        memchr::memmem::find_iter(bytes, START).take(64).find_map(|at| {
            let rest = bytes.get(at..)?;
            let text = rest.get(..rest.len().min(MAX_LEN))?;
            let end = text.iter().position(|&b| !(b' '..=b'~').contains(&b)).unwrap_or(text.len());
            Self::parse(std::str::from_utf8(text.get(..end)?).ok()?)
        })
    }

    /// Takes the string apart.
    pub fn parse(text: &str) -> Option<Version> {
        let rest = text.strip_prefix("Darwin Kernel Version ")?;
        let number = rest.split([':', ' ']).next()?;
        let mut parts = number.split('.').map(|p| p.parse::<u32>().ok());
        let major = parts.next()??;
        let minor = parts.next().flatten().unwrap_or(0);
        let patch = parts.next().flatten().unwrap_or(0);
        let build = text.split("xnu-").nth(1).unwrap_or("");
        let (xnu, config) = build.split_once('/').unwrap_or((build, ""));
        let config = config.split([' ', ';']).next().unwrap_or("");
        let (flavor, rest) = config.split_once('_').unwrap_or((config, ""));
        let soc = rest.rsplit_once('_').map_or(rest, |(_, soc)| soc);
        Some(Version {
            text: text.to_string(),
            darwin: (major, minor, patch),
            xnu: xnu.split([' ', ';']).next().unwrap_or("").to_string(),
            flavor: flavor.to_string(),
            soc: (!soc.is_empty()).then(|| soc.to_string()),
        })
    }

    /// XNU's major version: 4903 of `4903.232.2~1`.
    pub fn xnu_major(&self) -> Option<u32> {
        self.xnu.split(['.', '~']).next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_string_is_taken_apart() {
        let text = "Darwin Kernel Version 18.2.0: Mon Nov 12 20:32:02 PST 2018; root:xnu-4903.232.2~1/RELEASE_ARM64_T8010";
        let v = Version::find(&[b"\0\0junk\0", text.as_bytes(), b"\0more"].concat()).unwrap();
        assert_eq!(v.text, text);
        assert_eq!(v.darwin, (18, 2, 0));
        assert_eq!(v.xnu, "4903.232.2~1");
        assert_eq!(v.xnu_major(), Some(4903));
        assert_eq!(v.flavor, "RELEASE");
        assert_eq!(v.soc.as_deref(), Some("T8010"));
    }

    #[test]
    fn the_format_string_that_kernels_also_hold_is_passed_over() {
        let v = Version::find(b"Darwin Kernel Version %d\0Darwin Kernel Version 24.1.0: x\0").unwrap();
        assert_eq!(v.darwin, (24, 1, 0));
        assert_eq!((v.xnu.as_str(), v.soc), ("", None));
    }
}

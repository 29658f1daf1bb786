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
        // ARM64_T8015, ARM64_VMAPPLE, or the architecture alone.
        let soc = rest.strip_prefix("ARM64").map_or("", |soc| soc.trim_start_matches(['E', '_']));
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

    /// The major version of iOS that this Darwin belongs to: 18 is iOS 12, 24 is iOS 18, 25 is iOS 26.
    pub fn ios(&self) -> Option<u32> {
        match self.darwin.0 {
            major @ 13..=24 => major.checked_sub(6),
            major @ 25.. => major.checked_add(1),
            _ => None,
        }
    }

    /// The major version of macOS that this Darwin belongs to, from the first for Apple silicon on: 20 is macOS 11,
    /// 24 is macOS 15, 25 is macOS 26.
    pub fn macos(&self) -> Option<u32> {
        match self.darwin.0 {
            major @ 20..=24 => major.checked_sub(9),
            major @ 25.. => major.checked_add(1),
            _ => None,
        }
    }

    /// The operating system's train in words, for the platform number of `LC_BUILD_VERSION` (1 is macOS, 2 iOS,
    /// 3 tvOS, 4 watchOS, 5 bridgeOS). Without one iOS is assumed.
    pub fn train(&self, platform: Option<u32>) -> Option<String> {
        match platform {
            Some(1) => self.macos().map(|n| format!("macOS {n}")),
            Some(3) => self.ios().map(|n| format!("tvOS {n}")),
            Some(2) | None => self.ios().map(|n| format!("iOS {n}")),
            Some(_) => None,
        }
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
    fn trains_follow_from_darwin_s_version() {
        let train = |text: &str, platform| Version::parse(text).unwrap().train(platform);
        assert_eq!(train("Darwin Kernel Version 17.3.0: x", None).as_deref(), Some("iOS 11"));
        assert_eq!(train("Darwin Kernel Version 24.1.0: x", Some(1)).as_deref(), Some("macOS 15"));
        assert_eq!(train("Darwin Kernel Version 25.0.0: x", Some(2)).as_deref(), Some("iOS 26"));
        assert_eq!(train("Darwin Kernel Version 9.0.0: x", None), None);
    }

    #[test]
    fn the_soc_is_what_follows_the_architecture() {
        let soc = |config: &str| {
            Version::parse(&format!("Darwin Kernel Version 20.1.0: x; root:xnu-7195.50.7/{config}"))
                .unwrap()
                .soc
        };
        assert_eq!(soc("RELEASE_ARM64_T8030").as_deref(), Some("T8030"));
        assert_eq!(soc("DEVELOPMENT_ARM64_VMAPPLE").as_deref(), Some("VMAPPLE"));
        assert_eq!(soc("RELEASE_ARM64"), None);
        assert_eq!(soc("RELEASE_X86_64"), None);
    }

    #[test]
    fn the_format_string_that_kernels_also_hold_is_passed_over() {
        let v = Version::find(b"Darwin Kernel Version %d\0Darwin Kernel Version 24.1.0: x\0").unwrap();
        assert_eq!(v.darwin, (24, 1, 0));
        assert_eq!((v.xnu.as_str(), v.soc), ("", None));
    }
}

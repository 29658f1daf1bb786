//! XNU's release trains, by the kernel's own version: rules of the boot protocol change with them.

use apple_kc::Version;
use std::fmt;

/// A train: XNU's major version, such as 4903 (iOS 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Train(pub u32);

impl Train {
    /// iOS 11.
    pub const IOS11: Train = Train(4570);
    /// iOS 12.
    pub const IOS12: Train = Train(4903);
    /// iOS 13: a command line of 608 bytes, a check on where the trust cache is.
    pub const IOS13: Train = Train(6153);
    /// iOS 14, macOS 11: bounded device tree, `dram-base`, `lock-regs`, virtual timer.
    pub const IOS14: Train = Train(7195);
    /// iOS 15, macOS 12: UART polled by its FIFO state.
    pub const IOS15: Train = Train(8019);
    /// iOS 16, macOS 13: the UART is opt-in.
    pub const IOS16: Train = Train(8792);
    /// iOS 17, macOS 14: a command line of 1024 bytes.
    pub const IOS17: Train = Train(10002);
    /// iOS 18, macOS 15: the console is named by `/defaults:serial-device`.
    pub const IOS18: Train = Train(11215);

    /// The train of a kernel by its version string: XNU's number, or else Darwin's.
    pub fn of(version: &Version) -> Option<Train> {
        version.xnu_major().map(Train).or(match version.darwin.0 {
            0..=16 => None,
            17 => Some(Train::IOS11),
            18 => Some(Train::IOS12),
            19 => Some(Train::IOS13),
            20 => Some(Train::IOS14),
            21 => Some(Train::IOS15),
            22 => Some(Train::IOS16),
            23 => Some(Train::IOS17),
            _ => Some(Train::IOS18),
        })
    }

    /// Bytes of the command line in `boot_args`, with its NUL (`BOOT_LINE_LENGTH` of `pexpert/pexpert/arm/boot.h`: 256
    /// in 4903, 608 in 6153 to 8796, 1024 from 10002).
    pub fn line_length(self) -> usize {
        match self {
            t if t < Train::IOS13 => 256,
            t if t < Train::IOS17 => 608,
            _ => 1024,
        }
    }

    /// The oldest iOS of the train, for people.
    pub fn ios(self) -> &'static str {
        match self {
            t if t < Train::IOS11 => "iOS 10 or older",
            t if t < Train::IOS12 => "iOS 11",
            t if t < Train::IOS13 => "iOS 12",
            t if t < Train::IOS14 => "iOS 13",
            t if t < Train::IOS15 => "iOS 14, macOS 11",
            t if t < Train::IOS16 => "iOS 15, macOS 12",
            t if t < Train::IOS17 => "iOS 16, macOS 13",
            t if t < Train::IOS18 => "iOS 17, macOS 14",
            _ => "iOS 18, macOS 15 or newer",
        }
    }
}

impl fmt::Display for Train {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "xnu-{} ({})", self.0, self.ios())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_lengths_are_those_of_boot_h_at_each_tag() {
        for (major, length) in
            [(4570, 256), (4903, 256), (6153, 608), (7195, 608), (8796, 608), (10002, 1024), (11417, 1024)]
        {
            assert_eq!(Train(major).line_length(), length, "{major}");
        }
    }

    #[test]
    fn a_train_comes_from_xnus_number_or_from_darwins() {
        let train = |s: &str| Train::of(&Version::parse(s).unwrap());
        assert_eq!(
            train("Darwin Kernel Version 18.2.0: x; root:xnu-4903.232.2~1/RELEASE_ARM64_T8010"),
            Some(Train::IOS12)
        );
        assert_eq!(train("Darwin Kernel Version 20.0.0: x"), Some(Train::IOS14));
        assert_eq!(train("Darwin Kernel Version 30.0.0: x"), Some(Train::IOS18));
        assert_eq!(train("Darwin Kernel Version 14.0.0: x"), None);
    }
}

//! Symbol lists beside the checked-in binaries: `address name` in hexadecimal, one a line, as `nm` prints them.

/// Names and addresses, in the order of the addresses.
#[derive(Debug, Clone)]
pub struct Symbols(Vec<(String, u64)>);

impl Symbols {
    /// Reads the list. Lines of another shape are passed over.
    pub fn parse(text: &str) -> Symbols {
        let line = |l: &str| {
            let (address, name) = l.split_once(' ')?;
            Some((name.to_string(), u64::from_str_radix(address, 16).ok()?))
        };
        Symbols(text.lines().filter_map(line).collect())
    }

    /// The address of a symbol that the build script guarantees.
    ///
    /// # Panics
    /// If there is none: then the checked-in files do not belong together.
    pub fn address(&self, name: &str) -> u64 {
        let found = self.0.iter().find(|(n, _)| n == name);
        found.unwrap_or_else(|| panic!("no symbol {name} in the guest's list: run tests/guests/build.sh")).1
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, address)| (name.as_str(), *address))
    }
}

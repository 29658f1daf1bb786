//! What addresses of the guest are called.

use debug::Symbols;

/// A kext or the kernel, and the addresses that are its.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Bundle identifier.
    pub name: String,
    /// First address and first after it, of each range, with slide.
    pub ranges: Vec<(u64, u64)>,
}

/// Names of addresses: symbols, kexts, the slide.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Symbols, with slide.
    pub symbols: Symbols,
    /// Kexts.
    pub modules: Vec<Module>,
    /// What was added to the addresses of the file.
    pub slide: u64,
}

impl Names {
    /// An address as `0xfffffff007008010 symbol+0x10 in com.apple.kernel+0x4010`, as much of it as is known; under a slide
    /// also without it.
    pub fn of(&self, address: u64) -> String {
        let mut out = format!("{address:#018x}");
        if self.slide != 0 && address >> 47 != 0 {
            out.push_str(&format!(" (unslid {:#x})", address.wrapping_sub(self.slide)));
        }
        let near = self.symbols.near(address);
        if near.symbol.is_some() {
            out.push_str(&format!(" {near}"));
        }
        if let Some((name, offset)) = self.module(address) {
            out.push_str(&format!(" in {name}+{offset:#x}"));
        }
        out
    }

    /// The module of an address, and the offset from its lowest one.
    pub fn module(&self, address: u64) -> Option<(&str, u64)> {
        let found = self
            .modules
            .iter()
            .find(|m| m.ranges.iter().any(|(from, to)| (*from..*to).contains(&address)))?;
        let lowest = found.ranges.iter().map(|(from, _)| *from).min()?;
        Some((&found.name, address.saturating_sub(lowest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_symbol_kext_and_unslid_form() {
        let base = 0xffff_fff0_0700_4000u64;
        let names = Names {
            symbols: Symbols::new([(base, "_start".into())]),
            modules: vec![Module { name: "com.example".into(), ranges: vec![(base, base + 0x1000)] }],
            slide: 0x4000,
        };
        let expected = "0xfffffff007004010 (unslid 0xfffffff007000010) _start+0x10 in com.example+0x10";
        assert_eq!(names.of(base + 0x10), expected);
        assert_eq!(Names::default().of(0x1000), "0x0000000000001000");
    }
}

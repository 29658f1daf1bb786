//! What answers where no device is modelled: reads 0, writes nothing, and remembers who was asked.
//!
//! The census it keeps, named by the regions of the device tree, is how one finds out which device a guest
//! waits for.

use std::collections::BTreeMap;
use std::fmt;

use mem::{Access, Device};

/// Most distinct registers counted one by one; further ones only count in the total.
const LIMIT: usize = 1 << 14;

/// A range of addresses and what the device tree calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// First address.
    pub base: u64,
    /// Length in bytes.
    pub len: u64,
    /// Path or name of the node.
    pub name: String,
}

/// How often one register was accessed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Touch {
    /// Number of reads.
    pub reads: u64,
    /// Number of writes.
    pub writes: u64,
    /// The value last written.
    pub written: u64,
}

/// Called at the first access to each register: region name, offset in it, value written if it is a write,
/// and the access.
pub type OnFirst = Box<dyn FnMut(&str, u64, Option<u64>, Access) + Send>;

/// The device behind all others. Map it at 0, so that its offsets are addresses.
pub struct Unmapped {
    regions: Vec<Named>,
    touched: BTreeMap<u64, Touch>,
    total: u64,
    on_first: Option<OnFirst>,
}

impl fmt::Debug for Unmapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unmapped").field("total", &self.total).finish_non_exhaustive()
    }
}

impl Unmapped {
    /// Knows these regions by name.
    pub fn new(mut regions: Vec<Named>, on_first: Option<OnFirst>) -> Self {
        // Of nested regions the one that begins last, hence the smallest, names an address.
        regions.sort_by_key(|r| r.base);
        Self { regions, touched: BTreeMap::new(), total: 0, on_first }
    }

    /// The name of an address and its offset in the region so named.
    pub fn name_of(&self, pa: u64) -> (&str, u64) {
        let before = self.regions.partition_point(|r| r.base <= pa);
        // Regions overlap little: looking back a few finds the enclosing one.
        let found = self.regions.get(before.saturating_sub(16)..before).unwrap_or_default();
        found
            .iter()
            .rev()
            .find(|r| pa - r.base < r.len)
            .map_or(("unknown", pa), |r| (r.name.as_str(), pa - r.base))
    }

    /// All registers touched, by address: region name, offset in it, counts.
    pub fn census(&self) -> impl Iterator<Item = (u64, &str, u64, Touch)> {
        self.touched.iter().map(|(&pa, &touch)| {
            let (name, offset) = self.name_of(pa);
            (pa, name, offset, touch)
        })
    }

    fn touch(&mut self, pa: u64, value: Option<u64>, access: Access) {
        self.total = self.total.saturating_add(1);
        if self.touched.len() >= LIMIT && !self.touched.contains_key(&pa) {
            return;
        }
        let touch = self.touched.entry(pa).or_default();
        let first = *touch == Touch::default();
        match value {
            Some(value) => {
                touch.writes += 1;
                touch.written = value;
            }
            None => touch.reads += 1,
        }
        if first && let Some(mut call) = self.on_first.take() {
            let (name, offset) = self.name_of(pa);
            call(name, offset, value, access);
            self.on_first = Some(call);
        }
    }
}

impl Device for Unmapped {
    fn name(&self) -> &str {
        "unmapped"
    }

    fn read(&mut self, offset: u64, access: Access) -> u64 {
        self.touch(offset, None, access);
        0
    }

    fn write(&mut self, offset: u64, value: u64, access: Access) {
        self.touch(offset, Some(value), access);
    }

    fn reset(&mut self) {
        self.touched.clear();
        self.total = 0;
    }

    fn stray(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::test_support::W;

    #[test]
    fn accesses_are_named_by_the_smallest_region_and_told_once() {
        let region = |base, len, name: &str| Named { base, len, name: name.into() };
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = told.clone();
        let mut u = Unmapped::new(
            vec![region(0x1000, 0x100, "gpio"), region(0, 0x10_0000, "arm-io")],
            Some(Box::new(move |name, offset, value, _| {
                tell.lock().unwrap().push((name.to_owned(), offset, value))
            })),
        );
        assert_eq!(u.read(0x1004, W), 0);
        u.read(0x1004, W);
        u.write(0x1100, 7, W);
        u.read(0x20_0000, W);
        let expected = [
            ("gpio".to_owned(), 4, None),
            ("arm-io".into(), 0x1100, Some(7)),
            ("unknown".into(), 0x20_0000, None),
        ];
        assert_eq!(*told.lock().unwrap(), expected);
        let census: Vec<_> = u.census().map(|(pa, _, _, t)| (pa, t.reads, t.writes, t.written)).collect();
        assert_eq!(census, [(0x1004, 2, 0, 0), (0x1100, 0, 1, 7), (0x20_0000, 1, 0, 0)]);
        assert_eq!(u.stray(), 4);
    }

    #[test]
    fn a_guest_that_touches_everything_is_only_counted() {
        let mut u = Unmapped::new(Vec::new(), None);
        for i in 0..LIMIT as u64 * 2 {
            u.read(i * 8, W);
        }
        assert_eq!(u.census().count(), LIMIT);
        assert_eq!(u.stray(), LIMIT as u64 * 2);
    }
}

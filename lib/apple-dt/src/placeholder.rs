//! Placeholders: values with bit 31 in their length, which the boot loader replaces before XNU sees the tree.
//!
//! The value is a text: terms separated by commas, tried from left to right, the first that can be had wins. When none
//! can, the property goes. Read in `ChefKissInc/QEMUAppleSilicon` (`hw/arm/apple-silicon/dt.c`) and seen in real
//! trees, all of whose placeholders are made of these three terms.
//!
//! ```text
//! syscfg/KEY4[/size]   stored under that key in the device's SysCfg area
//! macaddr/name         six bytes
//! zeroes/size          so many zero bytes
//! ```

use crate::Result;
use crate::edit::{Action, Change, Edit};
use crate::select::{Selector, Target};
use crate::tree::Tree;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A term of a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alternative {
    /// `syscfg/KEY` or `syscfg/KEY/size`.
    SysCfg {
        /// Four characters, such as `SrNm` or `RMd#`.
        key: String,
        /// Bytes of the value; without it whatever is stored.
        size: Option<u32>,
    },
    /// `macaddr/name`.
    MacAddress(String),
    /// `zeroes/size`.
    Zeroes(u32),
}

/// What a placeholder becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// This value.
    Value(Vec<u8>),
    /// Nothing can be had: the property is removed.
    Remove,
}

/// The largest value a placeholder may ask for; real ones ask for some hundred bytes.
const MAX_VALUE: u32 = 1 << 20;

/// Reads a placeholder's text. Terms of an unknown kind are left out.
pub fn parse(value: &[u8]) -> Vec<Alternative> {
    let text = value.split(|&b| b == 0).next().unwrap_or_default();
    let text = core::str::from_utf8(text).unwrap_or_default();
    text.split(',').filter_map(term).collect()
}

fn term(text: &str) -> Option<Alternative> {
    let mut parts = text.split('/');
    let (kind, argument) = (parts.next()?, parts.next()?);
    match kind {
        "syscfg" => {
            let size = match parts.next() {
                Some(s) => Some(size(s)?),
                None => None,
            };
            Some(Alternative::SysCfg { key: argument.to_string(), size })
        }
        "macaddr" => Some(Alternative::MacAddress(argument.to_string())),
        "zeroes" => Some(Alternative::Zeroes(size(argument)?)),
        _ => None,
    }
}

fn size(s: &str) -> Option<u32> {
    let n = match s.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => s.parse().ok()?,
    };
    (n <= MAX_VALUE).then_some(n)
}

/// Resolves a placeholder. `stored` answers for SysCfg keys and MAC addresses by name; what it does not know counts
/// as absent, except that a SysCfg term with a size then gives that many zeros if nothing after it can be had, since
/// on a device such data exists.
pub fn resolve(value: &[u8], stored: impl Fn(&str) -> Option<Vec<u8>>) -> Resolution {
    let mut blank = None;
    for alternative in parse(value) {
        match alternative {
            Alternative::SysCfg { key, size } => {
                if let Some(mut data) = stored(&key) {
                    if let Some(n) = size {
                        data.resize(n as usize, 0);
                    }
                    return Resolution::Value(data);
                }
                blank = blank.or(size);
            }
            Alternative::MacAddress(name) => {
                if let Some(data) = stored(&name) {
                    return Resolution::Value(data);
                }
            }
            Alternative::Zeroes(n) => return Resolution::Value(alloc::vec![0; n as usize]),
        }
    }
    match blank {
        Some(n) => Resolution::Value(alloc::vec![0; n as usize]),
        None => Resolution::Remove,
    }
}

/// A device's data by name: what stands behind `syscfg/KEY` and `macaddr/NAME`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<String, Vec<u8>>);

impl Values {
    /// No data.
    pub fn new() -> Values {
        Values::default()
    }

    /// Adds data: `SrNm`, `wifiaddr` and so on.
    pub fn insert(&mut self, name: impl Into<String>, data: Vec<u8>) {
        self.0.insert(name.into(), data);
    }

    /// What there is under a name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// The names there are.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces every placeholder of a tree as the boot loader does, with this data: see [`resolve`].
    ///
    /// # Errors
    /// More bytes than a tree may have.
    pub fn expand(&self, tree: &mut Tree) -> Result<Vec<Change>> {
        let everywhere = Target { nodes: Selector::parse("/**")?, property: None };
        let edit = Edit::new(Action::Resolve(everywhere), "");
        edit.resolve_with(tree, &|name| self.get(name).map(<[u8]>::to_vec))
    }
}

//! The forms that a tree can have, and how each is recognised.

use apple_dt::Tree;
use apple_dt::flat::{self, Flat};
use cli::{Error, Result};

/// A form of a tree, as `--from` and `--to` name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Apple's bytes.
    #[value(alias = "bin", alias = "apple", alias = "dtre")]
    Adt,
    /// The text form of dt-patch(5).
    #[value(alias = "txt")]
    Text,
    /// JSON, for programs; it cannot be read back.
    Json,
    /// A flattened device tree, as dtc has it.
    #[value(alias = "dtb")]
    Fdt,
    /// Its source.
    Dts,
}

/// A tree of a flattened one.
pub(crate) fn of_flat(name: &str, flat: &Flat) -> Result<Tree> {
    flat::import(flat).map_err(|e| Error::damaged(name, e))
}

/// A tree of a flattened one's bytes.
pub(crate) fn of_fdt(name: &str, data: &[u8]) -> Result<Tree> {
    of_flat(name, &Flat::parse(data).map_err(|e| Error::damaged(name, e))?)
}

/// A tree of device tree source.
pub(crate) fn of_dts(name: &str, text: &str) -> Result<Tree> {
    of_flat(name, &flat::from_dts(text).map_err(|e| Error::damaged(name, e))?)
}

/// A tree in another form than Apple's bytes.
pub(crate) fn as_text(tree: &Tree, format: Format) -> Option<String> {
    match format {
        Format::Text => Some(apple_dt::print(tree)),
        Format::Json => Some(apple_dt::to_json(tree)),
        Format::Dts => Some(flat::to_dts(&flat::export(tree))),
        Format::Adt | Format::Fdt => None,
    }
}

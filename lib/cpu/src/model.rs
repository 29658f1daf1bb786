//! CPU models: identity registers and features.

/// A processor that can be modelled.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Name on the command line.
    pub name: &'static str,
    /// MIDR_EL1.
    pub midr: u64,
}

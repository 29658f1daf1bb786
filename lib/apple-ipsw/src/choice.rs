//! What a user says to choose one of an IPSW's boots.

use std::fmt;

/// Narrows down the build identities; what is not said fits all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Product type, such as `iPhone10,3`.
    pub device: Option<String>,
    /// Board configuration, such as `d22ap` or `d22`.
    pub board: Option<String>,
    /// `Erase`, `Update`, or part of the variant's text such as `Recovery`; in any case.
    pub variant: Option<String>,
    /// Index in BuildManifest.
    pub identity: Option<usize>,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = self.identity.map(|i| i.to_string());
        let said = [
            ("device", self.device.as_deref()),
            ("board", self.board.as_deref()),
            ("variant", self.variant.as_deref()),
            ("identity", index.as_deref()),
        ];
        let said: Vec<String> = said.iter().filter_map(|(n, v)| v.map(|v| format!("{n} {v}"))).collect();
        f.write_str(if said.is_empty() { "any device" } else { "" })?;
        f.write_str(&said.join(", "))
    }
}

//! Board configurations of product types, for manifests that do not say (before iOS 15 or so).
//!
//! Public facts, as device lists (those of irecovery-like tools) and Apple's own file names (`DeviceTree.d22ap.im4p`)
//! have them. Only arm64 devices
//! of the years in which IPSWs were for several devices; anything newer names the product in its manifest.

/// Product type, board configurations.
const BOARDS: &[(&str, &[&str])] = &[
    ("iPhone6,1", &["n51ap"]),
    ("iPhone6,2", &["n53ap"]),
    ("iPhone7,1", &["n56ap"]),
    ("iPhone7,2", &["n61ap"]),
    ("iPhone8,1", &["n71ap", "n71map"]),
    ("iPhone8,2", &["n66ap", "n66map"]),
    ("iPhone8,4", &["n69ap", "n69uap"]),
    ("iPhone9,1", &["d10ap"]),
    ("iPhone9,2", &["d11ap"]),
    ("iPhone9,3", &["d101ap"]),
    ("iPhone9,4", &["d111ap"]),
    ("iPhone10,1", &["d20ap"]),
    ("iPhone10,2", &["d21ap"]),
    ("iPhone10,3", &["d22ap"]),
    ("iPhone10,4", &["d201ap"]),
    ("iPhone10,5", &["d211ap"]),
    ("iPhone10,6", &["d221ap"]),
    ("iPhone11,2", &["d321ap"]),
    ("iPhone11,4", &["d331ap"]),
    ("iPhone11,6", &["d331pap"]),
    ("iPhone11,8", &["n841ap"]),
    ("iPhone12,1", &["n104ap"]),
    ("iPhone12,3", &["d421ap"]),
    ("iPhone12,5", &["d431ap"]),
    ("iPhone12,8", &["d79ap"]),
    ("iPad4,1", &["j71ap"]),
    ("iPad4,2", &["j72ap"]),
    ("iPad4,3", &["j73ap"]),
    ("iPad4,4", &["j85ap"]),
    ("iPad4,5", &["j86ap"]),
    ("iPad4,6", &["j87ap"]),
    ("iPad4,7", &["j85map"]),
    ("iPad4,8", &["j86map"]),
    ("iPad4,9", &["j87map"]),
    ("iPad5,1", &["j96ap"]),
    ("iPad5,2", &["j97ap"]),
    ("iPad5,3", &["j81ap"]),
    ("iPad5,4", &["j82ap"]),
    ("iPad6,3", &["j127ap"]),
    ("iPad6,4", &["j128ap"]),
    ("iPad6,7", &["j98aap"]),
    ("iPad6,8", &["j99aap"]),
    ("iPad6,11", &["j71sap", "j71tap"]),
    ("iPad6,12", &["j72sap", "j72tap"]),
    ("iPad7,5", &["j71bap"]),
    ("iPad7,6", &["j72bap"]),
    ("iPad7,11", &["j171ap"]),
    ("iPad7,12", &["j172ap"]),
    ("iPod7,1", &["n102ap"]),
    ("iPod9,1", &["n112ap"]),
];

/// The boards of a product type; empty for one that is not in the table.
pub fn boards(product: &str) -> &'static [&'static str] {
    BOARDS.iter().find(|(p, _)| p.eq_ignore_ascii_case(product)).map_or(&[], |(_, b)| b)
}

/// The product types of a board.
pub fn products(board: &str) -> Vec<&'static str> {
    BOARDS.iter().filter(|(_, b)| b.iter().any(|b| b.eq_ignore_ascii_case(board))).map(|(p, _)| *p).collect()
}

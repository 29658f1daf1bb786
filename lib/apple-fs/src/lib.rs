//! Disk images and file systems of ramdisks: UDIF, GPT, HFS+, APFS, decmpfs, trust caches.

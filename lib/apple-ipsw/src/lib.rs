//! IPSW archives: zip, BuildManifest, choice and verification of components.

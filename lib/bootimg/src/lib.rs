//! The packed boot image: a U-Boot FIT with external data, in our profile.

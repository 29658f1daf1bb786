//! The steps of the chain as functions: IPSW to packed image, packed image to packed image.

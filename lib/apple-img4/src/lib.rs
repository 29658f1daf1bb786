//! Image4: IM4P, IM4M, IM4R and IMG4 containers, read and written.

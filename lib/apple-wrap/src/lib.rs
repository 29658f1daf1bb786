//! Recognises and opens the wrappers around firmware components: IMG4, IM4P, IMG3, complzss, LZFSE.

//! Apple's device tree: parse, edit, write, text form.

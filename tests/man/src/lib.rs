//! Renders the manual pages and the completion scripts of all tools from their command lines, so that what a page
//! says is what the tool does. `cargo run -p manual` writes them into `man/`; a test holds them up to date.
#![forbid(unsafe_code)]

use clap_complete::Shell;

/// One generated file: its path under `man/`, its content.
pub type Page = (String, String);

macro_rules! tools {
    ($($tool:ident),* $(,)?) => {
        /// What each tool's page says beyond its options, in the order of the chain.
        pub const DOCS: &[&cli::Doc] = &[$(&$tool::DOC),*];

        /// All generated files.
        pub fn pages() -> Vec<Page> {
            let mut pages = Vec::new();
            $(
                let name = $tool::DOC.name;
                pages.push((format!("{name}.1"), cli::pages::manual::<$tool::Args>(&$tool::DOC)));
                for (shell, path) in [
                    (Shell::Bash, format!("completions/{name}.bash")),
                    (Shell::Zsh, format!("completions/_{name}")),
                    (Shell::Fish, format!("completions/{name}.fish")),
                ] {
                    pages.push((path, cli::pages::completions::<$tool::Args>(&$tool::DOC, shell)));
                }
            )*
            pages
        }
    };
}

tools!(ipsw_extract, kc_decompress, dt_patch, rd_extract, bootimg_pack, xnu_run);

/// The folder of the manual pages in a checkout.
pub fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../man")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checked_in_pages_are_what_the_tools_say() {
        for (path, content) in pages() {
            let there = std::fs::read_to_string(folder().join(&path)).unwrap_or_default();
            assert!(there == content, "man/{path} is out of date: run `just man`");
        }
    }

    #[test]
    fn every_tool_has_examples_and_other_pages_to_read() {
        for doc in DOCS {
            assert!(doc.examples.len() >= 2, "{} has too few examples", doc.name);
            assert!(!doc.see_also.is_empty(), "{} names no other page", doc.name);
        }
    }
}

//! Renders the manual pages and completions from each tool's command line.

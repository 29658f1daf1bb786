//! Writes the manual pages and completions into `man/`.

fn main() -> std::io::Result<()> {
    for (path, content) in manual::pages() {
        let path = manual::folder().join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, content)?;
    }
    Ok(())
}

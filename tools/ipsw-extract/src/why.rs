//! `--why`: what the archive was recognised as, and what would be taken out of it, layer by layer.

use crate::select::{self, Item};
use crate::{Args, Opened, failed, inner};
use apple_ipsw::Method;
use apple_wrap::Options;
use cli::{Io, Result, Status};

/// A component of more than this is looked at by its head alone.
const MAX_LOOK: u64 = 256 << 20;

/// Tells; the exit status says whether something is in the way.
pub fn run(args: &Args, io: &Io, opened: &Opened) -> Result<Status> {
    let (name, ipsw) = (opened.name.as_str(), &opened.ipsw);
    let (files, m) = (ipsw.entries().iter().filter(|e| !e.is_folder()).count(), ipsw.manifest());
    let what = match (opened.plain, ipsw.is_ota()) {
        (true, _) => "a zip archive",
        (_, true) => "an over-the-air archive",
        _ => "an IPSW",
    };
    let mut text =
        format!("{name}: {what}, {files} files, {} ({}) for {}\n", m.version, m.build, m.products.join(", "));
    if !ipsw.base().is_empty() {
        text.push_str(&format!("  manifest and boot files are in {}\n", ipsw.base()));
    }
    if let Some(server) = &opened.server {
        text.push_str(&format!("  on a server, {} bytes, read by ranges\n", server.size()));
    }
    if opened.plain {
        text.push_str("  stops: no BuildManifest.plist, so nothing is known of its files\n");
        io.print(&text)?;
        return Ok(Status::NothingFound);
    }
    let identities = m.fitting(&args.choice()).map_err(|e| failed(name, e))?;
    text.push_str(&format!(
        "  {} of {} build identities fit {}\n",
        identities.len(),
        m.identities.len(),
        args.choice()
    ));
    let mut good = true;
    let names: Vec<String> = args.names.iter().filter(|n| !inner::is_inner(n)).cloned().collect();
    let plain = Args { names, ..args.clone() };
    match select::items(&plain, ipsw) {
        Ok(items) => {
            for item in &items {
                let (lines, fine) = one(opened, item);
                text.push_str(&lines);
                good &= fine;
            }
        }
        Err(e) => {
            text.push_str(&format!("  stops: {e}\n"));
            good = false;
        }
    }
    io.print(
        &text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect::<String>(),
    )?;
    Ok(if good { Status::Done } else { Status::NothingFound })
}

fn one(opened: &Opened, item: &Item<'_>) -> (String, bool) {
    let mut text = format!("{}\n", item.path);
    if let Some(c) = item.component {
        let kind = c.im4p_type.as_deref().map_or(String::new(), |t| format!(", loaded as {t}"));
        let digest = match c.digest.as_deref().map(<[u8]>::len) {
            Some(20) => "SHA-1",
            Some(32) => "SHA-256",
            Some(48) => "SHA-384",
            Some(_) => "a digest of unknown kind",
            None => "no digest",
        };
        text.push_str(&format!("  component {}{kind}; BuildManifest has {digest}\n", c.name));
    }
    let Ok(entry) = opened.ipsw.entry(&item.path) else {
        text.push_str("  stops: BuildManifest names it, but it is not in the archive\n");
        return (text, false);
    };
    let packed = match entry.method {
        Method::Stored => "stored".to_string(),
        Method::Deflate => format!("deflated to {} bytes", entry.packed_size),
        Method::Other(n) => format!("packed with zip method {n}"),
    };
    text.push_str(&format!("  zip member: {} bytes, {packed}\n", entry.size));
    if entry.size > MAX_LOOK {
        text.push_str("  too large to be looked into here: rd-extract --why and kc-decompress --why do\n");
        return (text, true);
    }
    let bytes = match opened.ipsw.read(&item.path, MAX_LOOK) {
        Ok(bytes) => bytes,
        Err(e) => {
            text.push_str(&format!("  stops: {e}\n"));
            return (text, false);
        }
    };
    match apple_wrap::open(&bytes, &Options::default()) {
        Ok(inside) => {
            for layer in &inside.layers {
                let detail =
                    if layer.detail.is_empty() { String::new() } else { format!(": {}", layer.detail) };
                text.push_str(&format!(
                    "  {} at {:#x}, {} bytes{detail}\n",
                    layer.kind, layer.offset, layer.size
                ));
            }
            for warning in &inside.warnings {
                text.push_str(&format!("  odd: {warning}\n"));
            }
            let next = match inside.kind {
                apple_wrap::Kind::MachO | apple_wrap::Kind::Fat => ": kc-decompress reads it",
                apple_wrap::Kind::AppleDeviceTree => ": dt-patch reads it",
                apple_wrap::Kind::Unknown => "",
                _ => ": rd-extract or another tool reads it",
            };
            text.push_str(&format!("  {}, {} bytes{next}\n", inside.kind, inside.payload.len()));
            (text, true)
        }
        Err(e) => {
            text.push_str(&format!("  recognised: {}\n  stops: {e}\n", apple_wrap::sniff(&bytes)));
            (text, false)
        }
    }
}

//! The chain in one process: from an IPSW to the packed image that `ipsw-extract | dt-patch --preset serial-only` would write.
//!
//! Its steps are those tools' libraries, joined by pipes as the tools are in a shell, so nothing is held in memory whole.

use std::fs::File;
use std::io::{Read, Write};
use std::sync::Arc;
use std::thread::JoinHandle;

use apple_ipsw::Ipsw;
use bootimg::Rewriter;
use cli::{Code, Error};
use pipeline::{BootOptions, BootSet, TreeEdits};
use xnu_boot::Preset;

/// The preset that makes a first boot of a driverless kernel.
pub const PRESET: &str = "serial-only";

/// What a step said, and whether it failed.
type Step = JoinHandle<Result<Vec<String>, String>>;

/// An image on its way through a pipe.
#[derive(Debug)]
pub struct Chain {
    /// The packed image.
    pub image: std::io::PipeReader,
    steps: Vec<Step>,
}

impl Chain {
    /// Starts the chain on an IPSW.
    ///
    /// # Errors
    /// Pipes or threads that cannot be made.
    pub fn start(ipsw: Arc<File>) -> Result<Self, Error> {
        let failed = |e| Error::io("the chain", e);
        let (packed, pack_into) = std::io::pipe().map_err(failed)?;
        let (image, patch_into) = std::io::pipe().map_err(failed)?;
        let thread = |name: &str| std::thread::Builder::new().name(name.into());
        let extract = thread("ipsw-extract").spawn(move || extract(ipsw, pack_into)).map_err(failed)?;
        let patch = thread("dt-patch").spawn(move || patch(packed, patch_into)).map_err(failed)?;
        Ok(Self { image, steps: vec![extract, patch] })
    }

    /// After the image was read, or was found to be cut: what the steps said.
    ///
    /// # Errors
    /// The step that failed first.
    pub fn finish(self, name: &str) -> Result<Vec<String>, Error> {
        // Nobody reads any more: a step that still writes ends, too.
        drop(self.image);
        let mut said = Vec::new();
        let mut first = None;
        for step in self.steps {
            match step.join() {
                Ok(Ok(words)) => said.extend(words),
                Ok(Err(e)) => first = first.or(Some(e)),
                Err(_) => first = first.or(Some("a step ended before its time".into())),
            }
        }
        match first {
            None => Ok(said),
            Some(e) => Err(Error::new(Code::Damaged, format_args!("{name}: {e}"))),
        }
    }
}

fn extract(ipsw: Arc<File>, into: impl Write) -> Result<Vec<String>, String> {
    let fail = |e: &dyn std::fmt::Display| format!("ipsw-extract: {e}");
    let file = ipsw.try_clone().map_err(|e| fail(&e))?;
    let ipsw = Ipsw::open(file).map_err(|e| fail(&e))?;
    let set = BootSet::new(&ipsw, &BootOptions::default()).map_err(|e| fail(&e))?;
    let mut said = Vec::new();
    set.write(into, &mut |_| {}, &mut |component, verdict| {
        said.push(format!("ipsw-extract: {}: {}", component.name, verdict.text()));
    })
    .map_err(|e| fail(&e))?;
    Ok(said)
}

/// Does to a packed image what `dt-patch --preset serial-only` does; says each change.
///
/// # Errors
/// What is wrong, in words.
pub fn patch(from: impl Read, into: impl Write) -> Result<Vec<String>, String> {
    let fail = |e: &dyn std::fmt::Display| format!("dt-patch: {e}");
    let preset = Preset::builtin(PRESET).map_err(|e| fail(&e))?;
    let edits = TreeEdits { scripts: vec![preset.script], bootargs: preset.bootargs, ..TreeEdits::default() };
    let mut rewriter = Rewriter::new(from).map_err(|e| fail(&e))?;
    let done = pipeline::patch_device_tree(&mut rewriter, &edits).map_err(|e| fail(&e))?;
    let said = done.trees.iter().flat_map(|t| &t.changes).map(|c| format!("dt-patch: {c}")).collect();
    rewriter.finish(into).map_err(|e| fail(&e))?;
    Ok(said)
}

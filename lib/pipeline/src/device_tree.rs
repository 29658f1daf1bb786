//! The device tree's step: a tree in any wrapping, alone or as a part of a packed image, is edited and put back.

use apple_dt::{Change, Edit, Script, Tree};
use apple_wrap::{Kind, Opened};
use bootimg::{PartKind, Rewriter, names};
use std::io::Read;

/// The most bytes that are held for a device tree and what lies before it in a packed image.
const LIMIT: u64 = apple_dt::MAX_SIZE as u64;
/// [`names::FORMAT`] of a bare tree.
pub const TREE_FORMAT: &str = "apple-device-tree";

/// What is to be done.
#[derive(Debug, Clone, Default)]
pub struct TreeEdits {
    /// A device's data, with which placeholders are expanded before anything else.
    pub values: Option<apple_dt::Values>,
    /// Edits that need not match anything: presets, scripts.
    pub scripts: Vec<Script>,
    /// Edits of which each must match something: what a user typed.
    pub strict: Vec<Edit>,
    /// Boot arguments for a packed image. What it has already stays where the two differ.
    pub bootargs: Option<String>,
    /// The part of a packed image; without a name every device tree in it.
    pub part: Option<String>,
    /// Put the tree back into the container it came in rather than bare.
    pub wrap: bool,
    /// How to take wrappings off.
    pub open: apple_wrap::Options,
}

/// What was done to one tree.
#[derive(Debug, Clone)]
pub struct PatchedTree {
    /// The part of a packed image.
    pub part: Option<String>,
    /// Wrappings that it came in, outermost first.
    pub wrappings: Vec<Kind>,
    /// The tree as it is now.
    pub tree: Tree,
    /// What changed.
    pub changes: Vec<Change>,
    /// The bytes to write: bare, or in the container.
    pub bytes: Vec<u8>,
}

/// What was done to a packed image.
#[derive(Debug, Clone, Default)]
pub struct PatchedImage {
    /// Its device trees.
    pub trees: Vec<PatchedTree>,
    /// Its boot arguments, if they changed: before, after.
    pub bootargs: Option<(Option<String>, String)>,
}

/// Why a device tree could not be edited.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// Its wrapping.
    #[error(transparent)]
    Wrap(#[from] apple_wrap::Error),
    /// The tree or an edit.
    #[error(transparent)]
    Tree(#[from] apple_dt::Error),
    /// The packed image.
    #[error(transparent)]
    Image(#[from] bootimg::Error),
    /// Something else than a device tree.
    #[error("no device tree: the content is {0}")]
    NotATree(String),
    /// A packed image without one.
    #[error("the packed boot image has no device tree part")]
    NoTreePart,
    /// An edit that found nothing.
    #[error("nothing matches: {0}")]
    NothingMatches(String),
}

/// Takes the wrappings off a device tree.
///
/// # Errors
/// Damage, encryption, or something else than a device tree.
pub fn open_tree<'a>(data: &'a [u8], options: &apple_wrap::Options) -> Result<(Opened<'a>, Tree), TreeError> {
    let opened = apple_wrap::open(data, options)?;
    // The format has no magic: what is recognised as something else is not tried.
    if !matches!(opened.kind, Kind::AppleDeviceTree | Kind::Unknown | Kind::FlatDeviceTree) {
        return Err(TreeError::NotATree(opened.kind.to_string()));
    }
    if opened.kind == Kind::Unknown && !apple_dt::looks_like(&opened.payload) {
        return Err(TreeError::NotATree("nothing known".into()));
    }
    let tree = Tree::parse(&opened.payload)?;
    Ok((opened, tree))
}

impl TreeEdits {
    /// Does the edits to a tree.
    ///
    /// # Errors
    /// An edit that cannot be done, or a strict one that matches nothing.
    pub fn apply(&self, tree: &mut Tree) -> Result<Vec<Change>, TreeError> {
        let mut changes = match &self.values {
            Some(values) => values.expand(tree)?,
            None => Vec::new(),
        };
        for script in &self.scripts {
            changes.extend(script.apply(tree)?);
        }
        for edit in &self.strict {
            if !edit.action.matches(tree) {
                return Err(TreeError::NothingMatches(edit.action.to_string()));
            }
            changes.extend(edit.apply(tree)?);
        }
        Ok(changes)
    }

    /// Edits a tree that comes as a file.
    ///
    /// # Errors
    /// As [`open_tree`] and [`TreeEdits::apply`].
    pub fn patch(&self, data: &[u8]) -> Result<PatchedTree, TreeError> {
        let (opened, mut tree) = open_tree(data, &self.open)?;
        let wrappings: Vec<Kind> = opened.layers.iter().map(|l| l.kind).collect();
        let changes = self.apply(&mut tree)?;
        // An untouched file stays the identical one, its compression included.
        let bytes = if !self.wrap || wrappings.is_empty() {
            tree.to_bytes()
        } else if changes.is_empty() {
            data.to_vec()
        } else {
            apple_wrap::rewrap(data, &tree.to_bytes())?
        };
        Ok(PatchedTree { part: None, wrappings, tree, changes, bytes })
    }
}

/// Edits the device trees of a packed image as it streams by: nothing is written before `image.finish`.
///
/// # Errors
/// A damaged image, no device tree in it, and as [`TreeEdits::patch`].
pub fn patch_device_tree<R: Read>(
    image: &mut Rewriter<R>,
    edits: &TreeEdits,
) -> Result<PatchedImage, TreeError> {
    let names = match &edits.part {
        Some(name) => vec![image.header().part(name)?.name.clone()],
        None => tree_parts(image.header()),
    };
    if names.is_empty() {
        return Err(TreeError::NoTreePart);
    }
    let mut done = PatchedImage::default();
    for name in names {
        let data = image.read(&name, LIMIT)?;
        let mut patched = edits.patch(&data)?;
        patched.part = Some(name.clone());
        if patched.bytes != data {
            image.replace(&name, patched.bytes.clone())?;
        }
        if !patched.wrappings.is_empty() && !edits.wrap {
            image.set_property(&name, names::FORMAT, Some(TREE_FORMAT))?;
        }
        done.trees.push(patched);
    }
    if let Some(wanted) = &edits.bootargs {
        set_bootargs(image, wanted, &mut done)?;
    }
    Ok(done)
}

/// Names of the device tree parts of an image.
pub fn tree_parts(header: &bootimg::Header) -> Vec<String> {
    header.parts.iter().filter(|p| p.kind == PartKind::DeviceTree).map(|p| p.name.clone()).collect()
}

fn set_bootargs<R: Read>(
    image: &mut Rewriter<R>,
    wanted: &str,
    done: &mut PatchedImage,
) -> Result<(), TreeError> {
    let targets: Vec<Option<String>> = match image.header().configurations.as_slice() {
        [] => vec![None],
        list => list.iter().map(|c| Some(c.name.clone())).collect(),
    };
    for target in targets {
        let selection = image.header().select(target.as_deref())?;
        let old = selection.bootargs.map(str::to_string);
        // A kernel told to root on a ramdisk that is not there panics.
        let ramdisk = selection.part(PartKind::Ramdisk).is_some();
        let mut new = xnu_boot::merge_arguments(wanted, old.as_deref().unwrap_or_default());
        if !ramdisk && old.as_ref().is_none_or(|o| !o.contains("rd=md0")) {
            new = xnu_boot::without_argument(&new, "rd");
        }
        if old.as_deref() != Some(&new) {
            image.set_configuration(target.as_deref(), names::BOOTARGS, Some(&new))?;
            done.bootargs = Some((old, new));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! What can go wrong with a tree, its text, or an edit.

use alloc::string::String;

/// Which kind of failure an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The bytes contradict themselves or end early.
    Damaged,
    /// The bytes are something else, or the tree has no such node or property.
    NotFound,
    /// A text, script or value that cannot be understood.
    Syntax,
    /// An edit that cannot be done.
    Edit,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes end inside something.
    #[error("offset {offset:#x}: the tree ends in the middle of {what}")]
    Truncated {
        /// Where the thing starts.
        offset: usize,
        /// What it is.
        what: &'static str,
    },
    /// A count that does not fit, or is beyond any real tree.
    #[error("offset {offset:#x}: {count} {what}, which cannot be (at most {limit} here)")]
    TooMany {
        /// Where the count is.
        offset: usize,
        /// Of what.
        what: &'static str,
        /// The count.
        count: u32,
        /// The most that is taken at this place.
        limit: u32,
    },
    /// A property longer than the rest of the tree.
    #[error("offset {offset:#x}: property {name:?} claims {length:#x} bytes, {left:#x} are left")]
    Length {
        /// Where the length is.
        offset: usize,
        /// The property's name, escaped.
        name: String,
        /// The length it claims.
        length: u32,
        /// The bytes that are left.
        left: usize,
    },
    /// Nodes within nodes beyond any real tree.
    #[error("offset {offset:#x}: nodes are nested deeper than {limit}")]
    TooDeep {
        /// Where the node is (in a text: its line).
        offset: usize,
        /// The limit.
        limit: usize,
    },
    /// More bytes than a tree may have.
    #[error("{size:#x} bytes are more than a device tree may have ({limit:#x})")]
    TooLarge {
        /// How many there are.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// A flattened device tree, the other format of this name.
    #[error(
        "offset 0: this is a flattened device tree (magic d00dfeed), not Apple's: 'dt-patch --from fdt' makes one of it"
    )]
    FlatDeviceTree,
    /// A flattened device tree that contradicts itself.
    #[error("offset {offset:#x}: {what}")]
    Flat {
        /// Where.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// Something in a flattened tree that an Apple tree cannot be made of.
    #[error("{place}: {why}")]
    CannotImport {
        /// Node and property.
        place: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Not a tree: its first node says so.
    #[error("offset 0: not an Apple device tree ({why})")]
    NotATree {
        /// What is wrong with the head.
        why: &'static str,
    },
    /// A text, script or value that cannot be understood.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
        /// What is wrong and what was expected.
        message: String,
    },
    /// A name that does not fit its field.
    #[error("name {name:?}: {why}")]
    BadName {
        /// The name, escaped.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No node or property where one is needed.
    #[error("no {what} {path}")]
    NotFound {
        /// `node` or `property`.
        what: &'static str,
        /// Where it was looked for.
        path: String,
    },
    /// An edit that cannot be done as asked.
    #[error("{edit}: {why}")]
    CannotEdit {
        /// The edit, in the script's language.
        edit: String,
        /// Why not, and what to do.
        why: String,
    },
}

impl Error {
    /// Which kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::FlatDeviceTree | Error::NotATree { .. } | Error::NotFound { .. } => ErrorKind::NotFound,
            Error::Syntax { .. } | Error::BadName { .. } => ErrorKind::Syntax,
            Error::CannotEdit { .. } => ErrorKind::Edit,
            _ => ErrorKind::Damaged,
        }
    }
}

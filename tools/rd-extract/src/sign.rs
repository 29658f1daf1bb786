//! Code signatures: shown, and made ad hoc for files of the host and for programs of a volume.

use crate::put::finish;
use crate::{Args, text};
use apple_fs::hfsplus::write::Builder;
use apple_fs::{Bytes, Kind};
use cli::{Code, Error, Io, MAX_COMPONENT, Result, Status};
use code_signature::{
    Check, Digest, Entitlements, MachO, Signature, Signer, Slice, SlotState, flags, is_macho, slot_name,
};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Programs of a volume that are larger are not looked at.
pub const MAX_PROGRAM: u64 = 1 << 30;

/// Options that sign.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Code signatures")]
pub struct Sign {
    /// Sign these Mach-O files ad hoc, in place or to --output; of folders the unsigned ones. A signature that is there is
    /// made anew with what it said. Without names, and with --create or changes: every unsigned one in the volume.
    #[arg(short = 'S', long, value_name = "FILE", num_args = 0.., visible_alias = "codesign", alias = "adhoc")]
    pub sign: Option<Vec<PathBuf>>,
    /// Identifier in the signature; the name of the file if absent.
    #[arg(long, value_name = "ID", requires = "sign")]
    pub identifier: Option<String>,
    /// Property list with entitlements; they go in as XML and as DER.
    #[arg(long, value_name = "PLIST", requires = "sign")]
    pub entitlements: Option<PathBuf>,
    /// Digests: sha256 (the default), or several, such as sha1,sha256.
    #[arg(long, value_name = "NAMES", requires = "sign", value_delimiter = ',', value_parser = digest)]
    pub digest: Vec<Digest>,
    /// Bytes that have one hash: 4096 (the default) or 16384.
    #[arg(long, value_name = "BYTES", requires = "sign", value_parser = text::size)]
    pub page_size: Option<u64>,
    /// Flags beside adhoc, by name or number: hard, kill, library, runtime, restrict, enforcement, get-task-allow.
    #[arg(long, value_name = "FLAGS", requires = "sign", value_delimiter = ',', value_parser = flag)]
    pub code_flags: Vec<u32>,
    /// Team identifier.
    #[arg(long, value_name = "ID", requires = "sign", alias = "team-id")]
    pub team: Option<String>,
    /// Info.plist whose hash goes in; one that is linked into the program is found by itself.
    #[arg(long, value_name = "FILE", requires = "sign")]
    pub info_plist: Option<PathBuf>,
    /// _CodeSignature/CodeResources, whose hash goes in.
    #[arg(long, value_name = "FILE", requires = "sign")]
    pub code_resources: Option<PathBuf>,
}

fn digest(text: &str) -> std::result::Result<Digest, String> {
    Digest::from_name(text).ok_or_else(|| "sha1, sha256, sha256-truncated and sha384 are known".into())
}

fn flag(text: &str) -> std::result::Result<u32, String> {
    let named = flags::NAMES.iter().find(|(n, _)| *n == text).map(|(_, f)| *f);
    let number = || text::size(text).ok().and_then(|n| u32::try_from(n).ok());
    named.or_else(number).ok_or_else(|| {
        let names: Vec<_> = flags::NAMES.iter().map(|n| n.0).collect();
        format!("a number, or one of {}", names.join(", "))
    })
}

/// The library's failure as the tool's.
pub fn failure(name: &str, e: &code_signature::Error) -> Error {
    let code = match e.kind() {
        code_signature::ErrorKind::NotMachO => Code::NotFound,
        code_signature::ErrorKind::Damaged => Code::Damaged,
        code_signature::ErrorKind::Invalid => Code::Unsupported,
    };
    Error::new(code, format_args!("{name}: {e}"))
}

/// What the options say of every signature.
struct Choices<'a> {
    sign: &'a Sign,
    entitlements: Option<Entitlements>,
    info: Option<Vec<u8>>,
    resources: Option<Vec<u8>>,
}

impl<'a> Choices<'a> {
    fn new(args: &'a Args, io: &Io) -> Result<Choices<'a>> {
        let sign = &args.sign;
        let read = |path: &Option<PathBuf>| -> Result<Option<Vec<u8>>> {
            path.as_ref().map(|p| io.input(Some(p))?.read_all(16 << 20)).transpose()
        };
        if sign.page_size.is_some_and(|n| !matches!(n, 4096 | 16384)) {
            return Err(Error::usage("--page-size: 4096 or 16384"));
        }
        let entitlements = match (read(&sign.entitlements)?, &sign.entitlements) {
            (Some(plist), Some(path)) => {
                Some(Entitlements::parse(&plist).map_err(|e| Error::damaged(path.display(), e))?)
            }
            _ => None,
        };
        let (info, resources) = (read(&sign.info_plist)?, read(&sign.code_resources)?);
        Ok(Choices { sign, entitlements, info, resources })
    }

    /// Signs a file; what an old signature said stays where the options say nothing.
    fn apply(&self, file: &[u8], name: &str) -> std::result::Result<Vec<u8>, code_signature::Error> {
        let choose = |slice: &Slice<'_>| {
            let mut signer = match slice.signature() {
                Ok(Some(old)) => Signer::like(&old)?,
                // One that is damaged says nothing.
                _ => Signer::new(name),
            };
            if let Some(id) = &self.sign.identifier {
                signer.identifier.clone_from(id);
            }
            if self.entitlements.is_some() {
                signer.entitlements.clone_from(&self.entitlements);
            }
            if !self.sign.digest.is_empty() {
                signer.digests.clone_from(&self.sign.digest);
            }
            if let Some(n) = self.sign.page_size {
                signer.page_shift = if n == 4096 { 12 } else { 14 };
            }
            if !self.sign.code_flags.is_empty() {
                signer.flags = self.sign.code_flags.iter().fold(0, |all, f| all | f);
            }
            if self.sign.team.is_some() {
                signer.team.clone_from(&self.sign.team);
            }
            signer.info.clone_from(&self.info);
            signer.resources.clone_from(&self.resources);
            Ok(signer)
        };
        Signer::new(name).sign_with(file, choose)
    }
}

/// `--sign FILE...`.
pub fn files(args: &Args, io: &Io) -> Result<Status> {
    let choices = Choices::new(args, io)?;
    let files = args.named(&args.sign.sign);
    if files.is_empty() {
        return Err(Error::usage("--sign: name the files to sign"));
    }
    if args.output.is_some() && (files.len() != 1 || files.iter().any(|f| f.is_dir())) {
        return Err(Error::usage("--sign: --output takes one file; several are signed in place"));
    }
    let mut signed = 0usize;
    for path in &files {
        if path.is_dir() {
            for path in host_files(path)? {
                signed = signed.saturating_add(file(&path, true, &choices, args, io)?.into());
            }
        } else {
            signed = signed.saturating_add(file(path, false, &choices, args, io)?.into());
        }
    }
    if signed == 0 {
        io.warn("nothing to sign: no unsigned Mach-O was found");
        return Ok(Status::NothingFound);
    }
    Ok(Status::Done)
}

/// Signs a file; with `unsigned` only one that needs it. Whether it was signed.
fn file(path: &Path, unsigned: bool, choices: &Choices<'_>, args: &Args, io: &Io) -> Result<bool> {
    let mut input = io.input(Some(path))?;
    let name = input.name().to_string();
    if unsigned {
        let mut start = [0; 8];
        let there = input
            .seekable()
            .is_some_and(|f| std::os::unix::fs::FileExt::read_exact_at(f, &mut start, 0).is_ok());
        if !there || !is_macho(&start) {
            return Ok(false);
        }
    }
    let data = input.read_all(MAX_COMPONENT)?;
    if unsigned && !needs_signature(&data) {
        return Ok(false);
    }
    let id = path.file_name().and_then(|n| n.to_str()).filter(|n| *n != "-").unwrap_or("a.out");
    let signed = choices.apply(&data, id).map_err(|e| failure(&name, &e))?;
    for (arch, hash) in code_signature::cdhashes(&signed).map_err(|e| failure(&name, &e))? {
        let hash = hash.map(|h| h.to_string()).unwrap_or_default();
        io.verbose(format_args!("{name}: {arch}: signed, cdhash {hash}"));
    }
    if args.dry_run {
        io.print(&format!("{name}\n"))?;
        return Ok(true);
    }
    let output = args.output.as_deref().unwrap_or(path);
    let mut out = io.output(Some(output))?;
    out.put(&signed)?;
    if let (Some(to), Some(meta)) = (out.as_file(), input.seekable().and_then(|f| f.metadata().ok()))
        && args.output.is_some()
        && !output.exists()
    {
        // A program stays one.
        let _ = to.set_permissions(meta.permissions());
    }
    finish(out)?;
    Ok(true)
}

fn needs_signature(data: &[u8]) -> bool {
    MachO::parse(data).is_ok_and(|m| !m.is_signed() && m.can_be_signed())
}

/// The regular files of a folder of the host, in the order of their names; links are not followed.
pub fn host_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut todo = vec![root.to_path_buf()];
    while let Some(dir) = todo.pop() {
        let failed = |e| Error::io(dir.display(), e);
        for entry in dir.read_dir().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                todo.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// With --sign: signs every unsigned Mach-O in a volume under construction.
pub fn tree(builder: &mut Builder, args: &Args, io: &Io) -> Result<()> {
    let Some(names) = &args.sign.sign else { return Ok(()) };
    if !names.is_empty() {
        return Err(Error::usage(
            "--sign: with --create or changes it takes no names: all of the volume is signed",
        ));
    }
    let choices = Choices::new(args, io)?;
    let mut signed = 0usize;
    for node in builder.nodes() {
        if node.kind != Kind::File || node.linked || node.size < 32 || node.size > MAX_PROGRAM {
            continue;
        }
        let Ok(contents) = builder.contents(&node.path) else { continue };
        let fail = |e: apple_fs::Error| crate::fail(&node.path, &e);
        let mut start = [0; 8];
        contents.read_at(0, &mut start).map_err(fail)?;
        if !is_macho(&start) {
            continue;
        }
        let mut data = vec![0; usize::try_from(node.size).unwrap_or(0)];
        contents.read_at(0, &mut data).map_err(fail)?;
        if !needs_signature(&data) {
            continue;
        }
        let name = node.path.rsplit('/').next().unwrap_or("a.out");
        let new = choices.apply(&data, name).map_err(|e| failure(&node.path, &e))?;
        io.verbose(format_args!("{}: signed", node.path));
        builder.replace(&node.path, Bytes::shared(new)).map_err(fail)?;
        signed = signed.saturating_add(1);
    }
    io.verbose(format_args!("{signed} programs of the volume were signed"));
    Ok(())
}

/// What [`show`] found of a slice.
struct Shown<'a> {
    slice: &'a Slice<'a>,
    signature: Signature<'a>,
    check: Check,
}

/// `--list` of a Mach-O: its signatures, with all hashes compared.
pub fn show(name: &str, file: &[u8], json: bool, io: &Io) -> Result<Status> {
    let parsed = MachO::parse(file).map_err(|e| failure(name, &e))?;
    let (mut text, mut values, mut bad, mut unsigned) = (String::new(), Vec::new(), 0usize, 0usize);
    for slice in parsed.slices() {
        match slice.signature().map_err(|e| failure(name, &e))? {
            None => {
                unsigned = unsigned.saturating_add(1);
                let _ = writeln!(text, "{}: not signed", slice.name());
                values.push(json!({"arch": slice.name(), "signed": false}));
            }
            Some(signature) => {
                let check = signature.check(slice.bytes()).map_err(|e| failure(name, &e))?;
                bad = bad.saturating_add(usize::from(!check.is_good()));
                let shown = Shown { slice, signature, check };
                shown.text(&mut text);
                values.push(shown.json());
            }
        }
    }
    if json {
        text = serde_json::to_string_pretty(&json!({"slices": values})).unwrap_or_default();
        text.push('\n');
    }
    io.print(&text)?;
    if bad > 0 {
        return Err(Error::damaged(name, "hashes of the signature do not fit"));
    }
    Ok(if unsigned == parsed.slices().len() { Status::NothingFound } else { Status::Done })
}

fn flag_names(value: u32) -> Vec<&'static str> {
    flags::NAMES.iter().filter(|(_, f)| value & f != 0).map(|(n, _)| *n).collect()
}

fn state(s: SlotState) -> &'static str {
    match s {
        SlotState::Good => "good",
        SlotState::Differs => "DIFFERS",
        SlotState::Outside => "of a file outside",
    }
}

impl Shown<'_> {
    fn text(&self, text: &mut String) {
        let (best, cdhash) = (self.signature.best(), self.signature.cdhash());
        let _ = writeln!(text, "{}: cdhash {cdhash} {}", self.slice.name(), cdhash.digest);
        let mut line = |key: &str, value: String| {
            let _ = writeln!(text, "  {key:<14} {}", crate::list::visible(&value));
        };
        line("identifier", best.identifier.clone());
        if let Some(team) = &best.team {
            line("team", team.clone());
        }
        line("flags", format!("{:#x} {}", best.flags, flag_names(best.flags).join(" ")));
        for d in self.signature.directories() {
            line(
                "directory",
                format!(
                    "{} version {:#x}, {} pages of {}, code limit {:#x}, cdhash {}",
                    d.digest,
                    d.version,
                    d.code_slots,
                    1u32 << d.page_shift.min(31),
                    d.code_limit,
                    d.cdhash()
                ),
            );
        }
        if let Some((base, limit, flags)) = best.exec_segment {
            line("executable", format!("{base:#x}, {limit:#x} bytes, flags {flags:#x}"));
        }
        line(
            "certificate",
            if self.signature.has_certificate() { "yes, not checked" } else { "none" }.into(),
        );
        let pages = match self.check.bad_pages.as_slice() {
            [] => format!("{} good", self.check.pages),
            bad => format!(
                "{} of {} DIFFER: {}",
                bad.len(),
                self.check.pages,
                bad.iter().take(8).map(|(d, p)| format!("{d} {p}")).collect::<Vec<_>>().join(", ")
            ),
        };
        line("page hashes", pages);
        for s in &self.check.slots {
            line("slot", format!("{} ({}): {}", slot_name(s.slot), s.digest, state(s.state)));
        }
        if let Some(e) = self.signature.entitlements() {
            for part in e.lines() {
                line("entitlements", part.to_string());
            }
        }
    }

    fn json(&self) -> Value {
        let (best, cdhash) = (self.signature.best(), self.signature.cdhash());
        let directories: Vec<Value> = self
            .signature
            .directories()
            .iter()
            .map(|d| {
                json!({"slot": d.slot, "version": d.version, "digest": d.digest.name(), "flags": d.flags,
                       "cdhash": d.cdhash().to_string(), "page_size": 1u32 << d.page_shift.min(31),
                       "pages": d.code_slots, "special_slots": d.special_slots, "code_limit": d.code_limit})
            })
            .collect();
        let slots: Vec<Value> = self
            .check
            .slots
            .iter()
            .map(|s| json!({"slot": s.slot, "name": slot_name(s.slot), "digest": s.digest.name(), "state": state(s.state)}))
            .collect();
        let bad: Vec<Value> = self.check.bad_pages.iter().map(|(d, p)| json!([d.name(), p])).collect();
        json!({"arch": self.slice.name(), "signed": true, "cdhash": cdhash.to_string(), "digest": cdhash.digest.name(),
               "identifier": best.identifier, "team": best.team, "flags": best.flags, "flag_names": flag_names(best.flags),
               "certificate": self.signature.has_certificate(), "directories": directories, "good": self.check.is_good(),
               "bad_pages": bad, "slots": slots, "entitlements": self.signature.entitlements()})
    }
}

//! `--trust`: the static trust cache, with the code hashes of what the user wants to run added to it; and what is known of a
//! program that a kernel did not start.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use apple_fs::trustcache::{Entry, HashType, TrustCache};
use apple_fs::{FileSystem, Image, Kind, Source};
use cli::{Code, Error, Io};
use code_signature::{CdHash, Digest, MachO};
use machine::Media;

use crate::source::{self, Sources};

/// Says "all programs of the ramdisk" in the place of a path.
pub const RAMDISK: &str = "ramdisk";
/// Largest program that is looked into.
const LARGEST: u64 = 512 << 20;
/// Bytes by which programs are recognised.
const HEAD: usize = 4;
/// Most files of a folder.
const MOST_FILES: usize = 1 << 20;
/// Deepest folder.
const DEEPEST: usize = 64;
/// {count, offset of the first module} (xnu-4903 osfmk/kern/trustcache.h).
const ONE_MODULE: [u8; 8] = [1, 0, 0, 0, 8, 0, 0, 0];
/// UUID of modules made here.
const UUID: [u8; 16] = *b"xnu-run --trust.";

/// A part of a boot, read by position.
#[derive(Debug)]
struct Part(Media);

impl Source for Part {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> apple_fs::Result<()> {
        self.0.read_at(offset, buf).map_err(|e| apple_fs::Error::Io { offset, why: e.to_string() })
    }
}

/// What has been collected.
struct Collection<'a> {
    found: BTreeSet<CdHash>,
    unsigned: Vec<String>,
    /// Programs and caches taken, whether they brought something new or not.
    taken: usize,
    io: &'a Io,
}

/// Adds what `paths` name to the trust cache of a boot: Mach-O files, folders of them, disk images with them, trust caches, and
/// [`RAMDISK`].
///
/// # Errors
/// Files that cannot be read or hold nothing to trust.
pub fn extend(sources: &mut Sources, paths: &[PathBuf], io: &Io) -> Result<(), Error> {
    if paths.is_empty() {
        return Ok(());
    }
    let mut all = Collection { found: BTreeSet::new(), unsigned: Vec::new(), taken: 0, io };
    for path in paths {
        let before = all.taken;
        if path.as_os_str() == RAMDISK && !path.exists() {
            let ramdisk = sources
                .ramdisk
                .as_ref()
                .ok_or_else(|| Error::usage("--trust ramdisk: there is no ramdisk"))?;
            all.image(&ramdisk.name, ramdisk.media.clone())?;
        } else if path.is_dir() {
            all.folder(path)?;
        } else {
            all.file(path)?;
        }
        if all.taken == before {
            return Err(Error::not_found(
                path.display(),
                "--trust: no Mach-O program and no trust cache there",
            ));
        }
    }
    match all.unsigned.as_slice() {
        [] => {}
        [one] => io.warn(format_args!("--trust: {one} has no code signature, so it cannot be trusted: sign it with rd-extract")),
        [first, rest @ ..] => io.warn(format_args!(
            "--trust: {first} and {} others have no code signature, so they cannot be trusted: sign them with rd-extract",
            rest.len()
        )),
    }
    let entries = all.found.iter().map(|hash| Entry::new(hash.bytes, hash_type(hash.digest))).collect();
    let merged = merge(sources.trust_cache.as_deref(), entries).map_err(|e| Error::new(Code::Damaged, e))?;
    io.verbose(format_args!("trust cache: {} code hashes added", all.found.len()));
    sources.trust_cache = Some(merged);
    Ok(())
}

fn hash_type(digest: Digest) -> HashType {
    match digest {
        Digest::Sha1 => HashType::Sha1,
        Digest::Sha256 => HashType::Sha256,
        Digest::Sha256Truncated => HashType::Sha256Truncated,
        Digest::Sha384 => HashType::Sha384,
    }
}

/// The trust cache with these entries in it: in its one module, or in a further one if it has several.
fn merge(old: Option<&[u8]>, mut entries: Vec<Entry>) -> Result<Vec<u8>, String> {
    let Some(old) = old else { return Ok(TrustCache::new(1, UUID, entries).to_bytes()) };
    let module = old.strip_prefix(&ONE_MODULE).unwrap_or(old);
    if let Ok(cache) = TrustCache::parse(module) {
        entries.extend(cache.entries);
        return Ok(TrustCache::new(cache.version, cache.uuid, entries).to_bytes());
    }
    let number = |at: usize| {
        let bytes = old.get(at..)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let damaged = || "trust cache: neither one module nor several, so nothing can be added to it".to_owned();
    let count = number(0).filter(|n| (1..=64).contains(n)).ok_or_else(damaged)?;
    let mut modules = Vec::new();
    for n in 0..count {
        let start = number(4 + 4 * n).ok_or_else(damaged)?;
        let entries = start.checked_add(20).and_then(number).ok_or_else(damaged)?;
        let size = match number(start) {
            Some(0) => 20,
            Some(1) => 22,
            Some(2) => 24,
            _ => return Err(damaged()),
        };
        let end =
            entries.checked_mul(size).and_then(|s| s.checked_add(24)).and_then(|s| s.checked_add(start));
        modules.push(old.get(start..end.ok_or_else(damaged)?).ok_or_else(damaged)?.to_vec());
    }
    modules.push(TrustCache::new(1, UUID, entries).to_bytes());
    let mut out = Vec::new();
    let put = |out: &mut Vec<u8>, n: usize| out.extend(u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
    put(&mut out, modules.len());
    let mut at = 4 + 4 * modules.len();
    for m in &modules {
        put(&mut out, at);
        at += m.len();
    }
    out.extend(modules.concat());
    Ok(out)
}

impl Collection<'_> {
    /// Takes the slices of a file; false: it is no Mach-O.
    fn program(&mut self, name: &str, bytes: &[u8]) -> Result<bool, Error> {
        if !code_signature::is_macho(bytes) {
            return Ok(false);
        }
        // Java's class files and others begin alike.
        let Ok(hashes) = code_signature::cdhashes(bytes) else { return Ok(false) };
        self.taken += 1;
        for (slice, hash) in hashes {
            match hash {
                Some(hash) => {
                    self.io.verbose(format_args!("trust: {name} ({slice}): {hash} {}", hash.digest));
                    self.found.insert(hash);
                }
                None => self.unsigned.push(format!("{name} ({slice})")),
            }
        }
        Ok(true)
    }

    fn file(&mut self, path: &Path) -> Result<(), Error> {
        let name = path.display().to_string();
        let media = source::whole(path, self.io)?;
        let head = media.head(4096).map_err(|e| Error::io(&name, e))?;
        if code_signature::is_macho(&head) {
            let bytes = media.to_vec(LARGEST).map_err(|e| Error::io(&name, e))?;
            self.program(&name, &bytes)?;
            return Ok(());
        }
        let media = source::unwrapped(&name, media)?;
        // A trust cache is known by its structure alone, and is small.
        if let Ok(bytes) = media.to_vec(64 << 20)
            && let Ok(cache) = TrustCache::parse(bytes.strip_prefix(&ONE_MODULE).unwrap_or(&bytes))
        {
            let digest = |t| match t {
                HashType::Sha1 => Digest::Sha1,
                HashType::Sha256Truncated => Digest::Sha256Truncated,
                HashType::Sha384 => Digest::Sha384,
                _ => Digest::Sha256,
            };
            self.taken += 1;
            self.found.extend(
                cache.entries.iter().map(|e| CdHash { bytes: e.cdhash, digest: digest(e.hash_type) }),
            );
            return Ok(());
        }
        self.image(&name, media)
    }

    fn folder(&mut self, path: &Path) -> Result<(), Error> {
        let mut folders = vec![(path.to_owned(), 0)];
        let mut files = 0usize;
        while let Some((folder, depth)) = folders.pop() {
            let failed = |e| Error::io(folder.display(), e);
            let mut names: Vec<PathBuf> = std::fs::read_dir(&folder)
                .map_err(failed)?
                .map(|e| e.map(|e| e.path()))
                .collect::<Result<_, _>>()
                .map_err(failed)?;
            names.sort();
            for file in names {
                let meta = std::fs::symlink_metadata(&file).map_err(|e| Error::io(file.display(), e))?;
                files += 1;
                if files > MOST_FILES {
                    return Err(Error::usage(format_args!(
                        "{}: more than {MOST_FILES} files",
                        path.display()
                    )));
                }
                if meta.is_dir() && depth < DEEPEST {
                    folders.push((file, depth + 1));
                } else if meta.is_file() && meta.len() >= HEAD as u64 {
                    self.host_file(&file)?;
                }
            }
        }
        Ok(())
    }

    fn host_file(&mut self, file: &Path) -> Result<(), Error> {
        use std::io::Read;
        let name = file.display().to_string();
        let failed = |e| Error::io(&name, e);
        let mut open = std::fs::File::open(file).map_err(failed)?;
        let mut bytes = Vec::new();
        open.by_ref().take(HEAD as u64).read_to_end(&mut bytes).map_err(failed)?;
        if code_signature::is_macho(&bytes) {
            open.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
            self.program(&name, &bytes)?;
        }
        Ok(())
    }

    /// All programs in a disk image.
    fn image(&mut self, name: &str, media: Media) -> Result<(), Error> {
        let volume = mount(media).map_err(|e| Error::damaged(name, format_args!("--trust: {e}")))?;
        for (index, entry) in volume.tree().entries().iter().enumerate() {
            if entry.meta.kind != Kind::File || entry.meta.size < HEAD as u64 || entry.meta.size > LARGEST {
                continue;
            }
            let path = volume.tree().path(index);
            let failed = |e: &dyn std::fmt::Display| Error::damaged(name, format_args!("{path}: {e}"));
            let mut head = [0; HEAD];
            let mut stream = volume.open(entry).map_err(|e| failed(&e))?;
            std::io::Read::read_exact(&mut stream, &mut head).map_err(|e| failed(&e))?;
            drop(stream);
            if code_signature::is_macho(&head) {
                let bytes = volume.read(entry, LARGEST).map_err(|e| failed(&e))?;
                self.program(&path, &bytes)?;
            }
        }
        Ok(())
    }
}

fn mount(media: Media) -> apple_fs::Result<Box<dyn FileSystem>> {
    Image::open(Arc::new(Part(media)))?.mount(None, false)
}

/// What is known of a program of the ramdisk, one line: whether it is there, for which CPUs, its code hash, and whether the
/// trust cache lists that.
pub fn program(ramdisk: Option<&Media>, trust_cache: &[u8], path: &str) -> Option<String> {
    let volume = mount(ramdisk?.clone()).ok()?;
    let Some(entry) = volume.tree().find(path).and_then(|n| volume.tree().entries().get(n)) else {
        return Some("not in the ramdisk".into());
    };
    let Ok(bytes) = volume.read(entry, LARGEST) else {
        return Some("in the ramdisk, but cannot be read".into());
    };
    let parsed = match MachO::parse(&bytes) {
        Ok(parsed) => parsed,
        Err(e) => return Some(format!("in the ramdisk, no Mach-O: {e}")),
    };
    let mut words = Vec::new();
    for slice in parsed.slices() {
        let name = slice.name();
        words.push(match slice.signature() {
            Err(e) => format!("{name}: damaged code signature: {e}"),
            Ok(None) => format!("{name}: no code signature"),
            Ok(Some(signature)) => {
                let hash = signature.cdhash();
                let listed = trust_cache.windows(hash.bytes.len()).any(|w| w == hash.bytes);
                let listed =
                    if listed { "in the trust cache" } else { "not in the trust cache (--trust ramdisk)" };
                let good = match signature.check(slice.bytes()) {
                    Ok(check) if check.is_good() => "",
                    _ => ", and its pages do not hash to what it says",
                };
                format!("{name}: cdhash {hash}, {listed}{good}")
            }
        });
    }
    Some(format!("in the ramdisk; {}", words.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u8) -> Entry {
        Entry::new([n; 20], HashType::Sha256)
    }

    #[test]
    fn entries_are_merged_into_the_one_module_sorted() {
        let old = TrustCache::new(2, [7; 16], vec![entry(5), entry(1)]).to_bytes();
        for old in [old.clone(), [&ONE_MODULE, old.as_slice()].concat()] {
            let merged = TrustCache::parse(&merge(Some(&old), vec![entry(3), entry(5)]).unwrap()).unwrap();
            let hashes: Vec<u8> = merged.entries.iter().map(|e| e.cdhash[0]).collect();
            assert_eq!((merged.version, merged.uuid, hashes), (2, [7; 16], vec![1, 3, 5]));
        }
        let new = TrustCache::parse(&merge(None, vec![entry(2)]).unwrap()).unwrap();
        assert_eq!((new.version, new.entries.len()), (1, 1));
    }

    #[test]
    fn of_several_modules_none_is_touched_and_one_is_added() {
        let (a, b) = (
            TrustCache::new(1, [1; 16], vec![entry(1)]).to_bytes(),
            TrustCache::new(0, [2; 16], vec![]).to_bytes(),
        );
        let mut two = vec![2, 0, 0, 0, 12, 0, 0, 0];
        two.extend((12 + a.len() as u32).to_le_bytes());
        two.extend([a.clone(), b.clone()].concat());
        let three = merge(Some(&two), vec![entry(9)]).unwrap();
        assert_eq!(three[..8], [3, 0, 0, 0, 16, 0, 0, 0]);
        assert!(three[16..].starts_with(&[a, b].concat()));
        assert!(xnu_boot::wrap_trust_cache(Some(&three)).unwrap() == three, "the loader takes it as it is");
        for n in 0..two.len() {
            assert!(merge(Some(&two[..n]), vec![entry(9)]).is_err() || n < 4, "cut at {n}");
        }
    }
}

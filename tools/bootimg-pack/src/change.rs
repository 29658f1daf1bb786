//! Changing an image: parts replaced, added or removed, properties set, everything else as it was.

use crate::{Args, failed, sources};
use bootimg::{PartKind, Rewriter, names};
use cli::{Error, Io, Result};
use std::io::{Read, Write};

/// Reads the image, changes it, writes it.
pub fn run(args: &Args, io: &Io) -> Result<()> {
    let input = io.input(args.image.as_deref())?;
    let name = input.name().to_string();
    let target = if args.in_place { args.image.as_deref() } else { args.output.as_deref() };
    let piped = args.image.as_ref().is_none_or(|i| i.as_os_str() == "-");
    if args.in_place && (piped || input.seekable().is_none()) {
        return Err(Error::usage("--in-place wants a file, not a pipe"));
    }
    let rewriter = changed(args, io, input, &name)?;
    let mut out = io.output(target)?;
    let target = out.name().to_string();
    rewriter.finish(&mut out).map_err(|e| match e {
        bootimg::Error::Write(e) => Error::io(target, e),
        e => failed(&name, e),
    })?;
    out.flush().map_err(|e| Error::io(&name, e))?;
    out.finish()
}

/// The image with all changes, not yet written.
pub fn changed<R: Read>(args: &Args, io: &Io, input: R, name: &str) -> Result<Rewriter<R>> {
    let fail = |e| failed(name, e);
    let mut rewriter = Rewriter::new(input).map_err(fail)?;
    for part in &args.remove {
        rewriter.remove(part).map_err(fail)?;
    }
    for item in &args.replace {
        rewriter.header().part(sources::name_and_file(item)?.0).map_err(fail)?;
    }
    for (part, kind, path) in sources::named(args)? {
        let source = sources::open(io, &part, kind, &path)?;
        // Removed and given at once means: as a new part.
        let there = rewriter.header().part(&part).is_ok() && !args.remove.contains(&part);
        if there {
            replace(&mut rewriter, &part, source.into_bytes()?).map_err(fail)?;
        } else {
            if kind == PartKind::Other {
                io.verbose(format_args!("{name}: {part} is a new part"));
            }
            let spec = source.spec.clone();
            rewriter.add(spec, source.into_bytes()?).map_err(fail)?;
        }
    }
    let configuration = args.configuration.as_deref();
    let mut set = |property: &str, value: Option<&str>| {
        rewriter.set_configuration(configuration, property, value).map_err(fail)
    };
    if let Some(text) = &args.append {
        set(names::BOOTARGS, Some(text))?;
    }
    if let Some(machine) = &args.machine {
        set(names::MACHINE, Some(machine))?;
    }
    for item in &args.set {
        let (property, value) = item.split_once('=').map_or((item.as_str(), None), |(p, v)| (p, Some(v)));
        set(checked(property)?, value)?;
    }
    if let Some(default) = &args.default {
        rewriter.set_default(default).map_err(fail)?;
    }
    Ok(rewriter)
}

/// New bytes, and what the header says of their kind; where they came from is no longer known.
fn replace<R: Read>(rewriter: &mut Rewriter<R>, part: &str, bytes: Vec<u8>) -> bootimg::Result<()> {
    let format = sources::format_name(&bytes);
    rewriter.replace(part, bytes)?;
    rewriter.set_property(part, names::FORMAT, format.as_deref())?;
    rewriter.set_property(part, names::SOURCE, None)?;
    rewriter.set_property(part, names::IM4P_DESCRIPTION, None)
}

/// FIT's own properties say which parts there are; set by hand they would only break the image.
fn checked(property: &str) -> Result<&str> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b",._+?#-".contains(&b);
    if property.is_empty() || property.len() > 31 || !property.bytes().all(good) {
        return Err(Error::usage(format_args!("--set {property}: not the name of a property")));
    }
    if names::ROLES.contains(&property) {
        return Err(Error::usage(format_args!(
            "--set {property}: use --part and --remove to change the parts"
        )));
    }
    Ok(property)
}

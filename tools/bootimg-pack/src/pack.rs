//! Making a new image.

use crate::{Args, failed, sources};
use bootimg::{Builder, ConfigurationSpec};
use cli::{Error, Io, Result};

/// Makes an image of the files named and writes it.
pub fn run(args: &Args, io: &Io) -> Result<()> {
    let mut out = io.output(args.output.as_deref())?;
    let target = out.name().to_string();
    build(args, io, &mut out, &target)?;
    out.finish()
}

/// The image, into any writer.
pub fn build(args: &Args, io: &Io, out: impl std::io::Write, target: &str) -> Result<()> {
    let fail = |e| match e {
        bootimg::Error::Write(e) => Error::io(target, e),
        e => failed("new image", e),
    };
    if !args.remove.is_empty() {
        return Err(Error::usage("--remove wants an image to remove from"));
    }
    let mut parts = Vec::new();
    for (name, kind, path) in sources::named(args)? {
        parts.push(sources::open(io, &name, kind, &path)?);
    }
    let description = args.description.as_deref().unwrap_or("XNU packed boot image");
    let mut builder = Builder::new(description);
    builder.timestamp(bootimg::timestamp_from_env());
    for p in &parts {
        builder.add(p.spec.clone()).map_err(fail)?;
    }
    let name = args.configuration.as_deref().or(args.default.as_deref()).unwrap_or("default");
    let mut configuration = ConfigurationSpec::new(name);
    if let Some(text) = &args.append {
        configuration = configuration.bootargs(text);
    }
    if let Some(machine) = &args.machine {
        configuration = configuration.machine(machine);
    }
    builder.configure(configuration).map_err(fail)?;
    if let Some(default) = &args.default {
        builder.default_configuration(default);
    }
    if !args.set.is_empty() {
        return Err(Error::usage("--set wants an image to change: make it first"));
    }
    let bar = io.progress("packing", builder.parts().iter().map(|p| p.size()).sum());
    let mut writer = builder.write(out).map_err(fail)?;
    while let Some(name) = writer.next().map(|p| p.name().to_string()) {
        let Some(part) = parts.iter_mut().find(|p| p.spec.name() == name) else { break };
        let size = part.spec.size();
        writer.part(&mut part.reader()?).map_err(|e| match e {
            bootimg::Error::WrongSize { .. } | bootimg::Error::Digest { .. } => {
                Error::damaged(&name, "the file was changed while it was read")
            }
            e => fail(e),
        })?;
        bar.add(size);
    }
    writer.finish().map_err(fail)?;
    Ok(())
}

//! `create`, `retype`, `rewrap` and `extract`: containers made, changed and opened.

use crate::args::{Create, Extract, Retype, Rewrap};
use crate::container;
use crate::load::{self, read, wrap_error};
use apple_img4::{Im4p, Img4};
use apple_wrap::write::{Change, Method, compress};
use apple_wrap::{Kind, sniff};
use cli::{Error, Io, MAX_COMPONENT, Result, Status};
use std::path::Path;

/// Makes an IM4P, IMG4 or IM4R.
pub fn create(args: &Create, io: &Io) -> Result<Status> {
    let fail = |e: apple_img4::Error| Error::new(cli::Code::Unsupported, e);
    let nonce = args.nonce.map(apple_img4::write::im4r).transpose().map_err(fail)?;
    if let (Some(im4r), None, None, None) = (&nonce, &args.file, &args.kind, &args.im4m) {
        load::write(io, args.output.as_deref(), im4r)?;
        return Ok(Status::Done);
    }
    let loaded = load::load(io, args.file.as_deref(), None)?;
    let im4p = match (sniff(&loaded.data), args.kind) {
        (Kind::Im4p, None) => loaded.data,
        (kind @ (Kind::Im4p | Kind::Img4), _) => {
            return Err(Error::usage(format_args!(
                "{} is already an {kind}: 'kc-decompress rewrap' changes it, 'kc-decompress split' takes it apart",
                loaded.name
            )));
        }
        (_, None) => {
            return Err(Error::usage("--type says what the payload is: four characters such as krnl"));
        }
        (_, Some(kind)) => make(args, kind, &loaded.data, io)?,
    };
    let im4m = match &args.im4m {
        Some(path) => {
            let place = path.display().to_string();
            let found = container::manifest(&read(io, path)?, &place)?;
            Some(found.ok_or_else(|| Error::not_found(place, "no manifest in it"))?)
        }
        None => None,
    };
    let im4r = match &args.im4r {
        Some(path) => {
            let data = read(io, path)?;
            apple_img4::Im4r::parse(&data).map_err(|e| Error::damaged(path.display(), e))?;
            Some(data)
        }
        None => nonce,
    };
    let file = if im4m.is_some() || im4r.is_some() {
        apple_img4::write::img4(&im4p, im4m.as_deref(), im4r.as_deref()).map_err(fail)?
    } else {
        im4p
    };
    load::write(io, args.output.as_deref(), &file)?;
    Ok(Status::Done)
}

fn make(args: &Create, kind: [u8; 4], payload: &[u8], io: &Io) -> Result<Vec<u8>> {
    if !args.description.is_ascii() {
        return Err(Error::usage("--description: only ASCII characters can stand in an IM4P"));
    }
    let method = Method::from(args.compress);
    let (stream, compression) =
        compress(payload, method).map_err(|e| wrap_error("the payload".into(), &e))?;
    let mut stream = stream.into_owned();
    if let Some(path) = &args.monitor {
        if method == Method::None {
            return Err(Error::usage(
                "--monitor: an image can only stand behind a compressed kernel: give --compress",
            ));
        }
        stream.extend(read(io, path)?);
    }
    let kind = apple_img4::FourCc(kind);
    apple_img4::write::im4p(kind, &args.description, &stream, compression)
        .map_err(|e| Error::new(cli::Code::Unsupported, e))
}

/// Gives an IM4P another type.
pub fn retype(args: &Retype, io: &Io) -> Result<Status> {
    let rewrap = Rewrap {
        file: Some(args.file.clone()),
        kind: Some(args.kind),
        output: args.output.clone(),
        in_place: args.in_place,
        ..Rewrap::default()
    };
    self::rewrap(&rewrap, io)
}

/// Changes an IM4P or IMG4.
pub fn rewrap(args: &Rewrap, io: &Io) -> Result<Status> {
    let file = args.file.as_deref().filter(|f| f.as_os_str() != "-");
    if args.in_place && file.is_none() {
        return Err(Error::usage("--in-place wants a file, not a pipe"));
    }
    if args.description.as_ref().is_some_and(|d| !d.is_ascii()) {
        return Err(Error::usage("--description: only ASCII characters can stand in an IM4P"));
    }
    let loaded = load::load(io, args.file.as_deref(), None)?;
    let kind = sniff(&loaded.data);
    if kind != Kind::Im4p && kind != Kind::Img4 {
        let message =
            format_args!("{kind}, not an IM4P or IMG4: 'kc-decompress create' makes one of a bare file");
        return Err(Error::not_found(loaded.place(), message));
    }
    let key = load::key(args.key.as_deref(), None)?;
    let payload = args.payload.as_deref().map(|p| read(io, p)).transpose()?;
    let monitor = args.monitor.as_deref().map(|p| read(io, p)).transpose()?;
    let change = Change {
        kind: args.kind,
        description: args.description.as_deref(),
        payload: payload.as_deref(),
        method: args.compress.map(Method::from),
        monitor: monitor.as_deref().or(args.no_monitor.then_some(&[])),
        key: key.as_ref(),
        max_output: MAX_COMPONENT,
    };
    let new = apple_wrap::write::change(&loaded.data, &change).map_err(|e| wrap_error(loaded.place(), &e))?;
    if kind == Kind::Img4 && Img4::parse(&loaded.data).is_ok_and(|i| i.im4m.is_some()) && new != loaded.data {
        io.warn(format_args!("{}: the manifest in it has the digest of the old image", loaded.place()));
    }
    if args.compress == Some(crate::args::Compress::Lzfse) {
        io.verbose("Apple's own devices may want streams of Apple's own encoder");
    }
    let output = if args.in_place { file } else { args.output.as_deref() };
    load::write(io, output, &new)?;
    Ok(Status::Done)
}

/// Writes a payload, or kexts.
pub fn extract(args: &Extract, io: &Io) -> Result<Status> {
    let loaded = load::load(io, args.file.as_deref(), args.unwrap.part.as_deref())?;
    if args.all || !args.ids.is_empty() || !args.kext.is_empty() {
        return crate::kexts::extract(args, loaded, io);
    }
    let place = loaded.place();
    if args.raw {
        let raw = raw(&loaded.data, &place)?;
        load::write(io, args.output.as_deref(), raw)?;
        return Ok(Status::Done);
    }
    let opened = loaded.open(&load::options(&args.unwrap)?, io)?;
    if opened.layers.is_empty() {
        io.warn(format_args!("{place}: {} with no wrapping around it: written as it is", opened.kind));
    }
    if let Some(monitor) = &opened.monitor {
        io.warn(format_args!(
            "{place}: the monitor image behind the kernel ({} bytes) is left out: 'kc-decompress --monitor FILE' keeps it",
            monitor.len()
        ));
    }
    load::write(io, args.output.as_deref(), &opened.payload)?;
    Ok(Status::Done)
}

/// The payload as it stands in its container.
fn raw<'d>(data: &'d [u8], place: &str) -> Result<&'d [u8]> {
    let fail = |e| Error::damaged(place, e);
    match sniff(data) {
        Kind::Im4p => Ok(Im4p::parse(data).map_err(fail)?.payload),
        Kind::Img4 => Ok(Img4::parse(data).map_err(fail)?.im4p.payload),
        Kind::Img3 => {
            let img3 = apple_wrap::img3::parse(data, 0).map_err(|e| wrap_error(place.to_string(), &e))?;
            Ok(data.get(img3.data).unwrap_or_default())
        }
        kind => Err(Error::not_found(place, format_args!("{kind}, not a container"))),
    }
}

/// Where `--retype` and `--compress` of the default action go.
pub fn shortcut(
    file: Option<&Path>,
    output: Option<&Path>,
    kind: Option<[u8; 4]>,
    compress: Option<crate::args::Compress>,
    key: Option<&str>,
    io: &Io,
) -> Result<Status> {
    let rewrap = Rewrap {
        file: file.map(Path::to_path_buf),
        output: output.map(Path::to_path_buf),
        kind,
        compress,
        key: key.map(ToString::to_string),
        ..Rewrap::default()
    };
    self::rewrap(&rewrap, io)
}

//! `info`, `diff`, `split` and `verify`: Image4 containers looked at.

use crate::args::{Diff, Info, Split, Verify};
use crate::load::{self, Loaded, read, wrap_error};
use crate::report::{clean, pretty};
use apple_img4::{Difference, Field, FieldValue, FourCc, Im4m, Im4p, Img4};
use apple_wrap::{Kind, sniff};
use cli::{Code, Error, Io, Result, Status};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Octets longer than this are told by their size and digest.
const SHORT: usize = 64;

fn image4(place: &str, error: apple_img4::Error) -> Error {
    Error::damaged(place, error)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The manifest of a file: the file itself, the one in an IMG4, or the ticket in an SHSH file.
pub fn manifest(data: &[u8], place: &str) -> Result<Option<Vec<u8>>> {
    match sniff(data) {
        Kind::Im4m => Ok(Some(data.to_vec())),
        Kind::Img4 => {
            let img4 = Img4::parse(data).map_err(|e| image4(place, e))?;
            Ok(img4.im4m.map(|m| m.raw.to_vec()))
        }
        Kind::Plist => Ok(shsh(data, place)?.0),
        _ => Ok(None),
    }
}

/// The ticket and the generator of an SHSH file.
fn shsh(data: &[u8], place: &str) -> Result<(Option<Vec<u8>>, Option<u64>)> {
    let document = apple_kc::Prelink::parse(data, 0)
        .map_err(|e| Error::damaged(place, format_args!("not an SHSH file: {e}")))?;
    let root = document.root();
    let ticket = ["ApImg4Ticket", "APTicket"].iter().find_map(|key| root.get(key)?.data());
    let generator = root.get("generator").and_then(|g| g.text()).and_then(|g| crate::address(g).ok());
    Ok((ticket, generator))
}

fn text(path: &str, value: &FieldValue<'_>) -> String {
    match value {
        FieldValue::Text(t) => clean(t),
        FieldValue::Integer(n) => format!("{n} ({n:#x})"),
        FieldValue::BigInteger(b) => format!("0x{}", hex(b)),
        FieldValue::Boolean(b) => b.to_string(),
        FieldValue::Octets(b) if path.ends_with("IM4R.BNCN") => {
            let generator = <[u8; 8]>::try_from(*b).map(u64::from_le_bytes);
            generator.map_or_else(|_| hex(b), |g| format!("{} (generator {g:#018x})", hex(b)))
        }
        FieldValue::Octets(b) | FieldValue::Element(b) if b.len() <= SHORT => hex(b),
        FieldValue::Octets(b) | FieldValue::Element(b) => {
            format!("{} bytes, SHA-256 {}", b.len(), hex(&Sha256::digest(b)))
        }
        _ => "?".into(),
    }
}

fn json_value(value: &FieldValue<'_>) -> Value {
    match value {
        FieldValue::Text(t) => json!(t),
        FieldValue::Integer(n) => json!(n),
        FieldValue::BigInteger(b) => json!(format!("0x{}", hex(b))),
        FieldValue::Boolean(b) => json!(b),
        FieldValue::Octets(b) | FieldValue::Element(b) if b.len() <= SHORT => json!(hex(b)),
        FieldValue::Octets(b) | FieldValue::Element(b) => {
            json!({ "size": b.len(), "sha256": hex(&Sha256::digest(b)) })
        }
        _ => Value::Null,
    }
}

fn lines(fields: &[Field<'_>]) -> String {
    let width = fields.iter().map(|f| f.path.len()).max().unwrap_or(0).min(44);
    fields.iter().map(|f| format!("{:<width$}  {}\n", clean(&f.path), text(&f.path, &f.value))).collect()
}

/// Prints every field, then what the payload is.
pub fn info(args: &Info, io: &Io) -> Result<Status> {
    let loaded = load::load(io, args.file.as_deref(), args.unwrap.part.as_deref())?;
    let place = loaded.place();
    let ticket;
    let (mut head, data): (Vec<(&str, String)>, &[u8]) = match sniff(&loaded.data) {
        Kind::Plist => {
            let (found, generator) = shsh(&loaded.data, &place)?;
            ticket = found
                .ok_or_else(|| Error::not_found(&place, "a property list without a ticket (ApImg4Ticket)"))?;
            let head = generator.map(|g| ("generator", format!("{g:#018x}"))).into_iter().collect();
            (head, &ticket)
        }
        _ => (Vec::new(), &loaded.data),
    };
    let kind = sniff(data);
    head.insert(0, ("kind", kind.name().to_string()));
    let fields = match kind {
        Kind::Im4p | Kind::Im4m | Kind::Im4r | Kind::Img4 => {
            apple_img4::fields(data).map_err(|e| image4(&place, e))?
        }
        Kind::Img3 => img3(data, &place)?,
        _ => Vec::new(),
    };
    let inside = inside(args, &loaded, io);
    if args.json {
        let map: serde_json::Map<String, Value> =
            fields.iter().map(|f| (f.path.clone(), json_value(&f.value))).collect();
        let mut value =
            json!({ "file": loaded.name, "part": loaded.part, "kind": kind.name(), "fields": map });
        if let (Value::Object(all), Ok(Some((_, content)))) = (&mut value, &inside) {
            all.insert("content".into(), content.clone());
        }
        io.print(&pretty(&value))?;
    } else {
        let head: String = head.iter().map(|(k, v)| format!("{k:<13} {}\n", clean(v))).collect();
        let body = lines(&fields);
        let content = inside.as_ref().ok().and_then(|i| i.as_ref()).map_or("", |i| i.0.as_str());
        let gap = if content.is_empty() || body.is_empty() { "" } else { "\n" };
        io.print(&format!("{head}{body}{gap}{content}"))?;
    }
    inside.map(|_| Status::Done)
}

/// What the kernel inside says of itself, or what else the payload is. An encrypted payload is no error here: that it is
/// encrypted can be seen in the fields.
fn inside(args: &Info, loaded: &Loaded, io: &Io) -> Result<Option<(String, Value)>> {
    if matches!(sniff(&loaded.data), Kind::Im4m | Kind::Im4r | Kind::Plist) {
        return Ok(None);
    }
    let opened = match apple_wrap::open(&loaded.data, &load::options(&args.unwrap)?) {
        Ok(opened) => opened,
        Err(e) if e.kind() == apple_wrap::ErrorKind::Encrypted && args.unwrap.key.is_none() => {
            io.warn(format_args!("{}: {e}", loaded.place()));
            return Ok(None);
        }
        Err(e) => return Err(wrap_error(loaded.place(), &e)),
    };
    let part = loaded.part.as_deref();
    if opened.kind != Kind::MachO {
        let text = format!("{:<13} {}, {} bytes\n", "content", opened.kind, opened.payload.len());
        return Ok(Some((text, crate::report::wrappings(&loaded.name, part, &opened))));
    }
    match apple_kc::KernelCache::look(&opened.payload) {
        Ok(kernel) => {
            let text = crate::info::text(&loaded.name, part, &opened, &kernel, args.phys_base);
            Ok(Some((text, crate::info::value(&loaded.name, part, &opened, &kernel, args.phys_base))))
        }
        // Some other program: what it is is seen, and that is all that was asked.
        Err(e) => {
            let text = format!("{:<13} {}, {} bytes: {e}\n", "content", opened.kind, opened.payload.len());
            Ok(Some((text, crate::report::wrappings(&loaded.name, part, &opened))))
        }
    }
}

/// The tags of an IMG3.
fn img3<'a>(data: &'a [u8], place: &str) -> Result<Vec<Field<'a>>> {
    let img3 = apple_wrap::img3::parse(data, 0).map_err(|e| wrap_error(place.to_string(), &e))?;
    let mut fields = vec![Field {
        path: "IMG3.type".into(),
        value: FieldValue::Text(FourCc(img3.ident).to_string().into()),
    }];
    for (i, tag) in img3.tags.iter().enumerate() {
        let bytes = data.get(tag.data.clone()).unwrap_or_default();
        let name = FourCc(tag.name).to_string();
        let value = match (&tag.name, &img3.version) {
            (b"VERS", Some(version)) => FieldValue::Text(version.clone().into()),
            _ => FieldValue::Octets(bytes),
        };
        let seen = img3.tags.iter().take(i).filter(|t| t.name == tag.name).count();
        let path = if seen == 0 {
            format!("IMG3.{name}")
        } else {
            format!("IMG3.{name}[{}]", seen.saturating_add(1))
        };
        fields.push(Field { path, value });
    }
    Ok(fields)
}

/// Compares two containers.
pub fn diff(args: &Diff, io: &Io) -> Result<Status> {
    let (old, new) = (read(io, &args.old)?, read(io, &args.new)?);
    let (a, b) = (args.old.display().to_string(), args.new.display().to_string());
    for (name, data) in [(&a, &old), (&b, &new)] {
        if apple_img4::sniff(data).is_none() {
            return Err(Error::not_found(name, format_args!("{}, not an Image4 container", sniff(data))));
        }
        apple_img4::fields(data).map_err(|e| image4(name, e))?;
    }
    let differences = apple_img4::diff(&old, &new).map_err(|e| image4(&a, e))?;
    let same_content = same_content(&old, &new, &differences);
    if args.json {
        let all: Vec<Value> = differences
            .iter()
            .map(|d| {
                json!({
                    "path": d.path,
                    "old": d.old.as_ref().map(json_value),
                    "new": d.new.as_ref().map(json_value),
                })
            })
            .collect();
        io.print(&pretty(&json!({
            "old": a, "new": b, "equal": old == new, "differences": all, "same_content": same_content
        })))?;
    } else {
        let mut out = String::new();
        if !differences.is_empty() {
            out.push_str(&format!("--- {}\n+++ {}\n", clean(&a), clean(&b)));
        }
        for d in &differences {
            let side = |mark: char, value: &Option<FieldValue<'_>>| {
                value
                    .as_ref()
                    .map_or(String::new(), |v| format!("{mark} {}  {}\n", clean(&d.path), text(&d.path, v)))
            };
            out.push_str(&side('-', &d.old));
            out.push_str(&side('+', &d.new));
            if let (Some(FieldValue::Octets(a)), Some(FieldValue::Octets(b))) = (&d.old, &d.new) {
                let at = a.iter().zip(b.iter()).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
                out.push_str(&format!("  first difference at {at:#x} of it\n"));
            }
        }
        if same_content == Some(true) {
            out.push_str("  the payloads hold the same bytes, wrapped differently\n");
        }
        if differences.is_empty() && old != new {
            out.push_str("the fields are equal; the files differ in how lengths are written\n");
        }
        io.print(&out)?;
    }
    Ok(if old == new { Status::Done } else { Status::Code(1) })
}

/// Whether payloads that differ hold the same bytes when they are unwrapped; none if they cannot be.
fn same_content(old: &[u8], new: &[u8], differences: &[Difference<'_>]) -> Option<bool> {
    differences.iter().find(|d| d.path == "IM4P.payload")?;
    let options = load::options(&crate::args::Unwrap::default()).ok()?;
    let a = apple_wrap::open(old, &options).ok()?;
    let b = apple_wrap::open(new, &options).ok()?;
    Some(a.payload == b.payload)
}

/// Takes a file apart.
pub fn split(args: &Split, io: &Io) -> Result<Status> {
    let loaded = load::load(io, args.file.as_deref(), None)?;
    let place = loaded.place();
    let mut parts: Vec<(&str, Option<&Path>, Vec<u8>)> = Vec::new();
    match sniff(&loaded.data) {
        Kind::Img4 => {
            let img4 = Img4::parse(&loaded.data).map_err(|e| image4(&place, e))?;
            parts.push(("im4p", args.im4p.as_deref(), img4.im4p.raw.to_vec()));
            parts.extend(img4.im4m.map(|m| ("im4m", args.im4m.as_deref(), m.raw.to_vec())));
            parts.extend(img4.im4r.map(|r| ("im4r", args.im4r.as_deref(), r.raw.to_vec())));
        }
        Kind::Plist => {
            let (ticket, generator) = shsh(&loaded.data, &place)?;
            parts.extend(ticket.map(|t| ("im4m", args.im4m.as_deref(), t)));
            if let Some(generator) = generator {
                let im4r = apple_img4::write::im4r(generator).map_err(|e| image4(&place, e))?;
                parts.push(("im4r", args.im4r.as_deref(), im4r));
            }
        }
        kind => {
            let message = format_args!("{kind}: only IMG4 and SHSH files have parts to split");
            return Err(Error::not_found(place, message));
        }
    }
    let stem = args
        .file
        .as_deref()
        .and_then(Path::file_stem)
        .map_or_else(|| "part".to_string(), |s| s.to_string_lossy().into_owned());
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder.display(), e))?;
    }
    for (name, wanted) in [("im4p", &args.im4p), ("im4m", &args.im4m), ("im4r", &args.im4r)] {
        if wanted.is_some() && !parts.iter().any(|(part, _, _)| *part == name) {
            return Err(Error::not_found(&place, format_args!("there is no {} in it", name.to_uppercase())));
        }
    }
    for (name, own, bytes) in &parts {
        let target: Option<PathBuf> = match (&args.output, own) {
            (Some(folder), _) => Some(folder.join(format!("{stem}.{name}"))),
            (None, own) => own.map(Path::to_path_buf),
        };
        if let Some(target) = target {
            load::write(io, Some(&target), bytes)?;
            io.verbose(format_args!("{place}: {name}, {} bytes -> {}", bytes.len(), target.display()));
        }
    }
    Ok(Status::Done)
}

/// Checks a manifest, and images against it.
pub fn verify(args: &Verify, io: &Io) -> Result<Status> {
    let place = args.manifest.display().to_string();
    let data = read(io, &args.manifest)?;
    let raw = manifest(&data, &place)?.ok_or_else(|| {
        Error::not_found(
            &place,
            format_args!("{} without a manifest: give an IM4M, IMG4 or SHSH file", sniff(&data)),
        )
    })?;
    let im4m = Im4m::parse(&raw).map_err(|e| image4(&place, e))?;
    let roots = args.root.iter().map(|r| certificate(&read(io, r)?, r)).collect::<Result<Vec<_>>>()?;
    let roots = roots.iter().zip(&args.root).map(|(der, path)| {
        apple_img4::x509::Certificate::parse(der).map_err(|e| image4(&path.display().to_string(), e))
    });
    let roots = roots.collect::<Result<Vec<_>>>()?;
    let report = img4_verify::manifest(&im4m, &roots).map_err(|e| image4(&place, e))?;
    let mut images: Vec<(String, img4_verify::Allowed)> = Vec::new();
    if sniff(&data) == Kind::Img4 {
        let own = Img4::parse(&data).map_err(|e| image4(&place, e))?;
        images.push((place.clone(), img4_verify::image(&im4m, own.im4p.raw).map_err(|e| image4(&place, e))?));
    }
    for path in &args.images {
        let name = path.display().to_string();
        let data = read(io, path)?;
        let im4p = match sniff(&data) {
            Kind::Img4 => Img4::parse(&data).map(|i| i.im4p.raw.to_vec()),
            Kind::Im4p => Im4p::parse(&data).map(|i| i.raw.to_vec()),
            kind => return Err(Error::not_found(name, format_args!("{kind}, not an IM4P or IMG4"))),
        };
        let im4p = im4p.map_err(|e| image4(&name, e))?;
        let allowed = img4_verify::image(&im4m, &im4p).map_err(|e| image4(&name, e))?;
        images.push((name, allowed));
    }
    io.print(&if args.json {
        verdict_json(&place, &report, &images)
    } else {
        verdict_text(&report, &images)
    })?;
    verdict(&place, &report, &images)
}

/// The DER of a certificate file.
fn certificate(data: &[u8], path: &Path) -> Result<Vec<u8>> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let Some(text) = std::str::from_utf8(data).ok().and_then(|t| t.split_once(BEGIN)).map(|t| t.1) else {
        return Ok(data.to_vec());
    };
    let body = text.split_once("-----END").map_or(text, |t| t.0);
    apple_kc::base64(body)
        .ok_or_else(|| Error::damaged(path.display(), "the certificate's base 64 is damaged"))
}

fn say(v: &img4_verify::Verdict) -> String {
    match v {
        img4_verify::Verdict::Good(how) => format!("good ({how})"),
        img4_verify::Verdict::Bad => "BAD".into(),
        img4_verify::Verdict::Unknown(why) => format!("not checked: {why}"),
    }
}

fn allowed(a: &img4_verify::Allowed) -> (FourCc, String) {
    use img4_verify::Allowed;
    match a {
        Allowed::Yes(name) => (*name, "allowed: the digest is that of the manifest".into()),
        Allowed::As(name) => (*name, format!("allowed as {name}: retype it so")),
        Allowed::No { name, wanted, found } => {
            (*name, format!("NOT ALLOWED: the manifest has {}, the image {}", hex(wanted), hex(found)))
        }
        Allowed::Absent(name) => (*name, format!("NOT LISTED: the manifest has no {name}")),
    }
}

fn verdict_text(report: &img4_verify::Report, images: &[(String, img4_verify::Allowed)]) -> String {
    let mut out = format!("signature    {}\n", say(&report.signature));
    for link in &report.chain {
        out.push_str(&format!("certificate  {} ({})\n", clean(&link.subject), link.key));
        let root = if link.rooted { ", a root you trust" } else { "" };
        out.push_str(&format!("  signed by  {}{root}: {}\n", clean(&link.issuer), say(&link.verdict)));
    }
    for (name, a) in images {
        let (kind, what) = allowed(a);
        out.push_str(&format!("{kind:<12} {}: {what}\n", clean(name)));
    }
    out
}

fn verdict_json(
    place: &str,
    report: &img4_verify::Report,
    images: &[(String, img4_verify::Allowed)],
) -> String {
    use img4_verify::{Allowed, Verdict};
    let verdict = |v: &Verdict| match v {
        Verdict::Good(how) => json!({ "result": "good", "how": how }),
        Verdict::Bad => json!({ "result": "bad" }),
        Verdict::Unknown(why) => json!({ "result": "unknown", "why": why }),
    };
    let chain: Vec<Value> = report
        .chain
        .iter()
        .map(|l| {
            json!({ "subject": l.subject, "issuer": l.issuer, "key": l.key, "signature": verdict(&l.verdict), "rooted": l.rooted })
        })
        .collect();
    let images: Vec<Value> = images
        .iter()
        .map(|(name, a)| {
            let result = match a {
                Allowed::Yes(_) => "allowed",
                Allowed::As(_) => "allowed-as",
                Allowed::No { .. } => "not-allowed",
                Allowed::Absent(_) => "not-listed",
            };
            let (kind, what) = allowed(a);
            json!({ "file": name, "type": kind.to_string(), "result": result, "what": what })
        })
        .collect();
    pretty(&json!({
        "manifest": place,
        "signature": verdict(&report.signature),
        "chain": chain,
        "rooted": report.is_rooted(),
        "images": images,
    }))
}

/// The exit status: 3 for a signature or digest that does not hold, 1 for an image that is not listed.
fn verdict(
    place: &str,
    report: &img4_verify::Report,
    images: &[(String, img4_verify::Allowed)],
) -> Result<Status> {
    use img4_verify::Allowed;
    if report.signature.is_bad() || report.chain.iter().any(|l| l.verdict.is_bad()) {
        return Err(Error::damaged(place, "the signature does not hold: the manifest was changed"));
    }
    if let Some((name, a)) = images.iter().find(|(_, a)| matches!(a, Allowed::No { .. })) {
        return Err(Error::damaged(name, format_args!("{} is not what the manifest allows", allowed(a).0)));
    }
    if let Some((name, a)) = images.iter().find(|(_, a)| matches!(a, Allowed::Absent(_))) {
        let message = format_args!("{name}: the manifest has no {}", allowed(a).0);
        return Err(Error::new(Code::NotFound, message));
    }
    Ok(Status::Done)
}

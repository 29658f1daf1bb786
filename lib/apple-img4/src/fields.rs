//! Every field of a container as a flat list with paths, to be printed or compared.

use crate::property::{Property, Value};
use crate::{FourCc, Im4m, Im4p, Im4r, Img4, Result, sniff};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldValue<'a> {
    /// Characters; those that are not UTF-8 are replaced.
    Text(Cow<'a, str>),
    /// A number.
    Integer(u64),
    /// A number of more than 64 bits, or a negative one: its big-endian two's complement bytes.
    BigInteger(&'a [u8]),
    /// True or false.
    Boolean(bool),
    /// Bytes with a meaning: a digest, a payload, a signature.
    Octets(&'a [u8]),
    /// A whole element of unknown kind.
    Element(&'a [u8]),
}

/// A field of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'a> {
    /// Where it is in the structure: `IM4P.type`, `IM4M.MANP.CHIP`, `IM4M.krnl.DGST`. Unique in its file.
    pub path: String,
    /// What it holds.
    pub value: FieldValue<'a>,
}

/// A difference between two containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The field's path.
    pub path: String,
    /// What the first has; none if it lacks the field.
    pub old: Option<FieldValue<'a>>,
    /// What the second has.
    pub new: Option<FieldValue<'a>>,
}

/// All fields of an IM4P, IM4M, IM4R or IMG4, in file order.
///
/// # Errors
/// None of these, or a damaged one.
pub fn fields(data: &[u8]) -> Result<Vec<Field<'_>>> {
    let mut list = List { fields: Vec::new() };
    let trailing = match sniff(data) {
        Some(Img4::MAGIC) => {
            let img4 = Img4::parse(data)?;
            list.im4p(&img4.im4p);
            if let Some(manifest) = &img4.im4m {
                list.im4m(manifest);
            }
            if let Some(restore) = &img4.im4r {
                list.properties("IM4R", &restore.properties);
            }
            img4.trailing
        }
        Some(Im4m::MAGIC) => {
            let manifest = Im4m::parse(data)?;
            list.im4m(&manifest);
            manifest.trailing
        }
        Some(Im4r::MAGIC) => {
            let restore = Im4r::parse(data)?;
            list.properties("IM4R", &restore.properties);
            restore.trailing
        }
        _ => {
            let im4p = Im4p::parse(data)?;
            list.im4p(&im4p);
            im4p.trailing
        }
    };
    if trailing > 0 {
        let start = usize::try_from(trailing).ok().and_then(|n| data.len().checked_sub(n));
        let rest = start.and_then(|n| data.get(n..)).unwrap_or_default();
        list.add("trailing", FieldValue::Octets(rest));
    }
    Ok(list.fields)
}

/// The fields in which two containers differ, in the order of the first, then what only the second has.
///
/// # Errors
/// As for [`fields`].
pub fn diff<'a>(a: &'a [u8], b: &'a [u8]) -> Result<Vec<Difference<'a>>> {
    let (old, new) = (fields(a)?, fields(b)?);
    // A file of many fields is compared in one pass over each.
    let mut others: alloc::collections::BTreeMap<&str, &FieldValue<'a>> =
        new.iter().map(|f| (f.path.as_str(), &f.value)).collect();
    let mut differences = Vec::new();
    for field in &old {
        let other = others.remove(field.path.as_str());
        if other != Some(&field.value) {
            let (path, old) = (field.path.clone(), Some(field.value.clone()));
            differences.push(Difference { path, old, new: other.cloned() });
        }
    }
    for field in new.iter().filter(|f| others.contains_key(f.path.as_str())) {
        differences.push(Difference { path: field.path.clone(), old: None, new: Some(field.value.clone()) });
    }
    Ok(differences)
}

/// More fields than any container has, though an array of sets within sets could claim them.
const MAX_FIELDS: usize = 1 << 20;

struct List<'a> {
    fields: Vec<Field<'a>>,
}

impl<'a> List<'a> {
    fn add(&mut self, path: impl Into<String>, value: FieldValue<'a>) {
        if self.fields.len() < MAX_FIELDS {
            self.fields.push(Field { path: path.into(), value });
        }
    }

    fn im4p(&mut self, im4p: &Im4p<'a>) {
        self.add("IM4P.type", FieldValue::Text(im4p.kind.to_string().into()));
        self.add("IM4P.description", FieldValue::Text(im4p.description_text()));
        self.add("IM4P.payload", FieldValue::Octets(im4p.payload));
        for (i, bag) in im4p.keybags.iter().enumerate() {
            let path = format!("IM4P.keybags[{i}]");
            self.add(format!("{path}.kind"), FieldValue::Text(bag.kind.to_string().into()));
            self.add(format!("{path}.iv"), FieldValue::Octets(bag.iv));
            self.add(format!("{path}.key"), FieldValue::Octets(bag.key));
        }
        if let Some(c) = im4p.compression {
            self.add("IM4P.compression.algorithm", FieldValue::Text(c.algorithm.to_string().into()));
            self.add("IM4P.compression.uncompressed_size", FieldValue::Integer(c.uncompressed_size));
        }
        self.properties("IM4P.PAYP", &im4p.properties);
        for (i, element) in im4p.extra.iter().enumerate() {
            self.add(format!("IM4P.extra[{i}]"), FieldValue::Element(element));
        }
    }

    fn im4m(&mut self, manifest: &Im4m<'a>) {
        self.add("IM4M.version", FieldValue::Integer(manifest.version));
        self.properties("IM4M.MANP", &manifest.properties);
        let mut seen = alloc::collections::BTreeMap::<FourCc, usize>::new();
        for object in &manifest.objects {
            let path = numbered("IM4M", object.name, &mut seen);
            self.properties(&path, &object.properties);
        }
        self.add("IM4M.signature", FieldValue::Octets(manifest.signature));
        for (i, certificate) in manifest.certificates.iter().enumerate() {
            self.add(format!("IM4M.certificates[{i}]"), FieldValue::Element(certificate));
        }
    }

    fn properties(&mut self, prefix: &str, properties: &[Property<'a>]) {
        let mut seen = alloc::collections::BTreeMap::<FourCc, usize>::new();
        for property in properties {
            let path = numbered(prefix, property.name, &mut seen);
            match &property.value {
                Value::Boolean(b) => self.add(path, FieldValue::Boolean(*b)),
                Value::Integer(n) => self.add(path, FieldValue::Integer(*n)),
                Value::BigInteger(bytes) => self.add(path, FieldValue::BigInteger(bytes)),
                Value::Octets(bytes) => self.add(path, FieldValue::Octets(bytes)),
                Value::Text(text) => self.add(path, FieldValue::Text((*text).into())),
                Value::Other(raw) => self.add(path, FieldValue::Element(raw)),
                // As deep as the reader went.
                Value::Set(inside) => self.properties(&path, inside),
            }
        }
    }
}

/// A path; a second element of the same name gets a number.
fn numbered(prefix: &str, name: FourCc, seen: &mut alloc::collections::BTreeMap<FourCc, usize>) -> String {
    let count = seen.entry(name).or_default();
    *count = count.saturating_add(1);
    if *count > 1 { format!("{prefix}.{name}[{count}]") } else { format!("{prefix}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::{self, Im4pParts};
    use std::vec;

    fn parts(kind: &[u8; 4]) -> Vec<u8> {
        let bags = write::keybags(&[(1, &[1; 16], &[2; 32]), (2, &[3; 16], &[4; 32])]).unwrap();
        let kcep = write::property(FourCc(*b"kcep"), &Value::Integer(7)).unwrap();
        let properties = write::payload_properties(&[kcep]).unwrap();
        let mut parts = Im4pParts::new(FourCc(*kind), "1", b"payload");
        parts.keybags_raw = Some(&bags);
        parts.properties_raw = Some(&properties);
        parts.compression =
            Some(crate::Compression { algorithm: crate::Algorithm::Lzfse, uncompressed_size: 256 });
        parts.to_bytes().unwrap()
    }

    #[test]
    fn every_field_has_a_path() {
        let chip = write::property(FourCc(*b"CHIP"), &Value::Integer(0x8010)).unwrap();
        let digest = write::property(FourCc(*b"DGST"), &Value::Octets(&[9; 48])).unwrap();
        let objects = [
            write::object(FourCc(*b"MANP"), &[chip]).unwrap(),
            write::object(FourCc(*b"krnl"), &[digest]).unwrap(),
        ];
        let manifest = write::im4m(&objects, &[5; 8], &[&[0x30, 0]]).unwrap();
        let file = write::img4(&parts(b"krnl"), Some(&manifest), Some(&write::im4r(1).unwrap())).unwrap();
        let paths: Vec<String> = fields(&file).unwrap().into_iter().map(|f| f.path).collect();
        let expected = vec![
            "IM4P.type",
            "IM4P.description",
            "IM4P.payload",
            "IM4P.keybags[0].kind",
            "IM4P.keybags[0].iv",
            "IM4P.keybags[0].key",
            "IM4P.keybags[1].kind",
            "IM4P.keybags[1].iv",
            "IM4P.keybags[1].key",
            "IM4P.compression.algorithm",
            "IM4P.compression.uncompressed_size",
            "IM4P.PAYP.kcep",
            "IM4M.version",
            "IM4M.MANP.CHIP",
            "IM4M.krnl.DGST",
            "IM4M.signature",
            "IM4M.certificates[0]",
            "IM4R.BNCN",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    fn a_difference_names_the_field_and_both_values() {
        let (a, b) = (parts(b"krnl"), parts(b"rkrn"));
        let text = |s: &'static str| Some(FieldValue::Text(s.into()));
        let expected = Difference { path: "IM4P.type".into(), old: text("krnl"), new: text("rkrn") };
        assert_eq!(diff(&a, &b).unwrap(), [expected]);
        assert_eq!(diff(&a, &a).unwrap(), []);
        let plain = Im4pParts::new(FourCc(*b"krnl"), "1", b"payload").to_bytes().unwrap();
        let differences = diff(&plain, &a).unwrap();
        assert!(differences.iter().all(|d| d.old.is_none() && d.new.is_some()) && differences.len() == 9);
        let trailing = [&plain[..], &[0; 3]].concat();
        assert_eq!(diff(&plain, &trailing).unwrap()[0].path, "trailing");
    }
}

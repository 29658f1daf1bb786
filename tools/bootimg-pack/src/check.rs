//! Comparing every part with its digests, which U-Boot's own list does not do.

use crate::{Args, failed};
use bootimg::Reader;
use cli::{Error, Io, Result};
use std::io::Read;

/// Reads the image once and says of each part whether it is right; the first damage decides the exit status.
pub fn run(args: &Args, io: &Io) -> Result<()> {
    let input = io.input(args.image.as_deref())?;
    let name = input.name().to_string();
    let mut reader = Reader::new(input).map_err(|e| failed(&name, e))?;
    reader.header().select(None).map_err(|e| failed(&name, e))?;
    let bar = io.progress("checking", reader.header().end());
    let mut worst: Option<Error> = None;
    let mut buffer = vec![0; 256 << 10];
    while let Some(mut part) = reader.next_part().map_err(|e| failed(&name, e))? {
        let what = part.part().clone();
        let mut verifier = what.verifier();
        loop {
            let n = match part.read(&mut buffer) {
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Err(Error::damaged(&name, e));
                }
                Err(e) => return Err(Error::io(&name, e)),
            };
            if n == 0 {
                break;
            }
            bar.add(n as u64);
            verifier.update(buffer.get(..n).unwrap_or_default());
        }
        let verdict = match verifier.finish() {
            Ok(()) if what.digests.is_empty() => "no digest that can be checked".to_string(),
            Ok(()) => {
                let names: Vec<&str> = what.digests.iter().map(|d| d.algorithm.name()).collect();
                format!("{} ok", names.join(", "))
            }
            Err(e) => {
                worst = worst.or(Some(failed(&name, e)));
                "DAMAGED".to_string()
            }
        };
        io.print(&format!("{:<16} {:>11}  {verdict}\n", what.name, what.size))?;
    }
    reader.drain().map_err(|e| failed(&name, e))?;
    worst.map_or(Ok(()), Err)
}

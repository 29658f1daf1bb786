//! Writes the contract kernels' IPSWs into a folder: `contract FOLDER`, or lists them: `contract`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use guests::contract::{CONTRACTS, write_all};

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        None => {
            for contract in CONTRACTS {
                println!("{:8} xnu-{:<6} {}", contract.name, contract.xnu, contract.summary);
            }
            ExitCode::SUCCESS
        }
        Some(folder) => match write_all(std::path::Path::new(&folder)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("contract: {}: {e}", folder.display());
                ExitCode::FAILURE
            }
        },
    }
}

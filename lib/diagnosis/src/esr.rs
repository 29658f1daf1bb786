//! Syndromes of exceptions in words (ESR_ELx, Arm manual D24.2).

/// What an ESR says, one line: class, and for aborts the fault and the access.
pub fn describe(esr: u64) -> String {
    let (class, iss) = (esr >> 26 & 0x3f, esr & 0x1ff_ffff);
    let name = class_name(class);
    match class {
        0x20 | 0x21 => format!("{name}: {}", fault(iss & 0x3f)),
        0x24 | 0x25 => {
            let access = if iss >> 8 & 1 != 0 {
                "cache maintenance"
            } else if iss >> 6 & 1 != 0 {
                "a write"
            } else {
                "a read"
            };
            format!("{name}: {}, {access}", fault(iss & 0x3f))
        }
        0x15..=0x17 => format!("{name} #{:#x}", iss & 0xffff),
        0x3c => match brk(iss & 0xffff) {
            Some(what) => format!("{name} #{:#x}: {what}", iss & 0xffff),
            None => format!("{name} #{:#x}", iss & 0xffff),
        },
        0x18 => {
            let (op0, op2, op1) = (iss >> 20 & 3, iss >> 17 & 7, iss >> 14 & 7);
            let (crn, crm) = (iss >> 10 & 15, iss >> 1 & 15);
            let what = if iss & 1 != 0 { "read" } else { "write" };
            format!("{name}: {what} of S{op0}_{op1}_C{crn}_C{crm}_{op2}")
        }
        _ => name.to_owned(),
    }
}

fn class_name(class: u64) -> &'static str {
    match class {
        0x00 => "undefined instruction",
        0x01 => "trapped WFI or WFE",
        0x07 => "FP or SIMD instruction while CPACR_EL1.FPEN is off",
        0x09 => "trapped pointer authentication",
        0x0d => "branch target exception",
        0x0e => "illegal execution state",
        0x15 => "SVC",
        0x16 => "HVC",
        0x17 => "SMC",
        0x18 => "trapped system register",
        0x1c => "failed pointer authentication",
        0x20 => "instruction abort from a lower EL",
        0x21 => "instruction abort",
        0x22 => "misaligned pc",
        0x24 => "data abort from a lower EL",
        0x25 => "data abort",
        0x26 => "misaligned sp",
        0x2c => "floating-point exception",
        0x2f => "SError",
        0x30..=0x35 => "debug exception",
        0x3c => "BRK",
        _ => "exception of an unknown class",
    }
}

/// What XNU's compilers and code put into a BRK (osfmk/arm64/sleh.c, `ptrauth` traps of xnu-6153 on).
fn brk(immediate: u64) -> Option<&'static str> {
    match immediate {
        0xc470..=0xc473 => Some("a signed pointer did not authenticate"),
        0x1 => Some("a trap of the compiler: unreachable code or a failed check"),
        _ => None,
    }
}

fn fault(code: u64) -> String {
    let level = code & 3;
    match code {
        0x00..=0x03 => format!("address size fault, level {level}"),
        0x04..=0x07 => format!("not mapped (translation fault, level {level})"),
        0x08..=0x0b => format!("access flag is off, level {level}"),
        0x0c..=0x0f => format!("not permitted (permission fault, level {level})"),
        0x10 => "external abort: nothing answers there".into(),
        0x14..=0x17 => format!("external abort of a table walk, level {level}"),
        0x21 => "misaligned address".into(),
        0x30 => "TLB conflict".into(),
        0x35 => "exclusive or atomic access that the memory does not support".into(),
        _ => format!("fault {code:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syndromes_are_told_in_words() {
        for (esr, text) in [
            (0x9600_0045, "data abort: not mapped (translation fault, level 1), a write"),
            (0x9600_000f, "data abort: not permitted (permission fault, level 3), a read"),
            (0x8600_0004, "instruction abort: not mapped (translation fault, level 0)"),
            (0x0200_0000, "undefined instruction"),
            (0x5600_0080, "SVC #0x80"),
            (0xf200_c471, "BRK #0xc471: a signed pointer did not authenticate"),
            (0x6232_fca1, "trapped system register: read of S3_3_C15_C0_1"),
        ] {
            assert_eq!(describe(esr), text, "{esr:#x}");
        }
    }
}

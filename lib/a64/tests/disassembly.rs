//! Words and the text that LLVM 19 gives them (`llvm-mc-19 -disassemble -triple=aarch64`), one for each operation and
//! each alias. Branch targets, which LLVM prints relative to the instruction, are absolute for an instruction at 0.

use a64::disassemble;

#[test]
fn text_is_what_llvm_prints() {
    let mut wrong = Vec::new();
    let lines: Vec<_> = include_str!("disassembly.txt").lines().collect();
    assert!(lines.len() > 900);
    for line in lines {
        let (word, text) = line.split_once(' ').expect("word, space, text");
        let word = u32::from_str_radix(word, 16).expect("eight hexadecimal digits");
        let ours = disassemble(word, 0).to_string();
        if ours != text {
            wrong.push(format!("{word:08x}: {ours}, LLVM: {text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn addresses_are_absolute() {
    assert_eq!(disassemble(0x17ff_ffff, 0x1000).to_string(), "b 0xffc");
    assert_eq!(disassemble(0x9000_0001, 0x1234).to_string(), "adrp x1, 0x1000");
    assert_eq!(disassemble(0x1800_0040, 0x1000).to_string(), "ldr w0, 0x1008");
    assert_eq!(disassemble(0x1000_0000, !3).to_string(), "adr x0, 0xfffffffffffffffc");
}

#[test]
fn apples_instructions_have_names_and_unallocated_words_none() {
    assert_eq!(disassemble(0x0020_1400, 0).to_string(), "gexit");
    assert_eq!(disassemble(0x0020_1425, 0).to_string(), "genter #5");
    assert_eq!(disassemble(0x0020_0843, 0).to_string(), "wkdmc x3, x2");
    assert_eq!(disassemble(0xffff_ffff, 0).to_string(), ".inst 0xffffffff");
    assert_eq!(disassemble(0xd53c_f08f, 0).to_string(), "mrs x15, APCTL_EL1");
}

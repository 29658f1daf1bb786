//! Encodings: the Cryptographic Extension. Derived from Arm's AARCHMRS data, see LICENSE-ARM in this crate.

use crate::encoding::{Encoding, Feature::*, e};
use crate::op::Op;

#[rustfmt::skip]
pub(super) const TABLE: &[Encoding] = &[
    // Cryptographic three-register, imm2
    e("SM3TT1A_VVV4_crypto3_imm2", 0xffe0cc00, 0xce408000, Op::Sm3tt1a, Sm3, "sm3tt1a {vd}.4s, {vn}.4s, {vm}.s[{u13:12}]", &[]),
    e("SM3TT1B_VVV4_crypto3_imm2", 0xffe0cc00, 0xce408400, Op::Sm3tt1b, Sm3, "sm3tt1b {vd}.4s, {vn}.4s, {vm}.s[{u13:12}]", &[]),
    e("SM3TT2A_VVV4_crypto3_imm2", 0xffe0cc00, 0xce408800, Op::Sm3tt2a, Sm3, "sm3tt2a {vd}.4s, {vn}.4s, {vm}.s[{u13:12}]", &[]),
    e("SM3TT2B_VVV_crypto3_imm2", 0xffe0cc00, 0xce408c00, Op::Sm3tt2b, Sm3, "sm3tt2b {vd}.4s, {vn}.4s, {vm}.s[{u13:12}]", &[]),
    // Cryptographic three-register, imm6
    e("XAR_VVV2_crypto3_imm6", 0xffe00000, 0xce800000, Op::Xar, Sha3, "xar {vd}.2d, {vn}.2d, {vm}.2d, #{u15:10}", &[]),
    // Cryptographic four-register
    e("EOR3_VVV16_crypto4", 0xffe08000, 0xce000000, Op::Eor3, Sha3, "eor3 {vd}.16b, {vn}.16b, {vm}.16b, {va}.16b", &[]),
    e("BCAX_VVV16_crypto4", 0xffe08000, 0xce200000, Op::Bcax, Sha3, "bcax {vd}.16b, {vn}.16b, {vm}.16b, {va}.16b", &[]),
    e("SM3SS1_VVV4_crypto4", 0xffe08000, 0xce400000, Op::Sm3ss1, Sm3, "sm3ss1 {vd}.4s, {vn}.4s, {vm}.4s, {va}.4s", &[]),
    // Cryptographic AES
    e("AESE_B_cryptoaes", 0xfffffc00, 0x4e284800, Op::Aese, Aes, "aese {vd}.16b, {vn}.16b", &[]),
    e("AESD_B_cryptoaes", 0xfffffc00, 0x4e285800, Op::Aesd, Aes, "aesd {vd}.16b, {vn}.16b", &[]),
    e("AESMC_B_cryptoaes", 0xfffffc00, 0x4e286800, Op::Aesmc, Aes, "aesmc {vd}.16b, {vn}.16b", &[]),
    e("AESIMC_B_cryptoaes", 0xfffffc00, 0x4e287800, Op::Aesimc, Aes, "aesimc {vd}.16b, {vn}.16b", &[]),
    // Cryptographic two-register SHA
    e("SHA1H_SS_cryptosha2", 0xfffffc00, 0x5e280800, Op::Sha1h, Sha1, "sha1h {sd}, {sn}", &[]),
    e("SHA1SU1_VV_cryptosha2", 0xfffffc00, 0x5e281800, Op::Sha1su1, Sha1, "sha1su1 {vd}.4s, {vn}.4s", &[]),
    e("SHA256SU0_VV_cryptosha2", 0xfffffc00, 0x5e282800, Op::Sha256su0, Sha256, "sha256su0 {vd}.4s, {vn}.4s", &[]),
    // Cryptographic three-register SHA
    e("SHA1C_QSV_cryptosha3", 0xffe0fc00, 0x5e000000, Op::Sha1c, Sha1, "sha1c {qd}, {sn}, {vm}.4s", &[]),
    e("SHA1P_QSV_cryptosha3", 0xffe0fc00, 0x5e001000, Op::Sha1p, Sha1, "sha1p {qd}, {sn}, {vm}.4s", &[]),
    e("SHA1M_QSV_cryptosha3", 0xffe0fc00, 0x5e002000, Op::Sha1m, Sha1, "sha1m {qd}, {sn}, {vm}.4s", &[]),
    e("SHA1SU0_VVV_cryptosha3", 0xffe0fc00, 0x5e003000, Op::Sha1su0, Sha1, "sha1su0 {vd}.4s, {vn}.4s, {vm}.4s", &[]),
    e("SHA256H_QQV_cryptosha3", 0xffe0fc00, 0x5e004000, Op::Sha256h, Sha256, "sha256h {qd}, {qn}, {vm}.4s", &[]),
    e("SHA256H2_QQV_cryptosha3", 0xffe0fc00, 0x5e005000, Op::Sha256h2, Sha256, "sha256h2 {qd}, {qn}, {vm}.4s", &[]),
    e("SHA256SU1_VVV_cryptosha3", 0xffe0fc00, 0x5e006000, Op::Sha256su1, Sha256, "sha256su1 {vd}.4s, {vn}.4s, {vm}.4s", &[]),
    // Cryptographic two-register SHA 512
    e("SHA512SU0_VV2_cryptosha512_2", 0xfffffc00, 0xcec08000, Op::Sha512su0, Sha512, "sha512su0 {vd}.2d, {vn}.2d", &[]),
    e("SM4E_VV4_cryptosha512_2", 0xfffffc00, 0xcec08400, Op::Sm4e, Sm4, "sm4e {vd}.4s, {vn}.4s", &[]),
    // Cryptographic three-register SHA 512
    e("SHA512H_QQV_cryptosha512_3", 0xffe0fc00, 0xce608000, Op::Sha512h, Sha512, "sha512h {qd}, {qn}, {vm}.2d", &[]),
    e("SHA512H2_QQV_cryptosha512_3", 0xffe0fc00, 0xce608400, Op::Sha512h2, Sha512, "sha512h2 {qd}, {qn}, {vm}.2d", &[]),
    e("SHA512SU1_VVV2_cryptosha512_3", 0xffe0fc00, 0xce608800, Op::Sha512su1, Sha512, "sha512su1 {vd}.2d, {vn}.2d, {vm}.2d", &[]),
    e("RAX1_VVV2_cryptosha512_3", 0xffe0fc00, 0xce608c00, Op::Rax1, Sha3, "rax1 {vd}.2d, {vn}.2d, {vm}.2d", &[]),
    e("SM3PARTW1_VVV4_cryptosha512_3", 0xffe0fc00, 0xce60c000, Op::Sm3partw1, Sm3, "sm3partw1 {vd}.4s, {vn}.4s, {vm}.4s", &[]),
    e("SM3PARTW2_VVV4_cryptosha512_3", 0xffe0fc00, 0xce60c400, Op::Sm3partw2, Sm3, "sm3partw2 {vd}.4s, {vn}.4s, {vm}.4s", &[]),
    e("SM4EKEY_VVV4_cryptosha512_3", 0xffe0fc00, 0xce60c800, Op::Sm4ekey, Sm4, "sm4ekey {vd}.4s, {vn}.4s, {vm}.4s", &[]),
];

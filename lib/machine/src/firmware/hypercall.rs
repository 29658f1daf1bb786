//! What Apple's hypervisor answers its guests: pointer authentication keys.
//!
//! `hvc #0` with 0xc1000000 + n in x0. The hypervisor owns the keys; the guest gives it 64-bit values, from which it makes
//! them, and one that makes the keys of EL0 differ from EL1's. Source: XNU osfmk/arm64/hv_hvc.h, pac_asm.h,
//! machine_routines_asm.s and arm64_hypercall.c at xnu-8792. Not here: the OEM calls (boot session, waking CPUs), which
//! kernels do not make after the probe has told them that the host is an old one.

use cpu::Cpu;
use cpu::sys::UserKeys;

/// The service's function numbers have this in front.
const SERVICE: u32 = 0xc100_0000;
const SET_INITIAL_STATE: u32 = 0;
const GET_DEFAULT_KEYS: u32 = 1;
const SET_A_KEYS: u32 = 2;
const SET_B_KEYS: u32 = 3;
const SET_EL0_DIVERSIFIER: u32 = 4;
const SET_EL0_DIVERSIFIER_AT_EL1: u32 = 5;
const SET_G_KEY: u32 = 6;
/// Does nothing; hosts that do not know it answer so.
const PROBE: u32 = 0xf0;
const OLD_HOST: u64 = 0xffff_ffff;

/// What keys are made of before the guest says anything: A, B, EL0's diversifier, G.
const DEFAULTS: [u64; 4] =
    [0xfeed_face_feed_facf, 0xface_feed_face_fee1, 0x5bd1_e995_0000_0001, 0x1a2b_3c4d_5e6f_7081];

/// Places in `Sys::keys`: IA, IB, DA, DB, G.
const A: [usize; 2] = [0, 2];
const B: [usize; 2] = [1, 3];
const G: [usize; 1] = [4];

/// Whether the call is one of this service.
pub(super) fn is_apples(cpu: &Cpu) -> bool {
    cpu.state.x(0) as u32 & 0xff00_0000 == SERVICE
}

/// Makes the keys of these places from a value; the places differ.
fn set(cpu: &mut Cpu, places: &[usize], value: u64) {
    for &place in places {
        if let Some(key) = cpu.sys.keys.get_mut(place) {
            let own = value.wrapping_add(place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *key = u128::from(own ^ own >> 29) << 64 | u128::from(value);
        }
    }
}

/// Answers a call.
pub(super) fn call(cpu: &mut Cpu) {
    let function = cpu.state.x(0) as u32 & 0xffff;
    let [first, second] = [1, 2].map(|n| cpu.state.x(n));
    let [a, b, user, g] = DEFAULTS;
    let mut result = 0;
    match function {
        SET_INITIAL_STATE => {
            set(cpu, &A, a);
            set(cpu, &B, b);
            set(cpu, &G, g);
            cpu.sys.user_keys = UserKeys { el0: user, at_el1: None };
        }
        GET_DEFAULT_KEYS => {
            for (n, value) in DEFAULTS.into_iter().enumerate() {
                cpu.state.set_x(n + 1, value);
            }
        }
        SET_A_KEYS => set(cpu, &A, first),
        SET_B_KEYS => set(cpu, &B, first),
        SET_G_KEY => set(cpu, &G, first),
        SET_EL0_DIVERSIFIER => cpu.sys.user_keys.el0 = first,
        SET_EL0_DIVERSIFIER_AT_EL1 => cpu.sys.user_keys.at_el1 = (first != 0).then_some(second),
        PROBE => result = OLD_HOST,
        _ => result = u64::MAX,
    }
    // Whatever was signed before is signed otherwise now.
    cpu.state.pac_context = 0;
    cpu.state.set_x(0, result);
}

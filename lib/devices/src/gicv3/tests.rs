use super::*;
use crate::test_support::{B, D, W, Wires};

struct Fixture {
    gic: Gicv3,
    d: Distributor,
    r: Redistributors,
    /// IRQ of CPU n is bit n, FIQ bit 8 + n.
    wires: Arc<Wires>,
}

fn fixture() -> Fixture {
    let wires = Wires::new();
    let line = |n: u32| CpuLines { irq: wires.line(n), fiq: wires.line(8 + n) };
    let gic = Gicv3::new(288, vec![(0, line(0)), (0x101, line(1))]);
    let (mut d, r) = (gic.distributor(), gic.redistributors());
    d.write(GICD_CTLR, 3, W);
    for cpu in 0..2 {
        assert!(gic.write_register(cpu, ICC_PMR_EL1, 0xf0));
        assert!(gic.write_register(cpu, ICC_IGRPEN1_EL1, 1));
    }
    Fixture { gic, d, r, wires }
}

#[test]
fn a_shared_interrupt_goes_where_its_router_says() {
    let mut f = fixture();
    let line = f.gic.spi(1);
    f.d.write(0x084, 2, W);
    f.d.write(0x104, 2, W);
    f.d.write(GICD_IROUTER + 33 * 8, 0x101, D);
    assert_eq!(f.d.read(GICD_IROUTER + 33 * 8, D), 0x101);
    line.set(true);
    assert_eq!(f.wires.get(), 2);
    assert_eq!(f.gic.read_register(0, ICC_IAR1_EL1), Some(1023));
    assert_eq!(f.gic.read_register(1, ICC_HPPIR1_EL1), Some(33));
    assert_eq!(f.gic.read_register(1, ICC_IAR1_EL1), Some(33));
    assert_eq!(f.wires.get(), 0);
    line.set(false);
    f.gic.write_register(1, ICC_EOIR1_EL1, 33);
    assert_eq!((f.wires.get(), f.gic.read_register(1, ICC_RPR_EL1)), (0, Some(0xff)));
    f.d.write(GICD_IROUTER + 33 * 8, 0x777, D);
    line.set(true);
    assert_eq!(f.wires.get(), 0, "no such CPU");
    f.d.write(GICD_IROUTER + 33 * 8, 1 << 31, W);
    assert_eq!(f.wires.get(), 3, "any CPU");
}

#[test]
fn sgis_reach_listed_affinities_or_all_others() {
    let mut f = fixture();
    for cpu in 0..2 {
        let base = REDISTRIBUTOR * cpu + SGI_FRAME;
        f.r.write(base + 0x080, 0xffff_ffff, W);
        f.r.write(base + 0x100, 0xffff, W);
    }
    f.gic.write_register(0, ICC_SGI1R_EL1, 5 << 24 | 1 << 16 | 1 << 1);
    assert_eq!(f.wires.get(), 2);
    assert_eq!(f.gic.read_register(1, ICC_IAR1_EL1), Some(5));
    f.gic.write_register(1, ICC_EOIR1_EL1, 5);
    f.gic.write_register(1, ICC_SGI1R_EL1, 1 << 40 | 2 << 24);
    assert_eq!(f.wires.get(), 1);
    f.gic.write_register(0, ICC_SGI0R_EL1, 5 << 24 | 1);
    assert_eq!(f.gic.read_register(0, ICC_IAR1_EL1), Some(2), "group 0 not generated for a group 1 SGI");
}

#[test]
fn group_0_is_fiq() {
    let mut f = fixture();
    f.gic.write_register(0, ICC_IGRPEN0_EL1, 1);
    f.r.write(SGI_FRAME + 0x100, 1 << 27, W);
    f.gic.ppi(0, 11).set(true);
    assert_eq!(f.wires.get(), 1 << 8);
    assert_eq!(f.gic.read_register(0, ICC_IAR1_EL1), Some(1023));
    assert_eq!(f.gic.read_register(0, ICC_IAR0_EL1), Some(27));
}

#[test]
fn redistributors_tell_affinity_and_the_last_one() {
    let mut f = fixture();
    assert_eq!(f.r.read(GICR_TYPER, D), 0);
    assert_eq!(f.r.read(REDISTRIBUTOR + GICR_TYPER, D), 0x101 << 32 | 1 << 8 | 1 << 4);
    assert_eq!(f.r.read(REDISTRIBUTOR + GICR_TYPER + 4, W), 0x101);
    assert_eq!(f.r.read(GICR_WAKER, W), 6);
    f.r.write(GICR_WAKER, 0, W);
    assert_eq!(f.r.read(GICR_WAKER, W), 0);
    assert_eq!(f.r.read(PIDR2, W) >> 4 & 15, 3);
}

#[test]
fn senseless_accesses_are_counted_and_harmless() {
    let mut f = fixture();
    f.d.read(2, B);
    f.d.write(0x9000, 1, W);
    f.r.read(REDISTRIBUTOR * 2, W);
    f.r.write(0x44, 1, D);
    assert_eq!((f.d.stray(), f.r.stray()), (2, 2));
    assert_eq!(f.gic.read_register(9, ICC_PMR_EL1), None);
    assert_eq!(f.gic.read_register(0, 0x1234), None);
    f.gic.write_register(0, ICC_EOIR1_EL1, 1023);
    f.gic.write_register(0, ICC_SGI1R_EL1, u64::MAX);
    f.gic.write_register(0, ICC_AP1R0_EL1, u64::MAX);
    f.gic.spi(u32::MAX).set(true);
}

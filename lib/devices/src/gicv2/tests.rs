use super::*;
use crate::test_support::{B, D, W, Wires};

const CPU1: Access = Access { cpu: 1, size: Size::Word };

struct Fixture {
    gic: Gicv2,
    d: Distributor,
    c: CpuInterface,
    /// IRQ of CPU n is bit n, FIQ bit 8 + n.
    wires: Arc<Wires>,
}

fn fixture() -> Fixture {
    let wires = Wires::new();
    let lines = (0..2).map(|n| CpuLines { irq: wires.line(n), fiq: wires.line(8 + n) }).collect();
    let gic = Gicv2::new(288, lines);
    let (mut d, mut c) = (gic.distributor(), gic.cpu_interface());
    d.reset();
    d.write(GICD_CTLR, 1, W);
    for cpu in [W, CPU1] {
        c.write(GICC_CTLR, 1, cpu);
        c.write(GICC_PMR, 0xff, cpu);
    }
    Fixture { gic, d, c, wires }
}

#[test]
fn a_level_interrupt_is_taken_ended_and_taken_again_while_high() {
    let mut f = fixture();
    let line = f.gic.spi(1);
    f.d.write(0x104, 1 << 1, W);
    line.set(true);
    assert_eq!(f.wires.get(), 0, "no target");
    f.d.write(GICD_ITARGETSR + 33, 1, B);
    assert_eq!(f.wires.get(), 1);
    assert_eq!(f.c.read(GICC_IAR, W), 33);
    assert_eq!(f.wires.get(), 0, "active");
    assert_eq!(f.c.read(GICC_RPR, W), 0);
    f.c.write(GICC_EOIR, 33, W);
    assert_eq!(f.wires.get(), 1, "still high");
    line.set(false);
    assert_eq!(f.wires.get(), 0);
    assert_eq!(f.c.read(GICC_IAR, W), SPURIOUS.into());
    assert_eq!(f.c.read(GICC_RPR, W), 0xff);
}

#[test]
fn an_edge_is_remembered() {
    let mut f = fixture();
    f.d.write(GICD_ICFGR + 8, 2, W);
    assert_eq!(f.d.read(GICD_ICFGR + 8, W), 2);
    f.d.write(0x104, 1, W);
    f.d.write(GICD_ITARGETSR + 32, 1, B);
    let line = f.gic.spi(0);
    line.set(true);
    line.set(false);
    assert_eq!(f.c.read(GICC_IAR, W), 32);
    f.c.write(GICC_EOIR, 32, W);
    assert_eq!(f.wires.get(), 0);
}

#[test]
fn a_more_urgent_interrupt_preempts_and_the_mask_holds_back() {
    let mut f = fixture();
    for (n, priority) in [(0, 0xa0), (1, 0x50)] {
        f.d.write(GICD_IPRIORITYR + 32 + n, priority, B);
        f.d.write(GICD_ITARGETSR + 32 + n, 1, B);
    }
    f.d.write(0x104, 3, W);
    f.d.write(0x204, 1, W);
    assert_eq!(f.c.read(GICC_IAR, W), 32);
    f.d.write(0x204, 2, W);
    assert_eq!(f.wires.get(), 1, "preempts");
    f.c.write(GICC_PMR, 0x50, W);
    assert_eq!(f.wires.get(), 0, "masked");
    f.c.write(GICC_PMR, 0xf0, W);
    assert_eq!(f.c.read(GICC_IAR, W), 33);
    assert_eq!(f.c.read(GICC_RPR, W), 0x50);
    f.c.write(GICC_EOIR, 33, W);
    assert_eq!(f.c.read(GICC_RPR, W), 0xa0);
    assert_eq!(f.d.read(0x304, W), 1);
    f.c.write(GICC_EOIR, 32, W);
    assert_eq!(f.c.read(GICC_RPR, W), 0xff);
}

#[test]
fn sgis_carry_their_sender_and_several_senders_queue() {
    let mut f = fixture();
    f.d.write(GICD_SGIR, 0x0002_0003, W);
    f.d.write(GICD_SGIR, 0x0200_0003, CPU1);
    assert_eq!(f.wires.get(), 2);
    assert_eq!(f.c.read(GICC_IAR, CPU1), 3);
    f.c.write(GICC_EOIR, 3, CPU1);
    assert_eq!(f.c.read(GICC_IAR, CPU1), 1 << 10 | 3);
    f.c.write(GICC_EOIR, 3, CPU1);
    assert_eq!(f.c.read(GICC_IAR, CPU1), SPURIOUS.into());
    f.d.write(GICD_SGIR, 0x0100_0001, W);
    assert_eq!(f.wires.get(), 2, "all but oneself");
}

#[test]
fn ppis_are_private_and_eoi_can_be_split() {
    let mut f = fixture();
    f.d.write(0x100, 1 << 27, CPU1);
    let timer = f.gic.ppi(1, 11);
    f.c.write(GICC_CTLR, 1 | 1 << 9, CPU1);
    timer.set(true);
    assert_eq!(f.wires.get(), 2);
    assert_eq!(f.c.read(GICC_IAR, CPU1), 27);
    f.c.write(GICC_EOIR, 27, CPU1);
    assert_eq!((f.wires.get(), f.c.read(GICC_RPR, CPU1)), (0, 0xff), "dropped, still active");
    f.c.write(GICC_DIR, 27, CPU1);
    assert_eq!(f.wires.get(), 2);
}

#[test]
fn group_0_can_be_fiq() {
    let mut f = fixture();
    f.c.write(GICC_CTLR, 1 | 8, W);
    f.d.write(GICD_SGIR, 0x0200_0000, W);
    assert_eq!(f.wires.get(), 1 << 8);
}

#[test]
fn senseless_accesses_are_counted_and_harmless() {
    let mut f = fixture();
    f.d.read(0x101, B);
    f.d.read(0, D);
    f.d.write(0xfff, 1, W);
    f.c.read(0x500, W);
    f.c.read(GICC_IAR, Access { cpu: 9, size: Size::Word });
    f.c.write(GICC_EOIR, 0x3ff, W);
    f.gic.spi(4000).set(true);
    f.gic.ppi(7, 3).set(true);
    assert_eq!((f.d.stray(), f.c.stray()), (3, 2));
}

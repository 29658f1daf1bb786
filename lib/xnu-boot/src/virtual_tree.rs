//! The device tree of a machine of Apple's virtualization framework, for a kernel that comes without one.
//!
//! Addresses are those of that machine as QEMU's `vmapple` documents them (hw/vmapple/vmapple.c of QEMU 10); what the
//! kernel reads is from XNU pexpert/arm/pe_fiq.c and pe_serial.c at xnu-8792. No PCI, no storage, no display: what drivers
//! would want is not here.

use crate::Result;
use apple_dt::Tree;

/// The tree for so many CPUs, at least one.
pub(crate) fn virtual_tree(cpus: u32) -> Result<Tree> {
    let cpu = |n: u32| {
        let state = if n == 0 { "running" } else { "waiting" };
        let phandle = 16 + n;
        format!(
            r#"cpu{n} {{ AAPL,phandle = u32({phandle}); device_type = "cpu"; compatible = "apple,virt", "ARM,v8";
                cpu-id = u32({n}); reg = u32({n}); cluster-id = u32(0); cluster-type = "P"; state = "{state}"; }}"#
        )
    };
    let cpus: Vec<String> = (0..cpus.clamp(1, 64)).map(cpu).collect();
    let text = format!(
        r#"/apple-dt/ 1;
        device-tree {{
            AAPL,phandle = u32(1); #address-cells = u32(2); #size-cells = u32(2);
            compatible = "VMA2MACOSAP", "VirtualMac2,1", "AppleARM"; model = "VirtualMac2,1";
            target-type = "VMA2MACOS"; device_type = "bootrom"; manufacturer = "Apple Inc.";
            chosen {{ AAPL,phandle = u32(2); random-seed = zeros(64); debug-enabled = u32(0);
                      nvram-proxy-data = zeros(8192);
                      memory-map {{ AAPL,phandle = u32(3); }} asmb {{ AAPL,phandle = u32(4); lp-sip0 = u64(8); }} }}
            cpus {{ AAPL,phandle = u32(5); #address-cells = u32(1); #size-cells = u32(0); {} }}
            memory {{ AAPL,phandle = u32(6); device_type = "memory"; reg = u64(0); }}
            arm-io {{ AAPL,phandle = u32(7); compatible = "arm-io,vmapple"; device_type = "vmapple-io";
                      #address-cells = u32(2); #size-cells = u32(2); ranges = u64(0 0 0x70000000);
                gic {{ AAPL,phandle = u32(8); compatible = "arm,gic-v3"; device_type = "interrupt-controller";
                       interrupt-controller = "master"; #interrupt-cells = u32(1);
                       reg = u64(0x10000000 0x10000 0x10010000 0x800000); }}
                uart0 {{ AAPL,phandle = u32(9); compatible = "arm,pl011"; device_type = "uart"; boot-console;
                         reg = u64(0x20010000 0x1000); interrupts = u32(1); interrupt-parent = u32(8); }}
            }}
            defaults {{ AAPL,phandle = u32(10); }}
            product {{ AAPL,phandle = u32(11); product-name = "Apple Virtual Machine 1"; }}
        }}"#,
        cpus.join(" ")
    );
    Ok(apple_dt::compile(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_compiles_and_has_as_many_cpus_as_asked_for() {
        for (asked, got) in [(0, 1), (1, 1), (5, 5), (1000, 64)] {
            let tree = virtual_tree(asked).unwrap();
            let cpus = tree.node("/cpus").unwrap();
            assert_eq!(cpus.children.len(), got);
            let running = |n: &&apple_dt::Node| n.get("state").and_then(|p| p.str()) == Some("running");
            assert_eq!(cpus.children.iter().filter(running).count(), 1);
        }
    }
}

complete -c xnu-run -l configuration -d 'Configuration of the packed image, instead of its default' -r
complete -c xnu-run -l kernel -d 'Kernel: Mach-O, IM4P, Linux Image, or raw image' -r -F
complete -c xnu-run -l devicetree -d 'Apple device tree, bare or IM4P' -r -F
complete -c xnu-run -l ramdisk -d 'Ramdisk, bare or IM4P' -r -F
complete -c xnu-run -l trustcache -d 'Static trust cache, bare or IM4P' -r -F
complete -c xnu-run -l trust -d 'Trust what is in PATH, beside what the trust cache lists: a Mach-O file, a folder or disk image of them, another trust cache, or the word ramdisk. May be repeated' -r -F
complete -c xnu-run -l append -d 'Boot arguments, instead of the image\'s' -r
complete -c xnu-run -l initrd -d 'Linux initrd' -r -F
complete -c xnu-run -l dtb -d 'Flattened device tree instead of the generated one' -r -F
complete -c xnu-run -l bios -d 'Firmware in the first flash bank of machine virt' -r -F
complete -c xnu-run -l entry -d 'Offset of the first instruction of a raw image that speaks Apple\'s boot protocol' -r
complete -c xnu-run -s M -l machine -d 'Machine; by default what the image names or the kernel is for' -r -f -a "apple\t'Apple\'s: boot_args and Apple\'s device tree'
vmapple\t'Apple\'s virtual machine (VMAPPLE): GICv3, PL011, hypercalls'
apple-m1\t'An M1 entered with a flattened device tree'
virt\t'QEMU\'s `virt`'"
complete -c xnu-run -s m -l memory -d 'RAM, in bytes or with K, M, G' -r
complete -c xnu-run -l cpus -l smp -d 'Number of CPUs' -r
complete -c xnu-run -l cpu -d 'CPU model: a7 to a14, m1, vmapple, cortex-a53, cortex-a72, neoverse-n1, max' -r
complete -c xnu-run -l pac -d 'Pointer authentication: off, hash, qarma5 or qarma3; by default what the CPU model has' -r
complete -c xnu-run -l gic -d 'Version of the interrupt controller of machine virt' -r
complete -c xnu-run -l drive -d 'Raw disk image of machine virt; FILE,ro for read-only. May be repeated' -r -F
complete -c xnu-run -l screen -d 'Framebuffer of machine apple, such as 640x1136' -r
complete -c xnu-run -l slide -d 'KASLR slide, a multiple of 32 MiB' -r
complete -c xnu-run -l seed -d 'Seed of everything random; equal seeds give equal boots' -r
complete -c xnu-run -l patch -d 'Patch the kernel: a patch or set of --list-patches. May be repeated' -r
complete -c xnu-run -l patch-file -d 'More patches: a TOML file, or a folder of them. May be repeated' -r -F
complete -c xnu-run -l hook -d 'Do something at a place in the kernel: pc=ADDR, symbol=NAME, string=TEXT or pattern=HEX/MASK, then `: log`, `: return=VALUE`, skip, xN=VALUE, goto=ADDR, stop. May be repeated' -r
complete -c xnu-run -l dt-edit -d 'Change Apple\'s device tree after it was filled in: a statement of dt-patch(5). May be repeated' -r
complete -c xnu-run -l serial -d 'Serial console: stdio, file:PATH, unix:PATH, pty or none' -r
complete -c xnu-run -l until -d 'End with success when this regular expression matches the console output' -r
complete -c xnu-run -l timeout -d 'End after so many seconds, with exit status 124' -r
complete -c xnu-run -l screenshot -d 'Write what the framebuffer shows at the end, as PNG' -r -F
complete -c xnu-run -l vnc -d 'Show the framebuffer to VNC clients at ADDR: PORT, HOST:PORT or :DISPLAY; loopback only. Their keys go to the console' -r
complete -c xnu-run -l engine -d 'Execution engine: interpreter, jit, or auto: jit where the host can' -r
complete -c xnu-run -l icount -d 'Time follows executed instructions, so many a second: runs repeat exactly' -r
complete -c xnu-run -s d -d 'Trace, a list of: in_asm, exec, cpu, int, mmu, unimp, mmio' -r
complete -c xnu-run -s D -d 'File for the trace instead of standard error' -r -F
complete -c xnu-run -l symbols -d 'Names of addresses for traces and the monitor: lines of ADDRESS NAME, as nm writes them, without slide' -r -F
complete -c xnu-run -l gdb -d 'Let GDB or LLDB attach at ADDR: PORT, HOST:PORT or unix:PATH. Whoever can connect owns the guest' -r
complete -c xnu-run -l diagnose -d 'Say at the end where the guest stands and why, whatever happened; and while it runs, when it has made no progress for SECS (default 20). Without this, only boots that fail are told about' -r
complete -c xnu-run -l break -d 'Break the machine, to see what a boot does then: timer-irq, ktrr, apctl. A list' -r
complete -c xnu-run -l dump-dtb -d 'Write the flattened device tree that the guest would get, and stop' -r -F
complete -c xnu-run -l demo-ipsw -d 'Write the demo IPSW, to try the tools on it, and stop' -r -F
complete -c xnu-run -l completions -d 'Print a completion script for the shell and exit' -r -f -a "bash\t''
elvish\t''
fish\t''
powershell\t''
zsh\t''"
complete -c xnu-run -l no-sprr -d 'Ignore APRR and SPRR: pages have the permissions that Arm gives them'
complete -c xnu-run -l enforce-ktrr -l enforce-ctrr -d 'Protect the memory that the kernel locks with KTRR or CTRR'
complete -c xnu-run -l virtualization -d 'CPUs of machine virt have EL2 and start there'
complete -c xnu-run -l no-fill -d 'Leave Apple\'s device tree as it is but for addresses'
complete -c xnu-run -l force -d 'Boot though the plan breaks rules'
complete -c xnu-run -l list-patches -d 'List the patches and, of a kernel, where each would go; change nothing'
complete -c xnu-run -l json -d 'With --list-patches: JSON'
complete -c xnu-run -l realtime -d 'Guest delays take as long as they say, instead of being skipped while the guest idles'
complete -c xnu-run -l semihosting -d 'HLT #0xf000 is semihosting (exit, console output); the default on machine virt'
complete -c xnu-run -l no-reboot -d 'End, instead of starting over, when the guest resets the machine (exit status 122)'
complete -c xnu-run -s S -l stopped -d 'Stop before the first instruction until a debugger attaches (default --gdb 127.0.0.1:1234)'
complete -c xnu-run -l no-diagnosis -d 'Never say why a boot failed'
complete -c xnu-run -s n -l dry-run -d 'Print the plan of the boot and stop'
complete -c xnu-run -l demo -d 'Boot the demo: an IPSW made in memory, sent through the whole chain'
complete -c xnu-run -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c xnu-run -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c xnu-run -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c xnu-run -s h -l help -d 'Print help (see more with \'--help\')'
complete -c xnu-run -s V -l version -d 'Print version'

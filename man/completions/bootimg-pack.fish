complete -c bootimg-pack -s k -l kernel -l kernelcache -d 'Kernel or kernelcache, in any wrapping' -r -F
complete -c bootimg-pack -s d -l devicetree -l dtree -d 'Apple device tree, in any wrapping' -r -F
complete -c bootimg-pack -s r -l ramdisk -l initrd -d 'Ramdisk, in any wrapping' -r -F
complete -c bootimg-pack -s t -l trustcache -d 'Trust cache, in any wrapping' -r -F
complete -c bootimg-pack -l manifest -d 'Manifest (IM4M or another file about the parts)' -r -F
complete -c bootimg-pack -l part -d 'Any other part; in an image that has a part of this name, it is replaced' -r
complete -c bootimg-pack -l replace -d 'Replace a part of an image (of standard input, if none is named)' -r
complete -c bootimg-pack -l remove -d 'Take a part out' -r
complete -c bootimg-pack -l append -l bootargs -l set-bootargs -d 'Boot arguments. With a --configuration, only that one\'s' -r
complete -c bootimg-pack -s M -l machine -d 'Machine to emulate, as \'xnu-run -M\' takes it' -r
complete -c bootimg-pack -l set -d 'Any property of the configurations; without \'=VALUE\' it is removed' -r
complete -c bootimg-pack -s c -l configuration -d 'Configuration to change, to plan, or to name in a new image' -r
complete -c bootimg-pack -l default -d 'Configuration that is booted when nobody chooses' -r
complete -c bootimg-pack -l description -d 'Description of a new image' -r
complete -c bootimg-pack -l unpack -d 'Write all parts into a folder, made if missing' -r -F
complete -c bootimg-pack -s x -l extract -d 'Write one part, as it is, to the output' -r
complete -c bootimg-pack -l svg -d 'With --dry-run: draw the load plan to this SVG file too; \'-\' is standard output, and then nothing else is printed' -r -F
complete -c bootimg-pack -s o -l output -d 'Output file; \'-\' or nothing is standard output' -r -F
complete -c bootimg-pack -s m -l memory -d 'Memory of the machine for --dry-run, such as 2G' -r
complete -c bootimg-pack -l slide -d 'KASLR slide for --dry-run' -r
complete -c bootimg-pack -l completions -d 'Print a completion script for the shell and exit' -r -f -a "bash\t''
elvish\t''
fish\t''
powershell\t''
zsh\t''"
complete -c bootimg-pack -s l -l list -d 'List parts and configurations (what happens when nothing else is asked for)'
complete -c bootimg-pack -l json -d 'List as JSON; with --dry-run, the plan'
complete -c bootimg-pack -l check -d 'Compare every part with its digests'
complete -c bootimg-pack -s n -l dry-run -d 'Print the load plan: file, virtual and physical address of everything, slide, gaps and overlaps'
complete -c bootimg-pack -l why -d 'Say of every part what is recognised in it at each layer and by what, and why it stops there'
complete -c bootimg-pack -s i -l in-place -d 'Change the image itself; it is replaced when the new one is complete'
complete -c bootimg-pack -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c bootimg-pack -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c bootimg-pack -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c bootimg-pack -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bootimg-pack -s V -l version -d 'Print version'

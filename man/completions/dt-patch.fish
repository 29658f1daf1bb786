complete -c dt-patch -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c dt-patch -s O -l to -d 'Form to write: Apple\'s bytes, text, json, a flattened device tree (fdt, dtb) or its source (dts). The last two are turned back into the identical Apple tree' -r -f -a "adt\t'Apple\'s bytes'
text\t'The text form of dt-patch(5)'
json\t'JSON, for programs; it cannot be read back'
fdt\t'A flattened device tree, as dtc has it'
dts\t'Its source'"
complete -c dt-patch -s I -l from -d 'Form of the input, instead of what it looks like. Another maker\'s flattened device tree must be named' -r -f -a "adt\t'Apple\'s bytes'
text\t'The text form of dt-patch(5)'
json\t'JSON, for programs; it cannot be read back'
fdt\t'A flattened device tree, as dtc has it'
dts\t'Its source'"
complete -c dt-patch -l diff -d 'Compare two trees, phandles followed to the nodes they mean; exit status 1 if they differ' -r -F
complete -c dt-patch -l filter -d 'Show only nodes whose names fit a pattern, with what is below them; a pattern that begins with \'/\' is a path' -r
complete -c dt-patch -s p -l print -d 'Print a node, or one property\'s value' -r
complete -c dt-patch -l values -d 'A device\'s data (SysCfg keys, MAC addresses), seeds and properties, in TOML, JSON or a property list: placeholders are expanded with them as the boot loader does' -r -F
complete -c dt-patch -s P -l preset -d 'Do a preset\'s edits; a packed image without boot arguments of its own gets the preset\'s' -r
complete -c dt-patch -s s -l script -d 'Do the edits of a script' -r -F
complete -c dt-patch -l set -d 'Set a property: a value of dt-patch(5), a number, or else a text' -r
complete -c dt-patch -l delete -d 'Delete nodes or properties' -r
complete -c dt-patch -l rename -d 'Rename nodes or a property' -r
complete -c dt-patch -l insert -d 'Make a node, with its missing parents' -r
complete -c dt-patch -l part -d 'Part of a packed boot image to work on; every device tree if absent' -r
complete -c dt-patch -s k -l key -d 'Key of an encrypted tree: IV and key as one run of hexadecimal digits, or IV:KEY' -r
complete -c dt-patch -l completions -d 'Print a completion script for the shell and exit' -r -f -a "bash\t''
elvish\t''
fish\t''
powershell\t''
zsh\t''"
complete -c dt-patch -s l -l list -d 'List the nodes, with numbers of properties and placeholders, and write nothing'
complete -c dt-patch -l summary -d 'Print what matters of a tree: model, SoC, CPUs, console, memory map, what is left to fill in'
complete -c dt-patch -l json -d 'Print the tree as JSON (with --list, --summary and --diff: those)'
complete -c dt-patch -s t -l text -l decompile -d 'Write the tree in text form, which compiles back to the identical bytes'
complete -c dt-patch -s c -l compile -d 'Write the tree as bytes although it came in another form'
complete -c dt-patch -l why -d 'Say what the file was recognised as, layer by layer, and what is in the way'
complete -c dt-patch -l list-presets -d 'List the presets'
complete -c dt-patch -l fill -d 'Fill in what a boot loader would that does not depend on the machine. xnu-run does this by itself'
complete -c dt-patch -l keep-bootargs -d 'Leave a packed image\'s boot arguments alone'
complete -c dt-patch -s w -l wrap -d 'Keep the container (IM4P, IMG4) that the tree came in; its signature then no longer fits'
complete -c dt-patch -s b -l bare -d 'Of a packed boot image write the device tree alone'
complete -c dt-patch -s n -l dry-run -d 'Say what would change, and write nothing'
complete -c dt-patch -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c dt-patch -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c dt-patch -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c dt-patch -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dt-patch -s V -l version -d 'Print version'

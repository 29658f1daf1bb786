complete -c kc-decompress -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -l monitor -d 'Write the image that stands behind the compressed kernel (the secure monitor of A7 to A9) to a file of its own' -r -F
complete -c kc-decompress -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -l phys-base -d 'Physical address that --info puts the kernel collection\'s base at' -r
complete -c kc-decompress -l completions -d 'Print a completion script for the shell and exit' -r -f -a "bash\t''
elvish\t''
fish\t''
powershell\t''
zsh\t''"
complete -c kc-decompress -s l -l list -d 'List the wrappings and what is inside, and write nothing'
complete -c kc-decompress -s i -l info -d 'Print what the kernel says of itself (version, train, SoC, layout, entry, segments) and write nothing'
complete -c kc-decompress -l json -d 'With --list or --info: print JSON. Addresses are strings of hexadecimal digits'
complete -c kc-decompress -s n -l dry-run -d 'Do everything but write; say what would be written'
complete -c kc-decompress -s b -l bare -d 'Of a packed boot image write the bare Mach-O alone'
complete -c kc-decompress -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kc-decompress -s V -l version -d 'Print version'

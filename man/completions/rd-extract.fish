complete -c rd-extract -s o -l output -d 'Where to write the raw image, tar stream or file; standard output if absent or \'-\'' -r -F
complete -c rd-extract -s x -l extract -d 'Extract these files and folders with all below them; *, ?, [...] and ** stand for names. \'/\' is everything' -r
complete -c rd-extract -s C -l directory -d 'Folder to extract into; made if it is not there' -r -F
complete -c rd-extract -l cat -d 'Write the contents of one file. Symbolic links are followed inside the image' -r
complete -c rd-extract -l volume -d 'Volume of an APFS container: its name, role (system, data, ...) or number; the first readable one if absent' -r
complete -c rd-extract -l max-size -d 'The most bytes to write; the default is 1 GiB and 200 times the size of the input' -r
complete -c rd-extract -s k -l key -d 'Key of an encrypted IM4P or IMG3: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c rd-extract -l part -d 'Part of a packed boot image to work on; the ramdisk of its default configuration if absent' -r
complete -c rd-extract -l completions -d 'Print a completion script for the shell and exit' -r -f -a "bash\t''
elvish\t''
fish\t''
powershell\t''
zsh\t''"
complete -c rd-extract -s l -l list -d 'List the files, and write nothing'
complete -c rd-extract -l json -d 'With --list: print JSON'
complete -c rd-extract -s t -l tar -d 'Write a tar stream, of everything or of what --extract names. It holds owners, modes, links, devices, times and extended attributes (pax, SCHILY.xattr)'
complete -c rd-extract -s n -l dry-run -d 'Do everything but write; say what would be written'
complete -c rd-extract -s f -l force -d 'With --extract: replace files that are there already'
complete -c rd-extract -l owner -d 'With --extract: give files their owners and set-id bits, for which one must be root'
complete -c rd-extract -l private -d 'Show what only serves an HFS+ volume itself too: files behind hard links, the journal'
complete -c rd-extract -l whole -d 'Write the whole disk with its partition map, not only the file system'
complete -c rd-extract -l no-verify -d 'Do not compare a disk image\'s checksums before writing the raw image'
complete -c rd-extract -s b -l bare -d 'Of a packed boot image write the raw image alone'
complete -c rd-extract -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c rd-extract -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c rd-extract -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c rd-extract -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rd-extract -s V -l version -d 'Print version'

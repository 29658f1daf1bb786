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
complete -c rd-extract -l create -l make -d 'Make an HFSX volume of these folders, tar (also .tar.gz) and cpio archives, later ones over earlier ones; standard input if none or \'-\'. Owners, modes, dates, links, devices and extended attributes are taken over' -r -F
complete -c rd-extract -l volume-name -l volname -d 'Name of the volume; \'ramdisk\' if a new one is given none' -r
complete -c rd-extract -l block-size -d 'Bytes of an allocation block: a power of two from 512 to 65536, 4096 if absent' -r
complete -c rd-extract -l size -l resize -d 'Size of the volume: 64M, +16M, -16M, or \'min\' for no free space at all. A new volume has none if this is absent, a changed one keeps its size, or grows when that is too small' -r
complete -c rd-extract -l free -d 'Leave this much free beyond what is needed' -r
complete -c rd-extract -l exclude -d 'Leave out what is called so; *, ?, [...] and ** stand for names' -r
complete -c rd-extract -l format -d 'What to write: \'raw\', \'im4p\' (an IM4P around it), \'dmg\' (a UDIF disk image, compressed with zlib) or \'udif\' (the same, stored). A changed IM4P stays one' -r -f -a "raw\t''
im4p\t''
dmg\t''
udif\t''"
complete -c rd-extract -l type -d 'Type of a new IM4P, such as rdsk, trst, rtsc or ltrs; implies \'--format im4p\'' -r
complete -c rd-extract -l description -d 'Description in a new IM4P' -r
complete -c rd-extract -l remove -l rm -d 'Remove these files, and folders with everything below them' -r
complete -c rd-extract -l move -l mv -d 'Give something another name or folder' -r
complete -c rd-extract -l mkdir -d 'Make folders, and those above them' -r
complete -c rd-extract -l add -l put -d 'Put a file in, or everything of a folder, tar or cpio archive (with a slash behind PATH the file itself). A file that replaces one keeps that one\'s owner, mode and attributes; a new one belongs to root' -r -F
complete -c rd-extract -l symlink -l ln -d 'Make a symbolic link, as `ln -s` does' -r
complete -c rd-extract -l hard-link -d 'Give a file another name, as `ln` does' -r
complete -c rd-extract -l chmod -d 'Change permissions: octal or as chmod takes them' -r
complete -c rd-extract -l chown -d 'Change owner and group, by numbers' -r
complete -c rd-extract -l set-xattr -l setxattr -d 'Set an extended attribute: NAME=text, NAME=0x00ff, NAME=0sBASE64, NAME=@FILE' -r
complete -c rd-extract -l remove-xattr -d 'Remove an extended attribute' -r
complete -c rd-extract -s S -l sign -l codesign -d 'Sign these Mach-O files ad hoc, in place or to --output; of folders the unsigned ones. A signature that is there is made anew with what it said. Without names, and with --create or changes: every unsigned one in the volume' -r -F
complete -c rd-extract -l identifier -d 'Identifier in the signature; the name of the file if absent' -r
complete -c rd-extract -l entitlements -d 'Property list with entitlements; they go in as XML and as DER' -r -F
complete -c rd-extract -l digest -d 'Digests: sha256 (the default), or several, such as sha1,sha256' -r
complete -c rd-extract -l page-size -d 'Bytes that have one hash: 4096 (the default) or 16384' -r
complete -c rd-extract -l code-flags -d 'Flags beside adhoc, by name or number: hard, kill, library, runtime, restrict, enforcement, get-task-allow' -r
complete -c rd-extract -l team -d 'Team identifier' -r
complete -c rd-extract -l info-plist -d 'Info.plist whose hash goes in; one that is linked into the program is found by itself' -r -F
complete -c rd-extract -l code-resources -d '_CodeSignature/CodeResources, whose hash goes in' -r -F
complete -c rd-extract -s T -l trust-cache -d 'Write a trust cache of everything signed in these folders, ramdisks and Mach-O files; trust caches among them are merged into it. With --list the cdhashes and their files are shown' -r -F
complete -c rd-extract -l cache-version -d 'Version of the trust cache: 0, 1 or 2; the highest of those merged, or 1' -r
complete -c rd-extract -l uuid -d 'UUID of the trust cache; made of its entries if absent, so that the same entries have the same' -r
complete -c rd-extract -l find -l lookup -d 'Look these cdhashes, or those of Mach-O files, up in a trust cache' -r
complete -c rd-extract -s l -l list -d 'List the files, and write nothing; of a Mach-O show the signatures and check them, of a trust cache the entries'
complete -c rd-extract -l why -d 'Say what is recognised at each layer, and where and why reading stops'
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
complete -c rd-extract -l case-insensitive -d 'Make an HFS+ volume, in which names that differ only in case are the same'
complete -c rd-extract -l all-root -d 'Everything that is put in belongs to root (0:0)'
complete -c rd-extract -s R -l recursive -d '--chmod and --chown change everything below a folder too'
complete -c rd-extract -s i -l in-place -d 'Change the named file itself: it is replaced when the new one is complete'
complete -c rd-extract -l salvage -d 'Change a volume with faults or a journal that is not empty too: what can be read is kept, the journal dropped'
complete -c rd-extract -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rd-extract -s V -l version -d 'Print version'

# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_kc_decompress_global_optspecs
    string join \n o/output= l/list i/info json n/dry-run monitor= fixups kexts kext= symbols layout= why retype= compress= k/key= iv= arch= part= b/bare phys-base= v/verbose q/quiet no-progress completions= h/help V/version
end

function __fish_kc_decompress_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_kc_decompress_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_kc_decompress_using_subcommand
    set -l cmd (__fish_kc_decompress_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l monitor -d 'Write the image that stands behind the compressed kernel (the secure monitor of A7 to A9) to a file of its own' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l kext -d 'Write this kext instead of the kernel: the command \'extract\'. Several go into the folder --output' -r
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l layout -d 'Draw what lies where in memory: the command \'layout\'. SVG for \'=svg\' or an output called .svg' -r -f -a "auto\t'By the output\'s name: SVG for one that ends in .svg, else text'
text\t'A line for each area'
svg\t'A drawing'
json\t'For programs'"
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l retype -d 'Write the IM4P or IMG4 with another type instead: the command \'retype\'' -r
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l compress -l recompress -d 'Write the IM4P or IMG4 with its payload compressed so instead: the command \'rewrap\'' -r -f -a "none\t'Plain'
lzss\t'LZSS in a complzss frame, as kernelcaches up to iOS 12'
lzfse\t'LZFSE, as kernelcaches from iOS 13'"
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l phys-base -d 'Physical address that --info and --layout put the kernel collection\'s base at' -r
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l completions -d 'Print a completion script for the shell and exit' -r -f -a "bash\t''
elvish\t''
fish\t''
powershell\t''
zsh\t''"
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -s l -l list -d 'List the wrappings and what is inside, and write nothing'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -s i -l info -d 'Print what the kernel says of itself (version, train, SoC, layout, entry, segments) and write nothing'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l json -d 'With --list, --info, --kexts, --symbols, --why or --layout: print JSON. Addresses are strings of hexadecimal digits'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -s n -l dry-run -d 'Do everything but write; say what would be written'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l fixups -l rebase -d 'Resolve chained pointers in the kernel that is written, so that a disassembler reads them'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l kexts -d 'List the kexts and write nothing: the command \'kexts\''
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l symbols -d 'Print the symbols and write nothing: the command \'symbols\''
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l why -d 'Say what is recognised at each layer and by what, and why it stops there: the command \'why\''
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -s b -l bare -d 'Of a packed boot image write the bare Mach-O alone'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -s V -l version -d 'Print version'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "kexts" -d 'List the kexts of a cache; with -o, take them out'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "kext" -d 'List the kexts of a cache; with -o, take them out'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "list-kexts" -d 'List the kexts of a cache; with -o, take them out'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "extract" -d 'Write what is inside any container or wrapping, or, with identifiers, kexts'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "x" -d 'Write what is inside any container or wrapping, or, with identifiers, kexts'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "payload" -d 'Write what is inside any container or wrapping, or, with identifiers, kexts'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "symbols" -d 'Print the symbols of the kernel and its kexts, as nm does'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "nm" -d 'Print the symbols of the kernel and its kexts, as nm does'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "syms" -d 'Print the symbols of the kernel and its kexts, as nm does'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "fixups" -d 'Write the kernel with its chained pointers resolved, for disassemblers; or list them'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "rebase" -d 'Write the kernel with its chained pointers resolved, for disassemblers; or list them'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "layout" -d 'Draw what lies where in memory: segments, kexts, free space'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "map" -d 'Draw what lies where in memory: segments, kexts, free space'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "why" -d 'Say what is recognised at each layer and by what, and why it stops there'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "explain" -d 'Say what is recognised at each layer and by what, and why it stops there'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "info" -d 'Print every field of an IM4P, IM4M, IM4R, IMG4, IMG3 or SHSH file, and what the kernel inside says of itself'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "show" -d 'Print every field of an IM4P, IM4M, IM4R, IMG4, IMG3 or SHSH file, and what the kernel inside says of itself'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "create" -d 'Make an IM4P of a bare file, an IMG4 of an IM4P and its manifest, or an IM4R of a nonce'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "make" -d 'Make an IM4P of a bare file, an IMG4 of an IM4P and its manifest, or an IM4R of a nonce'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "wrap" -d 'Make an IM4P of a bare file, an IMG4 of an IM4P and its manifest, or an IM4R of a nonce'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "retype" -d 'Give an IM4P another type; nothing else changes'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "rename" -d 'Give an IM4P another type; nothing else changes'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "rewrap" -d 'Change an IM4P or IMG4 and leave the rest byte for byte: nothing is compressed anew unless you ask'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "edit" -d 'Change an IM4P or IMG4 and leave the rest byte for byte: nothing is compressed anew unless you ask'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "recompress" -d 'Change an IM4P or IMG4 and leave the rest byte for byte: nothing is compressed anew unless you ask'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "split" -d 'Take an IMG4 or SHSH file apart into IM4P, IM4M and IM4R'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "unpack" -d 'Take an IMG4 or SHSH file apart into IM4P, IM4M and IM4R'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "diff" -d 'Compare two containers field by field. Exit status 1 if they differ'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "compare" -d 'Compare two containers field by field. Exit status 1 if they differ'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "cmp" -d 'Compare two containers field by field. Exit status 1 if they differ'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "verify" -d 'Check a manifest: its signature and certificates, and whether it allows the images given'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "check" -d 'Check a manifest: its signature and certificates, and whether it allows the images given'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "picture" -d 'Turn boot pictures (iBootIm) into PNG files'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "png" -d 'Turn boot pictures (iBootIm) into PNG files'
complete -c kc-decompress -n "__fish_kc_decompress_needs_command" -a "logo" -d 'Turn boot pictures (iBootIm) into PNG files'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kexts" -s x -l extract -d 'Take this kext out, to --output or standard output. May be repeated' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kexts" -s o -l output -d 'Take the kexts out: one to this file, several or all into this folder, made if missing' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kexts" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kexts" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kexts" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kexts" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kexts" -l no-fixups -d 'Of kexts taken out leave chained pointers as they are'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kexts" -l json -d 'Print JSON. Addresses are strings of hexadecimal digits'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kexts" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kexts" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kexts" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kexts" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kext" -s x -l extract -d 'Take this kext out, to --output or standard output. May be repeated' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kext" -s o -l output -d 'Take the kexts out: one to this file, several or all into this folder, made if missing' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kext" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kext" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kext" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kext" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kext" -l no-fixups -d 'Of kexts taken out leave chained pointers as they are'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kext" -l json -d 'Print JSON. Addresses are strings of hexadecimal digits'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kext" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kext" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kext" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand kext" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand list-kexts" -s x -l extract -d 'Take this kext out, to --output or standard output. May be repeated' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand list-kexts" -s o -l output -d 'Take the kexts out: one to this file, several or all into this folder, made if missing' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand list-kexts" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand list-kexts" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand list-kexts" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand list-kexts" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand list-kexts" -l no-fixups -d 'Of kexts taken out leave chained pointers as they are'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand list-kexts" -l json -d 'Print JSON. Addresses are strings of hexadecimal digits'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand list-kexts" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand list-kexts" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand list-kexts" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand list-kexts" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand extract" -l kext -d 'The same as an identifier after the file' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand extract" -s o -l output -d 'Where to write: a file, or a folder for several kexts; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand extract" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand extract" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand extract" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand extract" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand extract" -s a -l all -d 'Take out all kexts'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand extract" -l raw -d 'Write the payload as it stands in its container, compressed or encrypted'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand extract" -l no-fixups -d 'Leave chained pointers of kexts as they are'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand extract" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand extract" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand extract" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand extract" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand x" -l kext -d 'The same as an identifier after the file' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand x" -s o -l output -d 'Where to write: a file, or a folder for several kexts; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand x" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand x" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand x" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand x" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand x" -s a -l all -d 'Take out all kexts'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand x" -l raw -d 'Write the payload as it stands in its container, compressed or encrypted'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand x" -l no-fixups -d 'Leave chained pointers of kexts as they are'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand x" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand x" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand x" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand x" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand payload" -l kext -d 'The same as an identifier after the file' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand payload" -s o -l output -d 'Where to write: a file, or a folder for several kexts; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand payload" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand payload" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand payload" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand payload" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand payload" -s a -l all -d 'Take out all kexts'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand payload" -l raw -d 'Write the payload as it stands in its container, compressed or encrypted'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand payload" -l no-fixups -d 'Leave chained pointers of kexts as they are'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand payload" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand payload" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand payload" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand payload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand symbols" -l kext -d 'Only the symbols of this kext (\'com.apple.kernel\' is the kernel)' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand symbols" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand symbols" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand symbols" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand symbols" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand symbols" -s C -l demangle -d 'Print C++ names as they were written'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand symbols" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand symbols" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand symbols" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand symbols" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand symbols" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand nm" -l kext -d 'Only the symbols of this kext (\'com.apple.kernel\' is the kernel)' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand nm" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand nm" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand nm" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand nm" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand nm" -s C -l demangle -d 'Print C++ names as they were written'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand nm" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand nm" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand nm" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand nm" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand nm" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand syms" -l kext -d 'Only the symbols of this kext (\'com.apple.kernel\' is the kernel)' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand syms" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand syms" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand syms" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand syms" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand syms" -s C -l demangle -d 'Print C++ names as they were written'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand syms" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand syms" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand syms" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand syms" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand syms" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand fixups" -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand fixups" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand fixups" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand fixups" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand fixups" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand fixups" -s l -l list -d 'List the pointers instead: address, target, how it is signed'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand fixups" -l json -d 'With --list: print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand fixups" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand fixups" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand fixups" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand fixups" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rebase" -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rebase" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rebase" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rebase" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rebase" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rebase" -s l -l list -d 'List the pointers instead: address, target, how it is signed'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rebase" -l json -d 'With --list: print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rebase" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rebase" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rebase" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rebase" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand layout" -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand layout" -s f -l form -d 'How to draw it' -r -f -a "auto\t'By the output\'s name: SVG for one that ends in .svg, else text'
text\t'A line for each area'
svg\t'A drawing'
json\t'For programs'"
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand layout" -l phys-base -d 'Physical address that the kernel collection\'s base is shown at' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand layout" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand layout" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand layout" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand layout" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand layout" -l svg -d 'Draw SVG'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand layout" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand layout" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand layout" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand layout" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand layout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand map" -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand map" -s f -l form -d 'How to draw it' -r -f -a "auto\t'By the output\'s name: SVG for one that ends in .svg, else text'
text\t'A line for each area'
svg\t'A drawing'
json\t'For programs'"
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand map" -l phys-base -d 'Physical address that the kernel collection\'s base is shown at' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand map" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand map" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand map" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand map" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand map" -l svg -d 'Draw SVG'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand map" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand map" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand map" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand map" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand map" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand why" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand why" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand why" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand why" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand why" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand why" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand why" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand why" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand why" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand explain" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand explain" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand explain" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand explain" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand explain" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand explain" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand explain" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand explain" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand explain" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand info" -l phys-base -d 'Physical address that the kernel collection\'s base is shown at' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand info" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand info" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand info" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand info" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand info" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand info" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand info" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand info" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand info" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand show" -l phys-base -d 'Physical address that the kernel collection\'s base is shown at' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand show" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand show" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand show" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand show" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand show" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand show" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand show" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand show" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand show" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand create" -s t -l type -l fourcc -d 'Type of the IM4P: four characters such as krnl, rkrn, dtre, rdsk, trst' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand create" -s d -l description -d 'Description of the IM4P' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand create" -s c -l compress -l compression -d 'Compress the payload' -r -f -a "none\t'Plain'
lzss\t'LZSS in a complzss frame, as kernelcaches up to iOS 12'
lzfse\t'LZFSE, as kernelcaches from iOS 13'"
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand create" -l monitor -l extra -d 'Image to stand behind the compressed kernel (the secure monitor of A7 to A9)' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand create" -s m -l im4m -l manifest -d 'Manifest (IM4M, SHSH, or the one in an IMG4): makes an IMG4' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand create" -s r -l im4r -d 'Restore information (IM4R) for the IMG4' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand create" -l nonce -d 'Boot nonce\'s generator, such as 0x1111111111111111: makes the IM4R, alone or for the IMG4' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand create" -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand create" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand create" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand create" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand make" -s t -l type -l fourcc -d 'Type of the IM4P: four characters such as krnl, rkrn, dtre, rdsk, trst' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand make" -s d -l description -d 'Description of the IM4P' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand make" -s c -l compress -l compression -d 'Compress the payload' -r -f -a "none\t'Plain'
lzss\t'LZSS in a complzss frame, as kernelcaches up to iOS 12'
lzfse\t'LZFSE, as kernelcaches from iOS 13'"
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand make" -l monitor -l extra -d 'Image to stand behind the compressed kernel (the secure monitor of A7 to A9)' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand make" -s m -l im4m -l manifest -d 'Manifest (IM4M, SHSH, or the one in an IMG4): makes an IMG4' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand make" -s r -l im4r -d 'Restore information (IM4R) for the IMG4' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand make" -l nonce -d 'Boot nonce\'s generator, such as 0x1111111111111111: makes the IM4R, alone or for the IMG4' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand make" -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand make" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand make" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand make" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand make" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand wrap" -s t -l type -l fourcc -d 'Type of the IM4P: four characters such as krnl, rkrn, dtre, rdsk, trst' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand wrap" -s d -l description -d 'Description of the IM4P' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand wrap" -s c -l compress -l compression -d 'Compress the payload' -r -f -a "none\t'Plain'
lzss\t'LZSS in a complzss frame, as kernelcaches up to iOS 12'
lzfse\t'LZFSE, as kernelcaches from iOS 13'"
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand wrap" -l monitor -l extra -d 'Image to stand behind the compressed kernel (the secure monitor of A7 to A9)' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand wrap" -s m -l im4m -l manifest -d 'Manifest (IM4M, SHSH, or the one in an IMG4): makes an IMG4' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand wrap" -s r -l im4r -d 'Restore information (IM4R) for the IMG4' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand wrap" -l nonce -d 'Boot nonce\'s generator, such as 0x1111111111111111: makes the IM4R, alone or for the IMG4' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand wrap" -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand wrap" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand wrap" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand wrap" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand wrap" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand retype" -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand retype" -s i -l in-place -d 'Change the file itself'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand retype" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand retype" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand retype" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand retype" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rename" -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rename" -s i -l in-place -d 'Change the file itself'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rename" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rename" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rename" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rename" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rewrap" -s t -l type -l fourcc -d 'Another type' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rewrap" -s d -l description -d 'Another description' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rewrap" -s p -l payload -l replace -d 'Another payload, put in as it is, or compressed if --compress is given' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rewrap" -s c -l compress -l compression -d 'Decompress the payload and compress it so' -r -f -a "none\t'Plain'
lzss\t'LZSS in a complzss frame, as kernelcaches up to iOS 12'
lzfse\t'LZFSE, as kernelcaches from iOS 13'"
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rewrap" -l monitor -l extra -d 'Another image behind the compressed kernel' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rewrap" -s k -l key -d 'Decrypt the payload for good, with IV and key as one run of hexadecimal digits, or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rewrap" -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rewrap" -l no-monitor -d 'Take the image behind the compressed kernel away'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rewrap" -s i -l in-place -d 'Change the file itself; it is replaced when the new one is complete'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rewrap" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rewrap" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rewrap" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand rewrap" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand edit" -s t -l type -l fourcc -d 'Another type' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand edit" -s d -l description -d 'Another description' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand edit" -s p -l payload -l replace -d 'Another payload, put in as it is, or compressed if --compress is given' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand edit" -s c -l compress -l compression -d 'Decompress the payload and compress it so' -r -f -a "none\t'Plain'
lzss\t'LZSS in a complzss frame, as kernelcaches up to iOS 12'
lzfse\t'LZFSE, as kernelcaches from iOS 13'"
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand edit" -l monitor -l extra -d 'Another image behind the compressed kernel' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand edit" -s k -l key -d 'Decrypt the payload for good, with IV and key as one run of hexadecimal digits, or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand edit" -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand edit" -l no-monitor -d 'Take the image behind the compressed kernel away'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand edit" -s i -l in-place -d 'Change the file itself; it is replaced when the new one is complete'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand edit" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand edit" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand edit" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand edit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand recompress" -s t -l type -l fourcc -d 'Another type' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand recompress" -s d -l description -d 'Another description' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand recompress" -s p -l payload -l replace -d 'Another payload, put in as it is, or compressed if --compress is given' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand recompress" -s c -l compress -l compression -d 'Decompress the payload and compress it so' -r -f -a "none\t'Plain'
lzss\t'LZSS in a complzss frame, as kernelcaches up to iOS 12'
lzfse\t'LZFSE, as kernelcaches from iOS 13'"
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand recompress" -l monitor -l extra -d 'Another image behind the compressed kernel' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand recompress" -s k -l key -d 'Decrypt the payload for good, with IV and key as one run of hexadecimal digits, or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand recompress" -s o -l output -d 'Where to write; standard output if absent or \'-\'' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand recompress" -l no-monitor -d 'Take the image behind the compressed kernel away'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand recompress" -s i -l in-place -d 'Change the file itself; it is replaced when the new one is complete'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand recompress" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand recompress" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand recompress" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand recompress" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand split" -s o -l output -d 'Folder for all parts, made if missing: NAME.im4p, NAME.im4m, NAME.im4r' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand split" -s p -l im4p -d 'Write the payload\'s container to this file' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand split" -s m -l im4m -d 'Write the manifest to this file' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand split" -s r -l im4r -d 'Write the restore information to this file' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand split" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand split" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand split" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand split" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand unpack" -s o -l output -d 'Folder for all parts, made if missing: NAME.im4p, NAME.im4m, NAME.im4r' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand unpack" -s p -l im4p -d 'Write the payload\'s container to this file' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand unpack" -s m -l im4m -d 'Write the manifest to this file' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand unpack" -s r -l im4r -d 'Write the restore information to this file' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand unpack" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand unpack" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand unpack" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand unpack" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand diff" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand diff" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand diff" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand diff" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand diff" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand compare" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand compare" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand compare" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand compare" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand compare" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand cmp" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand cmp" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand cmp" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand cmp" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand cmp" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand verify" -l root -d 'Certificate to trust as a root, DER or PEM' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand verify" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand verify" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand verify" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand verify" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand verify" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand check" -l root -d 'Certificate to trust as a root, DER or PEM' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand check" -l json -d 'Print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand check" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand check" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand check" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand check" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand picture" -s o -l output -d 'Where to write the PNG; several pictures get numbers before the last dot. A folder takes NAME-1.png and so on' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand picture" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand picture" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand picture" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand picture" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand picture" -s l -l list -d 'List the pictures and write nothing'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand picture" -l json -d 'With --list: print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand picture" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand picture" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand picture" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand picture" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand png" -s o -l output -d 'Where to write the PNG; several pictures get numbers before the last dot. A folder takes NAME-1.png and so on' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand png" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand png" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand png" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand png" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand png" -s l -l list -d 'List the pictures and write nothing'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand png" -l json -d 'With --list: print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand png" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand png" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand png" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand png" -s h -l help -d 'Print help'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand logo" -s o -l output -d 'Where to write the PNG; several pictures get numbers before the last dot. A folder takes NAME-1.png and so on' -r -F
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand logo" -s k -l key -d 'Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand logo" -l iv -d 'IV of an encrypted payload, if --key holds the key alone' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand logo" -l arch -d 'Slice to take of a fat file with several, such as arm64e' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand logo" -l part -d 'Part of a packed boot image to work on; the kernel of its default configuration if absent' -r
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand logo" -s l -l list -d 'List the pictures and write nothing'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand logo" -l json -d 'With --list: print JSON'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand logo" -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand logo" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand logo" -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c kc-decompress -n "__fish_kc_decompress_using_subcommand logo" -s h -l help -d 'Print help'

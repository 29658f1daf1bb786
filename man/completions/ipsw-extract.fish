complete -c ipsw-extract -l diff -d 'Compare two IPSWs: builds, identities, components, files, kernel and kext versions, device trees; exit status 1 if they differ' -r -F
complete -c ipsw-extract -s j -l jobs -d 'How many files to read at once; 0 is as many as there are processors' -r
complete -c ipsw-extract -l dmg -d 'A disk image: fs (the system), rdisk (the restore ramdisk), app or sys (cryptexes)' -r -f -a "fs\t''
rdisk\t''
app\t''
sys\t''"
complete -c ipsw-extract -l pattern -d 'A pattern of paths, as if it were named' -r
complete -c ipsw-extract -s o -l output -d 'Folder to write the files into, made if missing; with --pack, the file to write. \'-\' is standard output' -r -F
complete -c ipsw-extract -l device -d 'Product type, such as iPhone10,3' -r
complete -c ipsw-extract -l board -d 'Board, such as d22ap or d22' -r
complete -c ipsw-extract -l variant -l identity -d 'Erase (the default), Update, Recovery or other words of the variant; or the number of the identity' -r
complete -c ipsw-extract -l append -l bootargs -d 'Boot arguments to put into the packed image' -r
complete -c ipsw-extract -s M -l machine -d 'Machine to put into the packed image, as \'xnu-run -M\' takes it' -r
complete -c ipsw-extract -l remote -d 'The IPSW\'s http(s) URL, of which only what is needed is read; IPSW is then the first NAME' -r
complete -c ipsw-extract -l header -d 'Header to send to the server, such as \'Authorization: Bearer ...\'' -r
complete -c ipsw-extract -l retries -d 'How often in a row to ask a server again when it fails or the connection is lost' -r
complete -c ipsw-extract -l completions -d 'Print a completion script for the shell and exit' -r -f -a "bash\t''
elvish\t''
fish\t''
powershell\t''
zsh\t''"
complete -c ipsw-extract -s l -l list -d 'List builds, devices, identities and components'
complete -c ipsw-extract -l files -d 'List all files of the archive, too'
complete -c ipsw-extract -l json -d 'List as JSON'
complete -c ipsw-extract -l verify -d 'Read every file: compare its CRC-32 and size, and all of BuildManifest\'s digests for it; NAMEs are patterns of paths'
complete -c ipsw-extract -l why -d 'Say what the archive and what is wanted of it were recognised as, layer by layer, and what is in the way'
complete -c ipsw-extract -l kernel -d 'The kernelcache, as if KernelCache were named'
complete -c ipsw-extract -l dtree -d 'The device tree'
complete -c ipsw-extract -l iboot -d 'The boot loaders (iBoot, iBEC, iBSS, LLB)'
complete -c ipsw-extract -l sep -d 'The secure enclave\'s firmware'
complete -c ipsw-extract -l check -d 'Compare every component\'s file with BuildManifest\'s digest; write nothing'
complete -c ipsw-extract -l flat -d 'Leave out the folders of the archive: all files directly into the output folder'
complete -c ipsw-extract -l pack -d 'Write the boot set as a packed image, with the components named added to it. This is what happens anyway when neither names nor -o are given'
complete -c ipsw-extract -s n -l dry-run -d 'Only say what would be written'
complete -c ipsw-extract -l all-variants -d 'Pack one configuration for each way to install'
complete -c ipsw-extract -l no-verify -d 'Do not compare files with BuildManifest\'s digests (CRC-32 and sizes are always compared)'
complete -c ipsw-extract -l allow-full-download -d 'If the server sends no parts of files, take all of it, in order'
complete -c ipsw-extract -s v -l verbose -d 'Say more on standard error: what was recognised, each edit with its reason. Twice says more'
complete -c ipsw-extract -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c ipsw-extract -l no-progress -d 'Draw no progress bar even on a terminal'
complete -c ipsw-extract -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ipsw-extract -s V -l version -d 'Print version'

# SPDX-License-Identifier: GPL-2.0-or-later
# Made by scripts/shell_files.py: edit what it reads.
# Whether the command, or the command and the one inside it, is this; the main job has no name.
function __elfsyms_is
    set -l words (commandline -opc)[2..]
    set -l command build
    if contains -- "$words[1]" build explain ledger rules list decode verify diff check symbolize stats reserve fill report export atlas kbuild releases
        set command $words[1]
        if contains -- $command kbuild; and set -q words[2]
            set command "$command $words[2]"
        end
    end
    test "$command" = "$argv"
end

function __elfsyms_symbols
    for word in (commandline -opc)[2..]
        if test -f $word
            elfsyms --symbol-names $word (commandline -ct) 2>/dev/null
            return
        end
    end
end

complete -c elfsyms -n '__fish_is_first_token' -a build -d 'Write the tables of a kernel: the main job, also without this name.'
complete -c elfsyms -n '__fish_is_first_token' -a explain -d 'Say why a symbol is in the tables, or is not.'
complete -c elfsyms -n '__fish_is_first_token' -a ledger -d 'Account for every entry of .symtab, by the rule that dropped it.'
complete -c elfsyms -n '__fish_is_first_token' -a rules -d 'Show the rules by which symbols are dropped.'
complete -c elfsyms -n '__fish_is_first_token' -a list -d 'Show what /proc/kallsyms will show.'
complete -c elfsyms -n '__fish_is_first_token' -a decode -d 'Read tables back from a kernel, an object or a dump.'
complete -c elfsyms -n '__fish_is_first_token' -a verify -d 'Compare the tables inside a kernel with its symbol table.'
complete -c elfsyms -n '__fish_is_first_token' -a diff -d 'Say what changed between two link passes or two kernels.'
complete -c elfsyms -n '__fish_is_first_token' -a check -d 'Say whether a kernel has the names that a tool relies on.'
complete -c elfsyms -n '__fish_is_first_token' -a symbolize -d 'Say what the addresses in a kernel\'s log are: a filter.'
complete -c elfsyms -n '__fish_is_first_token' -a stats -d 'Show what the tables cost, by table, option and token.'
complete -c elfsyms -n '__fish_is_first_token' -a reserve -d 'Make room for the tables, before the only link.'
complete -c elfsyms -n '__fish_is_first_token' -a fill -d 'Write the tables into that room, after the link.'
complete -c elfsyms -n '__fish_is_first_token' -a report -d 'Write one page about a kernel, or about what changed between two.'
complete -c elfsyms -n '__fish_is_first_token' -a export -d 'Write the symbols of kernels into an atlas (Parquet).'
complete -c elfsyms -n '__fish_is_first_token' -a atlas -d 'Say in which kernels of an atlas a name is, and since when not.'
complete -c elfsyms -n '__fish_is_first_token' -a kbuild -d 'Put elfsyms into a kernel\'s own build, or take it out.'
complete -c elfsyms -n '__fish_is_first_token' -a releases -d 'Show what each release\'s tables look like, and since when.'
complete -c elfsyms -n '__elfsyms_is kbuild' -a install -d 'Put the hook into a tree: one file, and one line in scripts/link-vmlinux.sh.'
complete -c elfsyms -n '__elfsyms_is kbuild' -a status -d 'Say whether the hook is in a tree, and whether it fits.'
complete -c elfsyms -n '__elfsyms_is kbuild' -a remove -d 'Take the hook out: the tree is as before, to the byte.'
complete -c elfsyms -n '__elfsyms_is build' -l output -s o -r -F -d 'An object (.o) or assembly (.S); - prints.'
complete -c elfsyms -n '__elfsyms_is build' -l format -r -F -d 'What to write, whatever OUT ends in.'
complete -c elfsyms -n '__elfsyms_is build' -l system-map -r -F -d 'Write System.map in the same pass.'
complete -c elfsyms -n '__elfsyms_is build' -l empty -d 'The table of no symbols, for the first link; FILE lends its ABI.'
complete -c elfsyms -n '__elfsyms_is build' -l cache -x -a '(__fish_complete_directories)' -d 'Remember names from one link pass to the next.'
complete -c elfsyms -n '__elfsyms_is build' -l stats -d 'Say what each table takes.'
complete -c elfsyms -n '__elfsyms_is build' -l verbose -s v -d 'Say what was found in the file, and from what.'
complete -c elfsyms -n '__elfsyms_is build' -l quiet -s q -d 'Say nothing but warnings and errors.'
complete -c elfsyms -n '__elfsyms_is build' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is build' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is build' -l all-symbols -d 'Keep data symbols too.'
complete -c elfsyms -n '__elfsyms_is build' -l no-all-symbols
complete -c elfsyms -n '__elfsyms_is build' -l absolute-percpu -d 'Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).'
complete -c elfsyms -n '__elfsyms_is build' -l no-absolute-percpu
complete -c elfsyms -n '__elfsyms_is build' -l base-relative -d '32-bit offsets from a base (4.6 to 6.10).'
complete -c elfsyms -n '__elfsyms_is build' -l no-base-relative
complete -c elfsyms -n '__elfsyms_is build' -l pc-relative -d 'Offsets that count from each entry itself (7.0 on).'
complete -c elfsyms -n '__elfsyms_is build' -l no-pc-relative
complete -c elfsyms -n '__elfsyms_is build' -l lto-clang -d 'Sort names without LTO\'s suffix.'
complete -c elfsyms -n '__elfsyms_is build' -l no-lto-clang
complete -c elfsyms -n '__elfsyms_is build' -l uncompressed -d 'Leave names as they are (OpenWrt\'s trees).'
complete -c elfsyms -n '__elfsyms_is build' -l no-uncompressed
complete -c elfsyms -n '__elfsyms_is build' -l exclude-tables -d 'Leave the tables\' own labels out of the map (6.4 to 6.9).'
complete -c elfsyms -n '__elfsyms_is build' -l no-exclude-tables
complete -c elfsyms -n '__elfsyms_is build' -l symbol-prefix -r -F -d 'Character before every C name.'
complete -c elfsyms -n '__elfsyms_is build' -l page-offset -x -d 'Drop what lies below (ARM).'
complete -c elfsyms -n '__elfsyms_is build' -l nm -x -a 'gnu llvm' -d 'Whose nm lists the symbols; llvm-19 or a program\'s name will do.'
complete -c elfsyms -n '__elfsyms_is build' -l config -r -F -d 'Options from a .config or auto.conf.'
complete -c elfsyms -n '__elfsyms_is build' -l tree -x -a '(__fish_complete_directories)' -d 'Release and rules from a kernel tree\'s own scripts.'
complete -c elfsyms -n '__elfsyms_is build' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is explain' -l from -r -F -d 'A file of what to explain, one a line; - is standard input.'
complete -c elfsyms -n '__elfsyms_is explain' -l kaslr -x -d 'How far the running kernel was moved: hexadecimal, or dmesg\'s line \'Kernel Offset: ...\'.'
complete -c elfsyms -n '__elfsyms_is explain' -l bytes -d 'Work out bytes and tokens, where no tables inside the file tell: takes half a second.'
complete -c elfsyms -n '__elfsyms_is explain' -l source -d 'Say where a function is defined and inlined, by DWARF; not given: of up to three questions.'
complete -c elfsyms -n '__elfsyms_is explain' -l no-source
complete -c elfsyms -n '__elfsyms_is explain' -l modules -r -F -d 'Modules whose names count as well: .ko files, packed or not, or a folder of them; repeat.'
complete -c elfsyms -n '__elfsyms_is explain' -l map -r -F -d 'The System.map of a kernel without symbols: what its build knew of it.'
complete -c elfsyms -n '__elfsyms_is explain' -l verbose -s v -d 'Show each stage\'s evidence, the position in the tables, and what was found.'
complete -c elfsyms -n '__elfsyms_is explain' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is explain' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is explain' -l all-symbols -d 'Keep data symbols too.'
complete -c elfsyms -n '__elfsyms_is explain' -l no-all-symbols
complete -c elfsyms -n '__elfsyms_is explain' -l absolute-percpu -d 'Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).'
complete -c elfsyms -n '__elfsyms_is explain' -l no-absolute-percpu
complete -c elfsyms -n '__elfsyms_is explain' -l base-relative -d '32-bit offsets from a base (4.6 to 6.10).'
complete -c elfsyms -n '__elfsyms_is explain' -l no-base-relative
complete -c elfsyms -n '__elfsyms_is explain' -l pc-relative -d 'Offsets that count from each entry itself (7.0 on).'
complete -c elfsyms -n '__elfsyms_is explain' -l no-pc-relative
complete -c elfsyms -n '__elfsyms_is explain' -l lto-clang -d 'Sort names without LTO\'s suffix.'
complete -c elfsyms -n '__elfsyms_is explain' -l no-lto-clang
complete -c elfsyms -n '__elfsyms_is explain' -l uncompressed -d 'Leave names as they are (OpenWrt\'s trees).'
complete -c elfsyms -n '__elfsyms_is explain' -l no-uncompressed
complete -c elfsyms -n '__elfsyms_is explain' -l exclude-tables -d 'Leave the tables\' own labels out of the map (6.4 to 6.9).'
complete -c elfsyms -n '__elfsyms_is explain' -l no-exclude-tables
complete -c elfsyms -n '__elfsyms_is explain' -l symbol-prefix -r -F -d 'Character before every C name.'
complete -c elfsyms -n '__elfsyms_is explain' -l page-offset -x -d 'Drop what lies below (ARM).'
complete -c elfsyms -n '__elfsyms_is explain' -l nm -x -a 'gnu llvm' -d 'Whose nm lists the symbols; llvm-19 or a program\'s name will do.'
complete -c elfsyms -n '__elfsyms_is explain' -l config -r -F -d 'Options from a .config or auto.conf.'
complete -c elfsyms -n '__elfsyms_is explain' -l tree -x -a '(__fish_complete_directories)' -d 'Release and rules from a kernel tree\'s own scripts.'
complete -c elfsyms -n '__elfsyms_is explain' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is explain' -a '(__elfsyms_symbols)'
complete -c elfsyms -n '__elfsyms_is ledger' -l by -x -d 'Count by rule, section, letter or class.'
complete -c elfsyms -n '__elfsyms_is ledger' -l rule -x -d 'List the symbols behind a row: KS201, kept, or a remark.'
complete -c elfsyms -n '__elfsyms_is ledger' -l map -r -F -d 'The System.map of a kernel without symbols: what its build knew of it.'
complete -c elfsyms -n '__elfsyms_is ledger' -l verbose -s v -d 'Say what was found in the file, and from what.'
complete -c elfsyms -n '__elfsyms_is ledger' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is ledger' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is ledger' -l all-symbols -d 'Keep data symbols too.'
complete -c elfsyms -n '__elfsyms_is ledger' -l no-all-symbols
complete -c elfsyms -n '__elfsyms_is ledger' -l absolute-percpu -d 'Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).'
complete -c elfsyms -n '__elfsyms_is ledger' -l no-absolute-percpu
complete -c elfsyms -n '__elfsyms_is ledger' -l base-relative -d '32-bit offsets from a base (4.6 to 6.10).'
complete -c elfsyms -n '__elfsyms_is ledger' -l no-base-relative
complete -c elfsyms -n '__elfsyms_is ledger' -l pc-relative -d 'Offsets that count from each entry itself (7.0 on).'
complete -c elfsyms -n '__elfsyms_is ledger' -l no-pc-relative
complete -c elfsyms -n '__elfsyms_is ledger' -l lto-clang -d 'Sort names without LTO\'s suffix.'
complete -c elfsyms -n '__elfsyms_is ledger' -l no-lto-clang
complete -c elfsyms -n '__elfsyms_is ledger' -l uncompressed -d 'Leave names as they are (OpenWrt\'s trees).'
complete -c elfsyms -n '__elfsyms_is ledger' -l no-uncompressed
complete -c elfsyms -n '__elfsyms_is ledger' -l exclude-tables -d 'Leave the tables\' own labels out of the map (6.4 to 6.9).'
complete -c elfsyms -n '__elfsyms_is ledger' -l no-exclude-tables
complete -c elfsyms -n '__elfsyms_is ledger' -l symbol-prefix -r -F -d 'Character before every C name.'
complete -c elfsyms -n '__elfsyms_is ledger' -l page-offset -x -d 'Drop what lies below (ARM).'
complete -c elfsyms -n '__elfsyms_is ledger' -l nm -x -a 'gnu llvm' -d 'Whose nm lists the symbols; llvm-19 or a program\'s name will do.'
complete -c elfsyms -n '__elfsyms_is ledger' -l config -r -F -d 'Options from a .config or auto.conf.'
complete -c elfsyms -n '__elfsyms_is ledger' -l tree -x -a '(__fish_complete_directories)' -d 'Release and rules from a kernel tree\'s own scripts.'
complete -c elfsyms -n '__elfsyms_is ledger' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is rules' -l release -x -d 'Only what is in force in this kernel release.'
complete -c elfsyms -n '__elfsyms_is rules' -l stage -x -d 'Only one stage: nm, map, read, valid, range; or ftrace, kprobe ...'
complete -c elfsyms -n '__elfsyms_is rules' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is rules' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is list' -l kaslr -x -d 'How far the kernel was moved: hexadecimal, or dmesg\'s line \'Kernel Offset: ...\'.'
complete -c elfsyms -n '__elfsyms_is list' -l filter -x -a '(__elfsyms_symbols)' -d 'Only names that match, as \'tcp_*\'.'
complete -c elfsyms -n '__elfsyms_is list' -l regex -x -d 'Only names in which a regular expression is found.'
complete -c elfsyms -n '__elfsyms_is list' -l from -r -F -d 'Only names that a file lists, one a line; - is standard input.'
complete -c elfsyms -n '__elfsyms_is list' -l duplicates -d 'Only names that several symbols have, each with its object.'
complete -c elfsyms -n '__elfsyms_is list' -l modules -r -F -d 'Modules whose names count as well: .ko files, packed or not, or a folder of them; repeat.'
complete -c elfsyms -n '__elfsyms_is list' -l where -x -d 'Only symbols whose column is or matches that, != for not: ftrace=no, kprobe=TR302, section=.init*.'
complete -c elfsyms -n '__elfsyms_is list' -l columns -r -F -d 'Which columns: for --json, --csv and --tsv.'
complete -c elfsyms -n '__elfsyms_is list' -l format -x -a 'proc system-map' -d '/proc/kallsyms, or System.map.'
complete -c elfsyms -n '__elfsyms_is list' -l csv -d 'Print comma-separated values, a head first.'
complete -c elfsyms -n '__elfsyms_is list' -l tsv -d 'Print tab-separated values, a head first.'
complete -c elfsyms -n '__elfsyms_is list' -l map -r -F -d 'The System.map of a kernel without symbols: what its build knew of it.'
complete -c elfsyms -n '__elfsyms_is list' -l verbose -s v -d 'Say what was found in the file, and from what.'
complete -c elfsyms -n '__elfsyms_is list' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is list' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is list' -l all-symbols -d 'Keep data symbols too.'
complete -c elfsyms -n '__elfsyms_is list' -l no-all-symbols
complete -c elfsyms -n '__elfsyms_is list' -l absolute-percpu -d 'Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).'
complete -c elfsyms -n '__elfsyms_is list' -l no-absolute-percpu
complete -c elfsyms -n '__elfsyms_is list' -l base-relative -d '32-bit offsets from a base (4.6 to 6.10).'
complete -c elfsyms -n '__elfsyms_is list' -l no-base-relative
complete -c elfsyms -n '__elfsyms_is list' -l pc-relative -d 'Offsets that count from each entry itself (7.0 on).'
complete -c elfsyms -n '__elfsyms_is list' -l no-pc-relative
complete -c elfsyms -n '__elfsyms_is list' -l lto-clang -d 'Sort names without LTO\'s suffix.'
complete -c elfsyms -n '__elfsyms_is list' -l no-lto-clang
complete -c elfsyms -n '__elfsyms_is list' -l uncompressed -d 'Leave names as they are (OpenWrt\'s trees).'
complete -c elfsyms -n '__elfsyms_is list' -l no-uncompressed
complete -c elfsyms -n '__elfsyms_is list' -l exclude-tables -d 'Leave the tables\' own labels out of the map (6.4 to 6.9).'
complete -c elfsyms -n '__elfsyms_is list' -l no-exclude-tables
complete -c elfsyms -n '__elfsyms_is list' -l symbol-prefix -r -F -d 'Character before every C name.'
complete -c elfsyms -n '__elfsyms_is list' -l page-offset -x -d 'Drop what lies below (ARM).'
complete -c elfsyms -n '__elfsyms_is list' -l nm -x -a 'gnu llvm' -d 'Whose nm lists the symbols; llvm-19 or a program\'s name will do.'
complete -c elfsyms -n '__elfsyms_is list' -l config -r -F -d 'Options from a .config or auto.conf.'
complete -c elfsyms -n '__elfsyms_is list' -l tree -x -a '(__fish_complete_directories)' -d 'Release and rules from a kernel tree\'s own scripts.'
complete -c elfsyms -n '__elfsyms_is list' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is decode' -l address -x -d 'Where a table lies, as num_syms=ffffffff82000000.'
complete -c elfsyms -n '__elfsyms_is decode' -l text -x -d 'The address of _text, for an object.'
complete -c elfsyms -n '__elfsyms_is decode' -l dump-at -x -d 'FILE is raw memory from this address on.'
complete -c elfsyms -n '__elfsyms_is decode' -l like -r -F -d 'A file of the dump\'s class and byte order.'
complete -c elfsyms -n '__elfsyms_is decode' -l elf -r -F -d 'Write a vmlinux: the image\'s bytes, and its symbols.'
complete -c elfsyms -n '__elfsyms_is decode' -l kaslr -x -d 'With --elf: how far to move the kernel, as for list.'
complete -c elfsyms -n '__elfsyms_is decode' -l verbose -s v -d 'Say what was found in the file, and from what.'
complete -c elfsyms -n '__elfsyms_is decode' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is decode' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is decode' -l base-relative -d '32-bit offsets from a base (4.6 to 6.10).'
complete -c elfsyms -n '__elfsyms_is decode' -l no-base-relative
complete -c elfsyms -n '__elfsyms_is decode' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is verify' -l proc-kallsyms -r -F -d 'Compare a running kernel\'s text instead.'
complete -c elfsyms -n '__elfsyms_is verify' -l exact -d 'Compare the bytes of the tables too, with those made anew.'
complete -c elfsyms -n '__elfsyms_is verify' -l all -d 'Show every symbol, not examples.'
complete -c elfsyms -n '__elfsyms_is verify' -l map -r -F -d 'The System.map of a kernel without symbols: what its build knew of it.'
complete -c elfsyms -n '__elfsyms_is verify' -l verbose -s v -d 'Say what was found in the file, and from what.'
complete -c elfsyms -n '__elfsyms_is verify' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is verify' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is verify' -l all-symbols -d 'Keep data symbols too.'
complete -c elfsyms -n '__elfsyms_is verify' -l no-all-symbols
complete -c elfsyms -n '__elfsyms_is verify' -l absolute-percpu -d 'Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).'
complete -c elfsyms -n '__elfsyms_is verify' -l no-absolute-percpu
complete -c elfsyms -n '__elfsyms_is verify' -l base-relative -d '32-bit offsets from a base (4.6 to 6.10).'
complete -c elfsyms -n '__elfsyms_is verify' -l no-base-relative
complete -c elfsyms -n '__elfsyms_is verify' -l pc-relative -d 'Offsets that count from each entry itself (7.0 on).'
complete -c elfsyms -n '__elfsyms_is verify' -l no-pc-relative
complete -c elfsyms -n '__elfsyms_is verify' -l lto-clang -d 'Sort names without LTO\'s suffix.'
complete -c elfsyms -n '__elfsyms_is verify' -l no-lto-clang
complete -c elfsyms -n '__elfsyms_is verify' -l uncompressed -d 'Leave names as they are (OpenWrt\'s trees).'
complete -c elfsyms -n '__elfsyms_is verify' -l no-uncompressed
complete -c elfsyms -n '__elfsyms_is verify' -l exclude-tables -d 'Leave the tables\' own labels out of the map (6.4 to 6.9).'
complete -c elfsyms -n '__elfsyms_is verify' -l no-exclude-tables
complete -c elfsyms -n '__elfsyms_is verify' -l symbol-prefix -r -F -d 'Character before every C name.'
complete -c elfsyms -n '__elfsyms_is verify' -l page-offset -x -d 'Drop what lies below (ARM).'
complete -c elfsyms -n '__elfsyms_is verify' -l nm -x -a 'gnu llvm' -d 'Whose nm lists the symbols; llvm-19 or a program\'s name will do.'
complete -c elfsyms -n '__elfsyms_is verify' -l config -r -F -d 'Options from a .config or auto.conf.'
complete -c elfsyms -n '__elfsyms_is verify' -l tree -x -a '(__fish_complete_directories)' -d 'Release and rules from a kernel tree\'s own scripts.'
complete -c elfsyms -n '__elfsyms_is verify' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is diff' -l passes -d 'Link passes of one build, or two kernels (found, where not given).'
complete -c elfsyms -n '__elfsyms_is diff' -l kernels
complete -c elfsyms -n '__elfsyms_is diff' -l all -d 'Show every symbol, not examples.'
complete -c elfsyms -n '__elfsyms_is diff' -l filter -x -a '(__elfsyms_symbols)' -d 'Only symbols whose name matches, as \'tcp_*\'.'
complete -c elfsyms -n '__elfsyms_is diff' -l lines -d 'One line a symbol: + NAME, - NAME, ~ OLD NEW; functions, then data.'
complete -c elfsyms -n '__elfsyms_is diff' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is diff' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is diff' -l all-symbols -d 'Keep data symbols too.'
complete -c elfsyms -n '__elfsyms_is diff' -l no-all-symbols
complete -c elfsyms -n '__elfsyms_is diff' -l config -r -F -d 'Options from a .config or auto.conf.'
complete -c elfsyms -n '__elfsyms_is diff' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is check' -l needs -r -F -d 'Names, one a line: _text, kprobe:schedule, fentry:..., ftrace:..., livepatch:...; - is standard input.'
complete -c elfsyms -n '__elfsyms_is check' -l verbose -s v -d 'Say what was found in the file, and from what.'
complete -c elfsyms -n '__elfsyms_is check' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is check' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is check' -l all-symbols -d 'Keep data symbols too.'
complete -c elfsyms -n '__elfsyms_is check' -l no-all-symbols
complete -c elfsyms -n '__elfsyms_is check' -l absolute-percpu -d 'Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).'
complete -c elfsyms -n '__elfsyms_is check' -l no-absolute-percpu
complete -c elfsyms -n '__elfsyms_is check' -l base-relative -d '32-bit offsets from a base (4.6 to 6.10).'
complete -c elfsyms -n '__elfsyms_is check' -l no-base-relative
complete -c elfsyms -n '__elfsyms_is check' -l pc-relative -d 'Offsets that count from each entry itself (7.0 on).'
complete -c elfsyms -n '__elfsyms_is check' -l no-pc-relative
complete -c elfsyms -n '__elfsyms_is check' -l lto-clang -d 'Sort names without LTO\'s suffix.'
complete -c elfsyms -n '__elfsyms_is check' -l no-lto-clang
complete -c elfsyms -n '__elfsyms_is check' -l uncompressed -d 'Leave names as they are (OpenWrt\'s trees).'
complete -c elfsyms -n '__elfsyms_is check' -l no-uncompressed
complete -c elfsyms -n '__elfsyms_is check' -l exclude-tables -d 'Leave the tables\' own labels out of the map (6.4 to 6.9).'
complete -c elfsyms -n '__elfsyms_is check' -l no-exclude-tables
complete -c elfsyms -n '__elfsyms_is check' -l symbol-prefix -r -F -d 'Character before every C name.'
complete -c elfsyms -n '__elfsyms_is check' -l page-offset -x -d 'Drop what lies below (ARM).'
complete -c elfsyms -n '__elfsyms_is check' -l nm -x -a 'gnu llvm' -d 'Whose nm lists the symbols; llvm-19 or a program\'s name will do.'
complete -c elfsyms -n '__elfsyms_is check' -l config -r -F -d 'Options from a .config or auto.conf.'
complete -c elfsyms -n '__elfsyms_is check' -l tree -x -a '(__fish_complete_directories)' -d 'Release and rules from a kernel tree\'s own scripts.'
complete -c elfsyms -n '__elfsyms_is check' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is symbolize' -l modules -r -F -d 'The modules of the log: .ko files, packed or not, or a folder of them; repeat.'
complete -c elfsyms -n '__elfsyms_is symbolize' -l kaslr -x -d 'How far the kernel was moved, as for list; else the log tells.'
complete -c elfsyms -n '__elfsyms_is symbolize' -l lines -d 'Name source lines, where there is debug information.'
complete -c elfsyms -n '__elfsyms_is symbolize' -l no-lines
complete -c elfsyms -n '__elfsyms_is symbolize' -l verbose -s v -d 'Say what was found in the file, and from what.'
complete -c elfsyms -n '__elfsyms_is symbolize' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is symbolize' -l all-symbols -d 'Keep data symbols too.'
complete -c elfsyms -n '__elfsyms_is symbolize' -l no-all-symbols
complete -c elfsyms -n '__elfsyms_is symbolize' -l absolute-percpu -d 'Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).'
complete -c elfsyms -n '__elfsyms_is symbolize' -l no-absolute-percpu
complete -c elfsyms -n '__elfsyms_is symbolize' -l base-relative -d '32-bit offsets from a base (4.6 to 6.10).'
complete -c elfsyms -n '__elfsyms_is symbolize' -l no-base-relative
complete -c elfsyms -n '__elfsyms_is symbolize' -l pc-relative -d 'Offsets that count from each entry itself (7.0 on).'
complete -c elfsyms -n '__elfsyms_is symbolize' -l no-pc-relative
complete -c elfsyms -n '__elfsyms_is symbolize' -l lto-clang -d 'Sort names without LTO\'s suffix.'
complete -c elfsyms -n '__elfsyms_is symbolize' -l no-lto-clang
complete -c elfsyms -n '__elfsyms_is symbolize' -l uncompressed -d 'Leave names as they are (OpenWrt\'s trees).'
complete -c elfsyms -n '__elfsyms_is symbolize' -l no-uncompressed
complete -c elfsyms -n '__elfsyms_is symbolize' -l exclude-tables -d 'Leave the tables\' own labels out of the map (6.4 to 6.9).'
complete -c elfsyms -n '__elfsyms_is symbolize' -l no-exclude-tables
complete -c elfsyms -n '__elfsyms_is symbolize' -l symbol-prefix -r -F -d 'Character before every C name.'
complete -c elfsyms -n '__elfsyms_is symbolize' -l page-offset -x -d 'Drop what lies below (ARM).'
complete -c elfsyms -n '__elfsyms_is symbolize' -l nm -x -a 'gnu llvm' -d 'Whose nm lists the symbols; llvm-19 or a program\'s name will do.'
complete -c elfsyms -n '__elfsyms_is symbolize' -l config -r -F -d 'Options from a .config or auto.conf.'
complete -c elfsyms -n '__elfsyms_is symbolize' -l tree -x -a '(__fish_complete_directories)' -d 'Release and rules from a kernel tree\'s own scripts.'
complete -c elfsyms -n '__elfsyms_is symbolize' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is stats' -l packed -d 'Compress the tables too, as kernel images are: takes seconds.'
complete -c elfsyms -n '__elfsyms_is stats' -l all -d 'Show every token.'
complete -c elfsyms -n '__elfsyms_is stats' -l map -r -F -d 'The System.map of a kernel without symbols: what its build knew of it.'
complete -c elfsyms -n '__elfsyms_is stats' -l verbose -s v -d 'Say what was found in the file, and from what.'
complete -c elfsyms -n '__elfsyms_is stats' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is stats' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is stats' -l all-symbols -d 'Keep data symbols too.'
complete -c elfsyms -n '__elfsyms_is stats' -l no-all-symbols
complete -c elfsyms -n '__elfsyms_is stats' -l absolute-percpu -d 'Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).'
complete -c elfsyms -n '__elfsyms_is stats' -l no-absolute-percpu
complete -c elfsyms -n '__elfsyms_is stats' -l base-relative -d '32-bit offsets from a base (4.6 to 6.10).'
complete -c elfsyms -n '__elfsyms_is stats' -l no-base-relative
complete -c elfsyms -n '__elfsyms_is stats' -l pc-relative -d 'Offsets that count from each entry itself (7.0 on).'
complete -c elfsyms -n '__elfsyms_is stats' -l no-pc-relative
complete -c elfsyms -n '__elfsyms_is stats' -l lto-clang -d 'Sort names without LTO\'s suffix.'
complete -c elfsyms -n '__elfsyms_is stats' -l no-lto-clang
complete -c elfsyms -n '__elfsyms_is stats' -l uncompressed -d 'Leave names as they are (OpenWrt\'s trees).'
complete -c elfsyms -n '__elfsyms_is stats' -l no-uncompressed
complete -c elfsyms -n '__elfsyms_is stats' -l exclude-tables -d 'Leave the tables\' own labels out of the map (6.4 to 6.9).'
complete -c elfsyms -n '__elfsyms_is stats' -l no-exclude-tables
complete -c elfsyms -n '__elfsyms_is stats' -l symbol-prefix -r -F -d 'Character before every C name.'
complete -c elfsyms -n '__elfsyms_is stats' -l page-offset -x -d 'Drop what lies below (ARM).'
complete -c elfsyms -n '__elfsyms_is stats' -l nm -x -a 'gnu llvm' -d 'Whose nm lists the symbols; llvm-19 or a program\'s name will do.'
complete -c elfsyms -n '__elfsyms_is stats' -l config -r -F -d 'Options from a .config or auto.conf.'
complete -c elfsyms -n '__elfsyms_is stats' -l tree -x -a '(__fish_complete_directories)' -d 'Release and rules from a kernel tree\'s own scripts.'
complete -c elfsyms -n '__elfsyms_is stats' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is reserve' -l if-known -d 'Where no sizes are remembered, say nothing, and leave with 1.'
complete -c elfsyms -n '__elfsyms_is reserve' -l output -s o -r -F -d 'The object to write.'
complete -c elfsyms -n '__elfsyms_is reserve' -l slack -x -d 'Reserve more, for symbols to come.'
complete -c elfsyms -n '__elfsyms_is reserve' -l cache -x -a '(__fish_complete_directories)' -d 'Remember names and sizes from one link to the next.'
complete -c elfsyms -n '__elfsyms_is reserve' -l link -r -F -d 'What the link depends on besides release and configuration: the sizes are remembered under it.'
complete -c elfsyms -n '__elfsyms_is reserve' -l quiet -s q -d 'Say nothing but warnings and errors.'
complete -c elfsyms -n '__elfsyms_is reserve' -l verbose -s v -d 'Say what was found in the file, and from what.'
complete -c elfsyms -n '__elfsyms_is reserve' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is reserve' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is reserve' -l all-symbols -d 'Keep data symbols too.'
complete -c elfsyms -n '__elfsyms_is reserve' -l no-all-symbols
complete -c elfsyms -n '__elfsyms_is reserve' -l absolute-percpu -d 'Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).'
complete -c elfsyms -n '__elfsyms_is reserve' -l no-absolute-percpu
complete -c elfsyms -n '__elfsyms_is reserve' -l base-relative -d '32-bit offsets from a base (4.6 to 6.10).'
complete -c elfsyms -n '__elfsyms_is reserve' -l no-base-relative
complete -c elfsyms -n '__elfsyms_is reserve' -l pc-relative -d 'Offsets that count from each entry itself (7.0 on).'
complete -c elfsyms -n '__elfsyms_is reserve' -l no-pc-relative
complete -c elfsyms -n '__elfsyms_is reserve' -l lto-clang -d 'Sort names without LTO\'s suffix.'
complete -c elfsyms -n '__elfsyms_is reserve' -l no-lto-clang
complete -c elfsyms -n '__elfsyms_is reserve' -l uncompressed -d 'Leave names as they are (OpenWrt\'s trees).'
complete -c elfsyms -n '__elfsyms_is reserve' -l no-uncompressed
complete -c elfsyms -n '__elfsyms_is reserve' -l exclude-tables -d 'Leave the tables\' own labels out of the map (6.4 to 6.9).'
complete -c elfsyms -n '__elfsyms_is reserve' -l no-exclude-tables
complete -c elfsyms -n '__elfsyms_is reserve' -l symbol-prefix -r -F -d 'Character before every C name.'
complete -c elfsyms -n '__elfsyms_is reserve' -l page-offset -x -d 'Drop what lies below (ARM).'
complete -c elfsyms -n '__elfsyms_is reserve' -l nm -x -a 'gnu llvm' -d 'Whose nm lists the symbols; llvm-19 or a program\'s name will do.'
complete -c elfsyms -n '__elfsyms_is reserve' -l config -r -F -d 'Options from a .config or auto.conf.'
complete -c elfsyms -n '__elfsyms_is reserve' -l tree -x -a '(__fish_complete_directories)' -d 'Release and rules from a kernel tree\'s own scripts.'
complete -c elfsyms -n '__elfsyms_is reserve' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is fill' -l system-map -r -F -d 'Write System.map in the same pass.'
complete -c elfsyms -n '__elfsyms_is fill' -l or-reserve -r -F -d 'Where the room does not fit, write an object that does.'
complete -c elfsyms -n '__elfsyms_is fill' -l slack -x -d 'Reserve more, for symbols to come.'
complete -c elfsyms -n '__elfsyms_is fill' -l cache -x -a '(__fish_complete_directories)' -d 'Remember names and sizes from one link to the next.'
complete -c elfsyms -n '__elfsyms_is fill' -l link -r -F -d 'What the link depends on besides release and configuration: the sizes are remembered under it.'
complete -c elfsyms -n '__elfsyms_is fill' -l quiet -s q -d 'Say nothing but warnings and errors.'
complete -c elfsyms -n '__elfsyms_is fill' -l verbose -s v -d 'Say what was found in the file, and from what.'
complete -c elfsyms -n '__elfsyms_is fill' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is fill' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is fill' -l all-symbols -d 'Keep data symbols too.'
complete -c elfsyms -n '__elfsyms_is fill' -l no-all-symbols
complete -c elfsyms -n '__elfsyms_is fill' -l absolute-percpu -d 'Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).'
complete -c elfsyms -n '__elfsyms_is fill' -l no-absolute-percpu
complete -c elfsyms -n '__elfsyms_is fill' -l base-relative -d '32-bit offsets from a base (4.6 to 6.10).'
complete -c elfsyms -n '__elfsyms_is fill' -l no-base-relative
complete -c elfsyms -n '__elfsyms_is fill' -l pc-relative -d 'Offsets that count from each entry itself (7.0 on).'
complete -c elfsyms -n '__elfsyms_is fill' -l no-pc-relative
complete -c elfsyms -n '__elfsyms_is fill' -l lto-clang -d 'Sort names without LTO\'s suffix.'
complete -c elfsyms -n '__elfsyms_is fill' -l no-lto-clang
complete -c elfsyms -n '__elfsyms_is fill' -l uncompressed -d 'Leave names as they are (OpenWrt\'s trees).'
complete -c elfsyms -n '__elfsyms_is fill' -l no-uncompressed
complete -c elfsyms -n '__elfsyms_is fill' -l exclude-tables -d 'Leave the tables\' own labels out of the map (6.4 to 6.9).'
complete -c elfsyms -n '__elfsyms_is fill' -l no-exclude-tables
complete -c elfsyms -n '__elfsyms_is fill' -l symbol-prefix -r -F -d 'Character before every C name.'
complete -c elfsyms -n '__elfsyms_is fill' -l page-offset -x -d 'Drop what lies below (ARM).'
complete -c elfsyms -n '__elfsyms_is fill' -l nm -x -a 'gnu llvm' -d 'Whose nm lists the symbols; llvm-19 or a program\'s name will do.'
complete -c elfsyms -n '__elfsyms_is fill' -l config -r -F -d 'Options from a .config or auto.conf.'
complete -c elfsyms -n '__elfsyms_is fill' -l tree -x -a '(__fish_complete_directories)' -d 'Release and rules from a kernel tree\'s own scripts.'
complete -c elfsyms -n '__elfsyms_is fill' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is report' -l output -s o -r -F -d 'Where the page goes; - is standard output.'
complete -c elfsyms -n '__elfsyms_is report' -l verbose -s v -d 'Say what was found in the file, and from what.'
complete -c elfsyms -n '__elfsyms_is report' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is report' -l all-symbols -d 'Keep data symbols too.'
complete -c elfsyms -n '__elfsyms_is report' -l no-all-symbols
complete -c elfsyms -n '__elfsyms_is report' -l absolute-percpu -d 'Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).'
complete -c elfsyms -n '__elfsyms_is report' -l no-absolute-percpu
complete -c elfsyms -n '__elfsyms_is report' -l base-relative -d '32-bit offsets from a base (4.6 to 6.10).'
complete -c elfsyms -n '__elfsyms_is report' -l no-base-relative
complete -c elfsyms -n '__elfsyms_is report' -l pc-relative -d 'Offsets that count from each entry itself (7.0 on).'
complete -c elfsyms -n '__elfsyms_is report' -l no-pc-relative
complete -c elfsyms -n '__elfsyms_is report' -l lto-clang -d 'Sort names without LTO\'s suffix.'
complete -c elfsyms -n '__elfsyms_is report' -l no-lto-clang
complete -c elfsyms -n '__elfsyms_is report' -l uncompressed -d 'Leave names as they are (OpenWrt\'s trees).'
complete -c elfsyms -n '__elfsyms_is report' -l no-uncompressed
complete -c elfsyms -n '__elfsyms_is report' -l exclude-tables -d 'Leave the tables\' own labels out of the map (6.4 to 6.9).'
complete -c elfsyms -n '__elfsyms_is report' -l no-exclude-tables
complete -c elfsyms -n '__elfsyms_is report' -l symbol-prefix -r -F -d 'Character before every C name.'
complete -c elfsyms -n '__elfsyms_is report' -l page-offset -x -d 'Drop what lies below (ARM).'
complete -c elfsyms -n '__elfsyms_is report' -l nm -x -a 'gnu llvm' -d 'Whose nm lists the symbols; llvm-19 or a program\'s name will do.'
complete -c elfsyms -n '__elfsyms_is report' -l config -r -F -d 'Options from a .config or auto.conf.'
complete -c elfsyms -n '__elfsyms_is report' -l tree -x -a '(__fish_complete_directories)' -d 'Release and rules from a kernel tree\'s own scripts.'
complete -c elfsyms -n '__elfsyms_is report' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is export' -l output -s o -x -a '(__fish_complete_directories)' -d 'The atlas: a folder, or s3://bucket/folder.'
complete -c elfsyms -n '__elfsyms_is export' -l replace -d 'Write kernels anew that the atlas has already.'
complete -c elfsyms -n '__elfsyms_is export' -l release -x -d 'Kernel release, as 6.12 or 6.1.192.'
complete -c elfsyms -n '__elfsyms_is export' -l all-symbols -d 'Keep data symbols too.'
complete -c elfsyms -n '__elfsyms_is export' -l no-all-symbols
complete -c elfsyms -n '__elfsyms_is export' -l absolute-percpu -d 'Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).'
complete -c elfsyms -n '__elfsyms_is export' -l no-absolute-percpu
complete -c elfsyms -n '__elfsyms_is export' -l base-relative -d '32-bit offsets from a base (4.6 to 6.10).'
complete -c elfsyms -n '__elfsyms_is export' -l no-base-relative
complete -c elfsyms -n '__elfsyms_is export' -l pc-relative -d 'Offsets that count from each entry itself (7.0 on).'
complete -c elfsyms -n '__elfsyms_is export' -l no-pc-relative
complete -c elfsyms -n '__elfsyms_is export' -l lto-clang -d 'Sort names without LTO\'s suffix.'
complete -c elfsyms -n '__elfsyms_is export' -l no-lto-clang
complete -c elfsyms -n '__elfsyms_is export' -l uncompressed -d 'Leave names as they are (OpenWrt\'s trees).'
complete -c elfsyms -n '__elfsyms_is export' -l no-uncompressed
complete -c elfsyms -n '__elfsyms_is export' -l exclude-tables -d 'Leave the tables\' own labels out of the map (6.4 to 6.9).'
complete -c elfsyms -n '__elfsyms_is export' -l no-exclude-tables
complete -c elfsyms -n '__elfsyms_is export' -l symbol-prefix -r -F -d 'Character before every C name.'
complete -c elfsyms -n '__elfsyms_is export' -l page-offset -x -d 'Drop what lies below (ARM).'
complete -c elfsyms -n '__elfsyms_is export' -l nm -x -a 'gnu llvm' -d 'Whose nm lists the symbols; llvm-19 or a program\'s name will do.'
complete -c elfsyms -n '__elfsyms_is export' -l config -r -F -d 'Options from a .config or auto.conf.'
complete -c elfsyms -n '__elfsyms_is export' -l tree -x -a '(__fish_complete_directories)' -d 'Release and rules from a kernel tree\'s own scripts.'
complete -c elfsyms -n '__elfsyms_is export' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is atlas' -l in -x -a '(__fish_complete_directories)' -d 'The atlas: a folder, or s3://bucket/folder.'
complete -c elfsyms -n '__elfsyms_is atlas' -l gone -d 'Only names that kernels had, and the newest have not.'
complete -c elfsyms -n '__elfsyms_is atlas' -l all -d 'Show every name, however many.'
complete -c elfsyms -n '__elfsyms_is atlas' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is atlas' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is kbuild install' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is kbuild install' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is kbuild install' -f -a '(__fish_complete_directories)'
complete -c elfsyms -n '__elfsyms_is kbuild status' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is kbuild status' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is kbuild status' -f -a '(__fish_complete_directories)'
complete -c elfsyms -n '__elfsyms_is kbuild remove' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is kbuild remove' -l help -s h -d 'Show what the command takes, and exit.'
complete -c elfsyms -n '__elfsyms_is kbuild remove' -f -a '(__fish_complete_directories)'
complete -c elfsyms -n '__elfsyms_is releases' -l json -d 'Print one JSON object.'
complete -c elfsyms -n '__elfsyms_is releases' -l help -s h -d 'Show what the command takes, and exit.'

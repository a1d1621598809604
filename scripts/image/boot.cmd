# What U-Boot does on a window's card: it chooses one of two copies of the system, a or b, and starts its kernel. Which copy is to be used, and how many tries are
# left to it, is in the sector that stands 512 KiB into the card (`slot` writes it from within the system): one sector, so that a power cut leaves the old one or the new.
# A start takes one try; a copy that has come up gets its tries back. One that has none left is bad, and it is the other one's turn, for
# ever: a board that nobody stands beside does not give up.
#
#   slot_use   a or b: the copy to be started        slot_a, slot_b   good, new, bad or empty
#   slot_left  tries that it has

setenv sector ${kernel_addr_r}
${devtype} dev ${devnum}
${devtype} read ${sector} 0x400 1
env import -c ${sector} 0x200 slot_use slot_left slot_a slot_b
if test "${slot_use}" != a && test "${slot_use}" != b; then
	echo "E-Window: nothing is known of the two copies; the first one is tried"
	setenv slot_use a; setenv slot_left 3; setenv slot_a new; setenv slot_b new
fi

if test "${slot_use}" = a; then setenv other b; setenv state ${slot_b}; else setenv other a; setenv state ${slot_a}; fi
if test "${slot_left}" = 0; then
	if test "${state}" != empty; then
		echo "E-Window: copy ${slot_use} did not come up; copy ${other} is used"
		setenv slot_${slot_use} bad
		setenv slot_use ${other}
	fi
	setenv slot_left 3
fi
# No arithmetic: not every U-Boot has it.
if test "${slot_left}" = 1; then setenv slot_left 0
elif test "${slot_left}" = 2; then setenv slot_left 1
elif test "${slot_left}" = 3; then setenv slot_left 2
elif test "${slot_left}" = 4; then setenv slot_left 3
else setenv slot_left 4; fi

env export -c -s 0x200 ${sector} slot_use slot_left slot_a slot_b
${devtype} write ${sector} 0x400 1

if test "${slot_use}" = a; then setenv part 02; else setenv part 03; fi
# A Pi's own places for kernel and initial system are too near to each other for Debian's kernel.
setenv initrd ${ramdisk_addr_r}
setenv serial ttyAMA0
if test "${devtype}" != virtio; then setenv initrd 0x08000000; setenv serial ttyS1,115200; fi
setenv bootargs "root=PARTUUID=e41d0c00-${part} rootfstype=squashfs ro rootwait panic=10 net.ifnames=0 quiet consoleblank=0 vt.global_cursor_default=0 console=tty1 console=${serial} ewindow.slot=${slot_use}"
echo "E-Window: copy ${slot_use}"
if load ${devtype} ${devnum}:1 ${kernel_addr_r} ${slot_use}/vmlinuz && load ${devtype} ${devnum}:1 ${initrd} ${slot_use}/initrd.img; then
	booti ${kernel_addr_r} ${initrd}:${filesize} ${fdt_addr}
fi

echo "E-Window: copy ${slot_use} has no kernel that starts"
setenv slot_left 0
env export -c -s 0x200 ${sector} slot_use slot_left slot_a slot_b
${devtype} write ${sector} 0x400 1
sleep 5
reset

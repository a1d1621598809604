package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ewindow/scripts/image/board"
)

// choice has U-Boot alone choose between copies whose kernels are none: what it says, and what it leaves in the sector.
func choice(ctx context.Context, t *trial) error {
	system := filepath.Join(t.dir, "system")
	err := os.MkdirAll(filepath.Join(system, "dtb"), 0o755)
	for _, name := range []string{"vmlinuz", "initrd.img", "root.squashfs", "dtb/none.dtb"} {
		err = errors.Join(err, os.WriteFile(filepath.Join(system, name), []byte("nothing that starts\n"), 0o644))
	}
	if err != nil {
		return err
	}
	firmware, err := filepath.Glob(filepath.Join(t.made, "firmware-*.tar"))
	if err != nil || len(firmware) == 0 {
		return fmt.Errorf("%s has no firmware; make image fetches it", t.made)
	}
	if err := command([]string{"SOURCE_DATE_EPOCH=0"}, "sh", "scripts/image/card.sh", system, firmware[0], t.card()); err != nil {
		return err
	}
	defer os.Remove(t.card() + ".zst")
	for _, c := range []struct {
		what, known string
		says        []string // one after the other, on lines that begin with E-Window
	}{
		{"a new copy without a kernel gives way to the one before", "slot_use=b slot_left=3 slot_a=good slot_b=new", []string{
			"copy b", "copy b has no kernel that starts", "copy b did not come up; copy a is used", "copy a"}},
		{"one without tries gives way at once, and bad ones take turns", "slot_use=a slot_left=0 slot_a=good slot_b=bad", []string{
			"copy a did not come up; copy b is used", "copy b", "copy b has no kernel that starts", "copy b did not come up; copy a is used", "copy a"}},
		{"the only one is tried for ever", "slot_use=a slot_left=0 slot_a=good slot_b=empty", []string{
			"copy a", "copy a has no kernel that starts", "copy a"}},
		{"without a sector that is whole both are tried", "", []string{
			"nothing is known of the two copies; the first one is tried", "copy a", "copy a has no kernel that starts", "copy a did not come up; copy b is used", "copy b"}},
	} {
		write := `. scripts/image/root/usr/lib/ewindow-image/sector; TMP=$(mktemp -d); printf '%s\n' $2 | sector_write "$1" 1024; rm -r "$TMP"`
		if c.known == "" {
			write = `dd if=/dev/urandom of="$1" bs=512 seek=1024 count=1 conv=notrunc`
		}
		if err := command(nil, "sh", "-c", write, "-", t.card(), c.known); err != nil {
			return err
		}
		b, err := board.Start(ctx, board.Config{Dir: t.dir, UBoot: filepath.Join(t.made, "u-boot-qemu.bin"), Card: t.card()})
		if err != nil {
			return err
		}
		t.board = b
		if err := t.hears(ctx, c.says); err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		t.say("ok    %s", c.what)
		t.off()
	}
	return nil
}

// hears waits for lines of U-Boot's, and nothing else of ours between them.
func (t *trial) hears(ctx context.Context, want []string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		var said []string
		for l := range strings.Lines(t.board.Console()) {
			if rest, ours := strings.CutPrefix(l, "E-Window: "); ours {
				said = append(said, strings.TrimSpace(rest))
			}
		}
		n := min(len(said), len(want))
		if strings.Join(said[:n], "\n") != strings.Join(want[:n], "\n") {
			return fmt.Errorf("U-Boot says %q, not %q", said[:n], want)
		}
		if n == len(want) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("U-Boot says %q, not all of %q: %w", said, want, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

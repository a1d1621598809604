package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// command runs one here.
func command(env []string, name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), env...)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// update makes an update of the system that image.sh has left. root is the file of another root, empty for the same; key is who signs it.
func (t *trial) update(to, version, root, key string) error {
	system := filepath.Join(t.dir, "system")
	if err := errors.Join(os.RemoveAll(system), os.MkdirAll(system, 0o755), os.WriteFile(filepath.Join(system, "version"), []byte(version+"\n"), 0o644)); err != nil {
		return err
	}
	defer os.RemoveAll(system)
	for _, name := range []string{"vmlinuz", "initrd.img", "root.squashfs"} {
		from := filepath.Join(t.made, "system", name)
		if name == "root.squashfs" && root != "" {
			from = root
		}
		from, err := filepath.Abs(from)
		if err != nil {
			return err
		}
		if err := os.Symlink(from, filepath.Join(system, name)); err != nil {
			return err
		}
	}
	return command([]string{"SOURCE_DATE_EPOCH=0"}, "sh", "scripts/image/update.sh", system, key, to)
}

// stick is a disk with three updates: one that is well, one whose root has nothing in it, one that somebody else has signed.
func (t *trial) stick() (string, error) {
	files, empty, root := filepath.Join(t.dir, "files"), filepath.Join(t.dir, "empty"), filepath.Join(t.dir, "broken.squashfs")
	stick, other, ours := filepath.Join(t.dir, "stick.img"), filepath.Join(t.dir, "other.pem"), filepath.Join(t.made, "update-key.pem")
	defer os.RemoveAll(files)
	err := errors.Join(os.MkdirAll(files, 0o755), os.MkdirAll(empty, 0o755))
	for _, step := range []func() error{
		func() error { return command(nil, "mksquashfs", empty, root, "-noappend", "-quiet", "-no-progress") },
		func() error { return command(nil, "openssl", "genpkey", "-algorithm", "ed25519", "-out", other) },
		func() error { return t.update(filepath.Join(files, "well"), "1:8", "", ours) },
		func() error { return t.update(filepath.Join(files, "broken"), "1:9", root, ours) },
		func() error { return t.update(filepath.Join(files, "stranger"), "1:9", root, other) },
		func() error { return t.update(filepath.Join(files, "older"), "0", root, ours) },
		func() error {
			return command(nil, "mksquashfs", files, stick, "-noappend", "-quiet", "-no-progress", "-noI", "-noD", "-noF", "-noX")
		},
	} {
		if err == nil {
			err = step()
		}
	}
	return stick, err
}

// again has the system begin anew, and waits until it is up.
func (t *trial) again(ctx context.Context) error {
	starts := func() int { return strings.Count(t.board.Console(), "\nE-Window: copy ") }
	before, began := starts(), time.Now()
	if _, err := t.board.Do(ctx, "systemctl --no-block reboot"); err != nil {
		return err
	}
	for starts() == before {
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not begin anew: %w", ctx.Err())
		case <-time.After(time.Second):
		}
	}
	up, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	if err := t.board.Up(up); err != nil {
		return fmt.Errorf("%w; its console ends with:\n%s", err, end(t.board.Console()))
	}
	t.say("up again after %.0f s", time.Since(began).Seconds())
	return nil
}

const slot = "/usr/lib/ewindow-image/slot "

func slots(ctx context.Context, t *trial) error {
	stick, err := t.stick()
	if err != nil {
		return err
	}
	defer os.Remove(stick)
	if err := t.on(ctx, stick); err != nil {
		return err
	}
	if err := t.until(ctx, "copy a has come up", slot+"status", "copy a: good, runs, to be started (tries left: 5)"); err != nil {
		return err
	}
	install, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if err := t.checks(install, []check{
		{"the stick is there", "mount -t squashfs -o ro /dev/disk/by-id/virtio-stick /mnt && ls /mnt | wc -l", "4"},
		{"an update of somebody else's is refused", slot + "install /mnt/stranger && echo taken || true", "*is not signed by who makes this window's system"},
		{"so is an older one", slot + "install /mnt/older && echo taken || true", "*version 0 is not newer than this one"},
		{"and half of one", "head -c 90000000 /mnt/well | " + slot + "install && echo taken || true", "*the update cannot be used; this copy of the system stays"},
		{"copy a goes on being started", slot + "status", "*copy a: good, runs, to be started (tries left: 5)\ncopy b: empty"},
		{"an update is taken", slot + "install /mnt/well", "*version 1:8 is in copy b; the next start tries it"},
		{"the firmware's partition is read-only again", "findmnt -no OPTIONS /boot/firmware | grep -c '^ro,'", "1"},
	}); err != nil {
		return err
	}
	if err := t.again(ctx); err != nil {
		return err
	}
	if err := t.until(ctx, "copy b has come up", slot+"status", "copy b: good, runs, to be started (tries left: 5)"); err != nil {
		return err
	}
	if err := t.checks(ctx, good); err != nil {
		return err
	}
	if err := t.checks(install, []check{
		{"the stick is there", "mount -t squashfs -o ro /dev/disk/by-id/virtio-stick /mnt && ls /mnt | wc -l", "4"},
		{"an update whose root has nothing in it is taken", slot + "install /mnt/broken", "*version 1:9 is in copy a; the next start tries it"},
	}); err != nil {
		return err
	}
	if err := t.again(ctx); err != nil {
		return err
	}
	console := t.board.Console()
	at := strings.LastIndex(console, "E-Window: copy a did not come up; copy b is used")
	if at < 0 {
		return errors.New("the console does not say that copy a did not come up")
	}
	t.say("ok    copy a was tried %d times, then copy b was used", strings.Count(console[strings.LastIndex(console[:at], "E-Window: copy b\n")+1:at], "E-Window: copy a\n"))
	return t.checks(ctx, []check{{"copy a is bad, and copy b runs", slot + "status", "copy a: bad\ncopy b: good, runs, to be started (tries left: 2)"}})
}

package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const library = "root/usr/lib/ewindow-image"

// A desk is a card in files, and what runs of it.
type desk struct {
	t   *testing.T
	dir string
}

func newDesk(t *testing.T, known ...string) *desk {
	d := &desk{t, t.TempDir()}
	d.write("lib/sector", d.read(filepath.Join(library, "sector")))
	d.write("lib/version", []byte("1.0\n"))
	d.write("cmdline", []byte("quiet ewindow.slot=a\n"))
	for _, name := range []string{"card/a/vmlinuz", "card/b/vmlinuz", "part2", "part3"} {
		d.write(name, []byte("old"))
	}
	d.write("disk", make([]byte, 1<<20))
	if len(known) > 0 {
		d.know(known...)
	}
	d.run("openssl", "genpkey", "-algorithm", "ed25519", "-out", d.path("key.pem"))
	d.run("openssl", "pkey", "-in", d.path("key.pem"), "-pubout", "-out", d.path("lib/update.pem"))
	return d
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) read(path string) []byte {
	d.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	return b
}

func (d *desk) write(name string, data []byte) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(d.path(name)), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(d.path(name), data, 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) run(name string, args ...string) {
	d.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// know writes the sector as U-Boot does: CRC-32 of the rest, then KEY=VALUE with a zero behind each.
func (d *desk) know(lines ...string) {
	values := make([]byte, 508)
	copy(values, strings.Join(lines, "\x00"))
	disk := d.read(d.path("disk"))
	binary.LittleEndian.PutUint32(disk[1024*512:], crc32.ChecksumIEEE(values))
	copy(disk[1024*512+4:], values)
	d.write("disk", disk)
}

// known is what U-Boot would read there.
func (d *desk) known() string {
	d.t.Helper()
	sector := d.read(d.path("disk"))[1024*512:][:512]
	if binary.LittleEndian.Uint32(sector) != crc32.ChecksumIEEE(sector[4:]) {
		return "damaged"
	}
	text, _, _ := bytes.Cut(sector[4:], []byte("\x00\x00"))
	return strings.Join(strings.Split(strings.Trim(string(text), "\x00"), "\x00"), " ")
}

func (d *desk) slot(args ...string) (string, error) {
	c := exec.Command("sh", append([]string{filepath.Join(library, "slot")}, args...)...)
	c.Env = append(os.Environ(), "SLOT_LIB="+d.path("lib"), "SLOT_DISK="+d.path("disk"), "SLOT_PARTS="+d.path("part"), "SLOT_CARD="+d.path("card"), "SLOT_CMDLINE="+d.path("cmdline"))
	out, err := c.CombinedOutput()
	return string(out), err
}

const fresh = "slot_use=a slot_left=5 slot_a=good slot_b=empty"

func TestSlotGood(t *testing.T) {
	for name, c := range map[string]struct{ known, want string }{
		"after a start": {"slot_use=a slot_left=4 slot_a=good slot_b=empty", fresh},
		"a new copy":    {"slot_use=a slot_left=2 slot_a=new slot_b=good", "slot_use=a slot_left=5 slot_a=good slot_b=good"},
		"the last try":  {"slot_use=a slot_left=0 slot_a=new slot_b=bad", "slot_use=a slot_left=5 slot_a=good slot_b=bad"},
		"nothing known": {"", "slot_use=a slot_left=5 slot_a=good slot_b="},
	} {
		d := newDesk(t)
		if c.known != "" {
			d.know(strings.Fields(c.known)...)
		}
		out, err := d.slot("good")
		if got := d.known(); err != nil || got != c.want {
			t.Errorf("%s: %s, want %s; %v: %s", name, got, c.want, err, out)
		}
	}
	d := newDesk(t, strings.Fields(fresh)...)
	if out, err := d.slot("status"); err != nil || out != "copy a: good, runs, to be started (tries left: 5)\ncopy b: empty\n" {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := d.slot("pending"); err == nil {
		t.Error("the other copy is to be tried")
	}
}

// files are an update's, in the order in which they have to come.
func (d *desk) files(version string) [][2]string {
	all := [][2]string{{"SHA256SUMS", ""}, {"SHA256SUMS.sig", ""}, {"version", version + "\n"}, {"vmlinuz", "new kernel"}, {"initrd.img", "new initrd"}, {"root.squashfs", strings.Repeat("new root ", 1000)}}
	for _, f := range all[2:] {
		all[0][1] += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(f[1])), f[0])
	}
	d.write("sums", []byte(all[0][1]))
	d.run("openssl", "pkeyutl", "-sign", "-inkey", d.path("key.pem"), "-rawin", "-in", d.path("sums"), "-out", d.path("sig"))
	all[1][1] = string(d.read(d.path("sig")))
	return all
}

func (d *desk) pack(files [][2]string) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(f[1]))}); err != nil {
			d.t.Fatal(err)
		}
		if _, err := w.Write([]byte(f[1])); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		d.t.Fatal(err)
	}
	d.write("update", b.Bytes())
}

// An update is in the other copy, and nothing of the one that runs has changed.
func TestInstall(t *testing.T) {
	d := newDesk(t, strings.Fields(fresh)...)
	d.pack(d.files("1.1"))
	out, err := d.slot("install", d.path("update"))
	if err != nil || !strings.Contains(out, "version 1.1 is in copy b") {
		t.Fatalf("%v: %s", err, out)
	}
	if got, want := d.known(), "slot_use=b slot_left=3 slot_a=good slot_b=new"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for name, want := range map[string]string{"card/b/vmlinuz": "new kernel", "card/b/initrd.img": "new initrd", "card/a/vmlinuz": "old", "part2": "old"} {
		if got := string(d.read(d.path(name))); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if got := string(d.read(d.path("part3"))); !strings.HasPrefix(got, "new root new root") {
		t.Errorf("the root is %.20q", got)
	}
	if _, err := d.slot("pending"); err != nil {
		t.Error("the other copy is not to be tried")
	}
}

// What is no whole update of who makes the system changes nothing of the copy that runs, nor which one is started.
func TestInstallRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		version, says string
		change        func([][2]string) [][2]string
	}{
		"an older version":    {"0.9", "version 0.9 is not newer than this one, 1.0", nil},
		"the same version":    {"1.0", "version 1.0 is not newer", nil},
		"another signature":   {"1.1", "is not signed by who makes", func(f [][2]string) [][2]string { f[1][1] = strings.Repeat("x", 64); return f }},
		"sums that were made": {"1.1", "is not signed by who makes", func(f [][2]string) [][2]string { f[0][1] += "\n"; return f }},
		"no signature":        {"1.1", "does not begin with its signature", func(f [][2]string) [][2]string { return append(f[:1], f[2:]...) }},
		"a signature at last": {"1.1", "does not begin with its signature", func(f [][2]string) [][2]string { return append(append(f[:1:1], f[2:]...), f[1]) }},
		"another root":        {"1.1", "root.squashfs of the update is damaged", func(f [][2]string) [][2]string { f[5][1] += "x"; return f }},
		"without a kernel":    {"1.1", "the update has no vmlinuz", func(f [][2]string) [][2]string { return append(f[:3], f[4:]...) }},
		"a file beside":       {"1.1", "a file that is not signed: passwd", func(f [][2]string) [][2]string { return append(f, [2]string{"passwd", "x"}) }},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, strings.Fields(fresh)...)
			files := d.files(c.version)
			if c.change != nil {
				files = c.change(files)
			}
			d.pack(files)
			out, err := d.slot("install", d.path("update"))
			if err == nil || !strings.Contains(out, c.says) {
				t.Errorf("%v: %s; want %q", err, out, c.says)
			}
			if got := d.known(); got != fresh {
				t.Error(got)
			}
			for _, old := range []string{"card/a/vmlinuz", "card/b/vmlinuz", "part2"} {
				if got := string(d.read(d.path(old))); got != "old" {
					t.Errorf("%s is %q", old, got)
				}
			}
		})
	}
}

// The half of an update is none, wherever it is cut off.
func TestInstallCutOff(t *testing.T) {
	d := newDesk(t, strings.Fields(fresh)...)
	d.pack(d.files("1.1"))
	whole := d.read(d.path("update"))
	for n := 0; n < len(whole)-1024; n += len(whole)/20 + 1 { // a tar's last 1,024 bytes say nothing
		d.write("update", whole[:n])
		if out, err := d.slot("install", d.path("update")); err == nil {
			t.Errorf("%d bytes of %d were taken: %s", n, len(whole), out)
		}
		if got := d.known(); got != fresh {
			t.Fatalf("after %d bytes: %s", n, got)
		}
	}
}

package owner

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

const asChild = "OWNER_TEST_DIR"

// TestMain is the command that root gives, too: it becomes somebody else for good, so it is a process of its own.
func TestMain(m *testing.M) {
	if dir := os.Getenv(asChild); dir != "" {
		err := Become(dir)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "made"), nil, 0o600)
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// What root makes in somebody's directory is that somebody's.
func TestBecome(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	for _, uid := range []int{0, 65534} {
		dir, err := os.MkdirTemp("/tmp", "owner-*")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if err := os.Chown(dir, uid, uid); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), asChild+"="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		info, err := os.Stat(filepath.Join(dir, "made"))
		if err != nil {
			t.Fatal(err)
		}
		if is := info.Sys().(*syscall.Stat_t); int(is.Uid) != uid || int(is.Gid) != uid {
			t.Errorf("the file of uid %d belongs to %d:%d", uid, is.Uid, is.Gid)
		}
	}
}

// A directory that is not there is its command's business.
func TestNoDirectory(t *testing.T) {
	if err := Become(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Error(err)
	}
}

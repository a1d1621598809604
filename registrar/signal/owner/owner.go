// Package owner has a command that root gives on a state directory carried out as the user whose directory it is. Files that root made
// there could not be read by the program that runs as that user.
package owner

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"
)

// Become makes this process, all threads of it and for good, one of dir's owner, with the owner's groups. It does nothing unless root runs it and
// dir is there and somebody else's.
func Become(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil // whoever needs it says so
	}
	is, ok := info.Sys().(*syscall.Stat_t)
	if !ok || is.Uid == 0 {
		return nil
	}
	uid, gid := int(is.Uid), int(is.Gid)
	for _, step := range []func() error{
		func() error { return syscall.Setgroups(groups(uid, gid)) },
		func() error { return syscall.Setresgid(gid, gid, gid) },
		func() error { return syscall.Setresuid(uid, uid, uid) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("go on as the owner of %s (uid %d): %w; run this as that user", dir, uid, err)
		}
	}
	return nil
}

// groups are those of a user; gid alone if the machine does not know the user.
func groups(uid, gid int) []int {
	all := []int{gid}
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return all
	}
	names, _ := u.GroupIds()
	for _, name := range names {
		if id, err := strconv.Atoi(name); err == nil && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

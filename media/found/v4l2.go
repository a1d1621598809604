package found

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// capability is struct v4l2_capability of the kernel's videodev2.h.
type capability struct {
	names        [16 + 32 + 32]byte // driver, card, bus
	version      uint32
	capabilities uint32
	device       uint32
	reserved     [3]uint32
}

const (
	vidiocQueryCap  = 0x80685600
	v4l2CapCapture  = 0x1        // V4L2_CAP_VIDEO_CAPTURE: a camera, and not an encoder or a metadata node
	v4l2CapPerNode  = 0x80000000 // V4L2_CAP_DEVICE_CAPS: device holds this node's own capabilities
	v4l2CapMemory2M = 0x8000     // V4L2_CAP_VIDEO_M2M
)

// Captures says whether a device node of video4linux gives pictures.
func Captures(node string) bool {
	fd, err := unix.Open(node, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	var c capability
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), vidiocQueryCap, uintptr(unsafe.Pointer(&c))); errno != 0 {
		return false
	}
	caps := c.capabilities
	if caps&v4l2CapPerNode != 0 {
		caps = c.device
	}
	return caps&v4l2CapCapture != 0 && caps&v4l2CapMemory2M == 0
}

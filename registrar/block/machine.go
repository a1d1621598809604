package block

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Machine knows the addresses of this machine, no older than 10 s: they come and go with its networks. The zero Machine is
// ready; it may be used from several goroutines.
type Machine struct {
	mu     sync.Mutex
	have   []netip.Addr
	looked time.Time // when have was read
}

// Addresses are those of all interfaces. The slice is not to be changed.
func (m *Machine) Addresses() []netip.Addr {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.looked.IsZero() || time.Since(m.looked) > 10*time.Second {
		m.looked, m.have = time.Now(), nil
		found, _ := net.InterfaceAddrs()
		for _, a := range found {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				m.have = append(m.have, p.Addr().Unmap())
			}
		}
	}
	return m.have
}

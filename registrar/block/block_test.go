package block

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	for _, test := range []struct{ addr, block, house string }{
		{"192.0.2.77", "192.0.2.0/24", "192.0.2.77/32"},
		{"::ffff:192.0.2.77", "192.0.2.0/24", "192.0.2.77/32"},
		{"2001:db8:1:2ff:3::4", "2001:db8:1:200::/56", "2001:db8:1:2ff::/64"},
		{"fe80::1%eth0", "fe80::/56", "fe80::/64"},
	} {
		a := netip.MustParseAddr(test.addr)
		if got := Of(a).String(); got != test.block {
			t.Errorf("%s is of %s, want %s", test.addr, got, test.block)
		}
		if got := House(a).String(); got != test.house {
			t.Errorf("%s is at %s, want %s", test.addr, got, test.house)
		}
	}
	if Of(netip.Addr{}).IsValid() {
		t.Error("no address has a block")
	}
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

func TestAddr(t *testing.T) {
	want := netip.MustParseAddr("192.0.2.1")
	for _, a := range []net.Addr{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1).To4(), Port: 1}, &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}} {
		if got := Addr(a).Unmap(); got != want {
			t.Errorf("%T: %v", a, got)
		}
	}
	if Addr(pipeAddr{}).IsValid() || Addr(nil).IsValid() {
		t.Error("an address from nowhere")
	}
}

func TestBudgets(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	b := NewBudgets(10, 5)
	home, other := netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24")
	for i := range 6 {
		if got := b.Spend(home, 1, now); got != (i < 5) {
			t.Errorf("spending %d: %v", i, got)
		}
	}
	if !b.Spend(other, 5, now) || b.Spend(other, 1, now) {
		t.Error("one block spends another's budget")
	}
	if now = now.Add(time.Second / 10); !b.Spend(home, 1, now) || b.Spend(home, 1, now) {
		t.Error("a budget does not come back as it should")
	}
}

// What is given back can be spent again, and makes no budget larger than it was.
func TestBudgetsReturn(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	b := NewBudgets(1, 10)
	home := netip.MustParsePrefix("192.0.2.0/24")
	b.Return(home, 5, now) // to nobody
	if !b.Spend(home, 10, now) || b.Spend(home, 1, now) {
		t.Error("the budget is not 10")
	}
	b.Return(home, 4, now)
	if !b.Spend(home, 4, now) || b.Spend(home, 1, now) {
		t.Error("4 were given back")
	}
	b.Return(home, 1000, now)
	if now = now.Add(time.Second); b.Spend(home, 11, now) || !b.Spend(home, 10, now) || b.Spend(home, 1, now) {
		t.Error("the budget is not 10 after more was given back")
	}
}

// However many blocks there are, they are forgotten when their budget is whole again, and never more than a bounded
// number is remembered.
func TestBudgetsForget(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	b := NewBudgets(1, 2)
	b.max = 1000
	at := func(i int) netip.Prefix { return Of(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})) }
	passed := 0
	for i := range 5000 {
		if b.Spend(at(i), 2, now) {
			passed++
		}
	}
	if len(b.of) != 1000 || passed != 1001 {
		t.Errorf("%d budgets, %d spent; want 1000 and one more that is shared", len(b.of), passed)
	}
	now = now.Add(time.Minute)
	if !b.Spend(at(6000), 2, now) || len(b.of) != 1 {
		t.Errorf("%d budgets after they have become whole", len(b.of))
	}
}

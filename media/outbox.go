package media

import (
	"time"

	"ewindow/media/negotiate"
)

// outboxMost is how many packets are written at once: more than an ordinary picture has.
const outboxMost = 32

// outbox is the packets of a transmitter that are made and not yet written. What leaves at once is made at once and written
// together: that costs one wait for the transmitter, where the way can do so one call, and whoever receives it wakes once.
type outbox struct {
	packets [][]byte
	numbers []uint16
	memory  [outboxMost][]byte // of the packets that are in no history
}

// room is memory for the next packet.
func (b *outbox) room() []byte {
	m := &b.memory[len(b.packets)]
	if *m == nil {
		*m = make([]byte, 0, historyPacket)
	}
	return (*m)[:0]
}

// add takes a packet, which is not changed until forget is called. There is room for outboxMost.
func (b *outbox) add(packet []byte, seq uint16) {
	b.packets, b.numbers = append(b.packets, packet), append(b.numbers, seq)
}

func (b *outbox) full() bool { return len(b.packets) == outboxMost }

func (b *outbox) forget() {
	clear(b.packets)
	b.packets, b.numbers = b.packets[:0], b.numbers[:0]
}

// flush writes what was made. It is called with mu held, and before mu is let go.
func (t *transmitter) flush() {
	if len(t.outbox.packets) == 0 {
		return
	}
	if t.rate != nil { // as late as can be: what this machine takes until here is no queue
		now := time.Now()
		t.account(now)
		for i, p := range t.outbox.packets {
			t.rate.Sent(now, false, t.outbox.numbers[i], len(p)+perPacket)
		}
	}
	if t.trail != nil {
		t.trace(time.Now())
	}
	if t.d.Codec != negotiate.H264 {
		for _, p := range t.outbox.packets {
			t.others.Add(int64(len(p) + perPacket))
		}
	}
	failed, _ := sendAll(t.way, t.outbox.packets)
	t.writeErrors.Add(uint64(failed))
	t.outbox.forget()
}

// trace notes what is sent now, for reports that name the highest number that came. It is called with mu held.
func (t *transmitter) trace(now time.Time) {
	for i, p := range t.outbox.packets {
		t.trail.Sent(now, t.outbox.numbers[i], len(p)+perPacket)
	}
	if t.byReports != nil {
		t.byReports.Sent(now)
	}
}

// account tells rate what the session sent beside pictures. It is called with mu held.
func (t *transmitter) account(now time.Time) {
	others := int(t.others.Swap(0))
	t.aside += others
	t.rate.Beside(now, others, t.othersLost, t.uneven)
}

// sendAll sends datagrams of media by any way. failed is how many were not sent, err why the last of them.
func sendAll(w Way, datagrams [][]byte) (failed int, err error) {
	if b, ok := w.(burstWay); ok && len(datagrams) > 1 {
		return b.SendAll(datagrams)
	}
	for _, d := range datagrams {
		if e := w.Send(d, false); e != nil {
			failed, err = failed+1, e
		}
	}
	return failed, err
}

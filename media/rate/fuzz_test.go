package rate

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// FuzzFeedback gives a controller whatever reports a fuzzer thinks of, between packets that are really sent, and arrivals whatever
// numbers.
func FuzzFeedback(f *testing.F) {
	r := rtcp.CCFeedbackReport{ReportTimestamp: 1 << 31, ReportBlocks: []rtcp.CCFeedbackReportBlock{
		{MediaSSRC: 1, BeginSequence: 3, MetricBlocks: []rtcp.CCFeedbackMetricBlock{{Received: true, ArrivalTimeOffset: 9}, {}, {Received: true, ArrivalTimeOffset: 0x1fff}}},
		{MediaSSRC: 2, BeginSequence: 65530, MetricBlocks: make([]rtcp.CCFeedbackMetricBlock, 9)}}}
	seed, err := r.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, []byte{0, 1, 255, 255, 0, 9}, uint16(20))
	f.Add(seed, []byte{255, 255, 0, 0, 127, 255, 128, 0}, uint16(5000))
	f.Fuzz(func(t *testing.T, report, numbers []byte, gap uint16) {
		c, now := NewController(Limits{Least: 80, Most: 3000, First: 250}), time.Unix(1_700_000_000, 0)
		var heard rtcp.CCFeedbackReport
		readable := heard.Unmarshal(report) == nil
		for seq := range uint16(60) {
			c.Sent(now, seq%4 == 0, seq-30, 1200)
			now = now.Add(time.Duration(gap) * time.Millisecond)
			if readable {
				c.Feedback(now, &heard, 1, 2)
				heard.ReportTimestamp += uint32(gap) << 6
			}
			c.Tick(now, true)
			c.Fell()
			if kbps := c.Kbps(now); kbps < 40 || kbps > 3000 || c.Queue() < 0 {
				t.Fatalf("%d kbit/s, a queue of %v", kbps, c.Queue())
			}
		}
		var a Arrivals
		for highest := int64(1 << 16); len(numbers) >= 2; numbers = numbers[2:] {
			highest += int64(int16(binary.BigEndian.Uint16(numbers)))
			a.Came(now, highest)
			now = now.Add(time.Duration(gap) * time.Millisecond)
			if b, ok := a.Report(now, 1); ok && (len(b.MetricBlocks) == 0 || len(b.MetricBlocks) > maxReported) {
				t.Fatalf("a report on %d packets", len(b.MetricBlocks))
			}
		}
	})
}

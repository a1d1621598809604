package h264

// KeyGate is the wait for a keyframe: closed, it lets no access unit pass until one comes. Whoever finds that one is
// missing closes it, since all that follow would only show a broken picture. The zero value is closed.
type KeyGate struct{ open bool }

// Admit says whether an access unit may pass. A keyframe always may, and opens the gate.
func (g *KeyGate) Admit(key bool) bool {
	g.open = g.open || key
	return g.open
}

// Close waits for a keyframe from now on.
func (g *KeyGate) Close() { g.open = false }

// Waits says whether only a keyframe would pass.
func (g *KeyGate) Waits() bool { return !g.open }

package stage

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"ewindow/endpoint/trust"
)

// Confirm does beforehand what people do once with `ewindow trust`: each window knows the keys of all others, and that they have confirmed
// its own. No words stand over their pictures then. It is called before the windows are started, after Write.
func (n *Network) Confirm() (err error) {
	keys, pins := map[string]*trust.Key{}, map[string]*trust.Pins{}
	defer func() {
		for _, p := range pins {
			err = errors.Join(err, p.Close())
		}
	}()
	for _, w := range n.Windows {
		dir := filepath.Join(n.Dir, w.Space)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if keys[w.Space], pins[w.Space], err = trust.Open(dir, slog.New(slog.DiscardHandler)); err != nil {
			return err
		}
	}
	for here, p := range pins {
		for there, key := range keys {
			if there == here {
				continue
			}
			proof, err := key.Vouch(keys[here].Public())
			if err = errors.Join(err, p.Meet(there, []byte(key.Public())), p.Confirm(there, key.Public(), "nobody"), p.Vouched(there, keys[here].Public(), proof)); err != nil {
				return fmt.Errorf("confirm the key of %s at %s: %w", there, here, err)
			}
		}
	}
	return nil
}

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"ewindow/registrar/location"
)

const (
	groupFor   = time.Second     // changes are collected this long and written at once
	retryAfter = 5 * time.Second // after a write that failed
	lastWords  = 5 * time.Second // for writing the rest when the registrar stops
	maxPending = 100_000         // changes noted and not written; more are dropped, and end with the binding's time
)

type bindingKey struct{ aor, key string }

// noted is a binding to be written, or nil for one to be removed.
type noted *location.Binding

// Note remembers a change until Run writes it. It never blocks; give it to location.Config.Changed. Bindings that are
// not UDP are not kept: their flows end with the process.
func (s *Store) Note(c location.Change) {
	k := bindingKey{c.Binding.AOR, c.Binding.Key()}
	var n noted
	if !c.Removed && c.Binding.Datagram() {
		b := c.Binding
		n = &b
	}
	s.mu.Lock()
	if _, ok := s.pending[k]; ok || len(s.pending) < maxPending {
		s.pending[k] = n
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// write writes noted changes in groups until ctx is done, then the rest. A write that failed is tried again: that some
// phone's binding is not kept over a restart is no reason to stop.
func (s *Store) write(ctx context.Context) {
	var said nag
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
			defer cancel()
			if err := s.flush(last); err != nil {
				s.log.Error("the last bindings were not written; phones have to register again", "err", err)
			}
			return
		case <-s.wake:
		}
		pause(ctx, groupFor)
		for {
			err := s.flush(ctx)
			if err == nil || ctx.Err() != nil {
				said.over(nil)
				break
			}
			if said.due(err, time.Now()) {
				s.log.Error("bindings were not written; trying again", "in", retryAfter, "err", err)
			}
			pause(ctx, retryAfter)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// flush writes what is pending in one transaction. What it could not write stays pending, unless there is newer.
func (s *Store) flush(ctx context.Context) error {
	s.mu.Lock()
	group := s.pending
	s.pending = make(map[bindingKey]noted)
	s.mu.Unlock()
	if len(group) == 0 {
		return nil
	}
	err := s.change(ctx, func(tx *sql.Tx) error { return writeBindings(ctx, tx, group) })
	if err != nil {
		s.mu.Lock()
		maps.Copy(group, s.pending)
		s.pending = group
		s.mu.Unlock()
	}
	return err
}

func writeBindings(ctx context.Context, tx *sql.Tx, group map[bindingKey]noted) error {
	put, err := tx.PrepareContext(ctx, `INSERT OR REPLACE INTO bindings (aor, key, expires, data, sum) VALUES (?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer put.Close()
	drop, err := tx.PrepareContext(ctx, `DELETE FROM bindings WHERE aor = ? AND key = ?`)
	if err != nil {
		return err
	}
	defer drop.Close()
	for k, b := range group {
		if b == nil {
			_, err = drop.ExecContext(ctx, k.aor, k.key)
		} else {
			var data []byte
			if data, err = json.Marshal((*location.Binding)(b)); err == nil {
				_, err = put.ExecContext(ctx, k.aor, k.key, b.Expires.Unix(), data, bindingSum(k, b.Expires.Unix(), data))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func bindingSum(k bindingKey, expires int64, data []byte) []byte {
	return sum("binding", k.aor, k.key, strconv.FormatInt(expires, 10), string(data))
}

// Bindings returns the UDP bindings that hold at now, for location.Table.Restore, and forgets those that do not.
func (s *Store) Bindings(ctx context.Context, now time.Time) ([]location.Binding, error) {
	err := s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM bindings WHERE expires <= ?`, now.Unix())
		return err
	})
	if err != nil && s.frozen == nil {
		return nil, err
	}
	bs, err := readBindings(ctx, s.db.Load())
	bs = slices.DeleteFunc(bs, func(b location.Binding) bool { return !b.Expires.After(now) }) // that of a frozen store
	return bs, s.explain(err)
}

func readBindings(ctx context.Context, q querier) ([]location.Binding, error) {
	rows, err := q.QueryContext(ctx, `SELECT aor, key, expires, data, sum FROM bindings ORDER BY aor, key`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var bs []location.Binding
	for rows.Next() {
		var k bindingKey
		var expires int64
		var data, got []byte
		if err := rows.Scan(&k.aor, &k.key, &expires, &data, &got); err != nil {
			return nil, err
		}
		if err := sameSum("a binding", got, bindingSum(k, expires, data)); err != nil {
			return nil, err
		}
		var b location.Binding
		if err := json.Unmarshal(data, &b); err != nil {
			return nil, fmt.Errorf("%w: a binding is not readable: %w", ErrDamaged, err)
		}
		bs = append(bs, b)
	}
	return bs, rows.Err()
}

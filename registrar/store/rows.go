package store

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// schema is compared word for word at each start. A later version adds to it, and to metaVersion.
func schema() []string {
	return []string{
		`CREATE TABLE accounts (name TEXT PRIMARY KEY, realm TEXT NOT NULL, md5 TEXT NOT NULL, sha256 TEXT NOT NULL, ` +
			`created INTEGER NOT NULL, sum BLOB NOT NULL) STRICT, WITHOUT ROWID`,
		`CREATE TABLE bindings (aor TEXT NOT NULL, key TEXT NOT NULL, expires INTEGER NOT NULL, data BLOB NOT NULL, ` +
			`sum BLOB NOT NULL, PRIMARY KEY (aor, key)) STRICT, WITHOUT ROWID`,
		`CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, sum BLOB NOT NULL) STRICT, WITHOUT ROWID`,
	}
}

const version = "1"

// Keys of the table meta.
const (
	metaVersion  = "version"
	metaRealm    = "realm"
	metaAccounts = "accounts" // how many there are
	metaChanges  = "changes"  // how often any was added or removed: the younger of two copies has more
)

const selectAccount = `SELECT name, realm, md5, sha256, created, sum FROM accounts WHERE name = ?`

// querier is a database or a transaction of it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// sum is what a row carries so that a changed value is noticed.
func sum(fields ...string) []byte {
	h := sha256.New()
	for _, f := range fields {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(f))))
		h.Write([]byte(f))
	}
	return h.Sum(nil)[:16]
}

func sameSum(row string, got, want []byte) error {
	if subtle.ConstantTimeCompare(got, want) != 1 {
		return fmt.Errorf("%w: the checksum of %s is wrong", ErrDamaged, row)
	}
	return nil
}

func (a *Account) sum() []byte {
	return sum("account", a.Name, a.Realm, a.HA1MD5, a.HA1SHA256, strconv.FormatInt(a.Created.Unix(), 10))
}

func scanAccount(row interface{ Scan(...any) error }) (Account, error) {
	var a Account
	var created int64
	var got []byte
	if err := row.Scan(&a.Name, &a.Realm, &a.HA1MD5, &a.HA1SHA256, &created, &got); err != nil {
		return Account{}, err
	}
	a.Created = time.Unix(created, 0)
	if err := sameSum("an account", got, a.sum()); err != nil {
		return Account{}, err
	}
	return a, nil
}

func readAccounts(ctx context.Context, q querier) ([]Account, error) {
	rows, err := q.QueryContext(ctx, `SELECT name, realm, md5, sha256, created, sum FROM accounts ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var as []Account
	for rows.Next() {
		a, err := scanAccount(rows)
		if err != nil {
			return nil, err
		}
		as = append(as, a)
	}
	return as, rows.Err()
}

func getMeta(ctx context.Context, q querier, key string) (string, error) {
	var value string
	var got []byte
	err := q.QueryRowContext(ctx, `SELECT value, sum FROM meta WHERE key = ?`, key).Scan(&value, &got)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("%w: it does not say its %s", ErrDamaged, key)
	}
	if err != nil {
		return "", err
	}
	return value, sameSum(key, got, sum("meta", key, value))
}

func setMeta(ctx context.Context, tx *sql.Tx, key, value string) error {
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO meta (key, value, sum) VALUES (?, ?, ?)`, key, value, sum("meta", key, value))
	return err
}

// examine looks at every page and every row, as they are at one moment: other processes go on writing. It returns how
// often accounts were changed.
func examine(ctx context.Context, store *sql.DB) (changes int, err error) {
	db, err := store.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer db.Rollback() // nothing was written
	if err := integrity(ctx, db); err != nil {
		return 0, err
	}
	v, err := getMeta(ctx, db, metaVersion)
	if err != nil {
		return 0, err
	}
	if v != version {
		return 0, fmt.Errorf("%w: it has version %s, this program knows %s; use the program that made it", errForeign, v, version)
	}
	if err := examineSchema(ctx, db); err != nil {
		return 0, err
	}
	as, err := readAccounts(ctx, db)
	if err != nil {
		return 0, err
	}
	if n, err := getMeta(ctx, db, metaAccounts); err != nil || n != strconv.Itoa(len(as)) {
		return 0, errors.Join(err, fmt.Errorf("%w: %d accounts are there, %s should be", ErrDamaged, len(as), n))
	}
	if _, err := getMeta(ctx, db, metaRealm); err != nil {
		return 0, err
	}
	if _, err := readBindings(ctx, db); err != nil {
		return 0, err
	}
	n, err := getMeta(ctx, db, metaChanges)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(n)
}

// examineHeader finds what SQLite would take for a new database or for one not to be written to.
func examineHeader(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil {
		return err
	} else if !fi.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	var head [100]byte
	_, err = io.ReadFull(f, head[:])
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case err != nil || string(head[:16]) != "SQLite format 3\x00" || head[18] > 2 || head[19] > 2:
		return fmt.Errorf("%w: it does not begin like a database", ErrDamaged)
	}
	return nil
}

func integrity(ctx context.Context, db querier) error {
	rows, err := db.QueryContext(ctx, `PRAGMA integrity_check(3)`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var finding string
		if err := rows.Scan(&finding); err != nil {
			return err
		}
		if finding != "ok" {
			return fmt.Errorf("%w: %.200s", ErrDamaged, finding)
		}
	}
	return rows.Err()
}

func examineSchema(ctx context.Context, db querier) error {
	rows, err := db.QueryContext(ctx, `SELECT sql FROM sqlite_schema ORDER BY name`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var have []string
	for rows.Next() {
		var s sql.NullString
		if err := rows.Scan(&s); err != nil {
			return err
		}
		have = append(have, s.String)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if !slices.Equal(have, schema()) {
		return fmt.Errorf("%w: its tables are not as they were made", ErrDamaged)
	}
	return nil
}

// errForeign is a store that is sound but not for this program.
var errForeign = errors.New("store is of another version")

// isDamage tells a damaged file from a full disk, a missing right, or somebody else's lock.
func isDamage(err error) bool {
	if errors.Is(err, ErrDamaged) || errors.Is(err, unix.EIO) {
		return true
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	if e.Code() == sqlite3.SQLITE_IOERR_READ { // the disk itself gives it back no more
		return true
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_ABORT, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_MISUSE:
		return false
	}
	return true
}

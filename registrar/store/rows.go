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
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Keys of the table meta.
const (
	metaVersion  = "version"
	metaRealm    = "realm"
	metaAccounts = "accounts" // how many there are
	metaChanges  = "changes"  // how often any was added or removed: the younger of two copies has more
)

// selectAccounts reads accounts of a version of the store.
func selectAccounts(version int) string {
	if version < 2 {
		return `SELECT name, realm, md5, sha256, created, created, sum FROM accounts`
	}
	return `SELECT name, realm, md5, sha256, created, secret_since, sum FROM accounts`
}

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

func (a *Account) sum(version int) []byte {
	fields := []string{"account", a.Name, a.Realm, a.HA1MD5, a.HA1SHA256, strconv.FormatInt(a.Created.Unix(), 10)}
	if version >= 2 {
		fields = append(fields, strconv.FormatInt(a.SecretSince.Unix(), 10))
	}
	return sum(fields...)
}

func scanAccount(row interface{ Scan(...any) error }, version int) (Account, error) {
	var a Account
	var created, since int64
	var got []byte
	if err := row.Scan(&a.Name, &a.Realm, &a.HA1MD5, &a.HA1SHA256, &created, &since, &got); err != nil {
		return Account{}, err
	}
	a.Created, a.SecretSince = time.Unix(created, 0), time.Unix(since, 0)
	if err := sameSum("an account", got, a.sum(version)); err != nil {
		return Account{}, err
	}
	return a, nil
}

// readAccount finds one account. Error: sql.ErrNoRows.
func readAccount(ctx context.Context, q querier, name string) (Account, error) {
	return scanAccount(q.QueryRowContext(ctx, selectAccounts(latest())+` WHERE name = ?`, name), latest())
}

func readAccounts(ctx context.Context, q querier, version int) ([]Account, error) {
	rows, err := q.QueryContext(ctx, selectAccounts(version)+` ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var as []Account
	for rows.Next() {
		a, err := scanAccount(rows, version)
		if err != nil {
			return nil, err
		}
		as = append(as, a)
	}
	return as, rows.Err()
}

func writeAccount(ctx context.Context, tx *sql.Tx, a Account) error {
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO accounts (name, realm, md5, sha256, created, secret_since, sum) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		a.Name, a.Realm, a.HA1MD5, a.HA1SHA256, a.Created.Unix(), a.SecretSince.Unix(), a.sum(latest()))
	return err
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

// found is what examine found a store to be.
type found struct {
	version  int
	changes  int // how often accounts were changed
	realm    string
	accounts []Account
}

// examine looks at every page and every row, as they are at one moment: other processes go on writing.
func examine(ctx context.Context, store *sql.DB) (f found, err error) {
	db, err := store.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return found{}, err
	}
	defer db.Rollback() // nothing was written
	if err := integrity(ctx, db); err != nil {
		return found{}, err
	}
	if f.version, err = readVersion(ctx, db); err != nil {
		return found{}, err
	}
	if err := examineSchema(ctx, db, f.version); err != nil {
		return found{}, err
	}
	if _, err := readBindings(ctx, db); err != nil {
		return found{}, err
	}
	return readAll(ctx, db, f.version)
}

// readAll reads the accounts, and sees whether some are missing.
func readAll(ctx context.Context, q querier, version int) (f found, err error) {
	f.version = version
	if f.accounts, err = readAccounts(ctx, q, version); err != nil {
		return found{}, err
	}
	if n, err := getMeta(ctx, q, metaAccounts); err != nil {
		return found{}, err
	} else if n != strconv.Itoa(len(f.accounts)) {
		return found{}, fmt.Errorf("%w: %d accounts are there, %s should be", ErrDamaged, len(f.accounts), n)
	}
	if f.realm, err = getMeta(ctx, q, metaRealm); err != nil {
		return found{}, err
	}
	n, err := getMeta(ctx, q, metaChanges)
	if err != nil {
		return found{}, err
	}
	if f.changes, err = strconv.Atoi(n); err != nil {
		return found{}, fmt.Errorf("%w: it has seen %q changes", ErrDamaged, n)
	}
	return f, nil
}

// examineHeader finds what SQLite would take for a new database or for one not to be written to. It must not be asked
// of a file that this process has open already, see eye.
func examineHeader(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would otherwise be waited for, for ever
	if err != nil {
		return err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil {
		return err
	} else if !fi.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	return checkHeader(f)
}

const headerSize = 100 // bytes

func checkHeader(r io.Reader) error {
	var head [headerSize]byte
	_, err := io.ReadFull(r, head[:])
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

func examineSchema(ctx context.Context, db querier, version int) error {
	have, err := readSchema(ctx, db)
	if err != nil {
		return err
	}
	want, err := latestSchema()
	if version != latest() {
		want, err = schemaOf(ctx, version)
	}
	if err != nil {
		return err
	}
	if !slices.Equal(have, want) {
		return fmt.Errorf("%w: its tables are not as they were made", ErrDamaged)
	}
	return nil
}

func readSchema(ctx context.Context, db querier) ([]string, error) {
	rows, err := db.QueryContext(ctx, `SELECT sql FROM sqlite_schema ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var have []string
	for rows.Next() {
		var s sql.NullString
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		have = append(have, s.String)
	}
	return have, rows.Err()
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
	switch e.Code() {
	case sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_CORRUPTFS, // the disk cannot read it any more
		sqlite3.SQLITE_IOERR_IN_PAGE: // the index of the journal was cut under our hands
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

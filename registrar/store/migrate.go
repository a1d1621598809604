package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"ewindow/dialplan/wholefile"
)

// A migration makes a store of one version from one of the version before, within a transaction. Once released it is
// never changed: the next change of the schema is another migration at the end of the list.
type migration func(ctx context.Context, tx *sql.Tx) error

// migrations are numbered from 1; a new store goes through all of them.
func migrations() []migration {
	return []migration{
		createTables,    // 1
		whenSecretsHold, // 2
	}
}

// latest is the version of stores that this program makes.
func latest() int { return len(migrations()) }

func createTables(ctx context.Context, tx *sql.Tx) error {
	for _, table := range []string{
		`CREATE TABLE accounts (name TEXT PRIMARY KEY, realm TEXT NOT NULL, md5 TEXT NOT NULL, sha256 TEXT NOT NULL, ` +
			`created INTEGER NOT NULL, sum BLOB NOT NULL) STRICT, WITHOUT ROWID`,
		`CREATE TABLE bindings (aor TEXT NOT NULL, key TEXT NOT NULL, expires INTEGER NOT NULL, data BLOB NOT NULL, ` +
			`sum BLOB NOT NULL, PRIMARY KEY (aor, key)) STRICT, WITHOUT ROWID`,
		`CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, sum BLOB NOT NULL) STRICT, WITHOUT ROWID`,
	} {
		if _, err := tx.ExecContext(ctx, table); err != nil {
			return err
		}
	}
	for key, value := range map[string]string{metaRealm: "", metaAccounts: "0", metaChanges: "0"} {
		if err := setMeta(ctx, tx, key, value); err != nil {
			return err
		}
	}
	return nil
}

// whenSecretsHold notes since when an account has its secret: rotating gives it another one.
func whenSecretsHold(ctx context.Context, tx *sql.Tx) error {
	as, err := readAccounts(ctx, tx, 1)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `ALTER TABLE accounts ADD COLUMN secret_since INTEGER NOT NULL DEFAULT 0`); err != nil {
		return err
	}
	for _, a := range as {
		_, err := tx.ExecContext(ctx, `UPDATE accounts SET secret_since = ?, sum = ? WHERE name = ?`, a.SecretSince.Unix(), a.sum(2), a.Name)
		if err != nil {
			return err
		}
	}
	return nil
}

// migrate brings an open store from a version to a later one, all or nothing.
func migrate(ctx context.Context, db *sql.DB, from, to int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // without effect after Commit
	for v := from + 1; v <= to; v++ {
		if err := migrations()[v-1](ctx, tx); err != nil {
			return fmt.Errorf("to version %d: %w", v, err)
		}
	}
	if err := setMeta(ctx, tx, metaVersion, strconv.Itoa(to)); err != nil {
		return err
	}
	if to > 1 { // version 1 did not set it
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, to)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// upgrade migrates a store to this program's version, after putting a copy of it aside for whoever has to go back.
func upgrade(ctx context.Context, db *sql.DB, path string, from int, now time.Time) (backup string, err error) {
	tmp, err := tempFile(path)
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp)
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, tmp); err != nil {
		return "", fmt.Errorf("copy it first: %w", err)
	}
	backup = unused(fmt.Sprintf("%s.version-%d-%s", path, from, now.UTC().Format(stampFormat)))
	if err := wholefile.Adopt(tmp, backup); err != nil {
		return "", fmt.Errorf("copy it first: %w", err)
	}
	return backup, migrate(ctx, db, from, latest())
}

// readVersion finds out a store's version. It stands in a row with a checksum, and from version 2 on in the header too.
func readVersion(ctx context.Context, q querier) (int, error) {
	text, err := getMeta(ctx, q, metaVersion)
	if err != nil {
		return 0, err
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < 1 {
		return 0, fmt.Errorf("%w: its version is %q", ErrDamaged, text)
	}
	if v > latest() {
		return v, fmt.Errorf("%w: it has version %d, this program knows %d; use the program that made it, or put back the copy of version %d that was made before",
			errForeign, v, latest(), latest())
	}
	var header int
	if err := q.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&header); err != nil {
		return 0, err
	}
	if header != v && !(v == 1 && header == 0) {
		return 0, fmt.Errorf("%w: it says version %d in one place and %d in another", ErrDamaged, v, header)
	}
	return v, nil
}

// schemaOf is the text of all tables of a version, by name: what its migrations make.
func schemaOf(ctx context.Context, version int) (tables []string, err error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1) // each connection has a memory of its own
	if err := migrate(ctx, db, 0, version); err != nil {
		return nil, err
	}
	return readSchema(ctx, db)
}

// latestSchema is schemaOf of the latest version, made once: it is asked at each examination.
var latestSchema = sync.OnceValues(func() ([]string, error) { return schemaOf(context.Background(), latest()) })

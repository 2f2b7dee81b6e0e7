// Package store keeps what must outlive the process and is not mail: web
// sessions, undo, settings, identities, uploads, the outbox and sign-in tries.
//
// It is one layer over SQLite (a file, the default) and PostgreSQL (several
// copies of Postern). The SQL is the subset both understand; times are BIGINT
// Unix milliseconds, keys our own TEXT. What belongs to an account is only found
// together with the account's id. Mail content and secrets are sealed under keys
// derived from the operator's key; session values come sealed by the caller.
//
// Errors are mail.Error: NotFound, Stale, TooLarge, Unavailable (locked, full,
// read-only or unreachable, with a sentence for the person), else Internal.
package store

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"time"

	"postern/mailproxy/mail"
)

var errNotBuilt = errors.New("not built")

// Engine is which database a Store runs on.
type Engine string

const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgres"
)

// Options say where a Store lives.
type Options struct {
	// Dir holds postern.db, and is made with mode 0700. Used when DSN is empty.
	Dir string
	// DSN is a PostgreSQL URL, postgres://…; empty means SQLite in Dir.
	DSN string
	// Key is the operator's key, see LoadOrCreateKey.
	Key [32]byte
	// OldKeys still unseal what was sealed before Key was changed.
	OldKeys [][32]byte
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Enqueue schedules the delivery of an outbox row in the transaction that
	// adds the row. nil means nothing is scheduled.
	Enqueue func(ctx context.Context, tx *sql.Tx, id string, due time.Time) error
	// BlobQuota bounds the octets of blobs one account may keep; 0 means 1 GiB.
	BlobQuota int64
}

// Store is the open database. Safe for concurrent use.
type Store struct{}

// Open opens or makes the database and brings it up to date.
func Open(ctx context.Context, o Options) (*Store, error) { return nil, errNotBuilt }

// Close waits for statements under way and closes the database.
func (s *Store) Close() error { return nil }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return errNotBuilt }

// JobsDB is the pool that the job queue shares with the store, so that a job is
// added in the same transaction as the row it works on. On SQLite it has one
// connection: nothing may use it inside a transaction but the transaction.
func (s *Store) JobsDB() (*sql.DB, Engine) { return nil, "" }

// SetEnqueue sets Options.Enqueue when the job queue is made after the store.
func (s *Store) SetEnqueue(f func(ctx context.Context, tx *sql.Tx, id string, due time.Time) error) {}

// Prune deletes what has expired everywhere in the store: sessions and their
// undo, finished outbox rows, half-written and forgotten blobs, counters of
// tries, copies that are gone. Run it every few minutes.
func (s *Store) Prune(ctx context.Context) error { return errNotBuilt }

// LoadOrCreateKey reads the operator's key from the file "key" in dir (64 hex
// digits, mode 0600), making it on the first start. ParseKey reads the same form.
func LoadOrCreateKey(dir string) ([32]byte, error) { return [32]byte{}, errNotBuilt }

// ParseKey reads a key of 64 hex digits, white space around it ignored.
func ParseKey(s string) ([32]byte, error) { return [32]byte{}, errNotBuilt }

// Seal encrypts plain under key (AES-256-GCM). context says what the value is
// for; Unseal fails under any other. The result is 29 octets longer.
func Seal(key [32]byte, context string, plain []byte) ([]byte, error) { return nil, errNotBuilt }

// Unseal opens what Seal made.
func Unseal(key [32]byte, context string, sealed []byte) ([]byte, error) { return nil, errNotBuilt }

// Subkey derives a key for one use from key (HKDF-SHA-256).
func Subkey(key [32]byte, use string) [32]byte { return key }

// SessionMeta is what the store knows of a web session beside its value.
type SessionMeta struct {
	AccountID string // "" before sign-in
	Agent     string // label of the browser, for the list of sessions; cut to 200 octets
	IP        string // of the last request; cut to 64 octets
	Created   time.Time
	Seen      time.Time // last save or touch
	Expires   time.Time // from then on the session does not exist
}

// SessionInfo is one line of a person's list of sessions.
type SessionInfo struct {
	Handle string // names the session for SessionDeleteHandle; not its id
	SessionMeta
}

// SessionLoad returns the value of a session; NotFound when it is unknown or expired.
func (s *Store) SessionLoad(ctx context.Context, id string) ([]byte, SessionMeta, error) {
	return nil, SessionMeta{}, errNotBuilt
}

// SessionSave makes or replaces a session. Created is kept from the first save; Seen is now.
// The store keeps only the SHA-256 of id. data is at most 256 KiB.
func (s *Store) SessionSave(ctx context.Context, id string, data []byte, m SessionMeta) error {
	return errNotBuilt
}

// SessionTouch notes that a session is in use and until when it now lives,
// leaving its value alone. NotFound when it is gone.
func (s *Store) SessionTouch(ctx context.Context, id, ip string, expires time.Time) error {
	return errNotBuilt
}

// SessionDelete forgets a session and its undo. An unknown one is no error.
func (s *Store) SessionDelete(ctx context.Context, id string) error { return errNotBuilt }

// SessionDeleteHandle ends one session of the account's list; NotFound when it is not one of its own.
func (s *Store) SessionDeleteHandle(ctx context.Context, accountID, handle string) error {
	return errNotBuilt
}

// SessionDeleteAccount signs the account out everywhere and says of how many
// sessions; the one with the id except stays when that is not "".
func (s *Store) SessionDeleteAccount(ctx context.Context, accountID, except string) (int, error) {
	return 0, errNotBuilt
}

// SessionList lists the account's live sessions, last seen first.
func (s *Store) SessionList(ctx context.Context, accountID string) ([]SessionInfo, error) {
	return nil, errNotBuilt
}

// UndoPut keeps the inverse of a change for the session and returns the token
// that UndoTake wants. The last 10 of a session are kept.
func (s *Store) UndoPut(ctx context.Context, sessionID, accountID string, u mail.Undo, label string) (string, error) {
	return "", errNotBuilt
}

// UndoTake gives an undo out once; NotFound when it was taken, pushed out or never this session's.
func (s *Store) UndoTake(ctx context.Context, sessionID, accountID, token string) (mail.Undo, error) {
	return mail.Undo{}, errNotBuilt
}

// Settings are a person's choices.
type Settings struct {
	Theme      string               `json:"theme,omitempty"`      // "" follows the system, "light", "dark"
	Density    string               `json:"density,omitempty"`    // "" comfortable, "compact"
	TimeZone   string               `json:"timeZone,omitempty"`   // IANA name; "" means the browser's
	Locale     string               `json:"locale,omitempty"`     // BCP 47; "" means the browser's
	PageSize   int                  `json:"pageSize,omitempty"`   // rows of a list; 0 means 50
	ReplyAll   bool                 `json:"replyAll,omitempty"`   // Reply answers everybody
	Compose    string               `json:"compose,omitempty"`    // "" plain text, "rich"
	ImagesFrom []string             `json:"imagesFrom,omitempty"` // senders whose remote images are shown, lower case
	Roles      map[string]mail.Role `json:"roles,omitempty"`      // mailbox name to the role chosen for it
}

// Settings returns the account's settings, the defaults when it has none.
func (s *Store) Settings(ctx context.Context, accountID string) (Settings, error) {
	return Settings{}, errNotBuilt
}

// SaveSettings changes the account's settings. change may run again on a newer
// version when somebody else saved in between. Fields that this version of
// Postern does not know are kept.
func (s *Store) SaveSettings(ctx context.Context, accountID string, change func(*Settings)) error {
	return errNotBuilt
}

// Roles are the mailbox roles the person chose.
func (s *Store) Roles(ctx context.Context, accountID string) (map[string]mail.Role, error) {
	return nil, errNotBuilt
}

// Identities lists the account's identities, oldest first. At most 100.
func (s *Store) Identities(ctx context.Context, accountID string) ([]mail.Identity, error) {
	return nil, errNotBuilt
}

// SaveIdentity makes an identity (ID "") or replaces one, and returns its id.
// Marking it Default unmarks the others.
func (s *Store) SaveIdentity(ctx context.Context, accountID string, id mail.Identity) (string, error) {
	return "", errNotBuilt
}

// DeleteIdentity forgets an identity; NotFound when it is not the account's.
func (s *Store) DeleteIdentity(ctx context.Context, accountID, id string) error { return errNotBuilt }

// BlobCreate begins a blob with b's Group, Name and Type. Use Commit or Abort.
func (s *Store) BlobCreate(ctx context.Context, accountID string, b mail.BlobInfo) (mail.BlobWriter, error) {
	return nil, errNotBuilt
}

// BlobOpen reads a blob; a blob that was tampered with or cut fails while reading.
func (s *Store) BlobOpen(ctx context.Context, accountID, id string) (io.ReadCloser, int64, error) {
	return nil, 0, errNotBuilt
}

// BlobInfo describes a blob without reading it.
func (s *Store) BlobInfo(ctx context.Context, accountID, id string) (mail.BlobInfo, error) {
	return mail.BlobInfo{}, errNotBuilt
}

// BlobDelete forgets a blob. An unknown one is no error.
func (s *Store) BlobDelete(ctx context.Context, accountID, id string) error { return errNotBuilt }

// BlobDeleteGroup forgets all blobs of a group.
func (s *Store) BlobDeleteGroup(ctx context.Context, accountID, group string) error {
	return errNotBuilt
}

// BlobList lists a group, oldest first.
func (s *Store) BlobList(ctx context.Context, accountID, group string) ([]mail.BlobInfo, error) {
	return nil, errNotBuilt
}

// OutboxAdd puts a message in the outbox and schedules its delivery in the same transaction.
func (s *Store) OutboxAdd(ctx context.Context, r mail.OutboxRow) error { return errNotBuilt }

// OutboxMove takes a row from one state to another, or changes it within one
// when both are equal, and is on disk when it returns. Stale when the row is not
// in from. change may be nil, sees the row without credentials, and may run more
// than once.
func (s *Store) OutboxMove(ctx context.Context, id string, from, to mail.OutboxState, change func(*mail.OutboxRow)) error {
	return errNotBuilt
}

// OutboxGet returns an account's row without credentials.
func (s *Store) OutboxGet(ctx context.Context, accountID, id string) (mail.OutboxRow, error) {
	return mail.OutboxRow{}, errNotBuilt
}

// OutboxRun returns any account's row with credentials: for the job only.
func (s *Store) OutboxRun(ctx context.Context, id string) (mail.OutboxRow, error) {
	return mail.OutboxRow{}, errNotBuilt
}

// OutboxList lists an account's rows that are on their way or returned, newest
// first, without credentials.
func (s *Store) OutboxList(ctx context.Context, accountID string) ([]mail.OutboxRow, error) {
	return nil, errNotBuilt
}

// OutboxDelete forgets a row in a final state; Stale while it is on its way.
func (s *Store) OutboxDelete(ctx context.Context, accountID, id string) error { return errNotBuilt }

// OutboxOpen names every row that is not in a final state, for jobs.Recover.
func (s *Store) OutboxOpen(ctx context.Context) ([]mail.OutboxDue, error) { return nil, errNotBuilt }

// Tries counts what AddTry noted under key in the window that holds now.
func (s *Store) Tries(ctx context.Context, key string, window time.Duration) (int, error) {
	return 0, errNotBuilt
}

// AddTry notes one try under key and returns the count of the window that holds
// now, this one included. Windows are fixed: they begin at multiples of window.
// key is hashed before it is stored.
func (s *Store) AddTry(ctx context.Context, key string, window time.Duration) (int, error) {
	return 0, errNotBuilt
}

// ClearTries forgets a key, after a success.
func (s *Store) ClearTries(ctx context.Context, key string) error { return errNotBuilt }

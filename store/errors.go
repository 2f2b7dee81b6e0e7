package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"postern/mailproxy/mail"
)

// Result codes of SQLite (sqlite.org/rescode.html).
const (
	sqliteBusy                 = 5
	sqliteLocked               = 6
	sqliteReadOnly             = 8
	sqliteInterrupt            = 9
	sqliteIOErr                = 10
	sqliteFull                 = 13
	sqliteCantOpen             = 14
	sqliteConstraintPrimaryKey = 19 | 6<<8
	sqliteConstraintUnique     = 19 | 8<<8
)

// What a person is told.
const (
	msgBusy     = "Postern's database is busy. Please try again in a moment."
	msgFull     = "Postern's disk is full, so nothing can be saved at the moment."
	msgReadOnly = "Postern's database cannot be written to at the moment."
	msgDisk     = "Postern's disk does not answer, so nothing can be saved at the moment."
	msgAway     = "Postern's database does not answer. Please try again in a moment."
)

// failed gives a database error its kind and says what was being done. An error
// that has a kind keeps it; nil stays nil.
func failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	var known *mail.Error
	if errors.As(err, &known) {
		return err
	}
	err = fmt.Errorf("store: %s: %w", doing, err)
	kind, msg := classify(err)
	return mail.Wrap(kind, err, msg)
}

func classify(err error) (mail.Kind, string) {
	if code, ok := sqliteCode(err); ok {
		switch code & 0xff {
		case sqliteBusy, sqliteLocked:
			return mail.Unavailable, msgBusy
		case sqliteFull:
			return mail.Unavailable, msgFull
		case sqliteReadOnly, sqliteCantOpen:
			return mail.Unavailable, msgReadOnly
		case sqliteIOErr:
			return mail.Unavailable, msgDisk
		case sqliteInterrupt:
			return mail.Unavailable, ""
		}
		return mail.Internal, ""
	}
	var p *pgconn.PgError
	if errors.As(err, &p) {
		switch {
		case p.Code == "53100":
			return mail.Unavailable, msgFull
		case p.Code == "25006":
			return mail.Unavailable, msgReadOnly
		case p.Code == "57014": // cancelled, by us
			return mail.Unavailable, ""
		case strings.HasPrefix(p.Code, "53"), strings.HasPrefix(p.Code, "40"), strings.HasPrefix(p.Code, "55P"):
			return mail.Unavailable, msgBusy
		case strings.HasPrefix(p.Code, "08"), strings.HasPrefix(p.Code, "57P"):
			return mail.Unavailable, msgAway
		}
		return mail.Internal, ""
	}
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return mail.Unavailable, ""
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, driver.ErrBadConn),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return mail.Unavailable, msgAway
	}
	return mail.Internal, ""
}

// sqliteCode is the extended result code when err came from SQLite.
func sqliteCode(err error) (int, bool) {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code(), true
	}
	return 0, false
}

// notFound and stale say so about one of our things.
func notFound(what string) error {
	return mail.Errorf(mail.NotFound, "This %s no longer exists.", what)
}

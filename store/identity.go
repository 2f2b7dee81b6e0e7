package store

import (
	"context"
	"crypto/rand"
	"database/sql"

	"postern/mailproxy/mail"
)

const (
	maxIdentities = 100
	maxSignature  = 32 << 10 // octets
)

// Identities lists the account's identities, oldest first.
func (s *Store) Identities(ctx context.Context, accountID string) ([]mail.Identity, error) {
	var list []mail.Identity
	err := s.each(ctx, "list identities",
		`SELECT id, name, addr, reply_to, signature, is_default FROM identities WHERE account_id = ? ORDER BY seq, id LIMIT ?`,
		[]any{accountID, maxIdentities},
		func(rows *sql.Rows) error {
			var i mail.Identity
			var def int64
			err := rows.Scan(&i.ID, &i.Name, &i.Addr, &i.ReplyTo, &i.Signature, &def)
			i.Default = def != 0
			list = append(list, i)
			return err
		})
	return list, err
}

// SaveIdentity makes an identity (ID "") or replaces one, and returns its id.
// Marking it Default unmarks the others. Invalid names the field that keeps it
// from being saved, NotFound an id that is not the account's.
func (s *Store) SaveIdentity(ctx context.Context, accountID string, i mail.Identity) (string, error) {
	if msg := mail.CheckAddr(i.Addr); msg != "" {
		return "", &mail.Error{Kind: mail.Invalid, Field: "addr", Msg: msg}
	}
	if i.ReplyTo != "" {
		if _, bad := mail.ParseAddresses(i.ReplyTo, 20); len(bad) > 0 {
			return "", &mail.Error{Kind: mail.Invalid, Field: "replyTo", Msg: bad[0].Msg}
		}
	}
	if len(i.Signature) > maxSignature {
		return "", &mail.Error{Kind: mail.TooLarge, Field: "signature", Msg: "A signature holds at most 32 KB."}
	}
	def := int64(0)
	if i.Default {
		def = 1
	}
	name, addr, replyTo, sig := cleanLine(i.Name, 200), cleanLine(i.Addr, 320), cleanLine(i.ReplyTo, 2000), cleanText(i.Signature, maxSignature)
	id := i.ID
	err := s.tx(ctx, "save an identity", func(tx *tx) error {
		if def == 1 {
			if err := tx.exec(`UPDATE identities SET is_default = 0 WHERE account_id = ? AND is_default <> 0`, accountID); err != nil {
				return err
			}
		}
		if i.ID != "" {
			n, err := tx.affected(`UPDATE identities SET name = ?, addr = ?, reply_to = ?, signature = ?, is_default = ? WHERE account_id = ? AND id = ?`,
				name, addr, replyTo, sig, def, accountID, cleanLine(i.ID, 64))
			if err == nil && n == 0 {
				return notFound("identity")
			}
			return err
		}
		id = rand.Text()
		var have int64
		if err := tx.row(`SELECT COUNT(*) FROM identities WHERE account_id = ?`, accountID).Scan(&have); err != nil {
			return err
		}
		if have >= maxIdentities {
			return mail.Errorf(mail.TooLarge, "There can be at most %d identities.", maxIdentities)
		}
		return tx.exec(`INSERT INTO identities (account_id, id, seq, name, addr, reply_to, signature, is_default)
			VALUES (?, ?, (SELECT COALESCE(MAX(seq), 0) + 1 FROM identities WHERE account_id = ?), ?, ?, ?, ?, ?)`,
			accountID, id, accountID, name, addr, replyTo, sig, def)
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

// DeleteIdentity forgets an identity; NotFound when it is not the account's.
func (s *Store) DeleteIdentity(ctx context.Context, accountID, id string) error {
	return s.tx(ctx, "delete an identity", func(tx *tx) error {
		n, err := tx.affected(`DELETE FROM identities WHERE account_id = ? AND id = ?`, accountID, cleanLine(id, 64))
		if err == nil && n == 0 {
			return notFound("identity")
		}
		return err
	})
}

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"postern/mailproxy/mail"
)

const (
	maxSettings   = 256 << 10 // octets of JSON
	settingsTries = 20
)

// Settings are a person's choices. The zero value is the default of everything.
type Settings struct {
	Theme       string               `json:"theme"`       // "" follows the system; "light", "dark"
	Density     string               `json:"density"`     // "" comfortable; "compact"
	TimeZone    string               `json:"timeZone"`    // IANA name; "" means the browser's
	BrowserZone string               `json:"browserZone"` // IANA name the browser told last; counts when TimeZone is ""
	Locale      string               `json:"locale"`      // BCP 47; "" means the browser's
	PageSize    int                  `json:"pageSize"`    // rows of a list; 0 means 50
	ReplyAll    bool                 `json:"replyAll"`    // Reply answers everybody
	Compose     string               `json:"compose"`     // "" plain text; "rich"
	ImagesFrom  []string             `json:"imagesFrom"`  // senders whose remote images are shown, lower case
	Roles       map[string]mail.Role `json:"roles"`       // mailbox name to the role chosen for it
}

// settingsFields are the names this version knows; others in a document are kept.
var settingsFields = func() map[string]bool {
	known := map[string]bool{}
	for f := range reflect.TypeFor[Settings]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		known[name] = true
	}
	return known
}()

// Settings returns the account's settings, the defaults when it has none.
func (s *Store) Settings(ctx context.Context, accountID string) (Settings, error) {
	set, _, _, err := s.settings(ctx, accountID)
	return set, err
}

// settings also returns the document and its version, 0 when there is none.
func (s *Store) settings(ctx context.Context, accountID string) (set Settings, doc string, version int64, err error) {
	err = s.row(ctx, `SELECT version, doc FROM settings WHERE account_id = ?`, accountID).Scan(&version, &doc)
	if noRows(err) {
		return Settings{}, "", 0, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(doc), &set)
	}
	return set, doc, version, failed("read the settings", err)
}

// SaveSettings changes the account's settings. change runs again on the newer
// version when somebody else saved in between, so it only sets what it is about.
// Fields that this version of Postern does not know are kept.
func (s *Store) SaveSettings(ctx context.Context, accountID string, change func(*Settings)) error {
	if !validKey(accountID) {
		return failed("save the settings", fmt.Errorf("account id %q", accountID))
	}
	for range settingsTries {
		set, old, version, err := s.settings(ctx, accountID)
		if err != nil {
			return err
		}
		change(&set)
		doc, err := mergeSettings(old, set)
		if err != nil {
			return failed("save the settings", err)
		}
		if doc == old {
			return nil
		}
		var n int64
		err = s.tx(ctx, "save the settings", func(tx *tx) (err error) {
			if version == 0 {
				n, err = tx.affected(`INSERT INTO settings (account_id, version, doc) VALUES (?, 1, ?) ON CONFLICT (account_id) DO NOTHING`, accountID, doc)
			} else {
				n, err = tx.affected(`UPDATE settings SET version = version + 1, doc = ? WHERE account_id = ? AND version = ?`, doc, accountID, version)
			}
			return err
		})
		if err != nil || n == 1 {
			return err
		}
	}
	return mail.Errorf(mail.Unavailable, msgBusy)
}

// mergeSettings writes set over the fields it has in the document old. Fields
// at their default are left out.
func mergeSettings(old string, set Settings) (string, error) {
	all := map[string]json.RawMessage{}
	if old != "" {
		if err := json.Unmarshal([]byte(old), &all); err != nil {
			return "", err
		}
	}
	for name := range settingsFields {
		delete(all, name)
	}
	v := reflect.ValueOf(set)
	for f := range v.Type().Fields() {
		field := v.FieldByIndex(f.Index)
		if field.IsZero() || (field.Kind() == reflect.Slice || field.Kind() == reflect.Map) && field.Len() == 0 {
			continue
		}
		raw, err := json.Marshal(field.Interface())
		if err != nil {
			return "", err
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		all[name] = raw
	}
	doc, err := json.Marshal(all)
	if err != nil {
		return "", err
	}
	if len(doc) > maxSettings {
		return "", mail.Errorf(mail.TooLarge, "The settings are larger than %d KB.", maxSettings>>10)
	}
	return string(doc), nil
}

// Roles are the mailbox roles the person chose, by mailbox name.
func (s *Store) Roles(ctx context.Context, accountID string) (map[string]mail.Role, error) {
	set, err := s.Settings(ctx, accountID)
	return set.Roles, err
}

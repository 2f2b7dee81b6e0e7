package mailproxy

import (
	"context"
	"time"

	"postern/mailproxy/compose"
	"postern/mailproxy/mail"
)

// OwnIdentity is the ID of the identity that every account has: its own address.
const OwnIdentity = "self"

// Identities are the addresses this person sends as: those of the settings, and
// the account's own address when it is not among them. One is the default.
func (a *Account) Identities(ctx context.Context) ([]mail.Identity, error) {
	var list []mail.Identity
	if f := a.proxy.o.Identities; f != nil {
		l, err := f(ctx, a.id)
		if err != nil {
			return nil, err
		}
		list = append(list, l...)
	}
	own, marked := false, false
	for _, i := range list {
		own = own || mail.SameAddr(i.Addr, a.creds.Address)
		marked = marked || i.Default
	}
	if !own && mail.CheckAddr(a.creds.Address) == "" {
		list = append(list, mail.Identity{ID: OwnIdentity, Addr: a.creds.Address})
	}
	if len(list) == 0 {
		return nil, mail.Errorf(mail.Invalid, "There is no address to send from. Add one in the settings.")
	}
	if !marked {
		list[0].Default = true
	}
	return list, nil
}

// identity finds the identity a draft is sent as.
func identity(me []mail.Identity, id string) (mail.Identity, bool) {
	if id == "" {
		return compose.Default(me), true
	}
	for _, i := range me {
		if i.ID == id {
			return i, true
		}
	}
	return mail.Identity{}, false
}

// zone is the person's time zone, nil when it is not known.
func (a *Account) zone(ctx context.Context) *time.Location {
	if f := a.proxy.o.Zone; f != nil {
		return f(ctx, a.id)
	}
	return nil
}

// now is the time in the person's zone.
func (a *Account) now(ctx context.Context) time.Time {
	t := a.proxy.o.Now().UTC()
	if z := a.zone(ctx); z != nil {
		t = t.In(z)
	}
	return t
}

// Package link builds every address of the site, below the sub-path the site is
// served under. Nothing else joins paths.
package link

import (
	"context"
	"encoding/base64"
	"net/url"
	"path"
	"strconv"
	"strings"

	"postern/static"
)

// Site is where the site is served: Base is "" or begins with a slash and does not end with one.
type Site struct{ Base string }

type ctxKey struct{}

// With returns a context whose pages link below s.
func With(ctx context.Context, s Site) context.Context { return context.WithValue(ctx, ctxKey{}, s) }

// From is the site of ctx.
func From(ctx context.Context) Site {
	s, _ := ctx.Value(ctxKey{}).(Site)
	return s
}

// CleanBase turns an operator's sub-path into Site.Base.
func CleanBase(s string) string {
	s = path.Clean("/" + s)
	if s == "/" {
		return ""
	}
	return s
}

// List is a place in a mailbox or a search; messages remember the one they were opened from.
type List struct {
	Mailbox string // whole name; "" with Search means all mailboxes
	Show    string
	Search  string
	Page    int // 1 or 0 is the newest
}

func (l List) values() url.Values {
	q := url.Values{}
	if l.Show != "" {
		q.Set("show", l.Show)
	}
	if l.Page > 1 {
		q.Set("page", strconv.Itoa(l.Page))
	}
	return q
}

// Path is an address of the site with a query.
func (s Site) Path(p string, q url.Values) string {
	u := url.URL{Path: s.Base + p}
	out := u.EscapedPath()
	if len(q) > 0 {
		out += "?" + q.Encode()
	}
	return out
}

// Static is the address of a built file.
func (s Site) Static(name string) string { return s.Base + static.URL(name) }

// Home leads to the inbox, or to sign-in.
func (s Site) Home() string { return s.Path("/", nil) }

// SignIn is the sign-in page; next is where to go afterwards, a path of ours or "".
func (s Site) SignIn(next string) string {
	q := url.Values{}
	if next != "" {
		q.Set("next", next)
	}
	return s.Path("/sign-in", q)
}

// SignOut takes a POST.
func (s Site) SignOut() string { return s.Path("/sign-out", nil) }

// List is the address of a mailbox page or of a search.
func (s Site) List(l List) string {
	q := l.values()
	if l.Search != "" {
		q.Set("q", l.Search)
		if l.Mailbox != "" {
			q.Set("in", l.Mailbox)
		}
		return s.Path("/search", q)
	}
	return s.Path("/mail/"+MailboxPath(l.Mailbox), q)
}

// Mailbox is the first page of a mailbox.
func (s Site) Mailbox(name string) string { return s.List(List{Mailbox: name}) }

// MailboxPath writes a mailbox name for a path. Names that a proxy or a browser
// would tidy up (empty steps, dots, control characters) are encoded as a whole.
func MailboxPath(name string) string {
	plain := name != "" && !strings.HasPrefix(name, "~")
	for _, step := range strings.Split(name, "/") {
		if step == "" || step == "." || step == ".." || strings.ContainsAny(step, `\;%`) {
			plain = false
		}
	}
	if plain {
		return name
	}
	return "~" + base64.RawURLEncoding.EncodeToString([]byte(name))
}

// MailboxName reads what MailboxPath wrote, after the router's unescaping.
func MailboxName(p string) (string, bool) {
	rest, coded := strings.CutPrefix(p, "~")
	if !coded {
		return p, p != ""
	}
	b, err := base64.RawURLEncoding.DecodeString(rest)
	return string(b), err == nil && len(b) > 0
}

func (l List) from(q url.Values) url.Values {
	for k, v := range l.values() {
		q[k] = v
	}
	if l.Search != "" {
		q.Set("q", l.Search)
	}
	if l.Mailbox != "" {
		q.Set("in", l.Mailbox)
	}
	return q
}

// ParseList reads the list a message was opened from out of a query.
func ParseList(q url.Values) List {
	page, _ := strconv.Atoi(q.Get("page"))
	return List{Mailbox: q.Get("in"), Show: q.Get("show"), Search: q.Get("q"), Page: min(max(page, 0), 1_000_000)}
}

// Message is the page of one message, ref as mail.MessageRef.String writes it.
func (s Site) Message(ref string, from List) string {
	return s.Path("/message/"+ref, from.from(url.Values{}))
}

// Nested is the page of a message enclosed in another.
func (s Site) Nested(ref, part string, from List) string {
	q := from.from(url.Values{})
	q.Set("part", part)
	return s.Path("/message/"+ref, q)
}

// MessageView is one of a message's own views: "frame", "raw", "source", "print".
func (s Site) MessageView(ref, view string, q url.Values) string {
	return s.Path("/message/"+ref+"/"+view, q)
}

// Part is the address of one part of a message, ending in its file name.
func (s Site) Part(ref, part, name string, download bool) string {
	q := url.Values{}
	if download {
		q.Set("download", "1")
	}
	p := "/message/" + ref + "/part/" + part
	if name != "" && name != "." && name != ".." && !strings.ContainsAny(name, `/\`) {
		p += "/" + name
	}
	return s.Path(p, q)
}

// Compose opens a composer; kind is a mail.ComposeKind, ref the message answered or "".
func (s Site) Compose(kind, ref string) string {
	q := url.Values{}
	if kind != "" && kind != "new" {
		q.Set("kind", kind)
	}
	if ref != "" {
		q.Set("ref", ref)
	}
	return s.Path("/compose", q)
}

// Fixed addresses.
func (s Site) Act() string        { return s.Path("/act", nil) }            // bulk actions, POST
func (s Site) Undo() string       { return s.Path("/undo", nil) }           // POST
func (s Site) Upload() string     { return s.Path("/compose/upload", nil) } // POST, for scripts
func (s Site) Outbox() string     { return s.Path("/outbox", nil) }
func (s Site) Mailboxes() string  { return s.Path("/mailboxes", nil) }
func (s Site) Settings() string   { return s.Path("/settings", nil) }
func (s Site) SearchForm() string { return s.Path("/search", nil) }

// SettingsPage is one page of the settings.
func (s Site) SettingsPage(name string) string { return s.Path("/settings/"+name, nil) }

// Local reports whether p is a path of this site that may be redirected to:
// rooted, below Base, with no host and nothing a browser would read as one.
func (s Site) Local(p string) bool {
	if !strings.HasPrefix(p, s.Base+"/") || strings.HasPrefix(p, "//") || len(p) > 4096 || strings.ContainsAny(p, "\\\r\n\t\x00") {
		return false
	}
	u, err := url.Parse(p)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil && !strings.HasPrefix(u.Path, "//")
}

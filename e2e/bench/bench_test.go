// Package bench prints what pages cost beside what the mail server alone costs a
// bare client on the same Dovecot: `make bench`. Not a test; nothing is asserted.
package bench

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"postern/e2e/harness"
	"postern/e2e/harness/mailserver"
)

func TestMain(m *testing.M) { harness.Main(m) }

// sizes of the inboxes, and whose they are.
var sizes = []struct {
	user     string
	messages int
}{{"u1", 1_000}, {"u2", 10_000}, {"u3", 100_000}}

var running struct {
	mail *mailserver.Server
	app  *harness.Process
}

func start(b *testing.B) (*mailserver.Server, *harness.Process) {
	b.Helper()
	if running.mail == nil {
		s := mailserver.Start(b, mailserver.Options{})
		for _, z := range sizes {
			if !testing.Short() || z.messages == 1000 {
				s.Seed(b, z.user, z.messages, false)
			}
		}
		running.mail = s
		dir := b.TempDir()
		running.app = harness.Start(b, append([]string{"serve", "--data", dir, "--log-level", "error"}, s.TLSFlags()...)...)
	}
	return running.mail, running.app
}

// floor is a bare client with the inbox open.
func floor(b *testing.B, s *mailserver.Server, user string) (*imapclient.Client, uint32) {
	b.Helper()
	c := s.SignIn(b, user)
	box, err := c.Select("INBOX", nil).Wait()
	if err != nil {
		b.Fatal(err)
	}
	return c, box.NumMessages
}

func newest(n uint32) imap.SeqSet { return imap.SeqSet{{Start: n - 49, Stop: n}} }

var summary = &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
	BodySection: []*imap.FetchItemBodySection{
		{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"From", "To", "Cc", "Subject", "Date", "Message-ID"}, Peek: true},
		{Specifier: imap.PartSpecifierText, Partial: &imap.SectionPartial{Size: 2048}, Peek: true},
	}}

func must[T any](b *testing.B) func(T, error) T {
	return func(v T, err error) T {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
}

// fetch asks for a page and reads it, without looking at it.
func fetch(b *testing.B, web *harness.Browser, path string) {
	b.Helper()
	resp := must[*http.Response](b)(web.Client.Get(web.Base + path))
	defer resp.Body.Close()
	must[int64](b)(io.Copy(io.Discard, resp.Body))
	if resp.StatusCode != http.StatusOK {
		b.Fatalf("%s: %d", path, resp.StatusCode)
	}
}

// BenchmarkPages is the one entry, so that servers and mail are set up once.
func BenchmarkPages(b *testing.B) {
	s, app := start(b)
	for _, z := range sizes {
		if testing.Short() && z.messages > 1000 {
			break
		}
		name, address := fmt.Sprint(z.messages), z.user+"@"+mailserver.Domain
		b.Run("FromSignIn/"+name+"/ours", func(b *testing.B) {
			for b.Loop() {
				_, _ = app.SignIn(b, address, "pw-"+z.user)
			}
		})
		b.Run("FromSignIn/"+name+"/floor", func(b *testing.B) {
			for b.Loop() {
				c, n := floor(b, s, z.user)
				must[[]*imapclient.FetchMessageBuffer](b)(c.Fetch(newest(n), summary).Collect())
				_ = c.Close()
			}
		})
		web, list := app.SignIn(b, address, "pw-"+z.user)
		c, n := floor(b, s, z.user)
		b.Run("ListWarm/"+name+"/ours", func(b *testing.B) {
			for b.Loop() {
				fetch(b, web, "/mail/INBOX")
			}
		})
		b.Run("ListWarm/"+name+"/floor", func(b *testing.B) { // what must be asked: whether anything changed
			for b.Loop() {
				must[[]*imapclient.FetchMessageBuffer](b)(c.Fetch(newest(n), &imap.FetchOptions{UID: true, Flags: true}).Collect())
			}
		})
		b.Run("ListDeep/"+name+"/ours", func(b *testing.B) {
			for i := 2; b.Loop(); i++ {
				fetch(b, web, fmt.Sprintf("/mail/INBOX?page=%d", 2+i%(z.messages/50-1)))
			}
		})
		rows := list.Rows(b)
		b.Run("Message/"+name+"/ours", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				fetch(b, web, rows[i%len(rows)].Link)
			}
		})
		b.Run("Message/"+name+"/floor", func(b *testing.B) {
			body := &imap.FetchOptions{UID: true, Flags: true, BodySection: []*imap.FetchItemBodySection{{Specifier: imap.PartSpecifierHeader, Peek: true}, {Specifier: imap.PartSpecifierText, Peek: true}}}
			for i := uint32(0); b.Loop(); i++ {
				must[[]*imapclient.FetchMessageBuffer](b)(c.Fetch(imap.SeqSetNum(n-i%50), body).Collect())
			}
		})
		b.Run("Search/"+name+"/ours", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				fetch(b, web, fmt.Sprintf("/search?q=subject%%3A%d&in=INBOX", i))
			}
		})
		_ = c.Close()
	}
	b.Run("FirstVisit", func(b *testing.B) {
		for b.Loop() {
			total := firstVisit(b, app)
			b.ReportMetric(float64(total), "bytes")
		}
	})
	b.ReportMetric(float64(app.Peak(b)>>20), "MB-peak")
}

// firstVisit is how many octets travel until the sign-in page is drawn, with an
// empty cache: as packed on the way.
func firstVisit(b *testing.B, app *harness.Process) (total int64) {
	b.Helper()
	get := func(path string) {
		req := must[*http.Request](b)(http.NewRequest(http.MethodGet, path, nil))
		req.Header.Set("Accept-Encoding", "br, gzip") // set by hand, so it is not unpacked
		resp := must[*http.Response](b)(http.DefaultTransport.RoundTrip(req))
		defer resp.Body.Close()
		total += must[int64](b)(io.Copy(io.Discard, resp.Body))
	}
	page := app.Browser(b).Get(b, "/sign-in")
	get(app.URL + "/sign-in")
	for n := range harness.Elements(page.Root(b), "link", "script") {
		for _, a := range []string{"href", "src"} {
			if v := harness.Attr(n, a); strings.HasPrefix(v, "/") {
				get(app.URL + v)
			}
		}
	}
	return total
}

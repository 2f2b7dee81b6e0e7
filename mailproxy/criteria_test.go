package mailproxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// plain writes criteria the way SEARCH has them.
func searchKeys(c criterion) string {
	switch {
	case c.all:
		return "ALL"
	case c.none:
		return "NONE"
	}
	return keys(&c.c)
}

func keys(c *imap.SearchCriteria) string {
	var k []string
	if !c.Since.IsZero() {
		k = append(k, "SINCE "+c.Since.Format("2006-01-02"))
	}
	if !c.Before.IsZero() {
		k = append(k, "BEFORE "+c.Before.Format("2006-01-02"))
	}
	for _, h := range c.Header {
		k = append(k, h.Key+"="+h.Value)
	}
	for _, s := range c.Body {
		k = append(k, "BODY "+s)
	}
	for _, s := range c.Text {
		k = append(k, "TEXT "+s)
	}
	for _, f := range c.Flag {
		k = append(k, "+"+string(f))
	}
	for _, f := range c.NotFlag {
		k = append(k, "-"+string(f))
	}
	if c.Larger > 0 {
		k = append(k, fmt.Sprint("LARGER ", c.Larger))
	}
	if c.Smaller > 0 {
		k = append(k, fmt.Sprint("SMALLER ", c.Smaller))
	}
	for i := range c.Not {
		k = append(k, "NOT("+keys(&c.Not[i])+")")
	}
	for i := range c.Or {
		k = append(k, "OR("+keys(&c.Or[i][0])+")("+keys(&c.Or[i][1])+")")
	}
	return strings.Join(k, " ")
}

func TestCompile(t *testing.T) {
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	in := func(name string) bool { return name == "here" }
	tests := []struct {
		search, want string
		s            searching
	}{
		{"a b", "TEXT a TEXT b", searching{}},
		{"a OR b", "OR(TEXT a)(TEXT b)", searching{}},
		{"-a", "NOT(TEXT a)", searching{}},
		{"-(a OR b) c", "TEXT c NOT(OR(TEXT a)(TEXT b))", searching{}},
		{"from:a cc:b bcc:c subject:d body:e list:f", "From=a Cc=b Bcc=c Subject=d List-Id=f BODY e", searching{}},
		{"to:a", "OR(OR(To=a)(Cc=a))(Bcc=a)", searching{}},
		{"is:unread is:starred is:answered keyword:Work", `+\Flagged +\Answered +Work -\Seen`, searching{}},
		{"after:2026-11-01 before:today", "SINCE 2026-11-01 BEFORE 2026-11-24", searching{}},
		{"after:7d after:2026-11-20 before:2026-12-01 before:2026-11-30", "SINCE 2026-11-20 BEFORE 2026-11-30", searching{}},
		{"on:2026-11-24", "SINCE 2026-11-24 BEFORE 2026-11-25", searching{}},
		{"older_than:1m newer_than:1y", "SINCE 2025-11-24 BEFORE 2026-10-24", searching{}},
		{"larger:1K larger:2K smaller:9K smaller:5K", "LARGER 2048 SMALLER 5120", searching{}},
		{"a in:here", "TEXT a", searching{}},
		{"a in:there", "NONE", searching{}},
		{"a -in:there", "TEXT a", searching{}},
		{"in:here", "ALL", searching{}},
		{"a OR in:there", "TEXT a", searching{}},
		{"Köln", "TEXT Köln", searching{}},
		{"Kopenhagen Köln", "TEXT Kopenhagen TEXT ln", searching{ascii: true}},
		{"日本 a", "TEXT a", searching{ascii: true}},
		{"-日本", "ALL", searching{ascii: true}},
		{"a", "OR(OR(OR(Subject=a)(From=a))(To=a))(Cc=a)", searching{brief: true}},
		{"-has:attachment", "ALL", searching{}},
		{"\"tab\tbed\"", "TEXT tab bed", searching{}},
	}
	for _, tt := range tests {
		q, err := mail.ParseQuery(tt.search)
		if err != nil {
			t.Fatal(err)
		}
		tt.s.now, tt.s.in = now, in
		if got := searchKeys(tt.s.compile(q.Root, false)); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.search, got, tt.want)
		}
	}
}

func TestNarrow(t *testing.T) {
	pdf := []mail.FileName{{Name: "Plan.PDF"}}
	tests := []struct {
		search string
		files  []mail.FileName
		want   bool
	}{
		{"has:attachment", pdf, true},
		{"has:attachment", nil, false},
		{"a -has:attachment", pdf, false},
		{"(a (filename:pdf))", pdf, true},
		{"filename:doc", pdf, false},
		{"-filename:pdf", pdf, false},
		{"filename:doc OR a", pdf, true}, // left as the server answered
		{"a", nil, true},
	}
	for _, tt := range tests {
		q, _ := mail.ParseQuery(tt.search)
		if got := narrow(q.Root).match(tt.files); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.search, got, tt.want)
		}
	}
}

func TestNewestUIDs(t *testing.T) {
	got, err := newestUIDs(imap.UIDSet{{Start: 1, Stop: 400_000_000}, {Start: 4_294_967_295, Stop: 4_294_967_295}}, 3)
	if err != nil || fmt.Sprint(got) != "[399999999 400000000 4294967295]" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := newestUIDs(imap.UIDSet{{Start: 5}}, 3); err == nil {
		t.Error("an open range was accepted")
	}
}

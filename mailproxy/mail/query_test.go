package mail

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseQuery(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"  harbour ", "harbour"},
		{`"storm wall" grant`, `"storm wall" grant`},
		{"from:ama to:mira cc:x bcc:y subject:Depot body:stone", "from:ama to:mira cc:x bcc:y subject:Depot body:stone"},
		{"FROM:Ama", "from:Ama"},
		{`from:"Ama S"`, `from:"Ama S"`},
		{"a OR b c", "(a OR b) c"},
		{"a OR b OR c", "(a OR b OR c)"},
		{"a AND b", "a b"},
		{"OR a OR", "a"},
		{"-spam -is:read", "-spam -is:read"},
		{"NOT spam", "-spam"},
		{"--flag", `"--flag"`},
		{"- a", `"-" a`},
		{"(a (b c)) OR -(d e)", "((a (b c)) OR -(d e))"},
		{"subject:(dinner OR lunch) x", "(subject:dinner OR subject:lunch) x"},
		{"((((a))))", "a"},
		{"a) b", "a b"},
		{"(a b", "a b"},
		{`"never closed`, `"never closed"`},
		{`"a \"quoted\" one"`, `"a \"quoted\" one"`},
		{"has:attachments is:UNSEEN is:flagged", "has:attachment is:unread is:starred"},
		{"before:2026-11-24 after:2026/1/2 on:24.11.2026", "before:2026-11-24 after:2026-01-02 on:2026-11-24"},
		{"on:today before:yesterday since:7d", "on:today before:1d after:7d"},
		{"older_than:2w newer_than:3m", "older_than:2w newer_than:3m"},
		{"larger:5M smaller:300kb larger:1000", "larger:5M smaller:300K larger:1000"},
		{"in:sent in:\"Travel/København 2025\"", "in:sent in:\"Travel/København 2025\""},
		{"label:Work keyword:$Forwarded list:go-nuts", "keyword:Work keyword:$Forwarded list:go-nuts"},
		{"https://example.org/a 10:30", `"https://example.org/a" "10:30"`},
		{"frmo:ama", `"frmo:ama"`},
		{"is:blue larger:huge before:soon in:", `"is:blue" "larger:huge" "before:soon"`},
		{`a"b c"d`, `a "b c" d`},
		{"日本 مرحبا", "日本 مرحبا"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			q, err := ParseQuery(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if got := q.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			checkRoundTrip(t, q)
		})
	}
}

func checkRoundTrip(t *testing.T, q Query) {
	t.Helper()
	again, err := ParseQuery(q.String())
	if err != nil {
		// Quotes added may push it over the limit, nothing else.
		if len(q.String()) <= MaxQueryLen {
			t.Fatalf("%q: %v", q.String(), err)
		}
		return
	}
	if !reflect.DeepEqual(again.Root, q.Root) {
		t.Errorf("%q reads back as %q", q.String(), again.String())
	}
}

func TestParseQueryProblems(t *testing.T) {
	tests := []struct{ in, want string }{
		{"frmo:ama", "“frmo:” is not a search word"},
		{"is:blue", "is: takes"},
		{"from:", "nothing behind “from:”"},
		{strings.Repeat("w ", 80), "more than 50 words"},
		{strings.Repeat("(", 30) + "a", "too many parentheses"},
		{"https://example.org 10:30 note:", ""},
	}
	for _, tt := range tests {
		q, err := ParseQuery(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(q.Problems, "\n"); (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%q: problems %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestParseQueryRefuses(t *testing.T) {
	for _, in := range []string{"a\r\nb", "a\nb", "a\x00b", "a\xffb", strings.Repeat("a", MaxQueryLen+1)} {
		if _, err := ParseQuery(in); KindOf(err) != Invalid {
			t.Errorf("%.20q: %v, want Invalid", in, err)
		}
	}
}

func TestQueryDate(t *testing.T) {
	zone := time.FixedZone("somewhere", 9*3600)
	now := time.Date(2026, 3, 31, 23, 30, 0, 0, zone)
	tests := []struct{ in, want string }{
		{"today", "2026-03-31"}, {"yesterday", "2026-03-30"}, {"7d", "2026-03-24"}, {"2w", "2026-03-17"},
		{"1m", "2026-02-28"}, {"1y", "2025-03-31"}, {"2024-02-29", "2024-02-29"},
	}
	for _, tt := range tests {
		d, ok := parseQueryDate(tt.in)
		if got := d.Start(now).Format("2006-01-02"); !ok || got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
	}
	for _, in := range []string{"2026-02-30", "2026-13-01", "soon", "d", "99999999d", "-1d", ""} {
		if d, ok := parseQueryDate(in); ok {
			t.Errorf("%q was taken for %v", in, d)
		}
	}
}

func TestQueryWords(t *testing.T) {
	q, _ := ParseQuery(`from:ama "storm wall" -quarry is:read Ama -(-stone) before:7d`)
	if got, want := q.Words(), []string{"ama", "storm wall", "stone"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whatever is typed reads, stays in its bounds and writes itself so that it
// reads the same again.
func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{`from:(a OR -b) "c \" d" is:unread before:7d`, "((((", "-(-(-a))", `subject:"x`, "a OR (b)) OR", "in:\"R&D\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := ParseQuery(s)
		if err != nil {
			return
		}
		terms := 0
		q.Root.walk(false, func(n QueryNode, _ bool) {
			terms++
			if strings.ContainsAny(n.Text, "\r\n\x00") {
				t.Errorf("%q: a line break got through", s)
			}
		})
		if terms > maxQueryTerms {
			t.Errorf("%d terms", terms)
		}
		checkRoundTrip(t, q)
	})
}

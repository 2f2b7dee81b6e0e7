package demoserver

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-message/charset"
)

const maxSearchText = 4 << 20 // bytes of one part that are searched

func (s *session) Search(kind imapserver.NumKind, criteria *imap.SearchCriteria, options *imap.SearchOptions) (*imap.SearchData, error) {
	s.acc.mu.Lock()
	all := make([]picked, 0, len(s.view.msgs))
	for i, m := range s.view.msgs {
		if !m.gone {
			all = append(all, picked{uint32(i + 1), m, m.flags})
		}
	}
	last := uint32(len(s.view.msgs))
	var lastUID uint32
	if last > 0 {
		lastUID = uint32(s.view.msgs[last-1].uid)
	}
	s.acc.mu.Unlock()

	criteria = resolveCriteria(criteria, last, lastUID)
	var (
		data imap.SearchData
		seqs imap.SeqSet
		uids imap.UIDSet
	)
	for _, p := range all {
		c := &candidate{picked: p}
		if !c.matches(criteria) {
			continue
		}
		num := p.num
		if kind == imapserver.NumKindUID {
			num = uint32(p.msg.uid)
			uids.AddNum(p.msg.uid)
		} else {
			seqs.AddNum(num)
		}
		data.Count++
		data.Max = num
		if data.Min == 0 {
			data.Min = num
		}
	}
	data.All = seqs
	if kind == imapserver.NumKindUID {
		data.All = uids
	}
	return &data, nil
}

// resolveCriteria returns a copy of the criteria without "*" in their sets and
// with their words in lower case.
func resolveCriteria(c *imap.SearchCriteria, last, lastUID uint32) *imap.SearchCriteria {
	out := *c
	out.SeqNum, out.UID = nil, nil
	for _, set := range c.SeqNum {
		var s imap.SeqSet
		for _, r := range set {
			lo, hi := bounds(r.Start, r.Stop, last)
			s.AddRange(lo, hi)
		}
		out.SeqNum = append(out.SeqNum, s)
	}
	for _, set := range c.UID {
		var s imap.UIDSet
		for _, r := range set {
			lo, hi := bounds(uint32(r.Start), uint32(r.Stop), lastUID)
			s.AddRange(imap.UID(lo), imap.UID(hi))
		}
		out.UID = append(out.UID, s)
	}
	lower := func(words []string) []string {
		var l []string
		for _, w := range words {
			l = append(l, strings.ToLower(w))
		}
		return l
	}
	out.Body, out.Text = lower(c.Body), lower(c.Text)
	out.Header = nil
	for _, h := range c.Header {
		out.Header = append(out.Header, imap.SearchCriteriaHeaderField{Key: h.Key, Value: strings.ToLower(h.Value)})
	}
	out.Not, out.Or = nil, nil
	for i := range c.Not {
		out.Not = append(out.Not, *resolveCriteria(&c.Not[i], last, lastUID))
	}
	for i := range c.Or {
		out.Or = append(out.Or, [2]imap.SearchCriteria{
			*resolveCriteria(&c.Or[i][0], last, lastUID), *resolveCriteria(&c.Or[i][1], last, lastUID),
		})
	}
	return &out
}

// candidate is a message under search. What costs is done once and late.
type candidate struct {
	picked
	body   *content
	header []byte
	text   string // decoded text of all parts, lower case
	ready  bool
}

func (c *candidate) open() *content {
	if c.body == nil {
		c.body = c.msg.body
		if c.body.make != nil {
			c.body = newContent(c.body.make())
		}
		h := c.body.parts().header
		c.header = c.body.slice(h[0], h[1])
	}
	return c.body
}

func (c *candidate) matches(q *imap.SearchCriteria) bool {
	for _, set := range q.SeqNum {
		if !set.Contains(c.num) {
			return false
		}
	}
	for _, set := range q.UID {
		if !set.Contains(c.msg.uid) {
			return false
		}
	}
	for _, f := range q.Flag {
		if !hasFlag(c.flags, f) {
			return false
		}
	}
	for _, f := range q.NotFlag {
		if hasFlag(c.flags, f) {
			return false
		}
	}
	if !within(c.msg.date, q.Since, q.Before) {
		return false
	}
	if q.Larger != 0 && c.open().length() <= q.Larger || q.Smaller != 0 && c.open().length() >= q.Smaller {
		return false
	}
	if !q.SentSince.IsZero() || !q.SentBefore.IsZero() {
		c.open()
		t := parseDate(field(c.header, "Date"))
		if t.IsZero() || !within(t, q.SentSince, q.SentBefore) {
			return false
		}
	}
	for _, h := range q.Header {
		if !c.inHeader(h.Key, h.Value) {
			return false
		}
	}
	for _, w := range q.Body {
		if !strings.Contains(c.words(), w) {
			return false
		}
	}
	for _, w := range q.Text {
		if !c.inHeader("", w) && !strings.Contains(c.words(), w) {
			return false
		}
	}
	for i := range q.Not {
		if c.matches(&q.Not[i]) {
			return false
		}
	}
	for i := range q.Or {
		if !c.matches(&q.Or[i][0]) && !c.matches(&q.Or[i][1]) {
			return false
		}
	}
	return true
}

// inHeader looks in the fields of one name, or in all for "".
func (c *candidate) inHeader(name, word string) bool {
	c.open()
	for n, v := range fields(c.header) {
		if (name == "" || strings.EqualFold(n, name)) && strings.Contains(strings.ToLower(decodeWords(v)), word) {
			return true
		}
	}
	return false
}

// words returns the decoded text of the message in lower case.
func (c *candidate) words() string {
	if !c.ready {
		c.ready = true
		body := c.open()
		var b strings.Builder
		collectText(&b, body, body.parts())
		c.text = strings.ToLower(b.String())
	}
	return c.text
}

func collectText(b *strings.Builder, c *content, p *part) {
	for _, k := range p.kids {
		collectText(b, c, k)
	}
	if p.message != nil {
		collectText(b, c, p.message)
	}
	if p.typ != "text" || p.message != nil {
		return
	}
	raw := decodeTransfer(c.slice(p.body[0], min(p.body[1], p.body[0]+maxSearchText)), p.encoding)
	if cs := p.params["charset"]; cs != "" && !strings.EqualFold(cs, "utf-8") && !strings.EqualFold(cs, "us-ascii") {
		if r, err := charset.Reader(cs, bytes.NewReader(raw)); err == nil {
			raw, _ = io.ReadAll(r)
		}
	}
	b.Write(raw)
	b.WriteByte('\n')
}

// decodeTransfer undoes a Content-Transfer-Encoding as far as it is sound.
func decodeTransfer(b []byte, encoding string) []byte {
	switch encoding {
	case "base64":
		clean := bytes.Map(func(r rune) rune {
			if r == '\r' || r == '\n' || r == ' ' || r == '\t' {
				return -1
			}
			return r
		}, b)
		clean = bytes.TrimRight(clean, "=")
		out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
		n, _ := base64.RawStdEncoding.Decode(out, clean)
		return out[:n]
	case "quoted-printable":
		out, _ := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(b)))
		return out
	}
	return b
}

// within compares days only, without regard to zones (RFC 9051 section 6.4.4).
func within(t, since, before time.Time) bool {
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return (since.IsZero() || !day.Before(since)) && (before.IsZero() || day.Before(before))
}

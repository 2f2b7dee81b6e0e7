package demoserver

import (
	"bytes"
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2"
)

// fill puts the mail of Options into the accounts.
func (s *Server) fill() {
	for i, acc := range s.accounts {
		switch {
		case s.opts.Seed:
			n := 300
			if i == 0 {
				n = 2000
				if s.opts.Messages > 0 {
					n = s.opts.Messages
				}
			}
			seed(s, acc, i, n)
		case s.opts.Messages > 0:
			fillPlain(acc, s.opts.Messages, s.opts.Now())
		}
	}
}

// fillPlain puts n plain messages into the INBOX, one an hour, the newest an
// hour old. Every third is unread. No two belong to one conversation.
func fillPlain(acc *account, n int, now time.Time) {
	box := acc.boxes["INBOX"]
	box.msgs = make([]*message, 0, n)
	seen := []imap.Flag{imap.FlagSeen}
	for i := range n {
		date := now.Add(-time.Duration(n-i) * time.Hour)
		var flags []imap.Flag
		if i%3 != 2 {
			flags = seen
		}
		box.add(&content{make: func() []byte { return plainMessage(acc.Account, i, date) }}, date, flags)
	}
}

// plainMessage writes message i of fillPlain.
func plainMessage(to Account, i int, date time.Time) []byte {
	p := people[i%len(people)]
	var b bytes.Buffer
	b.Grow(1024)
	fmt.Fprintf(&b, "Return-Path: <%s>\r\n", p.address)
	fmt.Fprintf(&b, "From: %s\r\n", mailboxField(p.name, p.address))
	fmt.Fprintf(&b, "To: %s\r\n", mailboxField(to.Name, to.Address))
	fmt.Fprintf(&b, "Subject: Message %d about %s\r\n", i+1, plainTopics[i%len(plainTopics)])
	fmt.Fprintf(&b, "Date: %s\r\n", date.Format(time.RFC1123Z))
	fmt.Fprintf(&b, "Message-ID: <plain.%d@%s>\r\n", i+1, domainOf(p.address))
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	fmt.Fprintf(&b, "Hello,\r\n\r\nthis is message %d. It is about %s and about %s.\r\n\r\nRegards\r\n%s\r\n",
		i+1, plainTopics[i%len(plainTopics)], plainTopics[(i/7)%len(plainTopics)], p.name)
	return b.Bytes()
}

var plainTopics = []string{
	"the garden wall", "the annual report", "a new bicycle", "the autumn programme", "invoices",
	"the spare keys", "train times", "a lost umbrella", "the reading group", "the heating",
	"the choir", "backups", "the spring survey",
}

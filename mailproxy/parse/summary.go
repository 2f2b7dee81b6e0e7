package parse

import (
	"bytes"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// SummaryFields is the one fixed field list to ask for in lists, so that the
// server's cache is built once.
var SummaryFields = []string{
	"From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
	"List-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted",
}

// PrefixLen is how many octets of BODY.PEEK[TEXT] make a snippet.
const PrefixLen = 2048

const (
	snippetLen  = 200 // characters of a snippet
	maxListed   = 50  // addresses of a row
	maxSubject  = 500 // characters of a row's subject
	maxRowFiles = 50
)

// Fetched is what a list fetches of one message. Any part may be missing.
type Fetched struct {
	Ref       mail.MessageRef
	Header    []byte // BODY.PEEK[HEADER.FIELDS (SummaryFields)]
	Structure imap.BodyStructure
	Flags     []imap.Flag
	Internal  time.Time
	Size      int64
	Prefix    []byte // BODY.PEEK[TEXT]<0.PrefixLen>
	Preview   string // PREVIEW (RFC 8970), preferred to Prefix
}

// Summarize makes a list row.
func Summarize(f Fetched) mail.Summary {
	plan := Choose(f.Structure, "")
	charset := ""
	if len(plan.Text) > 0 {
		charset = plan.Text[0].Charset
	} else if len(plan.HTML) > 0 {
		charset = plan.HTML[0].Charset
	}
	s := mail.Summary{Ref: f.Ref, Arrived: f.Internal, Size: f.Size, Flags: Flags(f.Flags)}
	fs, _ := fields(f.Header)
	addrs := func(name string, list []mail.Address) []mail.Address {
		v := join(fs, name)
		if len(v) > 32<<10 { // a row shows a few
			v = v[:32<<10]
		}
		if v == nil || len(list) >= maxListed {
			return list
		}
		more := AddressList(rawText(v, charset))
		return append(list, more[:min(len(more), maxListed-len(list))]...)
	}
	s.From = addrs("From", nil)
	s.To = addrs("Cc", addrs("To", nil))
	s.Subject = clip(decodeField(value(fs, "Subject"), charset), maxSubject)
	s.Date = Date(string(value(fs, "Date")))
	s.MessageID = firstID(string(value(fs, "Message-ID")))
	s.ListID = clip(listID(decodeField(value(fs, "List-ID"), charset)), snippetLen)
	for _, x := range plan.Files {
		if len(s.Files) == maxRowFiles {
			break
		}
		s.Files = append(s.Files, mail.FileName{Name: x.Name, Type: x.Type, Size: x.Size})
	}
	for _, n := range plan.Nested {
		if len(s.Files) == maxRowFiles {
			break
		}
		s.Files = append(s.Files, mail.FileName{Name: SafeName(strings.NewReplacer("/", "-", `\`, "-").Replace(clip(n.Subject, 100))+".eml", "message/rfc822"), Type: "message/rfc822", Size: n.Size})
	}
	switch {
	case f.Preview != "":
		s.Snippet = snippetOf(f.Preview)
	case plan.Encrypted != "":
	default:
		s.Snippet = snippet(f.Structure, plan, f.Prefix)
	}
	return s
}

// Flags sorts the flags of a message into those shown and the keywords.
func Flags(list []imap.Flag) mail.Flags {
	var f mail.Flags
	for _, x := range list {
		switch {
		case strings.EqualFold(string(x), `\Seen`):
			f.Seen = true
		case strings.EqualFold(string(x), `\Flagged`):
			f.Flagged = true
		case strings.EqualFold(string(x), `\Answered`):
			f.Answered = true
		case strings.EqualFold(string(x), `\Draft`):
			f.Draft = true
		case strings.EqualFold(string(x), `\Deleted`):
			f.Deleted = true
		case strings.EqualFold(string(x), "$Forwarded"):
			f.Forwarded = true
		case strings.HasPrefix(string(x), `\`):
		default:
			if len(f.Keywords) < 100 {
				f.Keywords = append(f.Keywords, cleanLine(string(x)))
			}
		}
	}
	return f
}

// snippet reads the first words from the beginning of the body, which may end
// anywhere. The structure says what the octets are.
func snippet(bs imap.BodyStructure, plan Plan, prefix []byte) string {
	if len(prefix) == 0 {
		return ""
	}
	var part Part
	var raw []byte
	switch b := bs.(type) {
	case *imap.BodyStructureSinglePart:
		if len(plan.Text) > 0 {
			part = plan.Text[0]
		} else if len(plan.HTML) > 0 {
			part = plan.HTML[0]
		} else {
			return ""
		}
		raw = prefix
	case *imap.BodyStructureMultiPart:
		e := &Entity{raw: prefix, body: prefix, typ: b.MediaType()}
		if b.Extended != nil {
			e.params = b.Extended.Params
		}
		(&splitter{}).contents(e, "text/plain", MaxDepth-10)
		if len(e.children) == 0 {
			return ""
		}
		p := ChooseAt(e.Structure(), "")
		// the first form that has words: an empty plain part is common beside HTML
		for _, list := range [...][]Part{p.Text, p.HTML} {
			for _, x := range list[:min(len(list), 4)] {
				_, r := e.Section(x.Path)
				if s := partSnippet(x, r); s != "" {
					return s
				}
			}
		}
		return ""
	default:
		part, raw = Part{Type: "text/plain"}, prefix
	}
	return partSnippet(part, raw)
}

func partSnippet(x Part, raw []byte) string {
	b := DecodeBytes(raw, x.Encoding)
	// the cut may have split a character
	for i := 0; i < 3 && len(b) > 0 && b[len(b)-1] >= 0x80; i++ {
		b = b[:len(b)-1]
	}
	s, _ := ToUTF8(b, x.Charset, x.IsHTML())
	switch {
	case x.IsHTML():
		if i := strings.LastIndexByte(s, '<'); i >= 0 && strings.IndexByte(s[i:], '>') < 0 {
			s = s[:i] // a tag cut in the middle
		}
		s = snippetFromHTML(s, 2000)
	case x.Type == "text/enriched" || x.Type == "text/richtext":
		s = stripEnriched(s)
	case looksHTML(s):
		s = snippetFromHTML(s, 2000)
	}
	return snippetOf(s)
}

func looksHTML(s string) bool {
	s = strings.TrimLeft(s, " \t\r\n\ufeff")
	return len(s) > 5 && (strings.EqualFold(s[:5], "<html") || len(s) > 14 && strings.EqualFold(s[:14], "<!doctype html"))
}

// snippetOf folds the writer's own first words into one line. Quotes, the lines
// that introduce them and the signature are left out when there is anything else.
func snippetOf(s string) string {
	s = s[:min(len(s), 16<<10)]
	var own, quoted strings.Builder
	attribution := ""
scan:
	for line := range strings.SplitSeq(s, "\n") {
		t := strings.TrimSpace(line)
		switch {
		case t == "":
			continue
		case line == "-- " || line == "-- \r":
			break scan
		case strings.HasPrefix(t, ">"):
			attribution = ""
			if quoted.Len() < 4*snippetLen {
				quoted.WriteString(strings.TrimLeft(t, "> "))
				quoted.WriteByte(' ')
			}
			continue
		case isOriginalMark(t):
			if own.Len() > 0 {
				break scan
			}
			continue
		case strings.HasPrefix(t, "-----BEGIN PGP MESSAGE"):
			break scan
		case strings.HasPrefix(t, "-----BEGIN PGP") || strings.HasPrefix(t, "Hash: SHA"):
			continue
		case rubbish(t):
			continue
		case own.Len() > 4*snippetLen:
			break scan
		}
		if attribution != "" {
			own.WriteString(attribution)
			own.WriteByte(' ')
			attribution = ""
		}
		if strings.HasSuffix(t, ":") && isAttribution(t) || strings.HasPrefix(t, "On ") && len(t) > 20 && strings.Contains(t, "@") {
			attribution = t // not if a quote follows
			continue
		}
		own.WriteString(t)
		own.WriteByte(' ')
	}
	out := own.String()
	if strings.TrimSpace(out) == "" {
		out = quoted.String()
	}
	prev := ' '
	return clip(cleanLine(strings.Map(func(r rune) rune {
		joiner := r == 0x200c || r == 0x200d
		if r == 0x2007 || r == 0xfffd || joiner && prev == ' ' { // padding of newsletters
			return -1
		}
		if prev = r; r == 0xa0 {
			prev = ' '
		}
		return r
	}, out)), snippetLen)
}

// rubbish are lines no one reads: rules, encoded data.
func rubbish(t string) bool {
	if len(t) >= 60 && strings.IndexByte(t, ' ') < 0 && strings.IndexByte(t, '.') < 0 && strings.IndexByte(t, ':') < 0 {
		for i := 0; i < len(t); i++ {
			if base64Value[t[i]] == 0xff && t[i] != '=' {
				return strings.Trim(t, "-=_*~#+") == ""
			}
		}
		return true
	}
	return len(t) >= 4 && strings.Trim(t, "-=_*~#+|") == "" && !bytes.ContainsAny([]byte(t), " ")
}

package imapconn

import "bytes"

// verdict says what becomes of a response.
type verdict uint8

const (
	pass  verdict = iota
	leave         // left out: the client would end the connection over it
	hold          // kept until it is whole: it holds a mailbox name
)

// maxHead is how many octets of a response are looked at to tell what it is.
const maxHead = 64

// head is what the first octets of a response say.
type head struct {
	verdict verdict
	text    bool // human text: quotes, braces and parentheses mean nothing
	tagged  bool
	access  byte // 'o' or 'w': a tagged OK with READ-ONLY or READ-WRITE
}

// classify reads the beginning of a response. ok is false when b is too short to tell.
func classify(b []byte) (h head, ok bool) {
	whole := len(b) >= maxHead || bytes.IndexByte(b, '\n') >= 0
	if len(b) == 0 {
		return head{}, false
	}
	switch b[0] {
	case '\r', '\n':
		return head{verdict: leave, text: true}, true
	case '+':
		return head{text: true}, true
	case '*':
		if len(b) > 1 && b[1] != ' ' {
			return head{}, true // the client will say what is wrong
		}
	default:
		if !whole {
			return head{}, false
		}
		h := head{text: true, tagged: true}
		if _, rest, found := bytes.Cut(b, []byte(" OK [READ-")); found {
			switch {
			case hasFold(rest, "ONLY]"):
				h.access = 'o'
			case hasFold(rest, "WRITE]"):
				h.access = 'w'
			}
		}
		return h, true
	}
	i := 2
	word, i, done := nextWord(b, i)
	if done && len(word) > 0 && word[0] >= '0' && word[0] <= '9' && i < len(b) && b[i] == ' ' {
		word, _, done = nextWord(b, i+1)
	}
	if !done && !whole {
		return head{}, false
	}
	kind, known := lookUp(word)
	if !known {
		return head{verdict: leave}, true
	}
	return kind, true
}

// nextWord returns the atom at i and the index after it. done is false when b
// ends before the atom does.
func nextWord(b []byte, i int) (word []byte, end int, done bool) {
	if i > len(b) {
		return nil, i, false
	}
	for end = i; end < len(b); end++ {
		switch b[end] {
		case ' ', '\r', '\n', '(', '[', '"', '{':
			return b[i:end], end, true
		}
	}
	return b[i:end], end, false
}

// responses are those that go-imap understands; any other closes its connection.
var responses = map[string]head{
	"OK": {text: true}, "NO": {text: true}, "BAD": {text: true}, "BYE": {text: true}, "PREAUTH": {text: true},
	"LIST": {verdict: hold}, "STATUS": {verdict: hold},
	"CAPABILITY": {}, "ENABLED": {}, "ID": {}, "NAMESPACE": {}, "FLAGS": {}, "EXISTS": {}, "RECENT": {},
	"FETCH": {}, "EXPUNGE": {}, "SEARCH": {}, "ESEARCH": {}, "SORT": {}, "THREAD": {}, "METADATA": {},
	"QUOTA": {}, "QUOTAROOT": {}, "MYRIGHTS": {}, "ACL": {},
}

// lookUp finds a response by its name in any case.
func lookUp(word []byte) (h head, known bool) {
	if len(word) > 16 {
		return head{}, false
	}
	var buf [16]byte
	for i, c := range word {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		buf[i] = c
	}
	h, known = responses[string(buf[:len(word)])]
	return h, known
}

func hasFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && bytes.EqualFold(b[:len(prefix)], []byte(prefix))
}

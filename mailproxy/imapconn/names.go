package imapconn

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
)

// Names remembers mailbox names that were replaced because they are not
// modified UTF-7 (RFC 3501 section 5.1.3): a client would either fail on them,
// and lose the whole list, or spell them differently when it asks for the
// mailbox. The client gets a proper name, the server its own spelling back.
// The zero value is ready; one is shared by the connections of an account.
//
// QUIRK: folders made by clients that do not encode at all ("R&D", "Größe" in
// UTF-8 or Latin-1) are listed as they are by several servers. When a server
// has both "R&D" and the proper "R&-D", which both read R&D, the second that is
// listed gets a number.
//
// It also remembers by which mechanism the account signed in last.
type Names struct {
	mu     sync.RWMutex
	raw    map[string]string   // by the name the client knows, in modified UTF-7
	key    map[string]string   // by the server's spelling
	proper map[string]struct{} // names that are right and that a replacement could collide with
	mech   string              // the mechanism that worked last
}

func (n *Names) mechanism() string {
	if n == nil {
		return ""
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.mech
}

func (n *Names) proved(mechanism string) {
	if n == nil {
		return
	}
	n.mu.Lock()
	n.mech = mechanism
	n.mu.Unlock()
}

const (
	maxNames   = 10_000 // replaced names; more are left out of the list
	maxNameLen = 1000   // octets, as mail.ValidMailboxName has it
)

func (n *Names) empty() bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return len(n.raw) == 0
}

// original is the server's spelling of a replaced name.
func (n *Names) original(key string) (raw string, ok bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	raw, ok = n.raw[key]
	return raw, ok
}

// replace returns the name in modified UTF-7 that stands for raw, raw itself
// when it is proper. ok is false when there is none.
func (n *Names) replace(raw string) (key string, ok bool) {
	if plain(raw) {
		return raw, true
	}
	shown := decodeUTF7(raw)
	if len(shown) > maxNameLen {
		return "", false
	}
	key = encodeUTF7(shown)
	n.mu.Lock()
	defer n.mu.Unlock()
	if key, ok := n.key[raw]; ok {
		return key, true
	}
	if len(n.raw) >= maxNames {
		return raw, key == raw
	}
	if n.raw == nil {
		n.raw, n.key, n.proper = make(map[string]string), make(map[string]string), make(map[string]struct{})
	}
	if key == raw && n.raw[key] == "" {
		if len(n.proper) < maxNames {
			n.proper[raw] = struct{}{}
		}
		return raw, true
	}
	for i := 2; n.taken(key); i++ {
		key = encodeUTF7(shown + " (" + strconv.Itoa(i) + ")")
	}
	n.raw[key], n.key[raw] = raw, key
	return key, true
}

func (n *Names) taken(key string) bool {
	_, proper := n.proper[key]
	return proper || n.raw[key] != ""
}

// plain reports whether a name is the same in every encoding.
func plain(raw string) bool {
	for i := range len(raw) {
		if raw[i] == '&' || !printable(raw[i]) {
			return false
		}
	}
	return true
}

// fix replaces the mailbox name of a whole LIST or STATUS response. It returns
// nil when the response is better left out, and line itself when nothing is
// wrong or nothing can be done.
func (n *Names) fix(line []byte) []byte {
	start, end, raw, ok := findName(line)
	if !ok {
		return line
	}
	key, ok := n.replace(raw)
	switch {
	case !ok:
		return nil
	case key == raw:
		return line
	}
	out := make([]byte, 0, len(line)+len(key))
	out = append(out, line[:start]...)
	out = append(out, quote(key)...)
	return append(out, line[end:]...)
}

// findName finds the mailbox name of a LIST or STATUS response.
func findName(line []byte) (start, end int, name string, ok bool) {
	t := tokens{b: line}
	t.skip("* ")
	word, _ := t.atom()
	t.skip(" ")
	if strings.EqualFold(word, "LIST") {
		if !t.list() {
			return 0, 0, "", false
		}
		t.skip(" ")
		if _, ok := t.astring(); !ok { // the delimiter
			return 0, 0, "", false
		}
		t.skip(" ")
	}
	start = t.i
	name, ok = t.astring()
	return start, t.i, name, ok
}

// tokens walks a response held in memory.
type tokens struct {
	b []byte
	i int
}

func (t *tokens) skip(s string) {
	if bytes.HasPrefix(t.b[t.i:], []byte(s)) {
		t.i += len(s)
	}
}

func (t *tokens) atom() (string, bool) {
	from := t.i
	for t.i < len(t.b) && !strings.ContainsRune(" \r\n()\"{", rune(t.b[t.i])) {
		t.i++
	}
	return string(t.b[from:t.i]), t.i > from
}

// list skips a list without lists in it.
func (t *tokens) list() bool {
	if t.i >= len(t.b) || t.b[t.i] != '(' {
		return false
	}
	k := bytes.IndexByte(t.b[t.i:], ')')
	if k < 0 {
		return false
	}
	t.i += k + 1
	return true
}

func (t *tokens) astring() (string, bool) {
	if t.i >= len(t.b) {
		return "", false
	}
	switch t.b[t.i] {
	case '"':
		from := t.i
		for t.i++; t.i < len(t.b); t.i++ {
			switch t.b[t.i] {
			case '\\':
				t.i++
			case '"':
				t.i++
				return unquote(t.b[from:t.i]), true
			}
		}
		t.i = len(t.b)
		return "", false
	case '{':
		k := bytes.IndexByte(t.b[t.i:], '\n')
		if k < 0 {
			return "", false
		}
		size, err := strconv.Atoi(strings.TrimRight(strings.Trim(string(t.b[t.i:t.i+k]), "{ \r"), "}"))
		t.i += k + 1
		if err != nil || size < 0 || size > len(t.b)-t.i {
			return "", false
		}
		t.i += size
		return string(t.b[t.i-size : t.i]), true
	}
	return t.atom()
}

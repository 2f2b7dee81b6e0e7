package parse

import (
	"bytes"
	"strings"

	"postern/mailproxy/mail"
)

// field is one header field as received, unfolded.
type field struct {
	name  string // as written
	value []byte // without the line end and the white space around it
}

// fields splits a header. What is no field and no continuation is taken as a
// continuation of the field before it, as broken software folds without a
// space; in front of the first field it is skipped (mbox "From " lines).
func fields(raw []byte) (list []field, note string) {
	if len(raw) > MaxHeader {
		raw = raw[:MaxHeader]
		note = "The header of this message is too long to be shown whole."
	}
	var last *field
	var fold bytes.Buffer
	for len(raw) > 0 {
		line := raw
		if i := bytes.IndexByte(raw, '\n'); i >= 0 {
			line, raw = raw[:i], raw[i+1:]
		} else {
			raw = nil
		}
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			continue
		}
		name, value, ok := cutField(line)
		if line[0] == ' ' || line[0] == '\t' || !ok {
			if last == nil || bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From ")) {
				continue
			}
			if fold.Len() == 0 {
				fold.Write(last.value)
			}
			fold.WriteByte(' ')
			fold.Write(bytes.TrimSpace(line))
			continue
		}
		if fold.Len() > 0 {
			last.value = bytes.Clone(fold.Bytes())
			fold.Reset()
		}
		if len(list) == MaxFields {
			last = nil
			note = "The header of this message has too many fields to be shown whole."
			break
		}
		list = append(list, field{name: name, value: value})
		last = &list[len(list)-1]
	}
	if last != nil && fold.Len() > 0 {
		last.value = bytes.Clone(fold.Bytes())
	}
	return list, note
}

// cutField reads "Name: value". White space before the colon is forgiven.
func cutField(line []byte) (name string, value []byte, ok bool) {
	i := bytes.IndexByte(line, ':')
	if i <= 0 || i > 256 {
		return "", nil, false
	}
	n := bytes.TrimRight(line[:i], " \t")
	if len(n) == 0 {
		return "", nil, false
	}
	for _, c := range n {
		if c <= ' ' || c >= 0x7f {
			return "", nil, false
		}
	}
	return string(n), bytes.TrimSpace(line[i+1:]), true
}

// value is the first field of a name, "" when missing.
func value(list []field, name string) []byte {
	for i := range list {
		if strings.EqualFold(list[i].name, name) {
			return list[i].value
		}
	}
	return nil
}

// join is the values of all fields of a name, for address fields that stand
// several times (RFC 5322 section 3.6 forbids it).
func join(list []field, name string) []byte {
	var out []byte
	for i := range list {
		if strings.EqualFold(list[i].name, name) {
			if out == nil {
				out = list[i].value
			} else {
				out = append(append(out[:len(out):len(out)], ", "...), list[i].value...)
			}
		}
	}
	return out
}

// Header reads a header, or the answer to HEADER.FIELDS: unfolded, decoded, in
// order. Lines that are no field are skipped. note says so when limits cut it.
func Header(raw []byte) (list []mail.HeaderField, note string) {
	fs, note := fields(raw)
	list = make([]mail.HeaderField, len(fs))
	cs := headerCharset(fs)
	for i, f := range fs {
		list[i] = mail.HeaderField{Name: f.name, Value: decodeField(f.value, cs)}
	}
	return list, note
}

// headerCharset is the charset of the body, the best guess for raw octets in the header.
func headerCharset(fs []field) string {
	v := value(fs, "Content-Type")
	if v == nil {
		return ""
	}
	_, params := mediaType(string(v))
	return params["charset"]
}

// decodeField is an unstructured field for showing: one line of UTF-8.
func decodeField(v []byte, charset string) string {
	return cleanLine(DecodeWords(rawText(v, charset)))
}

// rawText is the octets of a field as UTF-8, encoded words left alone.
func rawText(v []byte, charset string) string {
	if isPlainASCII(v) {
		return string(v)
	}
	s, _ := ToUTF8(v, charset, false)
	return s
}

// Field is the first field of a name in a raw header, unfolded and decoded.
func Field(raw []byte, name string) string {
	fs, _ := fields(raw)
	return decodeField(value(fs, name), headerCharset(fs))
}

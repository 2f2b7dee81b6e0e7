package mailproxy

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
	"postern/mailproxy/parse"
)

// Part streams one part, decoded from its transfer encoding. A message that was
// expunged is Stale, a path that leads nowhere NotFound. Nothing is held whole
// but parts of enclosed messages that the server cannot look into.
func (a *Account) Part(ctx context.Context, ref mail.MessageRef, path string) (mail.PartStream, error) {
	r := &reader{a: a, ref: ref}
	p, err := r.learn(ctx)
	if err != nil {
		return mail.PartStream{}, err
	}
	p, rest, err := r.descend(ctx, p, path, false)
	if err != nil {
		return mail.PartStream{}, err
	}
	f := parse.Find(p.bs, rest)
	if f.Part == nil || f.Rest != "" {
		return mail.PartStream{}, errNoPart
	}
	file := parse.FileOf(f.Part, path)
	if p.entity != nil {
		_, raw := p.entity.Section(rest)
		return inMemory(file, parse.DecodeBytes(raw, f.Part.Encoding)), nil
	}
	body, err := r.stream(ctx, imap.FetchItemBodySection{Part: partNumbers(path)})
	if err != nil {
		return mail.PartStream{}, err
	}
	return mail.PartStream{File: file, Body: decoded{parse.Decode(body, f.Part.Encoding), body}, Size: -1}, nil
}

// Raw streams the whole message byte for byte, or an enclosed message with path.
// Its file is named after the subject where that is known.
func (a *Account) Raw(ctx context.Context, ref mail.MessageRef, path string) (mail.PartStream, error) {
	if path != "" {
		s, err := a.Part(ctx, ref, path)
		if err != nil {
			return s, err
		}
		if s.File.Type != "message/rfc822" && s.File.Type != "message/global" {
			_ = s.Body.Close()
			return mail.PartStream{}, errNoPart
		}
		if !strings.HasSuffix(strings.ToLower(s.File.Name), ".eml") {
			s.File.Name += ".eml"
		}
		return s, nil
	}
	r := &reader{a: a, ref: ref}
	file := mail.File{Name: r.fileName(), Type: "message/rfc822", Encoding: "binary"}
	body, err := r.stream(ctx, imap.FetchItemBodySection{})
	if err != nil {
		return mail.PartStream{}, err
	}
	_, file.Size = r.arrival()
	return mail.PartStream{File: file, Body: body, Size: -1}, nil
}

const maxStem = 100 // characters of a subject in a file name

// fileName names the message after its subject.
func (r *reader) fileName() string {
	subject := ""
	if c, ok := r.a.index.Cache.Get(r.ref); ok {
		subject = c.Summary.Subject
	}
	if subject == "" {
		r.a.opened.read(r.ref, func(k *kept) {
			if h, ok := k.sections["HEADER"]; ok {
				subject = parse.Field(h, "Subject")
			}
		})
	}
	subject = strings.NewReplacer("/", "-", `\`, "-").Replace(subject)
	if runes := []rune(subject); len(runes) > maxStem {
		subject = string(runes[:maxStem])
	}
	if strings.TrimSpace(subject) == "" {
		subject = "message"
	}
	return parse.SafeName(subject+".eml", "message/rfc822")
}

func inMemory(f mail.File, b []byte) mail.PartStream {
	f.Size = int64(len(b))
	return mail.PartStream{File: f, Body: io.NopCloser(bytes.NewReader(b)), Size: f.Size}
}

// decoded reads through a decoder and closes what is below it.
type decoded struct {
	io.Reader
	io.Closer
}

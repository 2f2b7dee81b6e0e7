// Package static holds the files pages load: style sheet, script, icons, images
// and fonts. The sources are in css, ts, icons, images and fonts; dist and
// manifest.go are built from them by generate.go and committed, so that building
// Postern needs only Go:
//
//	go run -modfile=tools.mod static/generate.go
//
// A page asks for a file by its plain name, "app.css", and gets an address that
// holds a hash of the file's bytes. Such an address never changes its meaning, so
// browsers keep the file for ever.
package static

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed dist
var dist embed.FS

// prefix is where Handler expects to be mounted, below the site's base path.
const prefix = "/static/"

// file is one built file.
type file struct {
	name   string // in dist, with its hash
	kind   string // Content-Type
	packed bool   // dist also has name.gz and name.br
}

// URL returns the address of the named file, "app.css" say, as a path that begins
// with /static/; the caller puts the site's base path before it. A fragment is
// kept: "icons.svg#i-inbox". It panics when there is no such file, since names are
// written in code, not received.
func URL(name string) string {
	name, fragment, found := strings.Cut(name, "#")
	f, ok := files[name]
	if !ok {
		panic(fmt.Sprintf("static: no file %q: run go generate or mend the name", name))
	}
	if found {
		return prefix + f.name + "#" + fragment
	}
	return prefix + f.name
}

// Fonts returns the addresses of the fonts nearly every page needs, for preloading.
func Fonts() []string {
	return []string{URL("plex-sans-latin.woff2")}
}

// variant is a file as it goes over the wire in one encoding.
type variant struct {
	encoding string // Content-Encoding; empty for the plain bytes
	etag     string
	body     []byte
}

// served is a file ready to be sent: the plain bytes last, smaller ones before.
type served struct {
	kind     string
	variants []variant
}

// Handler serves the files at the addresses URL gives out, mounted at /static/
// with or without that prefix stripped. Files carry an immutable lifetime of a
// year and go out in the smallest encoding the browser takes (br, gzip or plain).
// Everything else is 404. Safe for concurrent use; ranges are not served.
func Handler() http.Handler {
	byName := make(map[string]served, len(files))
	for _, f := range files {
		s := served{kind: f.kind}
		if f.packed {
			s.variants = append(s.variants, load(f.name, ".br", "br"), load(f.name, ".gz", "gzip"))
		}
		s.variants = append(s.variants, load(f.name, "", ""))
		byName[f.name] = s
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path
		if i := strings.LastIndex(name, prefix); i >= 0 {
			name = name[i+len(prefix):]
		}
		s, ok := byName[strings.TrimPrefix(name, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		s.serve(w, r)
	})
}

func (s served) serve(w http.ResponseWriter, r *http.Request) {
	v := s.choose(r.Header.Get("Accept-Encoding"))
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", v.etag)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if len(s.variants) > 1 {
		h.Add("Vary", "Accept-Encoding")
	}
	if matches(r.Header.Get("If-None-Match"), v.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", s.kind)
	h.Set("Content-Length", strconv.Itoa(len(v.body)))
	if v.encoding != "" {
		h.Set("Content-Encoding", v.encoding)
	}
	if r.Method == http.MethodGet {
		_, _ = w.Write(v.body) // a browser that went away is no error of ours
	}
}

// choose returns the smallest variant the Accept-Encoding header allows.
func (s served) choose(accept string) variant {
	for _, v := range s.variants {
		if v.encoding == "" || accepts(accept, v.encoding) {
			return v
		}
	}
	return s.variants[len(s.variants)-1]
}

// accepts reports whether an Accept-Encoding header (RFC 9110 section 12.5.3)
// names the coding with a weight above zero. The wildcard is not taken up: who
// sends only "*" gets the plain bytes.
func accepts(header, coding string) bool {
	for item := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(item, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		weight, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q=")
		if !ok {
			return true
		}
		q, err := strconv.ParseFloat(weight, 64)
		return err == nil && q > 0
	}
	return false
}

// matches reports whether an If-None-Match header holds the tag (RFC 9110 section 13.1.2).
func matches(header, etag string) bool {
	for item := range strings.SplitSeq(header, ",") {
		item = strings.TrimPrefix(strings.TrimSpace(item), "W/")
		if item == etag || item == "*" {
			return true
		}
	}
	return false
}

func load(name, ext, encoding string) variant {
	body, err := dist.ReadFile(path.Join("dist", name+ext))
	if err != nil {
		panic(fmt.Sprintf("static: dist and manifest.go do not agree: %v", err))
	}
	sum := sha256.Sum256(body)
	return variant{encoding: encoding, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, body: body}
}

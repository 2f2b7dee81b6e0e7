package sanitize

import (
	"bytes"
	"net/url"

	"postern/mailproxy/mail"
)

// Options say where a mail's resources come from. The zero value blocks everything.
type Options struct {
	// CID gives the address of an inline part by its Content-ID (no angle
	// brackets), "" when there is no such part. Nil means there are none.
	CID func(cid string) string
	// Remote gives the address under which our own proxy serves a remote image;
	// u is absolute, http or https. "" blocks this one, a nil func blocks all.
	Remote   func(u string) string
	StyleURL string // stylesheet of ours to link, "" for none
	Lang     string // language of the document when the mail names none
	Title    string // title of the document, for those who hear the frame's name
}

// Report is what was met on the way.
type Report struct {
	Remote   int  // references to remote resources, blocked or rewritten; without trackers
	Trackers int  // tracking pixels, always left out
	Links    int  // links that work: http, https, mailto, tel
	TooDeep  bool // nested deeper than maxDepth, the rest was flattened
	AsText   bool // the markup could not be kept, the text was
}

// policy is what the options of HTML and Fragment come to.
type policy struct {
	document bool // a document for a frame, not a piece of a mail
	cid      func(string) string
	remote   func(string) string
}

// baseStyle marks blocked pictures and gives them the place they would have had.
const baseStyle = `:where(img[data-blocked]){display:inline-block;box-sizing:border-box;overflow:hidden;font-size:.8rem;opacity:.7;` +
	`outline:1px dashed!important;outline-offset:-1px!important;background-color:color-mix(in srgb,currentcolor 6%,transparent)}`

// HTML gives a whole document for a frame without scripts. Giving its result to
// it again changes nothing, as long as the functions of o keep the addresses
// they made.
func HTML(src string, o Options) (mail.SafeHTML, Report) {
	r := newRewriter(policy{document: true, cid: o.CID, remote: o.Remote}, len(src))
	r.run(src)
	body, ok := stable(r.out)
	if !ok {
		r.report.AsText = true
		body = append(append([]byte(`<div style="white-space:pre-wrap;">`), asText(src)...), "</div>"...)
	}
	b := make([]byte, 0, len(body)+len(r.sheet)+1024)
	b = append(b, "<!doctype html"...)
	if r.legacy {
		b = append(b, ` PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd"`...)
	}
	b = append(b, "><html"...)
	if !r.html.has("lang") && o.Lang != "" {
		b = appendAttr(b, "lang", o.Lang)
	}
	b = append(b, r.html.text...)
	b = append(b, `><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="`...)
	if r.scheme == "" {
		r.scheme = "light"
	}
	b = append(b, r.scheme...)
	b = append(b, `"><meta name="referrer" content="no-referrer"><meta http-equiv="x-dns-prefetch-control" content="off"><title>`...)
	b = appendEscaped(b, o.Title, false)
	b = append(b, `</title><base target="_blank">`...)
	if o.StyleURL != "" {
		b = append(b, `<link rel="stylesheet"`...)
		b = append(appendAttr(b, "href", o.StyleURL), '>')
	}
	b = append(b, `<style data-postern="">`+baseStyle+`</style>`...)
	if len(r.sheet) > 0 && !bytes.Contains(r.sheet, []byte("</")) {
		b = append(append(append(b, "<style>"...), r.sheet...), "</style>"...)
	}
	b = append(b, "</head><body"...)
	b = append(append(b, r.body.text...), '>')
	b = append(b, body...)
	b = append(b, "</body></html>"...)
	return mail.Sanitised(string(b)), r.report
}

// FragmentOptions say what a fragment may hold.
type FragmentOptions struct {
	// CID gives the new address of an inline image, "" to leave it out. Nil keeps cid: as it is.
	CID    func(cid string) string
	Remote bool // keep references to remote images; otherwise their text stands in their place
	// RemoteURL, with Remote, gives the address that stands for a remote image.
	RemoteURL func(u string) string
}

// Fragment gives HTML for use inside a mail: what a person wrote, or a mail to
// quote. It has no <html>, <head> or <style> and no classes but those that mark a
// quote; attributes of the body go to a <div>.
func Fragment(src string, o FragmentOptions) string {
	p := policy{cid: o.CID}
	if p.cid == nil {
		p.cid = func(id string) string { return "cid:" + url.PathEscape(id) }
	}
	switch {
	case o.Remote && o.RemoteURL != nil:
		p.remote = o.RemoteURL
	case o.Remote:
		p.remote = func(u string) string { return u }
	}
	r := newRewriter(p, len(src))
	r.run(src)
	if len(r.body.text) > 0 {
		r.out = append(append(append(append([]byte("<div"), r.body.text...), '>'), r.out...), "</div>"...)
	}
	body, ok := stable(r.out)
	if !ok {
		return `<div style="white-space:pre-wrap;">` + string(asText(src)) + "</div>"
	}
	return string(body)
}

// CountRemote counts as HTML does, without making anything.
func CountRemote(src string) (remote, trackers int) {
	r := newRewriter(policy{document: true}, len(src))
	r.run(src)
	return r.report.Remote, r.report.Trackers
}

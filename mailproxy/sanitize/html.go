package sanitize

import "postern/mailproxy/mail"

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

// HTML gives a whole document for a frame without scripts.
func HTML(src string, o Options) (mail.SafeHTML, Report) {
	d, r := textOnly(src, o)
	return d, r
}

// FragmentOptions say what a fragment may hold.
type FragmentOptions struct {
	// CID gives the new address of an inline image, "" to leave it out. Nil keeps cid: as it is.
	CID    func(cid string) string
	Remote bool // keep references to remote images
}

// Fragment gives HTML for use inside a mail: what a person wrote, or a mail to
// quote. It has no <html>, <head> or <style>; attributes of the body go to a <div>.
func Fragment(src string, o FragmentOptions) string { return "" }

// CountRemote counts as HTML does, without making anything.
func CountRemote(src string) (remote, trackers int) { return 0, 0 }

func textOnly(string, Options) (mail.SafeHTML, Report) { return mail.Sanitised(""), Report{AsText: true} }

package sanitize

import "strings"

const maxCandidates = 16 // addresses kept of one srcset

// image writes what an <img> shows. A blocked one keeps its place, its text and
// says in data-blocked why: "remote", or "missing" when the mail names a part or
// an address that is not there. In a fragment only its text is left.
func (r *rewriter) image(img image) bool {
	src := stripURL(img.src)
	if u, ok := absolute(src, r.base); ok && (img.tiny() || isTracker(u)) {
		r.report.Trackers++
		return false
	}
	state := resourceMissing
	set, hadRemote, blocked := "", false, ""
	if src != "" {
		var addr string
		if addr, state = r.resource(src, true); state == resourceKept {
			r.out = appendAttr(r.out, "src", addr)
		}
	}
	if img.hasSrcset {
		set, hadRemote = r.srcset(img.srcset, src == "" || state == resourceMissing)
	}
	switch {
	case set != "":
		r.out = appendAttr(r.out, "srcset", set)
		if isSizes(img.sizes) {
			r.out = appendAttr(r.out, "sizes", img.sizes)
		}
	case state == resourceKept:
	case !r.policy.document:
		r.alt = img.alt
		return false
	case state == resourceBlocked || hadRemote:
		blocked = "remote"
	case !img.hasSrc && (img.blocked == "remote" || img.blocked == "missing"):
		blocked = img.blocked
	case src != "":
		blocked = "missing"
	}
	style := img.style.css
	if blocked != "" {
		r.out = appendAttr(r.out, "data-blocked", blocked)
		// With "height: auto" a browser takes the shape from the picture.
		if isPixels(img.width) && isPixels(img.height) && !strings.Contains(style, "aspect-ratio:") {
			style += "aspect-ratio:" + img.width + "/" + img.height + ";"
		}
	}
	if style != "" {
		r.out = appendAttr(r.out, "style", style)
	}
	return true
}

// isPixels reports a plain number from 1 to 9999.
func isPixels(s string) bool {
	return s != "" && len(s) <= 4 && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}

// source writes a <source> of a <picture>; without an address it goes.
func (r *rewriter) source(img image) bool {
	set, _ := r.srcset(img.srcset, false)
	if set == "" {
		return false
	}
	r.out = appendAttr(r.out, "srcset", set)
	if isSizes(img.sizes) {
		r.out = appendAttr(r.out, "sizes", img.sizes)
	}
	if m, ok := mediaQuery(img.media); ok && m != "" {
		r.out = appendAttr(r.out, "media", m)
	}
	return true
}

// srcset rewrites the candidates of a srcset attribute (HTML standard section
// 4.8.4.2.1). All of them are one picture: with count it is counted once.
func (r *rewriter) srcset(s string, count bool) (set string, remote bool) {
	var b strings.Builder
	for n := 0; n < maxCandidates; n++ {
		s = strings.TrimLeft(s, " \t\n\r\f,")
		if s == "" {
			break
		}
		end := strings.IndexAny(s, " \t\n\r\f")
		if end < 0 {
			end = len(s)
		}
		addr, desc := s[:end], ""
		s = s[end:]
		if trimmed := strings.TrimRight(addr, ","); trimmed != addr {
			addr = trimmed
		} else {
			end = strings.IndexByte(s, ',')
			if end < 0 {
				end = len(s)
			}
			desc = strings.Trim(s[:end], " \t\n\r\f")
			s = s[end:]
		}
		if !isDescriptor(desc) {
			continue
		}
		if scheme, _ := splitScheme(stripURL(addr)); scheme == "data" {
			continue // its commas read differently everywhere
		}
		before := r.report.Remote
		a, state := r.resource(addr, true)
		if r.report.Remote != before {
			remote = true
			r.report.Remote = before
		}
		if state != resourceKept || strings.ContainsAny(a, " \t\n\r\f") || strings.HasPrefix(a, ",") || strings.HasSuffix(a, ",") {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a)
		if desc != "" {
			b.WriteString(" " + desc)
		}
	}
	if remote && count {
		r.report.Remote++
	}
	return b.String(), remote
}

// isDescriptor reports "", a width such as 480w or a density such as 1.5x.
func isDescriptor(s string) bool {
	if s == "" {
		return true
	}
	if len(s) < 2 || len(s) > 12 {
		return false
	}
	switch s[len(s)-1] {
	case 'w', 'x', 'h':
	default:
		return false
	}
	return strings.Trim(s[:len(s)-1], "0123456789.") == ""
}

// isSizes reports a value of the sizes attribute made of lengths and conditions.
func isSizes(s string) bool {
	return s != "" && len(s) <= 512 && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(" ().,:-+*/%", r))
	})
}

// tiny reports an image that is not there to be seen. Images that are hidden
// only until a media query shows them are no such ones.
func (i image) tiny() bool {
	w, h := tinySize(i.width), tinySize(i.height)
	switch {
	case i.style.sized:
		return false
	case i.style.tiny:
		return w || h || i.style.hidden || i.width == "" && i.height == ""
	}
	return w && h || (w || h) && i.style.hidden
}

// tinySize reports a width or height of at most one pixel.
func tinySize(s string) bool {
	s = strings.TrimSpace(s)
	s = strings.TrimSuffix(strings.ToLower(s), "px")
	return s == "0" || s == "1" || s == "0.0" || s == "1.0"
}

// trackers are pieces of addresses, lower case, that serve pixels and nothing else.
var trackers = []string{
	"/wf/open?", "/track/open", "/open.aspx?", "/tracking/open", "/trk/open", "/email/open?", "/o.gif?", "/open.gif", "/pixel.gif",
	"/pixel.png", "/tracking.gif", "/tracker.gif", "/beacon.gif", "/1x1.gif?", "/open.php?", "/__open?",
	"google-analytics.com/collect", "google-analytics.com/__utm.gif", "facebook.com/tr?", "mailtrack.io/trace/",
	"emltrk.com/", "mandrillapp.com/track/open", "list-manage.com/track/open", "getnotify.com/",
	"yesware.com/trk", "bat.bing.com/action", "stats.wordpress.com/", "pixel.wp.com/", "doubleclick.net/activity",
}

// isTracker reports an address known to count who opened a mail.
func isTracker(u string) bool {
	u = strings.ToLower(u)
	for _, t := range trackers {
		if strings.Contains(u, t) {
			return true
		}
	}
	return false
}

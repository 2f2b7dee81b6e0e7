package parse

import (
	"bytes"
	"strings"

	"postern/mailproxy/mail"
)

const maxReported = 200 // recipients read of one report

// ParseReport reads the machine's part of a report: kind is "delivery" for
// message/delivery-status (RFC 3464), "disposition" for
// message/disposition-notification (RFC 8098). nil when it says nothing.
func ParseReport(b []byte, kind string) *mail.Report {
	if len(b) > MaxHeader {
		b = b[:MaxHeader]
	}
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	r := &mail.Report{Kind: kind}
	for group := range bytes.SplitSeq(b, []byte("\n\n")) {
		fs, _ := fields(bytes.TrimLeft(group, "\n"))
		if len(fs) == 0 {
			continue
		}
		get := func(name string) string { return clip(decodeField(value(fs, name), ""), 2000) }
		if r.Reporter == "" {
			if r.Reporter = typed(get("Reporting-MTA")); r.Reporter == "" {
				r.Reporter, _, _ = strings.Cut(get("Reporting-UA"), ";")
			}
		}
		rcpt := mail.ReportRecipient{
			Address: typed(get("Final-Recipient")), Action: strings.ToLower(get("Action")), Status: firstWord(get("Status")),
			Diagnostic: typed(get("Diagnostic-Code")), RemoteMTA: typed(get("Remote-MTA")),
		}
		if orig := typed(get("Original-Recipient")); orig != "" {
			rcpt.Address = orig // the address the person wrote to
		}
		if d := get("Disposition"); d != "" { // manual-action/MDN-sent-manually; displayed/error
			_, act, _ := strings.Cut(d, ";")
			act, mod, _ := strings.Cut(act, "/")
			rcpt.Action = strings.ToLower(strings.TrimSpace(act))
			rcpt.Status = strings.TrimSpace(mod)
			if rcpt.Diagnostic = get("Error"); rcpt.Diagnostic == "" {
				rcpt.Diagnostic = get("Failure")
			}
		}
		if rcpt.Address == "" && rcpt.Action == "" {
			continue
		}
		if len(r.Recipients) < maxReported {
			r.Recipients = append(r.Recipients, rcpt)
		}
	}
	if len(r.Recipients) == 0 {
		return nil
	}
	return r
}

// typed drops the type in front: "rfc822; a@b", "smtp; 550 5.1.1 …".
func typed(s string) string {
	if i := strings.IndexByte(s, ';'); i >= 0 && i < 40 && strings.IndexByte(s[:i], '@') < 0 {
		s = s[i+1:]
	}
	return strings.Trim(strings.TrimSpace(s), "<>")
}

func firstWord(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, " \t(;"); i >= 0 {
		s = s[:i]
	}
	return s
}
